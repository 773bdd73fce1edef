//! The pruner of one trial: how a study is pruned, with all that this trial's pruner may know of others.

use std::sync::Arc;

use super::{IntermediateValue, LearningCurve, Pruner, PrunerSettings, ReportUnit, StepName};
use crate::direction::Direction;

/// How the trials of a study are pruned.
#[derive(Debug, Clone)]
pub struct Pruning {
    /// Who decides.
    pub pruner: Arc<dyn Pruner>,
    /// On what.
    pub report_unit: ReportUnit,
    /// Which score is the better one.
    pub direction: Direction,
}

impl Pruning {
    /// With these settings, for a study of so many `folds` whose trials have at most `max_steps` epochs, as
    /// far as that is known. Messages call them so.
    ///
    /// # Errors
    ///
    /// Where the settings are wrong, or not right for this study: what to change.
    pub fn of(
        settings: &PrunerSettings,
        direction: Direction,
        folds: usize,
        max_steps: Option<u64>,
        steps: StepName,
    ) -> Result<Self, String> {
        let pruner = settings.build(direction, folds, max_steps, steps)?;
        Ok(Pruning { pruner, report_unit: settings.report_unit(folds), direction })
    }
}

/// The pruner of one trial, with all that it may know of others.
#[derive(Debug, Clone)]
pub struct TrialPruner {
    pub(crate) pruning: Pruning,
    pub(crate) trial: usize,
    pub(crate) past: Arc<[Arc<LearningCurve>]>,
    pub(crate) planned_steps: Option<u64>,
    /// Nothing is left to be saved after this step.
    pub(crate) last_step: Option<u64>,
}

impl TrialPruner {
    /// What the pruner looks at.
    pub fn report_unit(&self) -> ReportUnit {
        self.pruning.report_unit
    }

    /// Whether the pruner looks at what this fold reports.
    pub fn looks_into(&self, fold: usize) -> bool {
        self.report_unit() == ReportUnit::Steps && fold == 0
    }

    /// The same for a trial whose every fold reports so many times, if that is known.
    pub fn planning(self, steps: Option<u64>, folds: usize) -> Self {
        let last_step = match self.report_unit() {
            ReportUnit::Steps => steps.filter(|_| folds == 1),
            ReportUnit::Folds => Some(folds as u64 - 1),
        };
        TrialPruner { planned_steps: steps, last_step, ..self }
    }

    /// How many times a fold reports, if that is known.
    pub fn planned_steps(&self) -> Option<u64> {
        self.planned_steps
    }

    /// Whether the trial, with these reports so far, in the study's units, is to be stopped. Never where it
    /// has come to its end.
    pub fn prunes(&self, own: &[IntermediateValue]) -> bool {
        let is_last =
            |report: &IntermediateValue| self.last_step.is_some_and(|last| report.step >= last);
        if own.last().is_none_or(is_last) {
            return false;
        }
        let Pruning { pruner, direction, .. } = &self.pruning;
        let loss = |report: &IntermediateValue| IntermediateValue {
            value: direction.loss(report.value),
            ..*report
        };
        let own: Vec<IntermediateValue> = own.iter().map(loss).collect();
        pruner.prunes(self.trial, &self.past, &own)
    }
}
