//! Leases: rows that say who works on what, and until when that is to be believed.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::StorageError;
use crate::attributes::{LOST, PROPOSAL, REPEATS, WORKER};
use crate::database::{Access, Database, Row, Value};
use crate::records::{RecordState, StudyRecord};
use crate::storage::Storage;
use crate::studies::{
    STUDY_SYSTEM_ATTRIBUTE, lock_study, set_study_system_attribute, study_system_attribute,
};
use crate::worker::Worker;

/// The task of the lease of a trial itself.
pub(crate) const TRIAL: &str = "trial";

/// The leases of one worker, and how it looks at others'.
pub(crate) struct Leases {
    worker: Worker,
    name: String,
    lease_s: f64,
    /// Whether the database is a file.
    file: bool,
}

/// The numbers of the trials of a study that are lost: they are running, and have lost their workers too often.
pub(crate) fn lost_trials(db: &mut dyn Database, study: i64) -> Result<Vec<usize>, StorageError> {
    let rows = db.query(LOST_TRIALS, &lost_trials_params(study))?;
    let number = |row: &Row| match row.as_slice() {
        [Value::Int(number)] => usize::try_from(*number).ok(),
        _ => None,
    };
    Ok(rows.iter().filter_map(number).collect())
}

/// See [`lost_trials`].
pub(crate) const LOST_TRIALS: &str = "SELECT t.number FROM trials t JOIN trial_system_attributes a \
     ON a.trial_id = t.trial_id AND a.\"key\" = ?2 \
     WHERE t.study_id = ?1 AND t.state = ?3 ORDER BY t.number";

pub(crate) fn lost_trials_params(study: i64) -> [Value; 3] {
    [Value::Int(study), text(LOST), RecordState::Running.into()]
}

/// The running trials of ours in a study by number, with their keys and leases; without those that are lost.
pub(crate) const RUNNING_TRIALS: &str = "SELECT t.trial_id, t.number, \
     (SELECT COUNT(*) FROM trial_system_attributes s WHERE s.trial_id = t.trial_id), \
     l.worker, l.expires - {epoch}, l.lost FROM trials t \
     JOIN trial_system_attributes a ON a.trial_id = t.trial_id AND a.\"key\" = ?2 \
     LEFT JOIN burn_tune_leases l ON l.trial_id = t.trial_id AND l.task = ?3 \
     WHERE t.study_id = ?1 AND t.state = ?4 AND NOT EXISTS \
     (SELECT 1 FROM trial_system_attributes r WHERE r.trial_id = t.trial_id \
     AND r.\"key\" IN (?5, ?6)) \
     ORDER BY t.number";

pub(crate) fn running_trials_params(study: i64) -> [Value; 6] {
    [
        Value::Int(study),
        text(WORKER),
        text(TRIAL),
        RecordState::Running.into(),
        text(REPEATS),
        text(LOST),
    ]
}

/// A running trial of ours.
pub(crate) struct RunningTrial {
    /// Its key.
    pub id: i64,
    /// Its number.
    pub number: usize,
    /// How many system attributes it has: one more with each fold that ends.
    pub attributes: usize,
    /// Who works on it.
    pub lease: Option<Lease>,
}

/// What is in the rows of [`RUNNING_TRIALS`].
pub(crate) fn running_trials(rows: &[Row]) -> Vec<RunningTrial> {
    let count = |value: i64| usize::try_from(value).ok();
    let running = |row: &Row| match row.as_slice() {
        [Value::Int(id), Value::Int(number), Value::Int(attributes), rest @ ..] => {
            Some(RunningTrial {
                id: *id,
                number: count(*number)?,
                attributes: count(*attributes)?,
                lease: lease(rest),
            })
        }
        _ => None,
    };
    rows.iter().filter_map(running).collect()
}

/// Lets lost trials be taken up again, as if they had lost no worker.
fn revive(db: &mut dyn Database, study: i64) -> Result<(), StorageError> {
    let of_study = "trial_id IN (SELECT t.trial_id FROM trials t JOIN trial_system_attributes a \
                    ON a.trial_id = t.trial_id AND a.\"key\" = ?2 \
                    WHERE t.study_id = ?1 AND t.state = ?3)";
    let params = [Value::Int(study), text(LOST), RecordState::Running.into()];
    let leases = format!("UPDATE burn_tune_leases SET lost = 0 WHERE {of_study}");
    db.run(&leases, &params)?;
    let marks = format!("DELETE FROM trial_system_attributes WHERE \"key\" = ?2 AND {of_study}");
    db.run(&marks, &params)?;
    Ok(())
}

impl Storage {
    /// The numbers of the trials of a study that are lost: their workers ended again and again without getting
    /// any further.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn lost_trials(&mut self, study: &StudyRecord) -> Result<Vec<usize>, StorageError> {
        self.transaction(Access::Read, |db| lost_trials(db, study.id))
    }

    /// Lets the lost trials of a study be taken up again.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn revive_lost_trials(&mut self, study: &StudyRecord) -> Result<(), StorageError> {
        self.transaction(Access::Write, |db| {
            lock_study(db, study.id)?;
            revive(db, study.id)?;
            db.notify(study.id)
        })
    }
}

