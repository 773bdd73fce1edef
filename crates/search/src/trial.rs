//! A trial and what may happen to it: one pure function over (state, event).

use std::time::Duration;

use thiserror::Error;

use crate::flag::{Flag, KnownFlag};
use crate::mean::mean;
use crate::objective::{FoldScore, ObjectiveError, RefitScore};
use crate::params::Params;
use crate::pruner::IntermediateValue;
use crate::timeline::Span;

/// A trial as others, or an earlier run, have left it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTrial {
    /// The trial, with the folds that have ended.
    pub trial: Trial,
    /// Who worked on which fold, and when.
    pub spans: Vec<(usize, Span)>,
}

/// What one fold came to, and who worked on it; `None` where nobody did, because the configuration was
/// wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldRecord {
    /// Its score, or why it has none.
    pub result: Result<FoldScore, Failure>,
    /// Who, and when.
    pub span: Option<Span>,
    /// What the program that scored it has written to stderr, the end of it where that is long.
    pub stderr: Option<String>,
}

/// One refit that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Refit {
    /// The trial's number.
    pub trial: usize,
    /// The seed's number, from 0.
    pub seed: usize,
    /// What it came to.
    pub result: Result<RefitScore, ObjectiveError>,
    /// Who worked on it, and when.
    pub span: Span,
}

impl Refit {
    /// Puts to flags that were read what is known of them.
    pub fn look_up_flags(&mut self, known: &[KnownFlag]) {
        match &mut self.result {
            Ok(RefitScore { flags, .. }) | Err(ObjectiveError::Failed { flags, .. }) => {
                Flag::look_up(flags, known);
            }
            Err(ObjectiveError::Interrupted) => {}
        }
    }
}

/// What a trial tries.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The name that an explicit trial was given.
    pub name: Option<String>,
    /// The point.
    pub params: Params,
}

/// One point of the space being tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Its number in the study, from 0.
    pub number: usize,
    /// The name that an explicit trial was given.
    pub name: Option<String>,
    /// What is tried.
    pub params: Params,
    /// How far it is.
    pub state: TrialState,
}

/// How far a trial is.
#[derive(Debug, Clone, PartialEq)]
pub enum TrialState {
    /// Some folds have not ended.
    Running {
        /// What each fold has come to so far.
        folds: Vec<Option<Result<FoldScore, Failure>>>,
    },
    /// All folds have a finite score.
    Complete {
        /// The scores, in the order of the folds.
        folds: Vec<FoldScore>,
    },
    /// A pruner has stopped it.
    Pruned {
        /// What the folds came to, up to the one in or after which it was stopped.
        folds: Vec<FoldScore>,
    },
    /// A fold has failed.
    Failed {
        /// What the folds before the failed one came to: those alone are sure to have run, whatever
        /// the number of workers.
        folds: Vec<FoldScore>,
        /// What happened to the first fold that failed.
        failure: Failure,
    },
    /// Another program has this trial, such as Optuna in a study that it shares.
    Foreign {
        /// Its value for each objective, once the trial is complete; until then, none.
        values: Vec<f64>,
        /// Whether the trial was begun here, and ended by the other program.
        begun_here: bool,
    },
}

/// Why a fold has no score.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What happened, in one sentence.
    pub reason: String,
    /// What was found wrong with the model.
    pub flags: Vec<Flag>,
}

impl Failure {
    /// A failure without flags.
    pub fn new(reason: impl Into<String>) -> Self {
        Failure { reason: reason.into(), flags: Vec::new() }
    }
}

impl From<Failure> for ObjectiveError {
    fn from(Failure { reason, flags }: Failure) -> Self {
        ObjectiveError::Failed { reason, flags }
    }
}

