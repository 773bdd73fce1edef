//! Moving a study between databases: a file of JSON lines that holds all of it, written and read.

use std::io::{self, BufRead, Write};
use std::mem;

use thiserror::Error;

use crate::bulk_insert::insert_rows;
use crate::database::{Access, Database, Value};
use crate::records::{StudyRecord, TrialRecord};
use crate::row_reader::RowReader;
use crate::studies::{insert_study, name_is_taken, read_study_named};
use crate::trials::{read_curve_tasks, read_trials, write};
use crate::{Storage, StorageError};

use format::Reader;
use merge::{Merge, Merged};

mod format;
mod merge;

/// Why a study was not exported or imported.
#[derive(Debug, Error)]
pub enum TransferError {
    /// What the database says.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What is wrong with the file.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong there, and what to do.
        problem: String,
    },
    /// The file cannot be written or read.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The name of the study in the database.
    pub name: String,
    /// Whether there was no study of this name before.
    pub created: bool,
    /// How many trials were added.
    pub trials: usize,
    /// How many trials that the database had, and that had not ended there, have ended now.
    pub completed: usize,
}

/// Writes a study with all of its trials and curves.
///
/// # Errors
///
/// What the database says, and where `to` cannot be written to.
pub fn export(
    storage: &mut Storage,
    study: &StudyRecord,
    to: &mut dyn Write,
) -> Result<(), TransferError> {
    let with_curves = storage.has_own_tables();
    let (mut trials, mut tasks) = storage.transaction(Access::Read, |db| {
        let tasks = if with_curves { read_curve_tasks(db, study.id)? } else { Default::default() };
        Ok((read_trials(db, study.id, 0)?, tasks))
    })?;
    trials.sort_by_key(|trial| trial.number);
    format::write_study(study, to)?;
    for trial in &mut trials {
        // Those of all trials may be more than memory holds.
        for task in tasks.remove(&trial.id).unwrap_or_default() {
            let npz = read_curves(storage, trial.id, &task)?;
            trial.curves.insert(task, npz);
        }
        format::write_trial(trial, to)?;
        trial.curves.clear();
    }
    format::write_end(trials.len(), to)?;
    Ok(to.flush()?)
}

/// Writes what [`export`] writes, of records at hand: where the database fails, so that nothing is lost.
///
/// # Errors
///
/// Where `to` cannot be written to.
pub fn write_export(
    study: &StudyRecord,
    trials: &[TrialRecord],
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut trials: Vec<&TrialRecord> = trials.iter().collect();
    trials.sort_by_key(|trial| trial.number);
    format::write_study(study, to)?;
    trials.iter().try_for_each(|trial| format::write_trial(trial, to))?;
    format::write_end(trials.len(), to)?;
    to.flush()
}

/// Reads what [`export`] wrote, and makes the study, under the name `rename` where one is given. Where
/// the database has this study already, it adds what that lacks: trials, the ends of trials, and what
/// was recorded of them. Either all of it happens, or nothing.
///
/// # Errors
///
/// What is wrong with the file, what the database says, and where there is another study of this name
/// or a trial that has come to something else.
pub fn import(
    storage: &mut Storage,
    from: &mut dyn BufRead,
    rename: Option<&str>,
) -> Result<Imported, TransferError> {
    let (mut reader, mut study) = Reader::begin(from)?;
    if let Some(name) = rename {
        study.name = name.to_owned();
    }
    let mut begun = false;
    let mut failure = None;
    let imported = storage.transaction(Access::Write, |db| {
        if mem::replace(&mut begun, true) {
            return Err(StorageError::Permanent(
                "the database failed in the middle of the import: import the file again".into(),
            ));
        }
        import_lines(db, &study, &mut reader).map_err(|error| match error {
            TransferError::Storage(error) => error,
            other => {
                failure = Some(other);
                StorageError::Input("the file cannot be imported".into())
            }
        })
    });
    match failure {
        Some(failure) => Err(failure),
        None => Ok(imported?),
    }
}

fn read_curves(storage: &mut Storage, trial: i64, task: &str) -> Result<Vec<u8>, StorageError> {
    let select = "SELECT npz FROM burn_tune_curves WHERE trial_id = ?1 AND task = ?2";
    let key = [Value::Int(trial), Value::Text(task.to_owned())];
    let rows = storage.transaction(Access::Read, |db| db.query(select, &key))?;
    match rows.into_iter().next() {
        Some(row) => RowReader::of(row).bytes(),
        None => Err(StorageError::Input(
            "the study was deleted while it was exported: what was written is cut off".into(),
        )),
    }
}

fn import_lines(
    db: &mut dyn Database,
    study: &StudyRecord,
    reader: &mut Reader,
) -> Result<Imported, TransferError> {
    let existing = read_study_named(db, &study.name)?;
    let mut imported =
        Imported { name: study.name.clone(), created: existing.is_none(), trials: 0, completed: 0 };
    match existing {
        None => {
            let id = create(db, study)?;
            while let Some(trial) = reader.trial()? {
                write::insert_record(db, id, &trial)?;
                imported.trials += 1;
            }
        }
        Some(existing) => {
            let merge = Merge::begin(db, existing, study)?;
            while let Some(trial) = reader.trial()? {
                match merge.trial(db, trial).map_err(|problem| problem.at(reader.line()))? {
                    Merged::Added => imported.trials += 1,
                    Merged::Completed => imported.completed += 1,
                    Merged::Known => {}
                }
            }
        }
    }
    Ok(imported)
}

fn create(db: &mut dyn Database, study: &StudyRecord) -> Result<i64, StorageError> {
    let directions: Vec<&str> = study.directions.iter().map(String::as_str).collect();
    let id =
        insert_study(db, &study.name, &directions)?.ok_or_else(|| name_is_taken(&study.name))?;
    let attributes = [
        ("study_user_attributes", &study.user_attributes),
        ("study_system_attributes", &study.system_attributes),
    ];
    for (table, attributes) in attributes {
        let rows = attributes.iter().map(|(key, json)| {
            [Value::Int(id), Value::Text(key.clone()), Value::Text(json.clone())]
        });
        insert_rows(db, &format!("{table} (study_id, \"key\", value_json)"), rows)?;
    }
    Ok(id)
}
