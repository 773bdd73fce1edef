//! Inserting trials, and what is written while they run and when they end. For transactions that write.

use std::collections::BTreeMap;

use crate::StorageError;
use crate::bulk_insert::insert_rows;
use crate::database::{Database, Value};
use crate::records::{ParamRecord, RecordState, TrialRecord};
use crate::row_reader::RowReader;
use crate::trials::next_number;

/// A trial that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewTrial {
    /// `RUNNING`, which begins it now, or `WAITING`.
    pub state: RecordState,
    /// What it tries.
    pub params: Vec<ParamRecord>,
    /// JSON texts by key.
    pub user_attributes: BTreeMap<String, String>,
    /// Likewise; those that Optuna has a meaning for, such as `fixed_params`.
    pub system_attributes: BTreeMap<String, String>,
}

/// Inserts a trial under the next number of the study, which the transaction must have locked, and
/// returns its key.
pub(crate) fn insert_trial(
    db: &mut dyn Database,
    study: i64,
    trial: &NewTrial,
) -> Result<i64, StorageError> {
    let number = next_number(db, study)?;
    let ids = insert_trials(db, study, number, std::slice::from_ref(trial))?;
    ids.first().copied().ok_or_else(no_key)
}

/// Inserts trials under the numbers from `first` on, the next one of the study, which the transaction must have
/// locked, and returns their keys.
pub(crate) fn insert_trials(
    db: &mut dyn Database,
    study: i64,
    first: usize,
    trials: &[NewTrial],
) -> Result<Vec<i64>, StorageError> {
    let mut values = vec![Value::Int(study)];
    let mut rows = Vec::new();
    for (number, trial) in (first as i64..).zip(trials) {
        let start = if trial.state == RecordState::Running { "{now}" } else { "NULL" };
        let place = values.len();
        rows.push(format!("(?{}, ?1, ?{}, {start})", place + 1, place + 2));
        values.extend([Value::Int(number), trial.state.into()]);
    }
    let insert = format!(
        "INSERT INTO trials (number, study_id, state, datetime_start) VALUES {} RETURNING trial_id",
        rows.join(", ")
    );
    let returned = db.query(&insert, &values)?.into_iter();
    let mut ids: Vec<i64> =
        returned.map(|row| RowReader::of(row).int()).collect::<Result<_, _>>()?;
    // Keys are given in the order of the rows, and come back in any.
    ids.sort_unstable();
    if ids.len() != trials.len() {
        return Err(no_key());
    }
    let trials = || ids.iter().copied().zip(trials);
    insert_params(db, trials().map(|(id, trial)| (id, trial.params.as_slice())))?;
    let user = trials().flat_map(|(id, trial)| attributes_of(id, &trial.user_attributes));
    insert_attributes(db, "trial_user_attributes", user)?;
    let system = trials().flat_map(|(id, trial)| attributes_of(id, &trial.system_attributes));
    insert_attributes(db, "trial_system_attributes", system)?;
    Ok(ids)
}

/// Gives a user attribute of a trial the value that stands in a JSON text.
pub(crate) fn set_trial_attribute(
    db: &mut dyn Database,
    trial: i64,
    key: &str,
    json: &str,
) -> Result<(), StorageError> {
    set_attributes(db, "trial_user_attributes", trial, &[(key, json)])
}

/// As [`set_trial_attribute`], of several.
pub(crate) fn set_trial_attributes(
    db: &mut dyn Database,
    trial: i64,
    attributes: &[(&str, &str)],
) -> Result<(), StorageError> {
    set_attributes(db, "trial_user_attributes", trial, attributes)
}

/// As [`set_trial_attribute`], of a system attribute.
pub(crate) fn set_system_attribute(
    db: &mut dyn Database,
    trial: i64,
    key: &str,
    json: &str,
) -> Result<(), StorageError> {
    set_attributes(db, "trial_system_attributes", trial, &[(key, json)])
}

fn set_attributes(
    db: &mut dyn Database,
    table: &str,
    trial: i64,
    attributes: &[(&str, &str)],
) -> Result<(), StorageError> {
    if attributes.is_empty() {
        return Ok(());
    }
    let mut values = vec![Value::Int(trial)];
    let mut rows = Vec::new();
    for (key, json) in attributes {
        let place = values.len();
        rows.push(format!("(?1, ?{}, ?{})", place + 1, place + 2));
        values.extend([Value::Text((*key).into()), Value::Text((*json).into())]);
    }
    let upsert = format!(
        "INSERT INTO {table} (trial_id, \"key\", value_json) VALUES {} \
         ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json",
        rows.join(", ")
    );
    db.run(&upsert, &values)
}

