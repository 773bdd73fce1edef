//! Whether a pruner gets anything to decide by.

use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::{Event, Objective};

use crate::plan::StudyPlan;

/// Looks for the first trial that has ended without an intermediate value, where a pruner waits for those and
/// nobody knows beforehand whether the objective reports any.
#[derive(Debug, Clone)]
pub struct MissingReportsWarning {
    /// The pruner, until it was warned of.
    pruner: Option<String>,
}

/// A pruner has nothing to decide by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingReports {
    /// The trial that has reported nothing.
    pub trial: usize,
    /// The pruner.
    pub pruner: String,
}

impl MissingReportsWarning {
    /// For the trials of this plan.
    pub fn new<O: Objective>(plan: &StudyPlan<O>) -> Self {
        let waits = plan.report_unit() == ReportUnit::Steps && plan.max_steps().is_none();
        let pruner = plan.settings().pruner.as_ref().filter(|_| waits);
        MissingReportsWarning { pruner: pruner.map(|pruner| pruner.name().to_owned()) }
    }

    /// What is to be said, once.
    pub fn event(&mut self, event: &Event) -> Option<MissingReports> {
        let Event::FoldFinished { trial, result: Ok(score), .. } = event else { return None };
        if !score.intermediate_values.is_empty() {
            return None;
        }
        Some(MissingReports { trial: *trial, pruner: self.pruner.take()? })
    }
}
