//! Pruners: what stops a trial that is hopeless.
//!
//! All but one look at the validation scores after the epochs of a trial's first fold; `wilcoxon` looks
//! at the scores of the folds, or, of a function with one fold, at what it reports. They decide as
//! Optuna's pruners of the same name do, with two differences that hold for all:
//!
//! - What a pruner sees of others is the fixed past of the trial, the trials that had ended by number when
//!   it began, and never what others happen to have come to by now. So the decision does not depend on who
//!   was faster.
//! - A trial that reports NaN is stopped there. In Optuna, `threshold` does so once it is due, `asha` and
//!   `hyperband` at the end of a rung, `median` and `percentile` where nothing else was reported, and the
//!   others never do. But here weights that are NaN stay so, and the trial would fail in the end.

mod asha;
mod defaults;
mod hyperband;
mod patient;
mod percentile;
mod schedule;
mod settings;
mod threshold;
mod trial_pruner;
mod wilcoxon;

use std::sync::Arc;

pub use self::settings::{Fault, PrunerSettings, ReportUnit, StepName};
pub use self::trial_pruner::{Pruning, TrialPruner};

/// A value that a trial has reported on the way.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct IntermediateValue {
    /// When: an epoch, from 1, or a fold, from 0.
    pub step: u64,
    /// The value; where a pruner sees it, a loss: smaller is better, whatever the study's direction.
    pub value: f64,
}

/// What an earlier trial has reported. It has ended, unless it is another program's.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningCurve {
    /// The trial's number.
    pub trial: usize,
    /// Its reports, by ascending step.
    pub intermediate_values: Vec<IntermediateValue>,
    /// Its loss, if it is complete: the mean over its folds.
    pub loss: Option<f64>,
}

impl LearningCurve {
    /// What was reported at exactly this step.
    fn value_at(&self, step: u64) -> Option<f64> {
        let index =
            self.intermediate_values.binary_search_by_key(&step, |report| report.step).ok()?;
        Some(self.intermediate_values[index].value)
    }
}

/// Decides whether a trial goes on.
///
/// The answer has to follow from the arguments alone.
pub trait Pruner: Send + Sync + std::fmt::Debug {
    /// Whether `trial`, whose reports so far are `own` (never empty, by ascending step), is to be stopped,
    /// given the trials that ended before it began, by number.
    fn prunes(&self, trial: usize, past: &[Arc<LearningCurve>], own: &[IntermediateValue]) -> bool;
}

/// What was reported first at this step or after it.
fn first_value_from(intermediate_values: &[IntermediateValue], step: u64) -> Option<f64> {
    let index = intermediate_values.partition_point(|report| report.step < step);
    intermediate_values.get(index).map(|report| report.value)
}

/// The smallest value that is a number; NaN where none is.
fn least_value(intermediate_values: &[IntermediateValue]) -> f64 {
    intermediate_values.iter().map(|report| report.value).fold(f64::NAN, f64::min)
}

#[cfg(test)]
mod tests;
