//! A study that somebody else has begun, opened by what the database has of it alone: for workers, which have no space
//! file.

use std::time::Duration;

use burn_tune_search::constraint::Constraint;
use burn_tune_search::pruner::StepName;
use burn_tune_search::{Objective, StudySpec};
use burn_tune_storage::attributes::{BUDGETS, BURN_TUNE, LIMITS};
use burn_tune_storage::{Storage, StorageError, StudyRecord};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::{StudyDefinition, VERSION};
use crate::error::StudyError;
use crate::objective_reader::ObjectiveReader;
use crate::open_or_create::{OpenStudy, Prepare, parsed_budgets, refuse, unknown};
use crate::plan::StudyPlan;
use crate::told_objective::is_told;

/// A study that somebody else has begun.
#[derive(Debug, Clone, PartialEq)]
pub struct BegunStudy {
    /// The study.
    pub record: StudyRecord,
    /// What it is.
    pub definition: StudyDefinition,
    /// What the program that has begun it is called; `None` where nobody has noted it.
    pub program: Option<String>,
    /// What a trial may take.
    pub limits: Limits,
}

/// What a trial may take, wherever it runs.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds.
    #[serde(default)]
    pub trial_timeout_s: Option<f64>,
    /// Bytes, of a process of its own.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
}

impl Limits {
    /// After which a trial fails.
    pub fn trial_timeout(&self) -> Option<Duration> {
        self.trial_timeout_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }

    /// Keeps them with a study, for whoever works on it from now on.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn keep(&self, storage: &mut Storage, study: &StudyRecord) -> Result<(), StorageError> {
        let json = serde_json::to_string(self).expect("numbers are JSON");
        let known = study.user_attributes.get(LIMITS);
        if known == Some(&json) || (known.is_none() && *self == Limits::default()) {
            return Ok(());
        }
        storage.set_study_attribute(study.id, LIMITS, &json)
    }
}

/// What a program has of its studies in its code, and the database has not.
#[derive(Debug, Clone, Default)]
pub struct InCode {
    /// Which combinations of values are allowed.
    pub constraint: Option<Constraint>,
    /// What messages call the steps that trainings report.
    pub step_name: StepName,
}

impl BegunStudy {
    /// The study of this name. Nothing is written.
    ///
    /// # Errors
    ///
    /// Where there is none, its trials are not for this process to score, or another version of burn-tune has begun
    /// it, whose numbers may be others.
    pub fn find(storage: &mut Storage, name: &str) -> Result<Self, StudyError> {
        let Some(record) = storage.study(name)? else { return Err(unknown(name, storage)?) };
        let study = name.to_owned();
        let Some(definition) = StudyDefinition::read(&record)? else {
            return Err(StudyError::IsForeign { study });
        };
        if is_told(&definition.identity) {
            return Err(StudyError::IsTold { study });
        }
        let about = record.user_attributes.get(BURN_TUNE);
        let about = about.and_then(|json| serde_json::from_str(json).ok()).unwrap_or(Value::Null);
        let theirs = about["version"].as_str().unwrap_or("of an unknown version");
        if theirs != VERSION {
            let (theirs, ours) = (theirs.to_owned(), VERSION.to_owned());
            return Err(StudyError::OtherVersion { study, theirs, ours });
        }
        let limits = record.user_attributes.get(LIMITS);
        let limits = limits.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let program = about["program"].as_str().map(str::to_owned);
        Ok(BegunStudy { record, definition, program, limits })
    }

    /// Takes part in it.
    ///
    /// # Errors
    ///
    /// Where what scores its trials here is not what scores them elsewhere, such as that the data differ; what does
    /// not fit, or `prepare` says.
    pub fn open<O: Objective, E: From<StudyError>>(
        &self,
        in_code: InCode,
        reader: &dyn ObjectiveReader,
        prepare: &mut impl Prepare<O, E>,
    ) -> Result<OpenStudy<O>, E> {
        let BegunStudy { record, definition, .. } = self;
        let InCode { constraint, step_name } = in_code;
        let spec = definition.spec().map_err(|problem| {
            StudyError::Damaged(format!(
                "the explicit trials of the study `{}`: {problem}",
                record.name
            ))
        })?;
        let spec = StudySpec { constraint, step_name, ..spec };
        let settings = definition.settings.clone();
        let prepared = prepare(&settings, Some(&definition.identity))?;
        let budgets = parsed_budgets(record.user_attributes.get(BUDGETS).map(String::as_str));
        let stated = Default::default();
        let mut plan = StudyPlan::new(spec, &stated, settings, prepared, budgets, reader)?;
        let found = definition.identity_differences(&plan.definition.identity);
        refuse(&record.name, found)?;
        plan.definition = definition.clone();
        Ok(OpenStudy { record: record.clone(), plan, resumed: true })
    }
}

#[cfg(test)]
mod tests;
