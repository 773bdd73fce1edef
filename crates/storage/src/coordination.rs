//! What processes that share a study have to agree on: its clock, its budget, who is there.

use std::collections::BTreeSet;

use crate::attributes::WORKERS;
use crate::database::{Access, Database, Value};
use crate::leases::active_workers;
use crate::records::StudyRecord;
use crate::storage::Storage;
use crate::studies::{lock_study, set_study_attribute};
use crate::worker::Worker;
use crate::{StorageError, StorageUrl};

/// A moment by the clock of the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// `YYYY-MM-DD HH:MM:SS.ffffff`, UTC.
    pub date: String,
    /// Seconds since 1970.
    pub epoch_s: f64,
}

impl Storage {
    /// What time it is, by the clock of the database: the one that all processes share.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn now(&mut self) -> Result<Moment, StorageError> {
        self.transaction(Access::Read, |db| {
            let rows = db.query("SELECT CAST({now} AS VARCHAR), {epoch}", &[])?;
            match rows.into_iter().next().as_deref() {
                Some([Value::Text(date), Value::Float(epoch_s)]) => {
                    Ok(Moment { date: date.clone(), epoch_s: *epoch_s })
                }
                row => Err(StorageError::Permanent(format!("no time is {row:?}"))),
            }
        })
    }

    /// Changes a user attribute of a study to what `change` makes of it, with nobody in between; returns
    /// what it is then. `None` from `change` leaves it as it is.
    ///
    /// # Errors
    ///
    /// What the database, or `change`, says.
    pub fn update_study_attribute(
        &mut self,
        study: &StudyRecord,
        key: &str,
        mut change: impl FnMut(Option<&str>) -> Result<Option<String>, StorageError>,
    ) -> Result<Option<String>, StorageError> {
        self.transaction(Access::Write, |db| {
            lock_study(db, study.id)?;
            let was = study_attribute(db, study.id, key)?;
            match change(was.as_deref())? {
                None => Ok(was),
                Some(json) => {
                    set_study_attribute(db, study.id, key, &json)?;
                    Ok(Some(json))
                }
            }
        })
    }

    /// How many processes work on a study, as far as anybody can tell.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn active_workers(&mut self, study: &StudyRecord) -> Result<usize, StorageError> {
        if !self.has_own_tables() {
            return Ok(0);
        }
        let is_file = matches!(self.url(), StorageUrl::Sqlite(_));
        let this = Worker::this(0);
        self.transaction(Access::Read, |db| {
            let workers: BTreeSet<String> = active_workers(db, study.id, &this, is_file)?;
            Ok(workers.len())
        })
    }
}

/// Counts this process's workers, and says how many there were before.
pub(crate) fn count_workers(
    db: &mut dyn Database,
    study: &StudyRecord,
    jobs: usize,
) -> Result<usize, StorageError> {
    lock_study(db, study.id)?;
    let workers = study_attribute(db, study.id, WORKERS)?;
    let before = workers.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or(0usize);
    set_study_attribute(db, study.id, WORKERS, &(before + jobs).to_string())?;
    Ok(before)
}

fn study_attribute(
    db: &mut dyn Database,
    study: i64,
    key: &str,
) -> Result<Option<String>, StorageError> {
    let sql = "SELECT value_json FROM study_user_attributes WHERE study_id = ?1 AND \"key\" = ?2";
    let rows = db.query(sql, &[Value::Int(study), Value::Text(key.to_owned())])?;
    Ok(rows.into_iter().next().and_then(|row| match row.into_iter().next() {
        Some(Value::Text(json)) => Some(json),
        _ => None,
    }))
}
