//! The trials of a study so far, made by its events alone.

use crate::objective::ObjectiveError;
use crate::trial::{Event, Failure, IllegalEvent, Trial, TrialState};

/// All trials that have begun, by number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    folds: usize,
    trials: Vec<Trial>,
    foreign: usize,
}

impl History {
    /// A study without trials, each of which will have `folds` folds.
    pub fn new(folds: usize) -> Self {
        History { folds, ..History::default() }
    }

    /// The trials that have begun, by number.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// How many of them other programs have begun.
    pub fn foreign(&self) -> usize {
        self.foreign
    }

    /// Takes up what has happened.
    ///
    /// # Errors
    ///
    /// Where the event cannot follow those before it. The history is then of no further use.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        match event {
            Event::TrialStarted { candidate } => {
                self.trials.push(Trial::start(self.trials.len(), candidate.clone(), self.folds));
                Ok(())
            }
            Event::TrialFound { found } => self.found(&found.trial),
            Event::FoldFinished { trial, fold, result, span: _, stderr: _ } => {
                let result = match result {
                    Ok(score) => Ok(score.clone()),
                    Err(ObjectiveError::Failed { reason, flags }) => {
                        Err(Failure { reason: reason.clone(), flags: flags.clone() })
                    }
                    // An abandoned fold has come to nothing: its trial stays as it is.
                    Err(ObjectiveError::Interrupted) => return Ok(()),
                };
                let illegal = IllegalEvent { trial: *trial, fold: *fold };
                let trial = self.trials.get_mut(*trial).ok_or(illegal)?;
                trial.state = trial.state.clone().after_fold(trial.number, *fold, result)?;
                Ok(())
            }
            Event::FoldStarted { .. }
            | Event::FoldOverdue { .. }
            | Event::StopRequested
            | Event::GivenUp => Ok(()),
        }
    }

    fn found(&mut self, trial: &Trial) -> Result<(), IllegalEvent> {
        if trial.number == self.trials.len() {
            let begun = matches!(trial.state, TrialState::Foreign { begun_here: false, .. });
            self.foreign += usize::from(begun);
            self.trials.push(trial.clone());
            return Ok(());
        }
        match self.trials.get_mut(trial.number) {
            // What has ended stays as it is.
            Some(known) if !known.is_finished() || known == trial => {
                *known = trial.clone();
                Ok(())
            }
            _ => Err(IllegalEvent { trial: trial.number, fold: 0 }),
        }
    }
}