/// Sets what a running trial has come to at a step.
pub(crate) fn set_intermediate_value(
    db: &mut dyn Database,
    trial: i64,
    step: i64,
    value: f64,
) -> Result<(), StorageError> {
    let upsert = "INSERT INTO trial_intermediate_values \
                  (trial_id, step, intermediate_value, intermediate_value_type) \
                  VALUES (?1, ?2, ?3, ?4) ON CONFLICT (trial_id, step) DO UPDATE SET \
                  intermediate_value = excluded.intermediate_value, \
                  intermediate_value_type = excluded.intermediate_value_type";
    let [value, kind] = stored(value);
    db.run(upsert, &[Value::Int(trial), Value::Int(step), value, kind])?;
    Ok(())
}

/// Ends a running trial now, and returns 1; or 0 where it was not running, and nothing is changed.
pub(crate) fn end_trial(
    db: &mut dyn Database,
    trial: i64,
    state: RecordState,
    values: &[f64],
) -> Result<u64, StorageError> {
    let update = "UPDATE trials SET state = ?2, datetime_complete = {now} \
                  WHERE trial_id = ?1 AND state = ?3";
    let params = [Value::Int(trial), state.into(), RecordState::Running.into()];
    let ended = db.execute(update, &params)?;
    if ended > 0 {
        // Whoever enqueued it, or ran it before, may have left values.
        db.run("DELETE FROM trial_values WHERE trial_id = ?1", &[Value::Int(trial)])?;
        insert_values(db, trial, values)?;
    }
    Ok(ended)
}

/// Inserts a trial as it stands in `record`, but for its key, and returns that.
pub(crate) fn insert_record(
    db: &mut dyn Database,
    study: i64,
    record: &TrialRecord,
) -> Result<i64, StorageError> {
    let insert = "INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) \
                  VALUES (?1, ?2, ?3, ?4, ?5) RETURNING trial_id";
    let values = [
        Value::Int(record.number as i64),
        Value::Int(study),
        record.state.into(),
        date(&record.start),
        date(&record.complete),
    ];
    let id = returned_key(db.query(insert, &values)?)?;
    if record.heartbeat.is_some() {
        let heartbeat = "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (?1, ?2)";
        db.run(heartbeat, &[Value::Int(id), date(&record.heartbeat)])?;
    }
    insert_params(db, [(id, record.params.as_slice())])?;
    insert_values(db, id, &record.values)?;
    insert_additions(db, id, record)?;
    Ok(id)
}

/// Ends a trial in the state `was` as `record` did, and returns 1; or 0 where it is no longer in that
/// state, and nothing is changed. `record` holds what the trial lacks, and its values.
pub(crate) fn complete_from_record(
    db: &mut dyn Database,
    trial: i64,
    was: RecordState,
    record: &TrialRecord,
) -> Result<u64, StorageError> {
    let update = "UPDATE trials SET state = ?2, datetime_start = ?3, datetime_complete = ?4 \
                  WHERE trial_id = ?1 AND state = ?5";
    let values = [
        Value::Int(trial),
        record.state.into(),
        date(&record.start),
        date(&record.complete),
        was.into(),
    ];
    let ended = db.execute(update, &values)?;
    if ended > 0 {
        insert_params(db, [(trial, record.params.as_slice())])?;
        db.run("DELETE FROM trial_values WHERE trial_id = ?1", &[Value::Int(trial)])?;
        insert_values(db, trial, &record.values)?;
        insert_additions(db, trial, record)?;
    }
    Ok(ended)
}

/// Inserts the attributes, intermediate values and curves of `record`, none of which the trial may have.
pub(crate) fn insert_additions(
    db: &mut dyn Database,
    trial: i64,
    record: &TrialRecord,
) -> Result<(), StorageError> {
    let user = attributes_of(trial, &record.user_attributes);
    insert_attributes(db, "trial_user_attributes", user)?;
    let system = attributes_of(trial, &record.system_attributes);
    insert_attributes(db, "trial_system_attributes", system)?;
    insert_intermediate_values(db, trial, &record.intermediate_values)?;
    let curves = record.curves.iter().map(|(task, npz)| {
        [Value::Int(trial), Value::Text(task.clone()), Value::Bytes(npz.clone())]
    });
    insert_rows(db, "burn_tune_curves (trial_id, task, npz)", curves)
}

