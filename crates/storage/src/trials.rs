//! Trials as rows: reading them with all that belongs to them. [`write`] inserts and ends them.

use std::collections::BTreeMap;

use crate::database::{Access, Database, Row, Value};
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
    TrialsQuery::after(study, after).read(db)
}

/// The last trial of a study: Optuna counts them all instead, which comes to the same, and takes longer each time.
pub(crate) const LAST_NUMBER: &str =
    "SELECT number FROM trials WHERE study_id = ?1 ORDER BY trial_id DESC LIMIT 1";

/// The number of the next trial of a study, which the transaction has locked.
pub(crate) fn next_number(db: &mut dyn Database, study: i64) -> Result<usize, StorageError> {
    number_after(db.query(LAST_NUMBER, &[Value::Int(study)])?)
}

/// The number behind what [`LAST_NUMBER`] has found.
pub(crate) fn number_after(last: Vec<Row>) -> Result<usize, StorageError> {
    let last = last.into_iter().next();
    last.map_or(Ok(0), |row| RowReader::of(row).count().map(|number| number + 1))
}

/// The trial of a study with this number, without curves.
pub(crate) fn read_number(
    db: &mut dyn Database,
    study: i64,
    number: usize,
) -> Result<Option<TrialRecord>, StorageError> {
    let params = vec![Value::Int(study), Value::Int(number as i64)];
    Ok(TrialsQuery::of("t.study_id = ?1 AND t.number = ?2", params).read(db)?.pop())
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

/// A question for trials with all that belongs to them: a query for each table, however many trials there are.
pub(crate) struct TrialsQuery {
    selects: [String; 1 + PARTS.len()],
    params: Vec<Value>,
}

/// What other tables hold of a trial: the table, its columns and their order, and how a row is added.
type Part = (&'static str, &'static str, &'static str, AddPart);
type AddPart = fn(&mut TrialRecord, &mut RowReader) -> Result<(), StorageError>;

const PARTS: [Part; 5] = [
    (
        "trial_params",
        "param_name, param_value, distribution_json",
        "ORDER BY c.trial_id, c.param_id",
        |trial, row| {
            let (name, value, distribution) = (row.text()?, row.float()?, row.text()?);
            trial.params.push(ParamRecord { name, value, distribution });
            Ok(())
        },
    ),
    ("trial_values", "value, value_type", "ORDER BY c.trial_id, c.objective", |trial, row| {
        trial.values.push(number(row.optional_float()?, &row.text()?)?);
        Ok(())
    }),
    (
        "trial_intermediate_values",
        "step, intermediate_value, intermediate_value_type",
        "",
        |trial, row| {
            let step = row.int()?;
            trial.intermediate_values.insert(step, number(row.optional_float()?, &row.text()?)?);
            Ok(())
        },
    ),
    ("trial_user_attributes", "\"key\", value_json", "", |trial, row| {
        trial.user_attributes.insert(row.text()?, row.text()?);
        Ok(())
    }),
    ("trial_system_attributes", "\"key\", value_json", "", |trial, row| {
        trial.system_attributes.insert(row.text()?, row.text()?);
        Ok(())
    }),
];

impl TrialsQuery {
    /// `condition` is about the trials `t`.
    fn of(condition: &str, params: Vec<Value>) -> Self {
        let mut selects = [const { String::new() }; 1 + PARTS.len()];
        selects[0] = format!(
            "SELECT t.trial_id, t.number, t.state, t.datetime_start, t.datetime_complete, h.heartbeat \
             FROM trials t LEFT JOIN trial_heartbeats h ON h.trial_id = t.trial_id \
             WHERE {condition} ORDER BY t.trial_id"
        );
        for (select, (table, columns, order, _)) in selects[1..].iter_mut().zip(PARTS) {
            *select = format!(
                "SELECT c.trial_id, {columns} FROM {table} c JOIN trials t ON t.trial_id = c.trial_id \
                 WHERE {condition} {order}"
            );
        }
        TrialsQuery { selects, params }
    }

    /// For the trials of a study whose key is above `after`, in the order in which they were made.
    pub fn after(study: i64, after: i64) -> Self {
        let params = vec![Value::Int(study), Value::Int(after)];
        TrialsQuery::of("t.study_id = ?1 AND t.trial_id > ?2", params)
    }

    /// For the trials with these keys, in the order of their keys: one after the other, each for some of them.
    pub fn with_keys(trials: &[i64]) -> Vec<Self> {
        let of_chunk = |trials: &[i64]| {
            // The last one again and again, so that few statements of different length are kept prepared.
            let filled = trials.iter().chain(trials.last().into_iter().cycle());
            let params: Vec<Value> =
                filled.take(trials.len().next_power_of_two()).copied().map(Value::Int).collect();
            let places: Vec<String> = (1..=params.len()).map(|place| format!("?{place}")).collect();
            TrialsQuery::of(&format!("t.trial_id IN ({})", places.join(", ")), params)
        };
        trials.chunks(MOST_KEYS).map(of_chunk).collect()
    }

    /// The query for the trials themselves.
    pub fn trials(&self) -> (&str, &[Value]) {
        (&self.selects[0], &self.params)
    }

    /// The queries for what else there is of them.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &[Value])> {
        self.selects[1..].iter().map(|select| (select.as_str(), self.params.as_slice()))
    }

    /// Asks all of it. Where there are no trials, it is one query.
    pub fn read(&self, db: &mut dyn Database) -> Result<Vec<TrialRecord>, StorageError> {
        let (select, params) = self.trials();
        let trials = db.query(select, params)?;
        if trials.is_empty() {
            return Ok(Vec::new());
        }
        let parts = db.queries(&self.parts().collect::<Vec<_>>())?;
        Self::assemble(trials, parts)
    }

    /// The trials of rows of all tables.
    pub fn assemble(
        trials: Vec<Row>,
        parts: Vec<Vec<Row>>,
    ) -> Result<Vec<TrialRecord>, StorageError> {
        let trials: Result<Vec<_>, _> =
            trials.into_iter().map(|row| trial(RowReader::of(row))).collect();
        let mut trials = trials?;
        for ((_, _, _, add), rows) in PARTS.iter().zip(parts) {
            for row in rows {
                let mut row = RowReader::of(row);
                let id = row.int()?;
                // A trial that was made since the trials were read is left out with all its parts.
                if let Ok(index) = trials.binary_search_by_key(&id, |trial| trial.id) {
                    add(&mut trials[index], &mut row)?;
                }
            }
        }
        Ok(trials)
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
