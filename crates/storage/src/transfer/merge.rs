//! Adding to a study what a file has of the same study: nothing that is there is changed.

use std::collections::BTreeMap;

use super::TransferError;
use crate::attributes::{EXPLICIT_TRIALS, SETTINGS, SPACE};
use crate::database::Database;
use crate::distribution::Distribution;
use crate::records::{ParamRecord, StudyRecord, TrialRecord};
use crate::studies::lock_study;
use crate::trials::{read_curve_tasks, read_trials, write};
use crate::{StorageError, python_json};

/// The user attributes of a study that say what it searches, and how.
const IDENTITY: [&str; 3] = [SPACE, SETTINGS, EXPLICIT_TRIALS];

/// What to do where the two are not the same.
const HELP: &str = "nothing was imported; --study NAME imports it as another study";

/// A study, and what it had before.
pub(super) struct Merge {
    study: i64,
    trials: BTreeMap<usize, TrialRecord>,
    /// For each of these by its key, the tasks of which there are curves.
    tasks: BTreeMap<i64, Vec<String>>,
}

/// What came of a trial of the file.
pub(super) enum Merged {
    /// The database did not have it.
    Added,
    /// It had not ended there.
    Completed,
    /// It was there. Attributes may have been added.
    Known,
}

/// Why a trial was not merged.
pub(super) enum Problem {
    /// What the database says.
    Storage(StorageError),
    /// How the trial of the file does not fit.
    Trial(String),
}

impl Problem {
    /// The error, for the trial that stands in this line of the file.
    pub fn at(self, line: usize) -> TransferError {
        match self {
            Problem::Storage(error) => error.into(),
            Problem::Trial(problem) => {
                TransferError::Line { line, problem: format!("{problem}; {HELP}") }
            }
        }
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        Problem::Storage(error)
    }
}

impl Merge {
    /// Locks the study and reads its trials.
    pub fn begin(
        db: &mut dyn Database,
        existing: StudyRecord,
        file: &StudyRecord,
    ) -> Result<Self, StorageError> {
        check_same(&existing, file)?;
        lock_study(db, existing.id)?;
        let trials = read_trials(db, existing.id, 0)?;
        let trials = trials.into_iter().map(|trial| (trial.number, trial)).collect();
        let tasks = read_curve_tasks(db, existing.id)?;
        Ok(Merge { study: existing.id, trials, tasks })
    }

    /// Adds a trial of the file, or what it has and the one in the database lacks.
    pub fn trial(&self, db: &mut dyn Database, mut file: TrialRecord) -> Result<Merged, Problem> {
        let number = file.number;
        let Some(ours) = self.trials.get(&number) else {
            if let Some((last, _)) =
                self.trials.last_key_value().filter(|(last, _)| **last > number)
            {
                // The next number is that of the last row and one: it would be given twice.
                return Err(Problem::Trial(format!(
                    "the database has no trial {number}, although it has a trial {last}"
                )));
            }
            write::insert_record(db, self.study, &file)?;
            return Ok(Merged::Added);
        };
        if let Some(difference) = difference(ours, &file) {
            return Err(Problem::Trial(format!("trial {number} differs: {difference}")));
        }
        self.keep_what_lacks(ours, &mut file);
        if is_finished(&file) && !is_finished(ours) {
            return match write::complete_from_record(db, ours.id, ours.state, &file)? {
                0 => Err(Problem::Trial(format!("trial {number} has just ended: import again"))),
                _ => Ok(Merged::Completed),
            };
        }
        file.system_attributes.clear();
        file.intermediate_values.clear();
        write::insert_additions(db, ours.id, &file)?;
        Ok(Merged::Known)
    }

    fn keep_what_lacks(&self, ours: &TrialRecord, file: &mut TrialRecord) {
        let tasks = self.tasks.get(&ours.id);
        file.params.retain(|param| ours.params.iter().all(|known| known.name != param.name));
        file.user_attributes.retain(|key, _| !ours.user_attributes.contains_key(key));
        file.system_attributes.retain(|key, _| !ours.system_attributes.contains_key(key));
        file.intermediate_values.retain(|step, _| !ours.intermediate_values.contains_key(step));
        file.curves.retain(|task, _| tasks.is_none_or(|tasks| !tasks.contains(task)));
    }
}

fn check_same(existing: &StudyRecord, file: &StudyRecord) -> Result<(), StorageError> {
    let differs = |what: &str| {
        Err(StorageError::Input(format!(
            "there is another study `{}` already, with other {what}; {HELP}",
            existing.name
        )))
    };
    if existing.directions != file.directions {
        return differs("directions");
    }
    let attribute = |study: &StudyRecord, key: &str| {
        study.user_attributes.get(key).map(|text| {
            // The same value may be written with other spaces.
            python_json::parse(text).unwrap_or_else(|_| text.as_str().into())
        })
    };
    match IDENTITY.into_iter().find(|key| attribute(existing, key) != attribute(file, key)) {
        Some(SPACE) => differs("ranges or values of the parameters (`space`)"),
        Some(key) => differs(&format!("`{key}`")),
        None => Ok(()),
    }
}

fn is_finished(trial: &TrialRecord) -> bool {
    trial.state.has_ended()
}

/// In what the two cannot be the same trial. One that has not ended may still lack params.
fn difference(ours: &TrialRecord, file: &TrialRecord) -> Option<String> {
    let (ours_params, file_params) = (external_params(ours), external_params(file));
    let both_ended = is_finished(ours) && is_finished(file);
    for (name, ours_value) in &ours_params {
        match file_params.get(name) {
            Some(value) if value != ours_value => {
                return Some(format!("`{name}` is {ours_value}, in the file {value}"));
            }
            None if both_ended => {
                return Some(format!("`{name}` is {ours_value}, and not in the file"));
            }
            _ => {}
        }
    }
    if !both_ended {
        return None;
    }
    let added = file_params.iter().find(|(name, _)| !ours_params.contains_key(*name));
    if let Some((name, value)) = added {
        return Some(format!("`{name}` is {value} in the file, and not in the database"));
    }
    if ours.state != file.state {
        return Some(format!("it is {}, in the file {}", ours.state, file.state));
    }
    (ours.values != file.values)
        .then(|| format!("its value is {:?}, in the file {:?}", ours.values, file.values))
}

/// Params as a user sees them: the same choice may have another index.
fn external_params(trial: &TrialRecord) -> BTreeMap<&str, serde_json::Value> {
    let external = |ParamRecord { value, distribution, .. }: &ParamRecord| {
        Distribution::parse(distribution)
            .map_or_else(|_| (*value).into(), |distribution| distribution.external(*value))
    };
    trial.params.iter().map(|param| (param.name.as_str(), external(param))).collect()
}
