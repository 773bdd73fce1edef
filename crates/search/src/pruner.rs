//! Pruners: what stops a trial that is hopeless.

use std::sync::Arc;

/// A value that a trial has reported on the way.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// When: an epoch, from 1, or a fold, from 0.
    pub step: u64,
    /// The value; where a pruner sees it, a loss: smaller is better, whatever the study's direction.
    pub value: f64,
}

/// What an earlier trial has reported. It has ended, unless it is another program's.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The trial's number.
    pub trial: usize,
    /// Its reports, by ascending step.
    pub reports: Vec<Report>,
    /// Its loss, if it is complete: the mean over its folds.
    pub loss: Option<f64>,
}

/// Decides whether a trial goes on.
///
/// The answer has to follow from the arguments alone.
pub trait Pruner: Send + Sync + std::fmt::Debug {
    /// Whether `trial`, whose reports so far are `own` (never empty, by ascending step), is to be stopped,
    /// given the trials that ended before it began, by number.
    fn prunes(&self, trial: usize, past: &[Arc<Course>], own: &[Report]) -> bool;
}
