//! Saving what tasks came to, within a transaction.

use std::sync::Arc;

use burn_tune_ranking::curves_file::{CurvesByTask, to_npz};
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::store::{SaveOutcome, StoreError};
use burn_tune_search::trial::Refit;
use burn_tune_search::{Curves, Trial};

use crate::StorageError;
use crate::attributes::{REFIT, WORKER};
use crate::database::{Database, Value};
use crate::leases::Leases;
use crate::trial_codec::{end_attributes, refits_in, state, values};
use crate::trials::write::{end_trial, set_trial_attributes};

/// Writes how a trial of a study has ended, if it still runs, and tells those who wait for that.
pub fn write_end(
    db: &mut dyn Database,
    (study, id): (i64, i64),
    trial: &Trial,
) -> Result<SaveOutcome, StorageError> {
    if end_trial(db, id, state(trial), &values(trial))? == 0 {
        return Ok(SaveOutcome::Lost);
    }
    let attributes = end_attributes(trial);
    let attributes: Vec<_> = attributes.iter().map(|(key, json)| (*key, json.as_str())).collect();
    set_trial_attributes(db, id, &attributes)?;
    db.notify(study)?;
    Ok(SaveOutcome::Saved)
}

/// A result without a lease: refused, unless it is the one that stands there already, because only the
/// acknowledgement was lost.
pub fn lost_or_kept(
    db: &mut dyn Database,
    leases: &Leases,
    id: i64,
    key: &str,
    json: &str,
) -> Result<SaveOutcome, StorageError> {
    let is_there = trial_attribute(db, id, key)?.as_deref() == Some(json);
    let is_own = trial_attribute(db, id, WORKER)? == Some(leases.json());
    let refit = key.starts_with(REFIT);
    Ok(if is_there && (is_own || refit) { SaveOutcome::Saved } else { SaveOutcome::Lost })
}

/// A system attribute of a trial.
pub fn trial_attribute(
    db: &mut dyn Database,
    id: i64,
    key: &str,
) -> Result<Option<String>, StorageError> {
    let sql = "SELECT value_json FROM trial_system_attributes WHERE trial_id = ?1 AND \"key\" = ?2";
    let rows = db.query(sql, &[Value::Int(id), Value::Text(key.to_owned())])?;
    Ok(rows.into_iter().next().and_then(|row| match row.into_iter().next() {
        Some(Value::Text(json)) => Some(json),
        _ => None,
    }))
}

/// The refits of a trial that have been done.
pub fn refits_of(
    db: &mut dyn Database,
    id: i64,
    number: usize,
) -> Result<Vec<Refit>, StorageError> {
    let sql = "SELECT \"key\", value_json FROM trial_system_attributes WHERE trial_id = ?1";
    let rows = db.query(sql, &[Value::Int(id)])?;
    let texts = rows.iter().filter_map(|row| match row.as_slice() {
        [Value::Text(key), Value::Text(json)] => Some((key.as_str(), json.as_str())),
        _ => None,
    });
    refits_in(number, texts)
        .map_err(|error| StorageError::Permanent(format!("trial {number}: {error}")))
}

/// What was recorded of a task, as it is kept.
pub fn curves_npz(
    trial: usize,
    task: Task,
    curves: Option<&Arc<Curves>>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(curves) = curves else { return Ok(None) };
    let all: CurvesByTask = [((trial, task), curves.clone())].into();
    to_npz(&all).map(Some).map_err(|error| StoreError(format!("curves of trial {trial}: {error}")))
}

/// Keeps what was recorded of a task.
pub fn save_curves(
    db: &mut dyn Database,
    id: i64,
    task: &str,
    npz: Option<&[u8]>,
) -> Result<(), StorageError> {
    let Some(npz) = npz else { return Ok(()) };
    let sql = "INSERT INTO burn_tune_curves (trial_id, task, npz) VALUES (?1, ?2, ?3) \
               ON CONFLICT (trial_id, task) DO UPDATE SET npz = excluded.npz";
    let params = [Value::Int(id), Value::Text(task.to_owned()), Value::Bytes(npz.to_vec())];
    db.run(sql, &params)
}
