//! The pruner `asha`: asynchronous successive halving.

use std::iter::successors;
use std::sync::Arc;

use super::{IntermediateValue, LearningCurve, Pruner, first_value_from};

/// Lets a trial go on at the end of each rung if it is among the best there, one in `reduction_factor`.
/// Rungs end at `min_resource · reduction_factor^(min_early_stopping_rate + k)`, k = 0, 1, ….
///
/// A rung holds the values of all trials that came to its end, however they ended later. Where fewer than
/// `reduction_factor` have, only the best so far goes on.
///
/// Optuna notes down each rung that a trial has come to, in the trial's system attributes. Here that
/// follows from the reports: a trial's value in a rung is its first one at or after the rung's end, and
/// one that is NaN is in no rung. The same comes out, except for a trial whose reports leave out whole
/// rungs and that was stopped at the first of them: Optuna does not count it in the others. Epochs leave
/// nothing out. A rung that has been passed is looked at again at each later report, and gives the same
/// answer, since the past is fixed: that is of use to `patient`, which may ask only then.
///
/// Optuna's `min_resource = "auto"` does not exist here: it depends on which trial
/// completes first.
///
/// Source: Li et al. 2018, "A System for Massively Parallel Hyperparameter Tuning"
/// (<https://arxiv.org/abs/1810.05934>), in the form of Optuna's [`SuccessiveHalvingPruner`][1], which
/// stops a trial where the paper would let it wait for its promotion.
///
/// [1]: https://optuna.readthedocs.io/en/stable/reference/generated/optuna.pruners.SuccessiveHalvingPruner.html
#[derive(Debug)]
pub(super) struct AshaPruner {
    /// At least 1.
    pub min_resource: u64,
    /// At least 2.
    pub reduction_factor: u64,
    pub min_early_stopping_rate: u64,
    pub bootstrap_count: u64,
}

impl Pruner for AshaPruner {
    fn prunes(
        &self,
        _trial: usize,
        past: &[Arc<LearningCurve>],
        own: &[IntermediateValue],
    ) -> bool {
        self.prunes_among(past.iter().map(Arc::as_ref), own)
    }
}

impl AshaPruner {
    /// Whether a trial with these reports is to be stopped, where it competes with `past`.
    pub fn prunes_among<'a>(
        &self,
        past: impl Iterator<Item = &'a LearningCurve> + Clone,
        own: &[IntermediateValue],
    ) -> bool {
        rung_ends(self.min_resource, self.reduction_factor)
            .skip(usize::try_from(self.min_early_stopping_rate).unwrap_or(usize::MAX))
            .map_while(|end| Some((end, first_value_from(own, end)?)))
            .any(|(end, value)| {
                let others = past.clone();
                let others =
                    others.filter_map(|curve| first_value_from(&curve.intermediate_values, end));
                !self.promotes(value, others)
            })
    }

    fn promotes(&self, value: f64, others: impl Iterator<Item = f64>) -> bool {
        let mut competing: Vec<f64> = others.filter(|other| !other.is_nan()).collect();
        competing.push(value);
        if competing.len() as u64 <= self.bootstrap_count {
            return false;
        }
        let promoted = (competing.len() as u64 / self.reduction_factor).max(1) as usize;
        let (_, worst_promoted, _) = competing.select_nth_unstable_by(promoted - 1, f64::total_cmp);
        value <= *worst_promoted
    }
}

/// `min_resource`, and each time `reduction_factor` times as much, while that fits in 64 bits.
pub(super) fn rung_ends(min_resource: u64, reduction_factor: u64) -> impl Iterator<Item = u64> {
    successors(Some(min_resource), move |end| end.checked_mul(reduction_factor))
}