/// Something that happened in a study. All of its state follows from the events in their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A trial with the next number began.
    TrialStarted {
        /// What it tries.
        candidate: Candidate,
    },
    /// A trial of another process, or of an earlier run, is this far.
    TrialFound {
        /// The trial, with the folds that have ended, and who worked on them.
        found: StoredTrial,
    },
    /// A worker took up a fold.
    FoldStarted {
        /// The trial's number.
        trial: usize,
        /// The fold.
        fold: usize,
    },
    /// A fold ended.
    FoldFinished {
        /// The trial's number.
        trial: usize,
        /// The fold.
        fold: usize,
        /// What it came to.
        result: Result<FoldScore, ObjectiveError>,
        /// Who worked on it, and when; `None` where nobody did, because its configuration was wrong.
        span: Option<Span>,
        /// What the program that scored it has written to stderr.
        stderr: Option<String>,
    },
    /// A fold goes on well after its trial was to end, without asking: it was told, and who works on it cannot be ended
    /// from here, because it is a thread.
    FoldOverdue {
        /// The trial's number.
        trial: usize,
        /// The fold.
        fold: usize,
        /// What the trial may take.
        limit: Duration,
    },
    /// The user asked to stop: no further trial begins.
    StopRequested,
    /// The user asked to abandon what runs, and some of it goes on, without asking: only the end of this process ends
    /// it. Its trials are free for other processes, and all that has ended is stored.
    GivenUp,
}

/// An event that cannot follow what was before it: a fault of the program, never of a user.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("trial {trial}, fold {fold}: a result where none is due")]
pub struct IllegalEvent {
    /// The trial's number.
    pub trial: usize,
    /// The fold.
    pub fold: usize,
}

impl Trial {
    /// A trial none of whose `folds` folds has ended.
    pub fn start(number: usize, candidate: Candidate, folds: usize) -> Self {
        let state = TrialState::Running { folds: vec![None; folds] };
        Trial { number, name: candidate.name, params: candidate.params, state }
    }

    /// The scores of the folds that count: all of a complete trial, those before the failure of a
    /// failed one, those before the end of a pruned one and at its end, none of a running one.
    pub fn folds(&self) -> &[FoldScore] {
        match &self.state {
            TrialState::Complete { folds }
            | TrialState::Pruned { folds }
            | TrialState::Failed { folds, .. } => folds,
            TrialState::Running { .. } | TrialState::Foreign { .. } => &[],
        }
    }

    /// The values of a complete trial, one for each objective: the means of its folds, or what another
    /// program says. Empty for other trials.
    pub fn values(&self) -> Vec<f64> {
        match &self.state {
            TrialState::Complete { folds } => mean_values(folds),
            TrialState::Foreign { values, .. } => values.clone(),
            _ => Vec::new(),
        }
    }

    /// The first of [`Trial::values`].
    pub fn value(&self) -> Option<f64> {
        self.values().first().copied()
    }

    /// The last of what a pruned trial reported: an epoch of its first fold, or the last fold.
    pub fn pruned_at(&self) -> Option<IntermediateValue> {
        let TrialState::Pruned { folds } = &self.state else { return None };
        let last = folds.last()?;
        let whole = IntermediateValue { step: folds.len() as u64 - 1, value: last.score };
        Some(last.intermediate_values.last().copied().unwrap_or(whole))
    }

    /// What is wrong with the models of this trial.
    pub fn flags(&self) -> Vec<Flag> {
        let failed = match &self.state {
            TrialState::Failed { failure, .. } => failure.flags.as_slice(),
            _ => &[],
        };
        Flag::union(self.folds().iter().flat_map(|fold| &fold.flags).chain(failed).cloned())
    }

    /// Puts to flags that were read what is known of them.
    pub fn look_up_flags(&mut self, known: &[KnownFlag]) {
        for flags in self.state.flags_mut() {
            Flag::look_up(flags, known);
        }
    }

    /// Ends a fold, and says what is to be kept of it; `None` where that is nothing, because it was
    /// abandoned or had ended before.
    pub fn end_fold(
        &mut self,
        fold: usize,
        result: &Result<FoldScore, ObjectiveError>,
        span: Option<Span>,
    ) -> Option<FoldRecord> {
        let result = match result {
            Ok(score) => refuse_non_finite(score.clone()),
            Err(ObjectiveError::Failed { reason, flags }) => {
                Err(Failure { reason: reason.clone(), flags: flags.clone() })
            }
            Err(ObjectiveError::Interrupted) => return None,
        };
        self.state = self.state.clone().after_fold(self.number, fold, result.clone()).ok()?;
        Some(FoldRecord { result, span, stderr: None })
    }

