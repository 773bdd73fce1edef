//! Acquiring work, within a transaction: what others have done, which trial was left, which is next.

use std::collections::{BTreeMap, BTreeSet};

use burn_tune_search::Candidate;
use burn_tune_search::store::Claimed;
use burn_tune_search::suggester::Suggestion;
use burn_tune_search::trial::StoredTrial;

use super::WorkerOptions;
use crate::StorageError;
use crate::attributes::{LOST, WORKER};
use crate::database::{Database, Value};
use crate::leases::{Lease, Leases, TRIAL, lost_trials};
use crate::records::{RecordState, StudyRecord, TrialRecord};
use crate::trial_codec::{new_trial, stored_trial};
use crate::trials::write::{insert_trial, set_system_attribute};
use crate::trials::{read_trials, read_trials_of};

/// What one look at the database has found. All of it is of one moment, or the leases are older than the
/// trials: a trial that seems to be under way may have ended, and never the other way round.
pub struct Scan {
    /// The keys of the trials that are new, by number.
    pub ids: Vec<i64>,
    /// Trials that others have begun and not ended.
    pub running: BTreeMap<i64, StoredTrial>,
    /// What has become of trials since the last look, by number.
    pub news: Vec<StoredTrial>,
    /// Whether there are trials that nobody ends because they have lost their workers too often.
    pub has_lost: bool,
    leases: Vec<(usize, Option<Lease>)>,
}

impl Scan {
    /// Reads what is new in the study to a process that knows the trials with the keys `ids`, of which
    /// `running` had not ended.
    pub fn read(
        db: &mut dyn Database,
        study: &StudyRecord,
        folds: usize,
        leases: &Leases,
        (ids, running): (&[i64], &BTreeMap<i64, StoredTrial>),
    ) -> Result<Self, StorageError> {
        let under_way = leases.of_running_trials(db, study.id)?.into_iter();
        let has_lost = !lost_trials(db, study.id)?.is_empty();
        let mut scan = Scan {
            ids: Vec::new(),
            running: BTreeMap::new(),
            news: Vec::new(),
            has_lost,
            leases: under_way.map(|(_, number, lease)| (number, lease)).collect(),
        };
        let open: Vec<i64> = running.keys().copied().collect();
        for record in read_trials_of(db, &open)? {
            let known = &running[&record.id];
            scan.add(&record, folds, Some(known))?;
        }
        for record in read_trials(db, study.id, ids.last().copied().unwrap_or(0))? {
            let expected = ids.len() + scan.ids.len();
            if record.number != expected {
                return Err(StorageError::Permanent(format!(
                    "the trials of the study `{}` are not numbered without gaps: {} stands where {expected} is due",
                    study.name, record.number
                )));
            }
            scan.ids.push(record.id);
            scan.add(&record, folds, None)?;
        }
        scan.news.sort_by_key(|found| found.trial.number);
        Ok(scan)
    }

    /// How many other processes work on trials.
    pub fn others_at_work(&self, leases: &Leases) -> usize {
        let held = self.leases.iter().filter_map(|(_, lease)| lease.as_ref());
        let others = held.filter(|lease| !leases.is_free(lease));
        others.map(|lease| lease.worker.as_str()).collect::<BTreeSet<_>>().len()
    }

    fn add(
        &mut self,
        record: &TrialRecord,
        folds: usize,
        known: Option<&StoredTrial>,
    ) -> Result<(), StorageError> {
        let found = stored_trial(record, folds).map_err(StorageError::Permanent)?;
        if !record.state.has_ended() && !found.trial.is_finished() {
            self.running.insert(record.id, found.clone());
        }
        if known != Some(&found) {
            self.news.push(found);
        }
        Ok(())
    }
}

/// What is to be said of the trials that are under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenTrials {
    /// Nobody works on one of them any more.
    pub abandoned: bool,
    /// Another process works on one of them.
    pub elsewhere: bool,
}

impl OpenTrials {
    /// Of those in `scan`, to a process that has `mine`.
    pub fn of(scan: &Scan, leases: &Leases, mine: &BTreeSet<usize>) -> Self {
        let mut open = OpenTrials::default();
        for (_, lease) in scan.leases.iter().filter(|(number, _)| !mine.contains(number)) {
            match lease {
                Some(lease) if !leases.is_free(lease) => open.elsewhere = true,
                _ => open.abandoned = true,
            }
        }
        open
    }
}

impl OpenTrials {
    /// What there is for a process that leaves them and all that come to others: it waits until there are none.
    pub fn left_to_others(self, suggestion: Option<&Suggestion>, has_lost: bool) -> Claimed {
        let is_open = self.abandoned || self.elsewhere;
        match suggestion {
            Some(Suggestion::End) if !is_open => Claimed::Over,
            // What the next trial waits for is lost.
            Some(Suggestion::Wait) if !is_open && has_lost => Claimed::Over,
            _ => Claimed::Wait,
        }
    }
}

/// Takes up the first running trial that nobody works on any more, and answers its number. One that has lost its
/// workers too often is marked as lost instead.
pub fn take_up_abandoned(
    db: &mut dyn Database,
    study: &StudyRecord,
    options: &WorkerOptions,
    leases: &Leases,
    mine: &BTreeSet<usize>,
) -> Result<Option<usize>, StorageError> {
    for (id, number, lease) in leases.of_running_trials(db, study.id)? {
        if mine.contains(&number) {
            continue;
        }
        let lost = match lease {
            // A claim of this process whose acknowledgement was lost with the connection.
            Some(lease) if leases.is_own(&lease) => lease.lost,
            Some(lease) if leases.is_free(&lease) => lease.lost + 1,
            None => 0,
            Some(_) => continue,
        };
        if lost > options.retries {
            // It may be the trial that kills them. That is no result: it is left for the next resume.
            set_system_attribute(db, id, LOST, &lost.to_string())?;
            continue;
        }
        leases.take(db, id, TRIAL, lost)?;
        // A worker that was thought dead may have ended it since its lease was read. Now it can no more.
        if !is_running(db, id)? {
            leases.drop(db, id, TRIAL)?;
            continue;
        }
        set_system_attribute(db, id, WORKER, &leases.json())?;
        return Ok(Some(number));
    }
    Ok(None)
}

fn is_running(db: &mut dyn Database, trial: i64) -> Result<bool, StorageError> {
    let sql = "SELECT 1 FROM trials WHERE trial_id = ?1 AND state = ?2";
    Ok(!db.query(sql, &[Value::Int(trial), RecordState::Running.into()])?.is_empty())
}

/// Begins a trial under the next number, and answers its key.
pub fn begin(
    db: &mut dyn Database,
    study: &StudyRecord,
    options: &WorkerOptions,
    leases: &Leases,
    candidate: Candidate,
) -> Result<i64, StorageError> {
    let trial = new_trial(study, &options.distributions, &leases.json(), candidate)?;
    let id = insert_trial(db, study.id, &trial)?;
    leases.take(db, id, TRIAL, 0)?;
    Ok(id)
}
