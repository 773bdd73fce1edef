//! Acquiring work, within a transaction: what others have done, which trial was left, which is next.

use std::collections::{BTreeMap, BTreeSet};

use burn_tune_search::store::Claimed;
use burn_tune_search::suggester::Suggestion;
use burn_tune_search::trial::StoredTrial;
use burn_tune_search::{Candidate, Params, Trial, TrialState};

use super::WorkerOptions;
use crate::StorageError;
use crate::attributes::{LOST, WORKER};
use crate::database::{Database, Value};
use crate::leases::{
    LOST_TRIALS, Leases, RUNNING_TRIALS, RunningTrial, TRIAL, lost_trials_params, running_trials,
    running_trials_params,
};
use crate::records::{RecordState, StudyRecord, TrialRecord};
use crate::trial_codec::{is_ours, new_trial, stored_trial};
use crate::trials::TrialsQuery;
use crate::trials::write::{insert_trials, set_system_attribute};

/// What one look at the database has found. All of it is of one moment, or the leases are older than the
/// trials: a trial that seems to be under way may have ended, and never the other way round.
pub struct Scan {
    /// The keys of the trials that are new, by number.
    pub ids: Vec<i64>,
    /// Trials that others have begun and not ended.
    pub running: BTreeMap<i64, Seen>,
    /// What has become of trials since the last look, by number.
    pub news: Vec<StoredTrial>,
    /// Whether there are trials that nobody ends because they have lost their workers too often.
    pub has_lost: bool,
    /// How many of the trials that are new are other programs'.
    pub foreign: usize,
    leases: Vec<RunningTrial>,
}

/// A running trial as it was when it was read, and how many system attributes it had.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    trial: StoredTrial,
    attributes: usize,
}

/// What a process knows of a study's trials.
#[derive(Debug, Default)]
pub struct Known {
    /// The key of each trial that has been read, by number.
    pub ids: Vec<i64>,
    /// How many of those are other programs'.
    pub foreign: usize,
    /// Trials that others have begun and not ended, as they were when they were last looked at.
    pub running: BTreeMap<i64, Seen>,
    /// Trials that this process has begun itself behind those that it has read: their keys by number.
    pub ahead: BTreeMap<usize, i64>,
}

impl Known {
    /// The key of a trial; one that no trial has where this process has lost the trial before it has read it.
    pub fn id(&self, number: usize) -> i64 {
        self.ahead.get(&number).or_else(|| self.ids.get(number)).copied().unwrap_or(0)
    }

    /// A trial of this process is another's now: what becomes of it is looked for with the next claim.
    pub fn lost(&mut self, number: usize) {
        if self.ahead.remove(&number).is_none() {
            let state = TrialState::Running { folds: Vec::new() };
            let trial = Trial { number, name: None, params: Params::default(), state };
            let trial = StoredTrial { trial, spans: Vec::new() };
            self.running.insert(self.id(number), Seen { trial, attributes: 0 });
        }
    }

    /// Takes up what was read.
    pub fn take_up(&mut self, scan: &Scan) {
        self.ids.extend(&scan.ids);
        self.foreign += scan.foreign;
        self.running.clone_from(&scan.running);
        self.ahead = self.ahead.split_off(&self.ids.len());
    }

    /// This process has begun trials from this number on.
    pub fn begun(&mut self, first: usize, ids: &[i64]) {
        match first == self.ids.len() {
            true => self.ids.extend(ids),
            false => self.ahead.extend((first..).zip(ids.iter().copied())),
        }
    }
}

impl Scan {
    /// Reads what is new in the study to a process that knows as much.
    pub fn read(
        db: &mut dyn Database,
        study: &StudyRecord,
        folds: usize,
        known: &Known,
    ) -> Result<Self, StorageError> {
        let new = TrialsQuery::after(study.id, known.ids.last().copied().unwrap_or(0));
        let (running, lost) = (running_trials_params(study.id), lost_trials_params(study.id));
        // First the leases.
        let queries = [(RUNNING_TRIALS, running.as_slice()), (LOST_TRIALS, &lost), new.trials()];
        let mut answers = db.queries(&queries)?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let mut scan = Scan {
            ids: Vec::new(),
            running: BTreeMap::new(),
            news: Vec::new(),
            foreign: 0,
            leases: running_trials(&next()),
            has_lost: !next().is_empty(),
        };
        let new_trials = next();
        let open = TrialsQuery::with_keys(&scan.changed(known));
        let mut queries = Vec::new();
        for open in &open {
            queries.push(open.trials());
            queries.extend(open.parts());
        }
        if !new_trials.is_empty() {
            queries.extend(new.parts());
        }
        let mut answers = db.queries(&queries)?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        for open in &open {
            let (trials, parts) = (next(), open.parts().map(|_| next()).collect());
            for record in TrialsQuery::assemble(trials, parts)? {
                let known = known.running.get(&record.id).map(|seen| &seen.trial);
                scan.add(&record, folds, known)?;
            }
        }
        let parts = new.parts().map(|_| next()).collect();
        for record in TrialsQuery::assemble(new_trials, parts)? {
            scan.add_new(&record, study, folds, known)?;
        }
        scan.news.sort_by_key(|found| found.trial.number);
        Ok(scan)
    }