/// Who works on something.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lease {
    /// The worker's name.
    pub worker: String,
    /// For how long it is to be believed, in seconds; negative where it has expired.
    pub left_s: f64,
    /// How many workers were lost since the trial last got any further.
    pub lost: usize,
}

impl Leases {
    pub fn new(worker: Worker, lease: Duration, file: bool) -> Self {
        let name = worker.to_string();
        Leases { worker, name, lease_s: lease.as_secs_f64(), file }
    }

    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// The worker's name, as JSON.
    pub fn json(&self) -> String {
        serde_json::Value::from(self.name.as_str()).to_string()
    }

    pub fn is_own(&self, lease: &Lease) -> bool {
        lease.worker == self.name
    }

    /// Whether it is this worker's, or its worker is dead, as far as anybody can tell.
    pub fn is_free(&self, lease: &Lease) -> bool {
        let gone = |worker: Worker| {
            worker.has_ended(&self.worker) || (self.file && worker.was_before_restart(&self.worker))
        };
        self.is_own(lease) || lease.left_s < 0.0 || lease.worker.parse().is_ok_and(gone)
    }

    /// Whose something is.
    pub fn read(
        &self,
        db: &mut dyn Database,
        trial: i64,
        task: &str,
    ) -> Result<Option<Lease>, StorageError> {
        let sql = "SELECT worker, expires - {epoch}, lost FROM burn_tune_leases \
                   WHERE trial_id = ?1 AND task = ?2";
        let rows = db.query(sql, &[Value::Int(trial), text(task)])?;
        Ok(rows.first().and_then(|row| lease(row)))
    }

    /// What [`RUNNING_TRIALS`] says.
    pub fn of_running_trials(
        &self,
        db: &mut dyn Database,
        study: i64,
    ) -> Result<Vec<RunningTrial>, StorageError> {
        Ok(running_trials(&db.query(RUNNING_TRIALS, &running_trials_params(study))?))
    }

    /// Makes something this worker's, whosever it was, with a sign of life where Optuna looks for one.
    pub fn take(
        &self,
        db: &mut dyn Database,
        trial: i64,
        task: &str,
        lost: usize,
    ) -> Result<(), StorageError> {
        let sql = "INSERT INTO burn_tune_leases (trial_id, task, worker, expires, lost) \
                   VALUES (?1, ?2, ?3, {epoch} + ?4, ?5) ON CONFLICT (trial_id, task) \
                   DO UPDATE SET worker = excluded.worker, expires = excluded.expires, \
                   lost = excluded.lost";
        let params = [
            Value::Int(trial),
            text(task),
            text(&self.name),
            Value::Float(self.lease_s),
            Value::Int(lost as i64),
        ];
        db.run(sql, &params)?;
        if task == TRIAL {
            let sql = "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (?1, {now}) \
                       ON CONFLICT (trial_id) DO UPDATE SET heartbeat = excluded.heartbeat";
            db.run(sql, &[Value::Int(trial)])?;
        }
        Ok(())
    }

    /// Makes trials this worker's that it has just inserted.
    pub fn take_new(&self, db: &mut dyn Database, trials: &[i64]) -> Result<(), StorageError> {
        let places = 4..4 + trials.len();
        let row = |place: usize| format!("(?{place}, ?1, ?2, {{epoch}} + ?3, 0)");
        let rows: Vec<String> = places.map(row).collect();
        let sql = format!(
            "INSERT INTO burn_tune_leases (trial_id, task, worker, expires, lost) VALUES {}",
            rows.join(", ")
        );
        let ids = || trials.iter().copied().map(Value::Int);
        let mut params = vec![text(TRIAL), text(&self.name), Value::Float(self.lease_s)];
        params.extend(ids());
        db.run(&sql, &params)?;
        let rows: Vec<String> =
            (1..=trials.len()).map(|place| format!("(?{place}, {{now}})")).collect();
        let sql = format!(
            "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES {}",
            rows.join(", ")
        );
        db.run(&sql, &ids().collect::<Vec<_>>())
    }

    /// Renews a lease because something was done. Says whether it is this worker's.
    pub fn renew(
        &self,
        db: &mut dyn Database,
        trial: i64,
        task: &str,
    ) -> Result<bool, StorageError> {
        let sql = "UPDATE burn_tune_leases SET expires = {epoch} + ?4, lost = 0 \
                   WHERE trial_id = ?1 AND task = ?2 AND worker = ?3";
        let params = [Value::Int(trial), text(task), text(&self.name), Value::Float(self.lease_s)];
        Ok(db.execute(sql, &params)? == 1)
    }

    /// Ends a lease. Says whether it was this worker's.
    pub fn drop(
        &self,
        db: &mut dyn Database,
        trial: i64,
        task: &str,
    ) -> Result<bool, StorageError> {
        let sql = "DELETE FROM burn_tune_leases WHERE trial_id = ?1 AND task = ?2 AND worker = ?3";
        let params = [Value::Int(trial), text(task), text(&self.name)];
        Ok(db.execute(sql, &params)? == 1)
    }

