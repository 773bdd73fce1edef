//! Trials that are given out to whoever asks, and end with what is told of them. Nobody holds a lease of them:
//! they run until somebody tells, be it after days.

use std::collections::BTreeMap;

use burn_tune_search::objective::ObjectiveError;
use burn_tune_search::pruner::IntermediateValue;
use burn_tune_search::suggester::Suggestion;
use burn_tune_search::trial::StoredTrial;
use burn_tune_search::{Candidate, FoldScore, Trial};

use crate::attributes::GIVEN_BACK;
use crate::claims::commit::write_end;
use crate::database::{Access, Database, Value};
use crate::distribution::Distribution;
use crate::records::{RecordState, StudyRecord, TrialRecord};
use crate::row_reader::RowReader;
use crate::studies::lock_study;
use crate::trial_codec::{fold_json, fold_key, is_ours, new_trial, stored_trial};
use crate::trials::write::{insert_trial, set_intermediate_value, set_system_attribute};
use crate::trials::{next_number, read_number, read_trials};
use crate::worker::Worker;
use crate::{Storage, StorageError};

/// A trial that is told has one score.
pub const FOLDS: usize = 1;

/// What is answered to whoever asks for a trial.
#[derive(Debug, Clone, PartialEq)]
pub enum AskReply {
    /// This trial.
    Given {
        /// Its number.
        number: usize,
        /// What it tries.
        candidate: Candidate,
    },
    /// Trials have to be told first.
    Wait,
    /// There is no next trial.
    Over,
}

/// What is told of a trial.
#[derive(Debug, Clone, PartialEq)]
pub enum Tell {
    /// Its score. One that is not finite fails it.
    Value(f64),
    /// What it has come to on the way.
    Step(IntermediateValue),
    /// It was stopped: its last intermediate value is its score.
    Pruned,
    /// It has no score.
    Failed {
        /// What happened, in one sentence.
        reason: String,
    },
}

/// What became of what was told.
#[derive(Debug, Clone, PartialEq)]
pub enum TellReply {
    /// The trial has ended like this.
    Ended(Box<Trial>),
    /// The intermediate value is kept.
    Kept,
    /// The same was told before.
    Known,
}

impl Storage {
    /// Gives out a trial that was given back, or else the next one of a study, if `suggest` has a candidate for it. `suggest` is told of all
    /// trials, by number; it may be called again, after an attempt that came to nothing.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn ask(
        &mut self,
        study: &StudyRecord,
        distributions: &BTreeMap<String, Distribution>,
        suggest: &mut dyn FnMut(&[StoredTrial]) -> Suggestion,
    ) -> Result<AskReply, StorageError> {
        let worker = serde_json::Value::from(Worker::this(0).to_string()).to_string();
        // What the next trial tries may take long to decide: nobody waits for that, and if another has taken its
        // number meanwhile, it is decided again.
        loop {
            let records = self.transaction(Access::Read, |db| read_trials(db, study.id, 0))?;
            let trials: Result<Vec<StoredTrial>, StorageError> =
                records.iter().map(stored).collect();
            let suggestion = suggest(&trials?);
            let reply = self.transaction(Access::Write, |db| {
                lock_study(db, study.id)?;
                if let Some(reply) = give_out_again(db, study.id)? {
                    return Ok(Some(reply));
                }
                let number = next_number(db, study.id)?;
                Ok(match suggestion.clone() {
                    _ if number != records.len() => None,
                    Suggestion::Wait => Some(AskReply::Wait),
                    Suggestion::End => Some(AskReply::Over),
                    Suggestion::Candidate(candidate) => {
                        let trial = new_trial(study, distributions, &worker, candidate.clone())?;
                        insert_trial(db, study.id, &trial)?;
                        Some(AskReply::Given { number, candidate })
                    }
                })
            })?;
            if let Some(reply) = reply {
                return Ok(reply);
            }
        }
    }

    /// Takes back a trial that did not reach whoever asked for it: the next one who asks gets it. A trial that
    /// has ended stays as it is.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn give_back(&mut self, study: &StudyRecord, number: usize) -> Result<(), StorageError> {
        self.transaction(Access::Write, |db| {
            lock_study(db, study.id)?;
            match read_number(db, study.id, number)? {
                Some(record) => set_system_attribute(db, record.id, GIVEN_BACK, "true"),
                None => Ok(()),
            }
        })
    }

    /// Takes up what is told of a trial.
    ///
    /// # Errors
    ///
    /// Where there is no such trial, it is another program's or has ended otherwise; what the database says.
    pub fn tell(
        &mut self,
        study: &StudyRecord,
        number: usize,
        told: &Tell,
    ) -> Result<TellReply, StorageError> {
        self.transaction(Access::Write, |db| {
            lock_study(db, study.id)?;
            let Some(record) = read_number(db, study.id, number)? else {
                return Err(StorageError::Input(format!(
                    "there is no trial {number} in `{}`: `burn-tune trials` lists those that were given out",
                    study.name
                )));
            };
            apply_tell(db, study.id, &record, told)
        })
    }
}

