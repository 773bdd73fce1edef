//! Studies as rows: which there are, making one, its attributes, and deleting it.

use std::collections::BTreeMap;

use crate::attributes::{LOST, METRIC_NAMES};
use crate::bulk_insert::insert_rows;
use crate::database::{Access, Database, Row, Value};
use crate::records::{RecordState, StudyRecord};
use crate::row_reader::RowReader;
use crate::trials::{LAST_NUMBER, number, number_after};
use crate::{Storage, StorageError};

/// How many characters the column of a study's name holds.
const LONGEST_NAME: usize = 512;

/// A study, and what its trials have come to.
#[derive(Debug, Clone, PartialEq)]
pub struct StudySummary {
    /// The study itself.
    pub record: StudyRecord,
    /// Its trials by their state.
    pub counts: Counts,
    /// The best value of a complete trial; `None` where there is none, or more than one objective.
    pub best: Option<f64>,
    /// When its first trial began: `YYYY-MM-DD HH:MM:SS.ffffff`, UTC.
    pub start: Option<String>,
    /// The last end of a trial or sign of life of one, likewise.
    pub last: Option<String>,
}

/// Numbers of trials by their state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// With all values.
    pub complete: usize,
    /// Ended early, for lack of promise.
    pub pruned: usize,
    /// Without a value.
    pub failed: usize,
    /// Under way.
    pub running: usize,
    /// Those whose workers ended again and again, and that are left alone until a resume.
    pub lost: usize,
    /// Asked for, and not begun.
    pub waiting: usize,
}

impl Storage {
    /// All studies, oldest first, with what their trials have come to.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn studies(&mut self) -> Result<Vec<StudySummary>, StorageError> {
        self.transaction(Access::Read, read_summaries)
    }

    /// The study of this name.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn study(&mut self, name: &str) -> Result<Option<StudyRecord>, StorageError> {
        self.transaction(Access::Read, |db| read_study_named(db, name))
    }

    /// The study that was made last.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn newest_study(&mut self) -> Result<Option<StudyRecord>, StorageError> {
        let newest = "WHERE study_id = (SELECT MAX(study_id) FROM studies)";
        self.transaction(Access::Read, |db| Ok(read_studies(db, newest, &[])?.pop()))
    }

    /// Makes a study without trials. `directions` are `MINIMIZE` or `MAXIMIZE`, one an objective; the
    /// attributes are JSON texts by key.
    ///
    /// # Errors
    ///
    /// [`StorageError::Input`] where there is one of this name, or it cannot be a name.
    pub fn create_study(
        &mut self,
        name: &str,
        directions: &[&str],
        user_attributes: &[(&str, String)],
    ) -> Result<StudyRecord, StorageError> {
        self.transaction(Access::Write, |db| {
            let id = insert_study(db, name, directions)?.ok_or_else(|| name_is_taken(name))?;
            insert_study_attributes(db, id, user_attributes)?;
            Ok(study_record(id, name, directions, user_attributes))
        })
    }

    /// Makes a study as [`Storage::create_study`] does, under the first of the names `base`, `base-2`,
    /// `base-3` … that is free.
    ///
    /// # Errors
    ///
    /// [`StorageError::Input`] where `base` cannot be a name.
    pub fn create_study_numbered(
        &mut self,
        base: &str,
        directions: &[&str],
        user_attributes: &[(&str, String)],
    ) -> Result<StudyRecord, StorageError> {
        self.transaction(Access::Write, |db| {
            let mut name = base.to_owned();
            let mut number = 1;
            let id = loop {
                if let Some(id) = insert_study(db, &name, directions)? {
                    break id;
                }
                number += 1;
                name = format!("{base}-{number}");
            };
            insert_study_attributes(db, id, user_attributes)?;
            Ok(study_record(id, &name, directions, user_attributes))
        })
    }

    /// Gives a user attribute of a study the value that stands in a JSON text.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn set_study_attribute(
        &mut self,
        study: i64,
        key: &str,
        json: &str,
    ) -> Result<(), StorageError> {
        self.transaction(Access::Write, |db| set_study_attribute(db, study, key, json))
    }

    /// Says what the values of a study's trials are, such as `accuracy`, one name for each objective: as
    /// Optuna's `set_metric_names` does, for its plots and its dashboard.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn set_metric_names(&mut self, study: i64, names: &[&str]) -> Result<(), StorageError> {
        let json = serde_json::Value::from(names).to_string();
        self.transaction(Access::Write, |db| {
            set_study_system_attribute(db, study, METRIC_NAMES, &json)
        })
    }

    /// Deletes a study with all of its trials.
    ///
    /// # Errors
    ///
    /// [`StorageError::Input`] where it is there no more.
    pub fn delete_study(&mut self, study: &StudyRecord) -> Result<(), StorageError> {
        self.transaction(Access::Write, |db| {
            lock_study(db, study.id)?;
            delete_rows(db, study.id)
        })
    }
}

