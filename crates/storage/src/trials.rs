//! Trials as rows: reading them with all that belongs to them. [`write`] inserts and ends them.

use std::collections::BTreeMap;

use crate::database::{Access, Database, Value};
use crate::records::{ParamRecord, RecordState, StudyRecord, TrialRecord};
use crate::row_reader::RowReader;
use crate::{Storage, StorageError};

pub(crate) mod write;

/// The most trials that one query names by their keys.
const MOST_KEYS: usize = 64;

impl Storage {
    /// All trials of a study by their number, without curves.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn trials(&mut self, study: &StudyRecord) -> Result<Vec<TrialRecord>, StorageError> {
        self.transaction(Access::Read, |db| {
            let mut trials = read_trials(db, study.id, 0)?;
            trials.sort_by_key(|trial| trial.number);
            Ok(trials)
        })
    }

    /// One trial of a study, with curves.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn trial(
        &mut self,
        study: &StudyRecord,
        number: usize,
    ) -> Result<Option<TrialRecord>, StorageError> {
        let with_curves = self.has_own_tables();
        self.transaction(Access::Read, |db| {
            let Some(mut trial) = read_number(db, study.id, number)? else { return Ok(None) };
            if with_curves {
                let select = "SELECT task, npz FROM burn_tune_curves WHERE trial_id = ?1";
                for row in db.query(select, &[Value::Int(trial.id)])? {
                    let mut row = RowReader::of(row);
                    trial.curves.insert(row.text()?, row.bytes()?);
                }
            }
            Ok(Some(trial))
        })
    }

    /// What was recorded while the models of a study trained: the trial's number, the task (`fold0`,
    /// `seed2`) and the bytes of an npz archive.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn curves(
        &mut self,
        study: &StudyRecord,
    ) -> Result<Vec<(usize, String, Vec<u8>)>, StorageError> {
        if !self.has_own_tables() {
            return Ok(Vec::new());
        }
        let select = "SELECT t.number, c.task, c.npz FROM burn_tune_curves c \
                      JOIN trials t ON t.trial_id = c.trial_id WHERE t.study_id = ?1 \
                      ORDER BY t.number, c.task";
        self.transaction(Access::Read, |db| {
            let rows = db.query(select, &[Value::Int(study.id)])?;
            let curves = rows.into_iter().map(RowReader::of);
            curves.map(|mut row| Ok((row.count()?, row.text()?, row.bytes()?))).collect()
        })
    }
}

/// The trials of a study whose key is above `after`, in the order in which they were made, without
/// curves.
pub(crate) fn read_trials(
    db: &mut dyn Database,
    study: i64,
    after: i64,
) -> Result<Vec<TrialRecord>, StorageError> {
    let params = [Value::Int(study), Value::Int(after)];
    read_where(db, "t.study_id = ?1 AND t.trial_id > ?2", &params)
}

/// The number of the next trial of a study, which the transaction has locked.
pub(crate) fn next_number(db: &mut dyn Database, study: i64) -> Result<usize, StorageError> {
    let sql = "SELECT COUNT(*) FROM trials WHERE study_id = ?1";
    let row = db.query(sql, &[Value::Int(study)])?.into_iter().next().unwrap_or_default();
    RowReader::of(row).count()
}

/// The trial of a study with this number, without curves.
pub(crate) fn read_number(
    db: &mut dyn Database,
    study: i64,
    number: usize,
) -> Result<Option<TrialRecord>, StorageError> {
    let params = [Value::Int(study), Value::Int(number as i64)];
    Ok(read_where(db, "t.study_id = ?1 AND t.number = ?2", &params)?.pop())
}

/// The trials with these keys, without curves, in the order of their keys.
pub(crate) fn read_trials_of(
    db: &mut dyn Database,
    trials: &[i64],
) -> Result<Vec<TrialRecord>, StorageError> {
    let mut read = Vec::new();
    for trials in trials.chunks(MOST_KEYS) {
        // The last one again and again, so that few statements of different length are kept prepared.
        let filled = trials.iter().chain(trials.last().into_iter().cycle());
        let params: Vec<Value> =
            filled.take(trials.len().next_power_of_two()).copied().map(Value::Int).collect();
        let places: Vec<String> = (1..=params.len()).map(|place| format!("?{place}")).collect();
        read.extend(read_where(db, &format!("t.trial_id IN ({})", places.join(", ")), &params)?);
    }
    Ok(read)
}

/// For each trial of a study of which something was recorded, by its key: the tasks.
pub(crate) fn read_curve_tasks(
    db: &mut dyn Database,
    study: i64,
) -> Result<BTreeMap<i64, Vec<String>>, StorageError> {
    let select = "SELECT c.trial_id, c.task FROM burn_tune_curves c \
                  JOIN trials t ON t.trial_id = c.trial_id WHERE t.study_id = ?1 \
                  ORDER BY c.trial_id, c.task";
    let mut tasks: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for row in db.query(select, &[Value::Int(study)])? {
        let mut row = RowReader::of(row);
        tasks.entry(row.int()?).or_default().push(row.text()?);
    }
    Ok(tasks)
}

