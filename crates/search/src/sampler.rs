//! Samplers: what proposes the params of a trial.

pub mod adaptive;
pub mod cmaes;
mod gp;
mod grid;
pub mod grid_points;
pub mod history;
mod random;
mod random_state;
pub mod sobol;
pub mod tpe;
pub mod unit_space;

use self::adaptive::AdaptiveSampler;
use self::unit_space::UnitSpace;
use crate::params::Params;
use crate::settings::SamplerKind;

pub use self::cmaes::CmaEsSampler;
pub use self::gp::GpSampler;
pub use self::grid::GridSampler;
pub use self::random::RandomSampler;
pub use self::random_state::RandomState;
pub use self::sobol::SobolSampler;
pub use self::tpe::TpeSampler;

/// Proposes params, trial by trial, without a look at what became of those before. What learns from them
/// is a [`adaptive::AdaptiveSampler`].
pub trait Sampler {
    /// The params of the next trial; `None` where the space has no further point.
    fn suggest(&mut self) -> Option<Params>;
}

/// Makes the sampler for a study of `trials` sampled trials; `None` for one that learns. `random` is
/// scikit-learn's sequence for exactly that many: it depends on how many are wanted.
///
/// It proposes points that are not allowed, too: they are left out by [`Candidates`](crate::Candidates).
///
/// # Errors
///
/// Where the sampler cannot take the space: what to change.
pub fn sampler(
    kind: SamplerKind,
    space: &UnitSpace,
    trials: usize,
    seed: u64,
) -> Result<Option<Box<dyn Sampler>>, String> {
    Ok(match kind {
        SamplerKind::Random if space.is_constrained() => {
            Some(Box::new(RandomSampler::going_on(space.space(), trials, seed)?))
        }
        SamplerKind::Random => Some(Box::new(RandomSampler::new(space.space(), trials, seed)?)),
        SamplerKind::Grid => Some(Box::new(GridSampler::new(space.space())?)),
        SamplerKind::Sobol => Some(Box::new(SobolSampler::new(space, seed)?)),
        SamplerKind::Tpe | SamplerKind::Gp | SamplerKind::Cmaes => None,
    })
}

/// Makes the sampler that learns, for a study of so many objectives; `None` for one that does not learn.
///
/// # Errors
///
/// Where the sampler cannot take the space, or more than one objective: what to change.
pub fn adaptive_sampler(
    kind: SamplerKind,
    space: &UnitSpace,
    objectives: usize,
) -> Result<Option<Box<dyn AdaptiveSampler>>, String> {
    if objectives > 1 && matches!(kind, SamplerKind::Gp | SamplerKind::Cmaes) {
        let name = kind.name();
        return Err(format!(
            "the {name} sampler takes one objective, and this study has {objectives}: take tpe, which takes several"
        ));
    }
    Ok(match kind {
        SamplerKind::Random | SamplerKind::Grid | SamplerKind::Sobol => None,
        SamplerKind::Tpe => Some(Box::new(TpeSampler::new(space.clone()))),
        SamplerKind::Gp => Some(Box::new(GpSampler::new(space.clone()))),
        SamplerKind::Cmaes => Some(Box::new(CmaEsSampler::new(space.clone())?)),
    })
}