/// Makes all others wait who want to change which trials a study has, until the transaction ends.
///
/// # Errors
///
/// [`StorageError::Input`] where the study is there no more.
pub(crate) fn lock_study(db: &mut dyn Database, study: i64) -> Result<(), StorageError> {
    must_be_there(&db.query(LOCK, &[Value::Int(study)])?)
}

/// As [`lock_study`]; the number of the study's next trial.
pub(crate) fn lock_and_next_number(
    db: &mut dyn Database,
    study: i64,
) -> Result<usize, StorageError> {
    let (number, _) = lock_and_query(db, study, &[])?;
    Ok(number)
}

/// As [`lock_and_next_number`], and what more queries of the study find once it is locked.
pub(crate) fn lock_and_query(
    db: &mut dyn Database,
    study: i64,
    more: &[(&str, &[Value])],
) -> Result<(usize, Vec<Vec<Row>>), StorageError> {
    let params = [Value::Int(study)];
    let mut queries = vec![(LOCK, params.as_slice()), (LAST_NUMBER, &params)];
    queries.extend(more);
    let mut answers = db.queries(&queries)?.into_iter();
    must_be_there(&answers.next().unwrap_or_default())?;
    let number = number_after(answers.next().unwrap_or_default())?;
    Ok((number, answers.collect()))
}

/// In SQLite the transaction itself is the lock, from its beginning.
const LOCK: &str = "SELECT study_id FROM studies WHERE study_id = ?1{lock}";

fn must_be_there(locked: &[Row]) -> Result<(), StorageError> {
    match locked.is_empty() {
        true => Err(StorageError::Input(
            "the study is there no more: somebody has deleted it".to_owned(),
        )),
        false => Ok(()),
    }
}

/// The study of this name.
pub(crate) fn read_study_named(
    db: &mut dyn Database,
    name: &str,
) -> Result<Option<StudyRecord>, StorageError> {
    let condition = "WHERE study_id = (SELECT study_id FROM studies WHERE study_name = ?1)";
    Ok(read_studies(db, condition, &[Value::Text(name.into())])?.pop())
}

/// [`Storage::set_study_attribute`] within a transaction.
pub(crate) fn set_study_attribute(
    db: &mut dyn Database,
    study: i64,
    key: &str,
    json: &str,
) -> Result<(), StorageError> {
    let upsert = "INSERT INTO study_user_attributes (study_id, \"key\", value_json) \
                  VALUES (?1, ?2, ?3) \
                  ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json = excluded.value_json";
    db.run(upsert, &[Value::Int(study), Value::Text(key.into()), Value::Text(json.into())])?;
    Ok(())
}

/// A system attribute of a study.
pub(crate) fn study_system_attribute(
    db: &mut dyn Database,
    study: i64,
    key: &str,
) -> Result<Option<String>, StorageError> {
    let rows = db.query(STUDY_SYSTEM_ATTRIBUTE, &[Value::Int(study), Value::Text(key.into())])?;
    rows.into_iter().next().map(|row| RowReader::of(row).text()).transpose()
}

/// See [`study_system_attribute`].
pub(crate) const STUDY_SYSTEM_ATTRIBUTE: &str =
    "SELECT value_json FROM study_system_attributes WHERE study_id = ?1 AND \"key\" = ?2";

/// Sets a system attribute of a study.
pub(crate) fn set_study_system_attribute(
    db: &mut dyn Database,
    study: i64,
    key: &str,
    json: &str,
) -> Result<(), StorageError> {
    let upsert = "INSERT INTO study_system_attributes (study_id, \"key\", value_json) \
                  VALUES (?1, ?2, ?3) \
                  ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json = excluded.value_json";
    db.run(upsert, &[Value::Int(study), Value::Text(key.into()), Value::Text(json.into())])?;
    Ok(())
}