fn returned_key(rows: Vec<Vec<Value>>) -> Result<i64, StorageError> {
    let row = rows.into_iter().next();
    row.map_or_else(|| Err(no_key()), |row| RowReader::of(row).int())
}

fn no_key() -> StorageError {
    StorageError::Permanent("the database gave a new trial no key".into())
}

fn insert_params<'a>(
    db: &mut dyn Database,
    trials: impl IntoIterator<Item = (i64, &'a [ParamRecord])>,
) -> Result<(), StorageError> {
    let rows = trials.into_iter().flat_map(|(trial, params)| {
        params.iter().map(move |ParamRecord { name, value, distribution }| {
            [
                Value::Int(trial),
                Value::Text(name.clone()),
                Value::Float(*value),
                Value::Text(distribution.clone()),
            ]
        })
    });
    insert_rows(db, "trial_params (trial_id, param_name, param_value, distribution_json)", rows)
}

/// The rows of attributes of a trial.
fn attributes_of<'a>(
    trial: i64,
    attributes: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> impl Iterator<Item = [Value; 3]> {
    attributes.into_iter().map(move |(key, json)| {
        [Value::Int(trial), Value::Text(key.clone()), Value::Text(json.clone())]
    })
}

fn insert_attributes(
    db: &mut dyn Database,
    table: &str,
    rows: impl IntoIterator<Item = [Value; 3]>,
) -> Result<(), StorageError> {
    insert_rows(db, &format!("{table} (trial_id, \"key\", value_json)"), rows)
}

fn insert_values(db: &mut dyn Database, trial: i64, values: &[f64]) -> Result<(), StorageError> {
    // Optuna cannot open a study with such a value.
    if values.iter().any(|value| value.is_nan()) {
        return Err(StorageError::Input(
            "a trial cannot have the value NaN: end it as FAIL, without values".into(),
        ));
    }
    let rows = values.iter().zip(0..).map(|(value, objective)| {
        let [value, kind] = stored(*value);
        [Value::Int(trial), Value::Int(objective), value, kind]
    });
    insert_rows(db, "trial_values (trial_id, objective, value, value_type)", rows)
}

fn insert_intermediate_values(
    db: &mut dyn Database,
    trial: i64,
    values: &BTreeMap<i64, f64>,
) -> Result<(), StorageError> {
    let into = "trial_intermediate_values \
                (trial_id, step, intermediate_value, intermediate_value_type)";
    let rows = values.iter().map(|(step, value)| {
        let [value, kind] = stored(*value);
        [Value::Int(trial), Value::Int(*step), value, kind]
    });
    insert_rows(db, into, rows)
}

/// A number and its kind, as Optuna's tables have them: numbers that are not finite are a kind alone.
fn stored(value: f64) -> [Value; 2] {
    let kind = |kind: &str| Value::Text(kind.to_owned());
    if value.is_finite() {
        [Value::Float(value), kind("FINITE")]
    } else if value.is_nan() {
        [Value::Null, kind("NAN")]
    } else if value > 0.0 {
        [Value::Null, kind("INF_POS")]
    } else {
        [Value::Null, kind("INF_NEG")]
    }
}