    /// Takes the lease of what the next trial of a study tries, unless another worker has it. It expires as all
    /// leases do.
    pub fn take_proposal(&self, db: &mut dyn Database, study: i64) -> Result<bool, StorageError> {
        let (now_s, is_elsewhere) = self.proposal(db, study)?;
        if is_elsewhere {
            return Ok(false);
        }
        let json = serde_json::json!([self.name, now_s + self.lease_s]).to_string();
        set_study_system_attribute(db, study, PROPOSAL, &json)?;
        Ok(true)
    }

    /// Whether another worker has that lease.
    pub fn is_proposed_elsewhere(
        &self,
        db: &mut dyn Database,
        study: i64,
    ) -> Result<bool, StorageError> {
        self.proposal(db, study).map(|(_, is_elsewhere)| is_elsewhere)
    }

    /// What time it is, and whether another worker has that lease.
    fn proposal(&self, db: &mut dyn Database, study: i64) -> Result<(f64, bool), StorageError> {
        let key = [Value::Int(study), text(PROPOSAL)];
        let mut found = db.queries(&[("SELECT {epoch}", &[]), (STUDY_SYSTEM_ATTRIBUTE, &key)])?;
        let (taken, now) = (found.pop().unwrap_or_default(), found.pop().unwrap_or_default());
        let now_s = match now.first().map(Vec::as_slice) {
            Some([Value::Float(now_s)]) => *now_s,
            row => return Err(StorageError::Permanent(format!("no time is {row:?}"))),
        };
        let json = match taken.first().map(Vec::as_slice) {
            Some([Value::Text(json)]) => json.as_str(),
            _ => return Ok((now_s, false)),
        };
        let taken: Option<(String, f64)> = serde_json::from_str(json).ok();
        let is_elsewhere = taken.is_some_and(|(worker, expires_s)| {
            !self.is_free(&Lease { worker, left_s: expires_s - now_s, lost: 0 })
        });
        Ok((now_s, is_elsewhere))
    }

    /// Ends that lease, if it is this worker's.
    pub fn drop_proposal(&self, db: &mut dyn Database, study: i64) -> Result<(), StorageError> {
        let Some(json) = study_system_attribute(db, study, PROPOSAL)? else { return Ok(()) };
        let is_own =
            serde_json::from_str(&json).is_ok_and(|(worker, _): (String, f64)| worker == self.name);
        if !is_own {
            return Ok(());
        }
        // With its value: if it has expired, another may be about to take it.
        let sql = "DELETE FROM study_system_attributes \
                   WHERE study_id = ?1 AND \"key\" = ?2 AND value_json = ?3";
        db.run(sql, &[Value::Int(study), text(PROPOSAL), Value::Text(json)])
    }

    /// Ends all leases of this worker.
    pub fn drop_all(&self, db: &mut dyn Database) -> Result<(), StorageError> {
        let sql = "DELETE FROM burn_tune_leases WHERE worker = ?1";
        db.run(sql, &[text(&self.name)])
    }

    /// Renews all leases of this worker, and answers the keys of the trials that it still has.
    pub fn renew_all(&self, db: &mut dyn Database) -> Result<BTreeSet<i64>, StorageError> {
        let sql = "UPDATE burn_tune_leases SET expires = {epoch} + ?2 WHERE worker = ?1";
        db.run(sql, &[text(&self.name), Value::Float(self.lease_s)])?;
        let held = "SELECT trial_id FROM burn_tune_leases WHERE worker = ?1 AND task = ?2";
        let trials = [text(&self.name), text(TRIAL)];
        let sql =
            format!("UPDATE trial_heartbeats SET heartbeat = {{now}} WHERE trial_id IN ({held})");
        db.run(&sql, &trials)?;
        let id = |row: Row| match row.first() {
            Some(Value::Int(id)) => Some(*id),
            _ => None,
        };
        Ok(db.query(held, &trials)?.into_iter().filter_map(id).collect())
    }
}

/// The names of those who work on a study, but for those that are known to be dead.
pub(crate) fn active_workers(
    db: &mut dyn Database,
    study: i64,
    this: &Worker,
    file: bool,
) -> Result<BTreeSet<String>, StorageError> {
    let sql = "SELECT l.worker, l.expires - {epoch}, l.lost FROM burn_tune_leases l \
               JOIN trials t ON t.trial_id = l.trial_id WHERE t.study_id = ?1";
    let look = Leases { worker: this.clone(), name: String::new(), lease_s: 0.0, file };
    let all = db.query(sql, &[Value::Int(study)])?;
    let active = all.iter().filter_map(|row| lease(row)).filter(|lease| !look.is_free(lease));
    Ok(active.map(|lease| lease.worker).collect())
}

/// The columns worker, left_s and lost of a row.
fn lease(columns: &[Value]) -> Option<Lease> {
    match columns {
        [Value::Text(worker), Value::Float(left_s), Value::Int(lost)] => Some(Lease {
            worker: worker.clone(),
            left_s: *left_s,
            lost: usize::try_from(*lost).unwrap_or(0),
        }),
        _ => None,
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
