//! What a training may end with: a score, or a model with its score.

use crate::error::Result;
use crate::trial::Trial;

/// What [`Trial::finish`] takes: a score, or, with the feature `burn`, a model and its score, or, with the feature
/// `train`, what a `Learner` has come to.
///
/// It is implemented here alone.
///
#[doc = trial_example!("let score = trial.finish(0.97)?; // an `f64` is one")]
pub trait TrainingResult: sealed::End {}

impl<R: sealed::End> TrainingResult for R {}

pub(crate) mod sealed {
    use super::*;

    /// How each kind of result ends a training.
    pub trait End {
        /// Keeps what is to be kept of it, and gives its score.
        fn end(self, trial: &Trial) -> Result<f64>;
    }
}

impl sealed::End for f64 {
    fn end(self, _: &Trial) -> Result<f64> {
        Ok(self)
    }
}
