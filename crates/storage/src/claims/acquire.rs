//! Looking for work, within a transaction: what others have done, which trial was left, which is next.

use std::collections::{BTreeMap, BTreeSet};

use burn_tune_search::Candidate;
use burn_tune_search::store::{Claimed, StoredTrial};

use super::{TRIAL, WorkerOptions};
use crate::StorageError;
use crate::database::Database;
use crate::leases::Leases;
use crate::records::{StudyRecord, TrialRecord};
use crate::trial_codec::{LOST, WORKER, new_trial, stored_trial};
use crate::trials::write::{insert_trial, set_system_attribute};
use crate::trials::{read_trials, read_trials_of};

/// What one look at the database has found: taken up by the store once the transaction has ended well.
#[derive(Default)]
pub struct Scan {
    /// How many trials were known before.
    pub known: usize,
    /// The keys of those that are new, by number.
    pub ids: Vec<i64>,
    /// Trials that others have begun and not ended.
    pub running: BTreeMap<i64, StoredTrial>,
    /// What was claimed.
    pub claim: Option<Claimed>,
}

/// Reads what is new in the study, and notes it in `look`.
pub fn news(
    db: &mut dyn Database,
    study: &StudyRecord,
    part: &WorkerOptions,
    (ids, running): (&[i64], &BTreeMap<i64, StoredTrial>),
    look: &mut Scan,
) -> Result<Vec<StoredTrial>, StorageError> {
    let mut news = Vec::new();
    let open: Vec<i64> = running.keys().copied().collect();
    for record in read_trials_of(db, &open)? {
        let found = understood(&record, part)?;
        if is_open(&record, &found) {
            look.running.insert(record.id, found.clone());
        }
        if found != running[&record.id] {
            news.push(found);
        }
    }
    for record in read_trials(db, study.id, ids.last().copied().unwrap_or(0))? {
        let expected = look.known + look.ids.len();
        if record.number != expected {
            return Err(StorageError::Permanent(format!(
                "the trials of the study `{}` are not numbered without gaps: {} stands where {expected} is due",
                study.name, record.number
            )));
        }
        look.ids.push(record.id);
        let found = understood(&record, part)?;
        if is_open(&record, &found) {
            look.running.insert(record.id, found.clone());
        }
        news.push(found);
    }
    news.sort_by_key(|found| found.trial.number);
    Ok(news)
}

fn understood(record: &TrialRecord, part: &WorkerOptions) -> Result<StoredTrial, StorageError> {
    stored_trial(record, part.folds).map_err(StorageError::Permanent)
}

/// Whether more may become of it.
fn is_open(record: &TrialRecord, found: &StoredTrial) -> bool {
    let waits = matches!(record.state.as_str(), "RUNNING" | "WAITING");
    waits && !found.trial.is_finished()
}

/// Whether a trial was left.
pub enum Abandoned {
    /// The one with this number.
    Found(usize),
    /// None; others work on theirs, or nobody does.
    None {
        /// Whether others do.
        others: bool,
    },
}

/// Takes up the first running trial that nobody works on any more. One that has lost its workers too often is
/// marked as lost instead.
pub fn take_up_abandoned(
    db: &mut dyn Database,
    study: &StudyRecord,
    part: &WorkerOptions,
    leases: &Leases,
    mine: &BTreeSet<usize>,
) -> Result<Abandoned, StorageError> {
    let mut others = false;
    for (id, number, lease) in leases.of_running_trials(db, study.id)? {
        if mine.contains(&number) {
            continue;
        }
        let lost = match lease {
            // A claim of this process whose acknowledgement was lost with the connection.
            Some(lease) if leases.is_own(&lease) => lease.lost,
            Some(lease) if leases.is_free(&lease) => lease.lost + 1,
            None => 0,
            Some(_) => {
                others = true;
                continue;
            }
        };
        if lost > part.retries {
            // It may be the trial that kills them. That is no result: it is left for the next resume.
            set_system_attribute(db, id, LOST, &lost.to_string())?;
            continue;
        }
        leases.take(db, id, TRIAL, lost)?;
        set_system_attribute(db, id, WORKER, &leases.json())?;
        return Ok(Abandoned::Found(number));
    }
    Ok(Abandoned::None { others })
}

/// Begins a trial under the next number.
pub fn begin(
    db: &mut dyn Database,
    study: &StudyRecord,
    part: &WorkerOptions,
    leases: &Leases,
    candidate: Candidate,
    look: &mut Scan,
) -> Result<Claimed, StorageError> {
    let trial = new_trial(study, &part.distributions, &leases.json(), candidate)?;
    let id = insert_trial(db, study.id, &trial)?;
    leases.take(db, id, TRIAL, 0)?;
    look.ids.push(id);
    Ok(Claimed::Begun(look.known + look.ids.len() - 1))
}
