//! Pruning in the loop: what each trial's pruner sees, and when it is asked. What it sees is fixed when the
//! trial begins, so a decision does not depend on who works when.

use std::sync::Arc;

use crate::history::History;
use crate::pruner::{IntermediateValue, LearningCurve, Pruning, ReportUnit, TrialPruner};
use crate::trial::{Trial, TrialState};

/// The learning curves of the trials that have ended, as far as they have been looked at.
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

    /// The pruner of `trial`, which knows the first `visible` trials.
    pub fn pruner_of(&mut self, history: &History, trial: usize, visible: usize) -> TrialPruner {
        let trials = &history.trials()[..visible.min(history.trials().len())];
        if self.known.len() < trials.len() {
            self.known.resize(trials.len(), None);
        }
        for (known, trial) in self.known.iter_mut().zip(trials) {
            if known.is_none() && trial.is_finished() {
                *known = Some(Arc::new(learning_curve(trial, &self.pruning)));
            }
        }
        let past = self.known[..trials.len()].iter().flatten().cloned().collect();
        let pruning = self.pruning.clone();
        TrialPruner { pruning, trial, past, planned_steps: None, last_step: None }
    }
}

/// What a trial that has ended reported, as losses.
fn learning_curve(trial: &Trial, pruning: &Pruning) -> LearningCurve {
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
        ReportUnit::Steps => {
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
