//! Samplers that learn from the trials before.

use rand_chacha::ChaCha8Rng;

use super::history::SamplerHistory;

/// Proposes a point from what is known of earlier trials.
///
/// The answer has to follow from the space that the learner was made for, `past` and `rng` alone. What a
/// learner keeps from one question to the next may only save work: a study that is resumed begins with a
/// fresh one.
pub trait AdaptiveSampler: Send {
    /// A point for the next trial, coordinate by coordinate; the caller settles it. At least
    /// [`AdaptiveSampler::startup`] trials have ended.
    ///
    /// One that is taken or not allowed is an answer, too, where the learner has found no other in a bounded
    /// number of attempts: the caller then draws one from the whole space.
    fn suggest(&mut self, past: &SamplerHistory, rng: &mut ChaCha8Rng) -> Vec<f64>;

    /// How many trials are drawn from Sobol's sequence before the first question.
    fn startup(&self) -> usize;
}