    /// The keys of those trials that were running and may have become something else. The others are as they were.
    fn changed(&mut self, known: &Known) -> Vec<i64> {
        let attributes: BTreeMap<i64, usize> =
            self.leases.iter().map(|running| (running.id, running.attributes)).collect();
        let (same, changed): (Vec<_>, Vec<_>) = (known.running.iter())
            .partition(|(id, seen)| attributes.get(id) == Some(&seen.attributes));
        self.running = same.into_iter().map(|(id, seen)| (*id, seen.clone())).collect();
        changed.into_iter().map(|(id, _)| *id).collect()
    }

    fn add_new(
        &mut self,
        record: &TrialRecord,
        study: &StudyRecord,
        folds: usize,
        known: &Known,
    ) -> Result<(), StorageError> {
        let expected = known.ids.len() + self.ids.len();
        if record.number != expected {
            return Err(StorageError::Permanent(format!(
                "the trials of the study `{}` are not numbered without gaps: {} stands where {expected} is due",
                study.name, record.number
            )));
        }
        self.ids.push(record.id);
        self.foreign += usize::from(!is_ours(record));
        // What this process has begun itself is no news to it.
        if known.ahead.get(&record.number) == Some(&record.id) {
            return Ok(());
        }
        self.add(record, folds, None)
    }

    /// How many other processes work on trials.
    pub fn others_at_work(&self, leases: &Leases) -> usize {
        others_at_work(&self.leases, leases)
    }

    fn add(
        &mut self,
        record: &TrialRecord,
        folds: usize,
        known: Option<&StoredTrial>,
    ) -> Result<(), StorageError> {
        let found = stored_trial(record, folds).map_err(StorageError::Permanent)?;
        if !record.state.has_ended() && !found.trial.is_finished() {
            let attributes = record.system_attributes.len();
            self.running.insert(record.id, Seen { trial: found.clone(), attributes });
        }
        if known != Some(&found) {
            self.news.push(found);
        }
        Ok(())
    }
}

/// How many other processes work on the running trials.
pub fn others_at_work(running: &[RunningTrial], leases: &Leases) -> usize {
    let held = running.iter().filter_map(|running| running.lease.as_ref());
    let others = held.filter(|lease| !leases.is_free(lease));
    others.map(|lease| lease.worker.as_str()).collect::<BTreeSet<_>>().len()
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
        OpenTrials::among(&scan.leases, leases, mine)
    }

    /// Of those that run, to a process that has `mine`.
    pub fn among(running: &[RunningTrial], leases: &Leases, mine: &BTreeSet<usize>) -> Self {
        let mut open = OpenTrials::default();
        for running in running.iter().filter(|running| !mine.contains(&running.number)) {
            match &running.lease {
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
    for RunningTrial { id, number, lease, .. } in leases.of_running_trials(db, study.id)? {
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

/// Begins trials under the numbers from `first` on, the next one of the study, and answers their keys.
pub fn begin(
    db: &mut dyn Database,
    study: &StudyRecord,
    options: &WorkerOptions,
    leases: &Leases,
    (first, candidates): (usize, &[Candidate]),
) -> Result<Vec<i64>, StorageError> {
    let worker = leases.json();
    let trial = |candidate: &Candidate| {
        new_trial(study, &options.distributions, &worker, candidate.clone())
    };
    let trials = candidates.iter().map(trial).collect::<Result<Vec<_>, _>>()?;
    let ids = insert_trials(db, study.id, first, &trials)?;
    leases.take_new(db, &ids)?;
    Ok(ids)
}