/// The number that stands in a table as `value`, or as the kind of what is not finite.
pub(crate) fn number(value: Option<f64>, kind: &str) -> Result<f64, StorageError> {
    match (value, kind) {
        (Some(value), "FINITE") => Ok(value),
        (_, "INF_POS") => Ok(f64::INFINITY),
        (_, "INF_NEG") => Ok(f64::NEG_INFINITY),
        (_, "NAN") => Ok(f64::NAN),
        _ => Err(StorageError::Permanent(format!(
            "the database has the value {value:?} of type {kind}, which Optuna never writes"
        ))),
    }
}

/// One query for each table, however many trials there are. `condition` is about the trials `t`.
fn read_where(
    db: &mut dyn Database,
    condition: &str,
    params: &[Value],
) -> Result<Vec<TrialRecord>, StorageError> {
    let select = format!(
        "SELECT t.trial_id, t.number, t.state, t.datetime_start, t.datetime_complete, h.heartbeat \
         FROM trials t LEFT JOIN trial_heartbeats h ON h.trial_id = t.trial_id \
         WHERE {condition} ORDER BY t.trial_id"
    );
    let rows = db.query(&select, params)?;
    let trials: Result<Vec<_>, _> = rows.into_iter().map(|row| trial(RowReader::of(row))).collect();
    let trials = trials?;
    if trials.is_empty() {
        // As with nearly every claim of a process that works alone.
        return Ok(trials);
    }
    let mut reading = Reading { db, condition, params, trials };
    reading.table("trial_params", "param_name, param_value, distribution_json", |trial, row| {
        let (name, value, distribution) = (row.text()?, row.float()?, row.text()?);
        trial.params.push(ParamRecord { name, value, distribution });
        Ok(())
    })?;
    reading.table("trial_values", "value, value_type", |trial, row| {
        trial.values.push(number(row.optional_float()?, &row.text()?)?);
        Ok(())
    })?;
    let columns = "step, intermediate_value, intermediate_value_type";
    reading.table("trial_intermediate_values", columns, |trial, row| {
        let step = row.int()?;
        trial.intermediate_values.insert(step, number(row.optional_float()?, &row.text()?)?);
        Ok(())
    })?;
    reading.table("trial_user_attributes", "\"key\", value_json", |trial, row| {
        trial.user_attributes.insert(row.text()?, row.text()?);
        Ok(())
    })?;
    reading.table("trial_system_attributes", "\"key\", value_json", |trial, row| {
        trial.system_attributes.insert(row.text()?, row.text()?);
        Ok(())
    })?;
    Ok(reading.trials)
}

/// Trials, in the order of their keys, to which what other tables hold of them is added.
struct Reading<'a> {
    db: &'a mut dyn Database,
    condition: &'a str,
    params: &'a [Value],
    trials: Vec<TrialRecord>,
}

impl Reading<'_> {
    fn table(
        &mut self,
        table: &str,
        columns: &str,
        add: impl Fn(&mut TrialRecord, &mut RowReader) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let order = match table {
            "trial_params" => "ORDER BY c.trial_id, c.param_id",
            "trial_values" => "ORDER BY c.trial_id, c.objective",
            _ => "",
        };
        let condition = self.condition;
        let select = format!(
            "SELECT c.trial_id, {columns} FROM {table} c JOIN trials t ON t.trial_id = c.trial_id \
             WHERE {condition} {order}"
        );
        for row in self.db.query(&select, self.params)? {
            let mut row = RowReader::of(row);
            let id = row.int()?;
            // A trial that was made since the trials were read is left out with all its parts.
            if let Ok(index) = self.trials.binary_search_by_key(&id, |trial| trial.id) {
                add(&mut self.trials[index], &mut row)?;
            }
        }
        Ok(())
    }
}

/// The state that stands in a table.
pub(crate) fn state(word: &str) -> Result<RecordState, StorageError> {
    RecordState::parse(word)
        .ok_or_else(|| StorageError::Permanent(format!("a trial is in the unknown state {word}")))
}

fn trial(mut row: RowReader) -> Result<TrialRecord, StorageError> {
    Ok(TrialRecord {
        id: row.int()?,
        number: row.count()?,
        state: state(&row.text()?)?,
        start: row.optional_date()?,
        complete: row.optional_date()?,
        heartbeat: row.optional_date()?,
        values: Vec::new(),
        params: Vec::new(),
        user_attributes: BTreeMap::new(),
        system_attributes: BTreeMap::new(),
        intermediate_values: BTreeMap::new(),
        curves: BTreeMap::new(),
    })
}