fn date(date: &Option<String>) -> Value {
    date.clone().map_or(Value::Null, Value::Text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use burn_tune_search::Stop;
    use tempfile::TempDir;

    use super::*;
    use crate::database::Access;
    use crate::trials::read_trials;
    use crate::{OpenMode, RetryPolicy, Storage, StorageUrl};

    fn new_storage() -> (TempDir, Storage) {
        let folder = tempfile::tempdir().unwrap();
        let url = StorageUrl::Sqlite(folder.path().join("studies.db"));
        let retry_policy = RetryPolicy { limit: Duration::ZERO, stop: Stop::default() };
        let storage = Storage::open(&url, OpenMode::MayCreate, retry_policy).unwrap();
        (folder, storage)
    }

    fn write<T>(
        storage: &mut Storage,
        work: impl FnMut(&mut dyn Database) -> Result<T, StorageError>,
    ) -> T {
        storage.transaction(Access::Write, work).unwrap()
    }

    fn new_trial(state: RecordState) -> NewTrial {
        let param =
            |name: &str| ParamRecord { name: name.into(), value: 0.5, distribution: "{}".into() };
        NewTrial {
            state,
            params: vec![param("z"), param("a")],
            user_attributes: [("name".into(), "\"first\"".into())].into(),
            system_attributes: [("fixed_params".into(), "{}".into())].into(),
        }
    }

    #[test]
    fn trials_are_numbered_within_their_study() {
        let (_folder, mut storage) = new_storage();
        let a = storage.create_study("a", &["MAXIMIZE"], &[]).unwrap();
        let b = storage.create_study("b", &["MAXIMIZE"], &[]).unwrap();
        let (running, waiting) = (new_trial(RecordState::Running), new_trial(RecordState::Waiting));
        for (study, trial) in [(&a, &running), (&b, &waiting), (&a, &waiting), (&a, &running)] {
            write(&mut storage, |db| insert_trial(db, study.id, trial));
        }
        let trials = storage.trials(&a).unwrap();
        let numbers: Vec<usize> = trials.iter().map(|trial| trial.number).collect();
        assert_eq!(numbers, [0, 1, 2]);
        let begun: Vec<bool> = trials.iter().map(|trial| trial.start.is_some()).collect();
        assert_eq!(begun, [true, false, true]);
        assert_eq!(trials[0].params, running.params);
        assert_eq!(trials[1].user_attributes["name"], "\"first\"");
        assert_eq!(trials[1].system_attributes["fixed_params"], "{}");
        let trials_of_b = storage.trials(&b).unwrap();
        assert_eq!((trials_of_b.len(), trials_of_b[0].number), (1, 0));
        let later = write(&mut storage, |db| read_trials(db, a.id, trials[1].id));
        assert_eq!(later, trials[2..]);
    }

    #[test]
    fn a_trial_ends_once_and_only_while_it_runs() {
        let (_folder, mut storage) = new_storage();
        let study = storage.create_study("a", &["MAXIMIZE", "MINIMIZE"], &[]).unwrap();
        let (running, waiting) = (new_trial(RecordState::Running), new_trial(RecordState::Waiting));
        let first = write(&mut storage, |db| insert_trial(db, study.id, &running));
        let second = write(&mut storage, |db| insert_trial(db, study.id, &waiting));
        let end = |id, values| {
            move |db: &mut dyn Database| end_trial(db, id, RecordState::Complete, values)
        };
        let refused = storage.transaction(Access::Write, end(first, &[0.5, f64::NAN]));
        let Err(StorageError::Input(reason)) = refused else { panic!("{refused:?}") };
        assert!(reason.contains("cannot have the value NaN"), "{reason}");
        assert_eq!(storage.trial(&study, 0).unwrap().unwrap().state, RecordState::Running);

        let values = [f64::NEG_INFINITY, 0.1 + 0.2];
        assert_eq!(write(&mut storage, end(first, &values)), 1);
        assert_eq!(write(&mut storage, end(first, &[1.0, 1.0])), 0);
        assert_eq!(write(&mut storage, end(second, &[1.0, 1.0])), 0);
        let trials = storage.trials(&study).unwrap();
        assert_eq!(
            (trials[0].state.as_str(), trials[0].values.as_slice()),
            ("COMPLETE", &values[..])
        );
        assert!(trials[0].complete >= trials[0].start && trials[0].start.is_some());
        assert_eq!((trials[1].state.as_str(), trials[1].values.len()), ("WAITING", 0));
        assert_eq!(trials[1].complete, None);
    }

    #[test]
    fn what_is_set_again_is_replaced() {
        let (_folder, mut storage) = new_storage();
        let study = storage.create_study("a", &["MAXIMIZE"], &[]).unwrap();
        let trial = new_trial(RecordState::Running);
        let id = write(&mut storage, |db| insert_trial(db, study.id, &trial));
        write(&mut storage, |db| {
            set_trial_attribute(db, id, "name", "1")?;
            set_trial_attribute(db, id, "fold0", "2")?;
            set_trial_attribute(db, id, "fold0", "3")?;
            for (step, value) in [(0, 0.5), (0, f64::INFINITY), (-1, f64::NAN), (-1, 0.25)] {
                set_intermediate_value(db, id, step, value)?;
            }
            Ok(())
        });
        let trial = storage.trial(&study, 0).unwrap().unwrap();
        let attributes = [("fold0", "3"), ("name", "1")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(trial.user_attributes, attributes.into());
        assert_eq!(trial.intermediate_values, [(-1, 0.25), (0, f64::INFINITY)].into());
    }
}