    /// Whether running `fold` can still matter: not where it has ended, or one before it has failed or was
    /// stopped.
    pub fn wants(&self, fold: usize) -> bool {
        match &self.state {
            TrialState::Running { folds } => {
                folds[fold].is_none() && !folds[..fold].iter().flatten().any(ends_trial)
            }
            _ => false,
        }
    }

    /// Whether all folds that matter have ended.
    pub fn is_finished(&self) -> bool {
        match self.state {
            TrialState::Running { .. } => false,
            TrialState::Complete { .. } | TrialState::Pruned { .. } | TrialState::Failed { .. } => {
                true
            }
            TrialState::Foreign { ref values, .. } => !values.is_empty(),
        }
    }

    /// Whether another program has it.
    pub fn is_foreign(&self) -> bool {
        matches!(self.state, TrialState::Foreign { .. })
    }
}

/// The mean over folds, for each objective.
fn mean_values(folds: &[FoldScore]) -> Vec<f64> {
    let mean_of =
        |value: &dyn Fn(&FoldScore) -> f64| mean(&folds.iter().map(value).collect::<Vec<f64>>());
    let extra = folds.iter().map(|fold| fold.extra_values.len()).min().unwrap_or(0);
    let mut values = vec![mean_of(&|fold| fold.score)];
    values.extend((0..extra).map(|index| mean_of(&|fold| fold.extra_values[index])));
    values
}

impl TrialState {
    /// The state after one of the folds has ended with `result`. Folds may end in any order; the end
    /// state depends on the results alone.
    ///
    /// # Errors
    ///
    /// Where that fold has ended before, or is none of this trial.
    pub fn after_fold(
        self,
        trial: usize,
        fold: usize,
        result: Result<FoldScore, Failure>,
    ) -> Result<Self, IllegalEvent> {
        let illegal = IllegalEvent { trial, fold };
        match self {
            TrialState::Running { mut folds } => match folds.get_mut(fold) {
                Some(slot @ None) => {
                    *slot = Some(result.and_then(refuse_non_finite));
                    Ok(snap(folds))
                }
                _ => Err(illegal),
            },
            // A fold behind the failed one was under way when the trial was decided: it no longer counts.
            TrialState::Failed { folds, failure } if fold > folds.len() => {
                Ok(TrialState::Failed { folds, failure })
            }
            TrialState::Pruned { folds } if fold >= folds.len() => Ok(TrialState::Pruned { folds }),
            _ => Err(illegal),
        }
    }

    /// The flags of each fold, and of the failure.
    fn flags_mut(&mut self) -> Vec<&mut Vec<Flag>> {
        match self {
            TrialState::Running { folds } => {
                let ended = folds.iter_mut().flatten();
                let flags = ended.map(|fold| match fold {
                    Ok(score) => &mut score.flags,
                    Err(failure) => &mut failure.flags,
                });
                flags.collect()
            }
            TrialState::Complete { folds } | TrialState::Pruned { folds } => {
                folds.iter_mut().map(|fold| &mut fold.flags).collect()
            }
            TrialState::Failed { folds, failure } => {
                let of_folds = folds.iter_mut().map(|fold| &mut fold.flags);
                of_folds.chain([&mut failure.flags]).collect()
            }
            TrialState::Foreign { .. } => Vec::new(),
        }
    }
}

fn refuse_non_finite(fold: FoldScore) -> Result<FoldScore, Failure> {
    // A pruner stops what has come to NaN: that is how such a trial ends, and no failure.
    if fold.stopped {
        return Ok(fold);
    }
    let values = std::iter::once(&fold.score).chain(&fold.extra_values);
    match values.copied().find(|value| !value.is_finite()) {
        None => Ok(fold),
        Some(value) => {
            let reason = format!("the score is {value}, which is not a finite number");
            Err(Failure { reason, flags: fold.flags })
        }
    }
}

/// Whether no fold behind one with this result counts.
fn ends_trial(fold: &Result<FoldScore, Failure>) -> bool {
    fold.as_ref().map_or(true, |score| score.stopped)
}

