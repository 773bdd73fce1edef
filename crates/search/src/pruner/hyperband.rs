//! The pruner `hyperband`: several successive halvings side by side, which begin to stop trials at
//! different times.

use std::sync::Arc;

use super::asha::{AshaPruner, rung_ends};
use super::{IntermediateValue, LearningCurve, Pruner};

/// One [`AshaPruner`] per bracket; each trial is in one bracket and competes within it. Bracket 0 stops
/// trials earliest and gets the most of them, the last one lets all go on until `max_resource` nearly.
///
/// The brackets' shares are Optuna's: `ceil(n · reduction_factor^s / (s + 1))`, which are the numbers of
/// trials in Algorithm 1 of the paper up to a factor, where `n` is how many brackets there are and `s` is
/// `n - 1 - bracket`. Two things differ from Optuna:
///
/// - Which bracket a trial is in follows from its number alone. Optuna takes a hash of the study's name
///   and the number, so that a study under another name would be another study; in a short one the shares
///   can be far off. Here the brackets take turns: see [`HyperbandPruner::bracket`].
/// - How many brackets there are is counted in whole numbers. Optuna takes a logarithm in floating point,
///   which for 1 to 243 epochs and a factor of 3 comes out as 4.999…, so that it loses a bracket.
///
/// Source: Li et al. 2017, "Hyperband" (<https://jmlr.org/papers/v18/16-558.html>); Optuna's
/// [`HyperbandPruner`][1].
///
/// [1]: https://optuna.readthedocs.io/en/stable/reference/generated/optuna.pruners.HyperbandPruner.html
#[derive(Debug)]
pub(super) struct HyperbandPruner {
    /// Each with its share of the trials, of which the sum is not 1.
    brackets: Vec<(f64, AshaPruner)>,
}

/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl HyperbandPruner {
    /// With `1 <= min_resource <= max_resource` and `reduction_factor >= 2`.
    pub fn new(min_resource: u64, max_resource: u64, reduction_factor: u64) -> Self {
        let len = rung_ends(min_resource, reduction_factor)
            .take_while(|&end| end <= max_resource)
            .count() as u64;
        let powers: Vec<u64> = rung_ends(1, reduction_factor).take(len as usize).collect();
        let brackets = powers.iter().rev().zip(0..len).map(|(&power, bracket)| {
            let share = (u128::from(len) * u128::from(power)).div_ceil(u128::from(len - bracket));
            let pruner = AshaPruner {
                min_resource,
                reduction_factor,
                min_early_stopping_rate: bracket,
                bootstrap_count: 0,
            };
            (share as f64, pruner)
        });
        HyperbandPruner { brackets: brackets.collect() }
    }

    /// The bracket of a trial: that in whose share of the unit interval the fractional part of
    /// `trial · 0.618…` lies. The multiples of the golden ratio fill the interval evenly, so that the first
    /// trials of a study are spread over the brackets by the shares as well as later ones; and they
    /// have no period, so that no grid keeps step with them.
    pub fn bracket(&self, trial: usize) -> usize {
        let fraction = ((trial as u64).wrapping_mul(GOLDEN) >> 11) as f64 / (1u64 << 53) as f64;
        let total: f64 = self.brackets.iter().map(|(share, _)| share).sum();
        let mut left = fraction * total;
        for (bracket, (share, _)) in self.brackets.iter().enumerate() {
            left -= share;
            if left < 0.0 {
                return bracket;
            }
        }
        self.brackets.len() - 1
    }
}

impl Pruner for HyperbandPruner {
    fn prunes(&self, trial: usize, past: &[Arc<LearningCurve>], own: &[IntermediateValue]) -> bool {
        let bracket = self.bracket(trial);
        let rivals = past.iter().map(Arc::as_ref);
        let rivals = rivals.filter(|curve| self.bracket(curve.trial) == bracket);
        self.brackets[bracket].1.prunes_among(rivals, own)
    }
}