/// Inserts a study and its directions; `None` where there is one of this name.
pub(crate) fn insert_study(
    db: &mut dyn Database,
    name: &str,
    directions: &[&str],
) -> Result<Option<i64>, StorageError> {
    check_name(name)?;
    let insert = "INSERT INTO studies (study_name) VALUES (?1) \
                  ON CONFLICT (study_name) DO NOTHING RETURNING study_id";
    let rows = db.query(insert, &[Value::Text(name.into())])?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let id = RowReader::of(row).int()?;
    let directions = directions.iter().zip(0..).map(|(direction, objective)| {
        [Value::Int(id), Value::Int(objective), Value::Text((*direction).into())]
    });
    insert_rows(db, "study_directions (study_id, objective, direction)", directions)?;
    Ok(Some(id))
}

/// What is said of a name that another study has.
pub(crate) fn name_is_taken(name: &str) -> StorageError {
    StorageError::Input(format!("there is a study `{name}` already: choose another name"))
}

fn insert_study_attributes(
    db: &mut dyn Database,
    study: i64,
    attributes: &[(&str, String)],
) -> Result<(), StorageError> {
    attributes.iter().try_for_each(|(key, json)| set_study_attribute(db, study, key, json))
}

fn study_record(
    id: i64,
    name: &str,
    directions: &[&str],
    user_attributes: &[(&str, String)],
) -> StudyRecord {
    let attributes = user_attributes.iter().map(|(key, json)| ((*key).to_owned(), json.clone()));
    StudyRecord {
        id,
        name: name.to_owned(),
        directions: directions.iter().map(|direction| (*direction).to_owned()).collect(),
        user_attributes: attributes.collect(),
        system_attributes: BTreeMap::new(),
    }
}

/// Names that PostgreSQL cannot hold are refused for SQLite too, so that a study can move.
fn check_name(name: &str) -> Result<(), StorageError> {
    let length = name.chars().count();
    let problem = if length == 0 {
        "it is empty".to_owned()
    } else if length > LONGEST_NAME {
        format!("it has {length} characters, of at most {LONGEST_NAME}")
    } else if name.contains('\0') {
        "it has a character NUL".to_owned()
    } else {
        return Ok(());
    };
    let start: String = name.chars().take(40).collect();
    Err(StorageError::Input(format!(
        "`{}` is no name for a study: {problem}",
        start.escape_debug()
    )))
}

/// Studies by their key, of those tables' rows that `condition` is true for.
fn read_studies(
    db: &mut dyn Database,
    condition: &str,
    params: &[Value],
) -> Result<Vec<StudyRecord>, StorageError> {
    let mut studies = BTreeMap::new();
    let select = format!("SELECT study_id, study_name FROM studies {condition}");
    for row in db.query(&select, params)? {
        let mut row = RowReader::of(row);
        let (id, name) = (row.int()?, row.text()?);
        studies.insert(id, study_record(id, &name, &[], &[]));
    }
    // A study that is made at the same time may have rows here, and none above.
    let select = format!(
        "SELECT study_id, direction FROM study_directions {condition} ORDER BY study_id, objective"
    );
    for row in db.query(&select, params)? {
        let mut row = RowReader::of(row);
        if let Some(study) = studies.get_mut(&row.int()?) {
            study.directions.push(row.text()?);
        }
    }
    for table in ["study_user_attributes", "study_system_attributes"] {
        let select = format!("SELECT study_id, \"key\", value_json FROM {table} {condition}");
        for row in db.query(&select, params)? {
            let mut row = RowReader::of(row);
            if let Some(study) = studies.get_mut(&row.int()?) {
                let attributes = match table {
                    "study_user_attributes" => &mut study.user_attributes,
                    _ => &mut study.system_attributes,
                };
                attributes.insert(row.text()?, row.text()?);
            }
        }
    }
    Ok(studies.into_values().collect())
}