/// Ends a trial as soon as the first fold that failed or was stopped, or the lack of one, is certain.
fn snap(folds: Vec<Option<Result<FoldScore, Failure>>>) -> TrialState {
    let goes_on = |fold: &&Option<Result<FoldScore, Failure>>| {
        fold.as_ref().is_some_and(|fold| !ends_trial(fold))
    };
    let decided = folds.iter().take_while(goes_on).count();
    let ends = match folds.get(decided) {
        None => true,
        Some(fold) => fold.is_some(),
    };
    if !ends {
        return TrialState::Running { folds };
    }
    let folds_in_all = folds.len();
    let mut scores = Vec::with_capacity(decided);
    for (fold, result) in folds.into_iter().enumerate() {
        match result {
            Some(Ok(score)) => {
                let stopped = score.stopped;
                scores.push(score);
                if stopped {
                    return TrialState::Pruned { folds: scores };
                }
            }
            Some(Err(failure)) => {
                let reason = match folds_in_all {
                    1 => failure.reason,
                    _ => format!("fold {fold}: {}", failure.reason),
                };
                let failure = Failure { reason, ..failure };
                return TrialState::Failed { folds: scores, failure };
            }
            None => break,
        }
    }
    TrialState::Complete { folds: scores }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn score(score: f64) -> Result<FoldScore, Failure> {
        Ok(FoldScore { score, ..FoldScore::default() })
    }

    fn failure(reason: &str) -> Result<FoldScore, Failure> {
        Err(Failure { reason: reason.into(), flags: vec![] })
    }

    fn replay(
        results: &[(usize, Result<FoldScore, Failure>)],
        folds: usize,
    ) -> Result<TrialState, IllegalEvent> {
        let start = TrialState::Running { folds: vec![None; folds] };
        results
            .iter()
            .try_fold(start, |state, (fold, result)| state.after_fold(0, *fold, result.clone()))
    }

    #[test]
    fn a_score_that_is_not_finite_fails_the_trial_with_the_reason() {
        let state = replay(&[(0, score(0.5)), (1, score(f64::NAN))], 3).unwrap();
        let TrialState::Failed { folds, failure } = state else { panic!("{state:?}") };
        assert_eq!(folds.len(), 1);
        assert_eq!(failure.reason, "fold 1: the score is NaN, which is not a finite number");
    }

    #[test]
    fn a_later_failure_waits_for_the_folds_before_it() {
        let waiting = replay(&[(2, failure("late"))], 3).unwrap();
        assert!(matches!(waiting, TrialState::Running { .. }));
        let failed =
            replay(&[(2, failure("late")), (1, failure("early")), (0, score(0.1))], 3).unwrap();
        let TrialState::Failed { failure, .. } = failed else { panic!("{failed:?}") };
        assert_eq!(failure.reason, "fold 1: early");
    }

    #[test]
    fn a_second_result_for_a_fold_is_illegal() {
        assert!(replay(&[(0, score(0.5)), (0, score(0.5))], 2).is_err());
        assert!(replay(&[(0, score(0.5)), (0, score(0.5))], 1).is_err());
        assert!(replay(&[(7, score(0.5))], 2).is_err());
    }

    proptest! {
        #[test]
        fn the_end_of_a_trial_does_not_depend_on_the_order_of_its_folds(
            outcomes in prop::collection::vec(prop::option::of((0.0..1.0f64, 0..4u8)), 1..6),
            order in any::<u64>(),
        ) {
            let results: Vec<_> = outcomes
                .iter()
                .enumerate()
                .map(|(fold, outcome)| {
                    let end = |(value, rest)| {
                        score(value).map(|score| FoldScore { stopped: rest == 0, ..score })
                    };
                    (fold, outcome.map_or_else(|| failure(&fold.to_string()), end))
                })
                .collect();
            let mut shuffled = results.clone();
            shuffled.sort_by_key(|(fold, _)| (*fold as u64 + 1).wrapping_mul(order | 1).rotate_left(17));
            prop_assert_eq!(replay(&results, outcomes.len()), replay(&shuffled, outcomes.len()));
        }
    }
}
