//! Studies whose trials are given out to whoever asks, and end with what is told of them.

use burn_tune_search::pruner::StepName;
use burn_tune_search::pruning::PrunerHistory;
use burn_tune_search::suggester::Suggest;
use burn_tune_search::trial::StoredTrial;
use burn_tune_search::{Event, History, TrialState};
use burn_tune_storage::ask_tell::{AskReply, FOLDS, Tell, TellReply, intermediate_values_of};
use burn_tune_storage::attributes::FINISHED;
use burn_tune_storage::{Storage, StudyRecord, TrialRecord};

use crate::definition::{StudyDefinition, distributions};
use crate::error::StudyError;
use crate::open_or_create::OpenStudy;
use crate::state::StudyState;
use crate::told_objective::{ToldObjective, is_told};

impl OpenStudy<ToldObjective> {
    /// Gives out the next trial.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn ask(&self, storage: &mut Storage) -> Result<AskReply, StudyError> {
        let distributions = distributions(&self.plan.spec);
        let mut suggester = self.plan.suggester()?;
        let suggest = &mut |trials: &[StoredTrial]| suggester.suggest(&history(trials));
        Ok(storage.ask(&self.record, &distributions, suggest)?)
    }

    /// The numbers of the trials that are given out and not yet told.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn running(&self, storage: &mut Storage) -> Result<Vec<usize>, StudyError> {
        let state = StudyState::read(storage, &self.record, FOLDS, &[])?;
        let running = state.history.trials().iter();
        let running = running.filter(|trial| matches!(trial.state, TrialState::Running { .. }));
        Ok(running.map(|trial| trial.number).collect())
    }
}

fn history(trials: &[StoredTrial]) -> History {
    let mut history = History::new(FOLDS);
    for found in trials {
        // Trials of a database are numbered without gaps; behind one, nothing is known.
        if history.apply(&Event::TrialFound { found: found.clone() }).is_err() {
            break;
        }
    }
    history
}

/// A study in its database whose trials are told.
#[derive(Debug)]
pub struct ToldStudy<'a> {
    record: &'a StudyRecord,
    definition: StudyDefinition,
}

impl<'a> ToldStudy<'a> {
    /// The study of this record.
    ///
    /// # Errors
    ///
    /// [`StudyError::IsSearched`] or [`StudyError::IsForeign`] where its trials are nobody's to tell.
    pub fn new(record: &'a StudyRecord) -> Result<Self, StudyError> {
        let study = record.name.clone();
        match StudyDefinition::read(record)? {
            Some(definition) if is_told(&definition.identity) => {
                Ok(ToldStudy { record, definition })
            }
            Some(_) => Err(StudyError::IsSearched { study }),
            None => Err(StudyError::IsForeign { study }),
        }
    }

    /// Takes up what is told of a trial. When the last one has ended, the study is finished.
    ///
    /// # Errors
    ///
    /// Where there is no such trial, or it has ended otherwise; what the database says.
    pub fn tell(
        &self,
        storage: &mut Storage,
        trial: usize,
        told: &Tell,
    ) -> Result<TellReply, StudyError> {
        let reply = storage.tell(self.record, trial, told)?;
        if matches!(reply, TellReply::Ended(_)) {
            self.finish(storage)?;
        }
        Ok(reply)
    }

    /// Notes that the study has come to its end, once all trials that it was asked for have.
    fn finish(&self, storage: &mut Storage) -> Result<(), StudyError> {
        let budget = self.record.budget().unwrap_or(0);
        let trials = storage.trials(self.record)?;
        let ended = |trial: &TrialRecord| trial.state.has_ended();
        if trials.len() >= budget && trials.iter().all(ended) {
            storage.set_study_attribute(self.record.id, FINISHED, &budget.to_string())?;
        }
        Ok(())
    }

    /// Whether the study's pruner would stop a trial that has come so far. It sees the trials that had ended by
    /// number when this one was given out, as in a search.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn is_hopeless(&self, storage: &mut Storage, number: usize) -> Result<bool, StudyError> {
        let Some(pruning) = self.definition.pruning(None, StepName::Program)? else {
            return Ok(false);
        };
        let window = self.definition.settings.effective_window().unwrap_or(1);
        let Some(record) = storage.trial(self.record, number)? else { return Ok(false) };
        let history = StudyState::read(storage, self.record, FOLDS, &[])?.history;
        let visible = (number + 1).saturating_sub(window);
        let pruner =
            PrunerHistory::new(pruning).pruner_of(&history, number, visible).planning(None, FOLDS);
        Ok(pruner.prunes(&intermediate_values_of(&record)))
    }
}
