//! The pruner `threshold`: a score that is outside of what is plausible.

use std::sync::Arc;

use super::schedule::Schedule;
use super::{IntermediateValue, LearningCurve, Pruner};
use crate::direction::Direction;

/// Stops a trial whose score, as the user knows it, is below `lower` or above `upper`.
///
/// Source: Optuna's [`ThresholdPruner`][1].
///
/// [1]: https://optuna.readthedocs.io/en/stable/reference/generated/optuna.pruners.ThresholdPruner.html
#[derive(Debug)]
pub(super) struct ThresholdPruner {
    pub lower: f64,
    pub upper: f64,
    pub schedule: Schedule,
    /// By which a loss becomes the score again.
    pub direction: Direction,
}

impl Pruner for ThresholdPruner {
    fn prunes(
        &self,
        _trial: usize,
        _past: &[Arc<LearningCurve>],
        own: &[IntermediateValue],
    ) -> bool {
        let Some(last) = own.last().filter(|_| self.schedule.is_due(own)) else { return false };
        let score = match self.direction {
            Direction::Maximize => -last.value,
            Direction::Minimize => last.value,
        };
        !(self.lower..=self.upper).contains(&score)
    }
}
