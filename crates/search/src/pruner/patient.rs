//! The pruner `patient`: a trial that still gets better is left alone.

use std::sync::Arc;

use super::{IntermediateValue, LearningCurve, Pruner, least_value};

/// Asks another pruner only about a trial that has not improved for `patience` reports after one; without
/// another pruner, stops such a trial: early stopping.
///
/// The best of the last `patience + 1` reports has to be worse than the best before them by more than
/// `min_delta`.
///
/// With `asha` or `hyperband` in it, a trial that loses in a rung while it still gets better goes on, and is
/// stopped when it no longer does. In Optuna the comparison itself is put off until then, and made with
/// the value of that later step.
///
/// Source: Optuna's [`PatientPruner`][1].
///
/// [1]: https://optuna.readthedocs.io/en/stable/reference/generated/optuna.pruners.PatientPruner.html
#[derive(Debug)]
pub(super) struct PatientPruner {
    pub patience: u64,
    pub min_delta: f64,
    pub wraps: Option<Box<dyn Pruner>>,
}

impl Pruner for PatientPruner {
    fn prunes(&self, trial: usize, past: &[Arc<LearningCurve>], own: &[IntermediateValue]) -> bool {
        let patience = usize::try_from(self.patience).unwrap_or(usize::MAX);
        let before = own.len().saturating_sub(patience.saturating_add(1));
        let (before, lately) = own.split_at(before);
        // Where there is nothing before, its best is NaN, and no comparison with that holds.
        let stands_still = least_value(before) + self.min_delta < least_value(lately);
        stands_still && self.wraps.as_ref().is_none_or(|pruner| pruner.prunes(trial, past, own))
    }
}
