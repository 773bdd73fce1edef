//! The pruner `wilcoxon`: across folds, or cases of a function's own, whether a trial is surely worse than the best one.

use std::sync::Arc;

use super::{IntermediateValue, LearningCurve, Pruner};

/// Compares the scores of a trial's folds with those that the best complete trial has on the same folds,
/// and stops it where a signed-rank test says that they are worse.
///
/// A trial whose mean so far is no worse than the best trial's is never stopped, nor is one with a value
/// that is not finite, on either side.
///
/// Source: Optuna's [`WilcoxonPruner`][1].
///
/// [1]: https://optuna.readthedocs.io/en/stable/reference/generated/optuna.pruners.WilcoxonPruner.html
#[derive(Debug)]
pub(super) struct WilcoxonPruner {
    pub p_threshold: f64,
    pub n_startup_steps: u64,
}

/// With fewer there is nothing to compare, whatever `n_startup_steps` says.
const FEWEST_FOLDS: u64 = 2;

impl WilcoxonPruner {
    /// The fewest folds with which a trial can be spared one: after so many less one, the smallest of
    /// all p-values, 1/2^k after k folds, is below the threshold, which is above 0.
    pub fn fewest_folds(&self) -> u64 {
        let mut decides = self.n_startup_steps.max(FEWEST_FOLDS);
        while smallest_p_value(decides) >= self.p_threshold {
            decides += 1;
        }
        decides.saturating_add(1)
    }
}

/// The p-value where a trial is worse on all of so many folds.
pub(super) fn smallest_p_value(folds: u64) -> f64 {
    0.5f64.powf(folds as f64)
}

impl Pruner for WilcoxonPruner {
    fn prunes(
        &self,
        _trial: usize,
        past: &[Arc<LearningCurve>],
        own: &[IntermediateValue],
    ) -> bool {
        let complete = past.iter().filter_map(|curve| Some((curve.loss?, curve)));
        // Of equal ones the first, so that the order of `past` does not matter.
        let best = complete.min_by(|(a_loss, a), (b_loss, b)| {
            a_loss.total_cmp(b_loss).then(a.trial.cmp(&b.trial))
        });
        let Some((_, best)) = best else { return false };
        let is_finite = |report: &IntermediateValue| report.value.is_finite();
        if !own.iter().all(is_finite) || !best.intermediate_values.iter().all(is_finite) {
            return false;
        }
        let differences: Vec<f64> = own
            .iter()
            .filter_map(|report| Some(report.value - best.value_at(report.step)?))
            .collect();
        (differences.len() as u64) >= self.n_startup_steps.max(FEWEST_FOLDS)
            && mean(own) > mean(&best.intermediate_values)
            && p_value(&differences) < self.p_threshold
    }
}

fn mean(intermediate_values: &[IntermediateValue]) -> f64 {
    intermediate_values.iter().map(|report| report.value).sum::<f64>()
        / intermediate_values.len() as f64
}

/// Wilcoxon's signed-rank test: how probable a sum of positive ranks at least this large is, where each
/// difference is as likely to be negative as positive.
///
/// Equal magnitudes share their mean rank, and half the rank of a difference of 0 counts as positive.
/// So far this is scipy's `wilcoxon(differences, alternative="greater", zero_method="zsplit")`. The
/// probability is exact always: the distribution of the sum is made difference by difference. scipy does
/// the same up to 50 differences, or 13 if some are equal or 0; for more it takes a normal distribution
/// in its place.
pub(super) fn p_value(differences: &[f64]) -> f64 {
    let mut sorted = differences.to_vec();
    sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    // Ranks are counted twice, so that the mean of two neighbours is whole. Those of zeros are half in
    // the sum whatever the signs are, and are left out on both sides.
    let (mut ranks, mut observed, mut before) = (Vec::new(), 0, 0);
    for ties in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
        let rank = 2 * before + ties.len() + 1;
        before += ties.len();
        for &difference in ties.iter().filter(|&&difference| difference != 0.0) {
            ranks.push(rank);
            observed += if difference > 0.0 { rank } else { 0 };
        }
    }
    // Probabilities of the sums from 0 on. Up to 52 differences they are exact: multiples of a power of 2.
    let mut sums = vec![1.0];
    for rank in ranks {
        let mut next = vec![0.0; sums.len() + rank];
        for (sum, probability) in sums.iter().enumerate() {
            next[sum] += probability / 2.0;
            next[sum + rank] += probability / 2.0;
        }
        sums = next;
    }
    sums[observed..].iter().sum()
}