/// Gives out a trial that was given back.
fn give_out_again(db: &mut dyn Database, study: i64) -> Result<Option<AskReply>, StorageError> {
    let sql = "SELECT t.number FROM trials t JOIN trial_system_attributes a ON a.trial_id = t.trial_id \
               AND a.\"key\" = ?2 AND a.value_json = 'true' \
               WHERE t.study_id = ?1 AND t.state = ?3 ORDER BY t.number";
    let params =
        [Value::Int(study), Value::Text(GIVEN_BACK.to_owned()), RecordState::Running.into()];
    let Some(row) = db.query(sql, &params)?.into_iter().next() else {
        return Ok(None);
    };
    let number = RowReader::of(row).count()?;
    let Some(record) = read_number(db, study, number)? else { return Ok(None) };
    set_system_attribute(db, record.id, GIVEN_BACK, "false")?;
    let Trial { number, name, params, .. } = stored(&record)?.trial;
    Ok(Some(AskReply::Given { number, candidate: Candidate { name, params } }))
}

fn stored(record: &TrialRecord) -> Result<StoredTrial, StorageError> {
    stored_trial(record, FOLDS).map_err(StorageError::Permanent)
}

fn apply_tell(
    db: &mut dyn Database,
    study: i64,
    record: &TrialRecord,
    told: &Tell,
) -> Result<TellReply, StorageError> {
    let number = record.number;
    let refused = |problem: String| Err(StorageError::Input(problem));
    if !is_ours(record) {
        return refused(format!("trial {number} is another program's: tell it there"));
    }
    if record.state != RecordState::Running {
        return match is_known(record, told) {
            true => Ok(TellReply::Known),
            false => refused(format!("trial {number} has ended: {}", ended(record))),
        };
    }
    let last = record.intermediate_values.last_key_value();
    let score = match told {
        Tell::Step(report) => return step(db, record, *report),
        Tell::Failed { reason } => {
            Err(ObjectiveError::Failed { reason: reason.clone(), flags: Vec::new() })
        }
        Tell::Value(value) => Ok((*value, false)),
        Tell::Pruned => match last {
            Some((_, value)) => Ok((*value, true)),
            None => {
                return refused(format!(
                    "trial {number} has no intermediate value to end with: tell one first with --step and --value, or --state fail"
                ));
            }
        },
    };
    let score = score.map(|(score, stopped)| FoldScore {
        score,
        stopped,
        intermediate_values: intermediate_values_of(record),
        // Nobody has measured them.
        fit_s: f64::NAN,
        score_s: f64::NAN,
        ..FoldScore::default()
    });
    let mut trial = stored(record)?.trial;
    let Some(result) = trial.end_fold(0, &score, None) else {
        return refused(format!("trial {number} has ended"));
    };
    set_system_attribute(db, record.id, &fold_key(0), &fold_json(&result))?;
    write_end(db, (study, record.id), &trial)?;
    Ok(TellReply::Ended(Box::new(trial)))
}

fn step(
    db: &mut dyn Database,
    record: &TrialRecord,
    IntermediateValue { step, value }: IntermediateValue,
) -> Result<TellReply, StorageError> {
    let key = i64::try_from(step).unwrap_or(i64::MAX);
    match record.intermediate_values.last_key_value() {
        Some((last, _)) if *last >= key => {
            let same = |known: &f64| *known == value || (known.is_nan() && value.is_nan());
            match record.intermediate_values.get(&key) {
                Some(known) if same(known) => Ok(TellReply::Known),
                Some(known) => Err(StorageError::Input(format!(
                    "trial {} has come to {known} after step {step}, and not to {value}: that was told before",
                    record.number
                ))),
                None => Err(StorageError::Input(format!(
                    "step {step} of trial {} comes late: steps ascend, and {last} was told before",
                    record.number
                ))),
            }
        }
        _ => {
            set_intermediate_value(db, record.id, key, value)?;
            Ok(TellReply::Kept)
        }
    }
}

/// The intermediate values of a trial that runs.
pub fn intermediate_values_of(record: &TrialRecord) -> Vec<IntermediateValue> {
    let values = record.intermediate_values.iter();
    values
        .filter_map(|(step, value)| {
            Some(IntermediateValue { step: u64::try_from(*step).ok()?, value: *value })
        })
        .collect()
}

/// Whether what is told of a trial that has ended is how it ended.
fn is_known(record: &TrialRecord, told: &Tell) -> bool {
    match told {
        Tell::Value(value) if value.is_finite() => {
            record.state == RecordState::Complete && record.values == [*value]
        }
        Tell::Value(_) | Tell::Failed { .. } => record.state == RecordState::Fail,
        Tell::Pruned => record.state == RecordState::Pruned,
        Tell::Step(_) => false,
    }
}

fn ended(record: &TrialRecord) -> String {
    let values: Vec<String> = record.values.iter().map(f64::to_string).collect();
    match record.state {
        RecordState::Complete => format!("it is complete with {}", values.join(", ")),
        RecordState::Pruned => "it was pruned".into(),
        _ => "it has failed".into(),
    }
}
