//! What trials scored on the way, and what a pruner has saved.

use burn_tune_search::pruner::IntermediateValue;
use serde::{Deserialize, Serialize};

use super::StudyFacts;
use crate::result_file::finite;
use crate::standings::Standing;

/// What a trial scored on the way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StepScore {
    /// An epoch of the first fold, from 1; or a fold, from 0, for a pruner that looks at folds.
    pub step: u64,
    /// The score after it; null where it is no finite number.
    pub score: Option<f64>,
}

impl From<IntermediateValue> for StepScore {
    fn from(report: IntermediateValue) -> Self {
        StepScore { step: report.step, score: finite(report.value) }
    }
}

/// What a pruner has saved. Steps are epochs, of all folds; of a pruner that looks at folds, folds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PruningEntry {
    /// Which one.
    pub pruner: String,
    /// How many steps the finished trials took.
    pub steps: u64,
    /// How many they would have taken without a pruner.
    pub steps_without: u64,
}

/// What was saved; `None` where there is no pruner, or nobody knows.
pub(super) fn pruning(facts: &StudyFacts, standings: &[Standing]) -> Option<PruningEntry> {
    let pruner = facts.pruner.clone()?;
    let folds = facts.evaluation.folds as u64;
    let (mut steps, mut steps_without) = (0, 0);
    for trial in standings.iter().map(|standing| standing.trial) {
        let Some(first) = trial.folds().first() else { continue };
        let done = trial.folds().len() as u64;
        let (taken, of) =
            match first.planned_steps.filter(|_| !first.intermediate_values.is_empty()) {
                Some(planned) if first.stopped => {
                    (first.intermediate_values.last().map_or(planned, |last| last.step), planned)
                }
                Some(planned) => (planned * done, planned),
                None if first.intermediate_values.is_empty() => (done, 1),
                None => return None,
            };
        steps += taken;
        steps_without += of * if trial.is_finished() { folds } else { done };
    }
    Some(PruningEntry { pruner, steps, steps_without })
}
