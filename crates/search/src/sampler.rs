//! Samplers: what proposes the params of a trial.

mod grid;
pub mod learner;
pub mod past;
mod random;
mod random_state;
pub mod tpe;
pub mod unit_space;

use crate::params::Params;
use crate::space::Space;
use crate::study_file::SamplerKind;

pub use self::grid::GridSampler;
pub use self::random::RandomSampler;
pub use self::random_state::RandomState;

/// Proposes params, trial by trial.
pub trait Sampler {
    /// The params of the next trial; `None` where the space has no further point.
    fn suggest(&mut self) -> Option<Params>;
}

/// Makes the sampler for a study of `trials` sampled trials. `random` is scikit-learn's sequence for
/// exactly that many: it depends on how many are wanted.
///
/// # Errors
///
/// Where the sampler cannot take the space: what to change.
pub fn sampler(
    kind: SamplerKind,
    space: &Space,
    trials: usize,
    seed: u64,
) -> Result<Box<dyn Sampler>, String> {
    match kind {
        SamplerKind::Random => Ok(Box::new(RandomSampler::new(space, trials, seed)?)),
        SamplerKind::Grid => Ok(Box::new(GridSampler::new(space)?)),
    }
}
