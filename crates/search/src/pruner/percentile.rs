//! The pruners `percentile` and `median`: whoever is worse than a given share of the others at the same
//! step is stopped.

use std::sync::Arc;

use super::schedule::Schedule;
use super::{IntermediateValue, LearningCurve, Pruner, least_value};

/// Keeps the trials whose best value so far is no worse than a percentile of the values that the complete
/// trials had at this step. As in Optuna, trials that were stopped or failed do not count.
///
/// Source: Optuna's [`PercentilePruner`][1] and, for 50, [`MedianPruner`][2]; the median stopping rule
/// is from Golovin et al. 2017, "Google Vizier".
///
/// [1]: https://optuna.readthedocs.io/en/stable/reference/generated/optuna.pruners.PercentilePruner.html
/// [2]: https://optuna.readthedocs.io/en/stable/reference/generated/optuna.pruners.MedianPruner.html
#[derive(Debug)]
pub(super) struct PercentilePruner {
    /// How many of a hundred trials are kept: 0 to 100.
    pub percentile: f64,
    pub n_startup_trials: u64,
    pub schedule: Schedule,
    pub n_min_trials: u64,
}

impl Pruner for PercentilePruner {
    fn prunes(
        &self,
        _trial: usize,
        past: &[Arc<LearningCurve>],
        own: &[IntermediateValue],
    ) -> bool {
        let complete = past.iter().filter(|curve| curve.loss.is_some());
        let n_complete = complete.clone().count() as u64;
        let Some(last) = own.last() else { return false };
        if n_complete < self.n_startup_trials.max(1) || !self.schedule.is_due(own) {
            return false;
        }
        let others: Vec<f64> = complete.filter_map(|curve| curve.value_at(last.step)).collect();
        if (others.len() as u64) < self.n_min_trials {
            return false;
        }
        percentile(others, self.percentile).is_some_and(|bar| least_value(own) > bar)
    }
}

/// numpy's `nanpercentile`, which interpolates linearly; `None` where no value is a number.
fn percentile(mut values: Vec<f64>, percentile: f64) -> Option<f64> {
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    let position = (values.len().checked_sub(1)? as f64) * (percentile / 100.0);
    let lower = values[position.floor() as usize];
    let upper = values[position.ceil() as usize];
    let weight = position.fract();
    // Two forms, as in numpy, so that each end is met exactly.
    let width = upper - lower;
    Some(if weight < 0.5 { lower + width * weight } else { upper - width * (1.0 - weight) })
}
