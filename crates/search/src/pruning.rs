//! Pruning in the loop: what each trial's pruner sees, and when it is asked. What it sees is fixed when the
//! trial begins, so a decision does not depend on who works when.

use std::sync::Arc;

use crate::direction::Direction;
use crate::history::History;
use crate::pruner::{IntermediateValue, LearningCurve, Pruner, PrunerSettings, ReportUnit};
use crate::trial::{Trial, TrialState};

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
    /// far as that is known.
    ///
    /// # Errors
    ///
    /// Where the settings are wrong, or not right for this study: what to change.
    pub fn of(
        settings: &PrunerSettings,
        direction: Direction,
        folds: usize,
        max_steps: Option<u64>,
    ) -> Result<Self, String> {
        let pruner = settings.build(direction, folds, max_steps)?;
        Ok(Pruning { pruner, report_unit: settings.report_unit(), direction })
    }
}

/// The pruner of one trial, with all that it may know of others.
#[derive(Debug, Clone)]
pub struct TrialPruner {
    pruning: Pruning,
    trial: usize,
    past: Arc<[Arc<LearningCurve>]>,
    planned_steps: Option<u64>,
    /// Nothing is left to be saved after this step.
    last_step: Option<u64>,
}

impl TrialPruner {
    /// What the pruner looks at.
    pub fn report_unit(&self) -> ReportUnit {
        self.pruning.report_unit
    }

    /// Whether the pruner looks at what this fold reports.
    pub fn looks_into(&self, fold: usize) -> bool {
        self.report_unit() == ReportUnit::Epochs && fold == 0
    }

    /// The same for a trial whose every fold reports so many times, if that is known.
    pub fn planning(self, steps: Option<u64>, folds: usize) -> Self {
        let last_step = match self.report_unit() {
            ReportUnit::Epochs => steps.filter(|_| folds == 1),
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

/// The courses of the trials that have ended, as far as they have been looked at.
#[derive(Debug)]
pub struct PrunerHistory {
    pruning: Pruning,
    /// By number; `None` for those that had not ended when they were looked at.
    known: Vec<Option<Arc<LearningCurve>>>,
}

impl PrunerHistory {
    /// Of a study that is pruned so.
    pub fn new(pruning: Pruning) -> Self {
        PrunerHistory { pruning, known: Vec::new() }
    }

    /// The judge of `trial`, who knows the first `visible` trials.
    pub fn judge(&mut self, history: &History, trial: usize, visible: usize) -> TrialPruner {
        let trials = &history.trials()[..visible.min(history.trials().len())];
        if self.known.len() < trials.len() {
            self.known.resize(trials.len(), None);
        }
        for (known, trial) in self.known.iter_mut().zip(trials) {
            if known.is_none() && trial.is_finished() {
                *known = Some(Arc::new(course(trial, &self.pruning)));
            }
        }
        let past = self.known[..trials.len()].iter().flatten().cloned().collect();
        let pruning = self.pruning.clone();
        TrialPruner { pruning, trial, past, planned_steps: None, last_step: None }
    }
}

/// What a trial that has ended reported, as losses.
fn course(trial: &Trial, pruning: &Pruning) -> LearningCurve {
    let direction = pruning.direction;
    let loss = |report: IntermediateValue| IntermediateValue {
        value: direction.loss(report.value),
        ..report
    };
    let intermediate_values =
        intermediate_values(trial, pruning.report_unit).into_iter().map(loss).collect();
    let loss = trial.value().map(|value| direction.loss(value));
    LearningCurve { trial: trial.number, intermediate_values, loss }
}

/// What a trial has reported, in the study's units: the values of its epochs, or of its folds.
pub fn intermediate_values(trial: &Trial, report_unit: ReportUnit) -> Vec<IntermediateValue> {
    let folds = match &trial.state {
        TrialState::Running { folds } => {
            let ended = folds.iter().map_while(|fold| fold.as_ref()?.as_ref().ok());
            ended.cloned().collect()
        }
        _ => trial.folds().to_vec(),
    };
    match report_unit {
        ReportUnit::Epochs => {
            folds.first().map(|fold| fold.intermediate_values.clone()).unwrap_or_default()
        }
        ReportUnit::Folds => {
            let scores = folds.iter().enumerate();
            scores
                .map(|(fold, score)| IntermediateValue { step: fold as u64, value: score.score })
                .collect()
        }
    }
}