fn read_summaries(db: &mut dyn Database) -> Result<Vec<StudySummary>, StorageError> {
    let studies = read_studies(db, "", &[])?;
    let mut summaries: BTreeMap<i64, StudySummary> = studies
        .into_iter()
        .map(|record| {
            let counts = Counts::default();
            (record.id, StudySummary { record, counts, best: None, start: None, last: None })
        })
        .collect();
    count_trials(db, &mut summaries)?;
    let beats = "SELECT t.study_id, MAX(h.heartbeat) FROM trial_heartbeats h \
                 JOIN trials t ON t.trial_id = h.trial_id GROUP BY t.study_id";
    for row in db.query(beats, &[])? {
        let mut row = RowReader::of(row);
        if let Some(summary) = summaries.get_mut(&row.int()?) {
            summary.last = summary.last.take().max(row.optional_date()?);
        }
    }
    find_best(db, &mut summaries)?;
    Ok(summaries.into_values().collect())
}

fn count_trials(
    db: &mut dyn Database,
    summaries: &mut BTreeMap<i64, StudySummary>,
) -> Result<(), StorageError> {
    let select = "SELECT study_id, state, COUNT(*), MIN(datetime_start), MAX(datetime_complete) \
                  FROM trials GROUP BY study_id, state";
    for row in db.query(select, &[])? {
        let mut row = RowReader::of(row);
        let Some(summary) = summaries.get_mut(&row.int()?) else { continue };
        let (state, count) = (row.text()?, row.count()?);
        let counts = &mut summary.counts;
        match crate::trials::state(&state)? {
            RecordState::Complete => counts.complete = count,
            RecordState::Pruned => counts.pruned = count,
            RecordState::Fail => counts.failed = count,
            RecordState::Running => counts.running = count,
            RecordState::Waiting => counts.waiting = count,
        }
        let (start, complete) = (row.optional_date()?, row.optional_date()?);
        summary.start = summary.start.take().into_iter().chain(start).min();
        summary.last = summary.last.take().max(complete);
    }
    let select = "SELECT t.study_id, COUNT(*) FROM trials t JOIN trial_system_attributes a \
                  ON a.trial_id = t.trial_id AND a.\"key\" = ?1 \
                  WHERE t.state = ?2 GROUP BY t.study_id";
    for row in db.query(select, &[Value::Text(LOST.into()), RecordState::Running.into()])? {
        let mut row = RowReader::of(row);
        let Some(summary) = summaries.get_mut(&row.int()?) else { continue };
        summary.counts.lost = row.count()?;
        summary.counts.running = summary.counts.running.saturating_sub(summary.counts.lost);
    }
    Ok(())
}

fn find_best(
    db: &mut dyn Database,
    summaries: &mut BTreeMap<i64, StudySummary>,
) -> Result<(), StorageError> {
    let select = "SELECT t.study_id, v.value_type, MIN(v.value), MAX(v.value) FROM trials t \
                  JOIN trial_values v ON v.trial_id = t.trial_id \
                  WHERE t.state = ?1 AND v.objective = 0 GROUP BY t.study_id, v.value_type";
    for row in db.query(select, &[RecordState::Complete.into()])? {
        let mut row = RowReader::of(row);
        let Some(summary) = summaries.get_mut(&row.int()?) else { continue };
        let kind = row.text()?;
        let (lowest, highest) = (row.optional_float()?, row.optional_float()?);
        let best = match summary.record.directions.as_slice() {
            [direction] if direction == "MINIMIZE" => {
                let lowest = number(lowest, &kind)?;
                summary.best.map_or(lowest, |best| best.min(lowest))
            }
            [direction] if direction == "MAXIMIZE" => {
                let highest = number(highest, &kind)?;
                summary.best.map_or(highest, |best| best.max(highest))
            }
            _ => continue,
        };
        summary.best = Some(best);
    }
    Ok(())
}

/// Optuna's tables delete nothing by themselves. Ours do, with the trials.
fn delete_rows(db: &mut dyn Database, study: i64) -> Result<(), StorageError> {
    let of_trials = [
        "trial_user_attributes",
        "trial_system_attributes",
        "trial_params",
        "trial_values",
        "trial_intermediate_values",
        "trial_heartbeats",
    ];
    for table in of_trials {
        let delete = format!(
            "DELETE FROM {table} \
             WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?1)"
        );
        db.run(&delete, &[Value::Int(study)])?;
    }
    let of_study = [
        "trials",
        "study_directions",
        "study_user_attributes",
        "study_system_attributes",
        "studies",
    ];
    for table in of_study {
        let delete = format!("DELETE FROM {table} WHERE study_id = ?1");
        db.run(&delete, &[Value::Int(study)])?;
    }
    Ok(())
}
