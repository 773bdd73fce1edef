//! One process's part in one study: which trials and refits it has claimed, and what they came to.
//!
//! A claim is a row in `burn_tune_leases` that expires unless its worker renews it. What is saved is
//! saved together with a look at that row: where another worker's name stands in it, the result is
//! refused. So a trial may be worked on twice, where a worker was thought dead and comes back, but its
//! result is kept once. The clock is the database's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use burn_tune_ranking::curves_file::{CurvesByTask, to_npz};
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::store::{Claim, FoldRecord, Kept, KeptTrial, RefitClaim, Store, StoreError};
use burn_tune_search::study::Refit;
use burn_tune_search::{Candidate, Curves, Params, Trial, TrialState};

use crate::database::{Access, Database, Value};
use crate::distribution::Distribution;
use crate::kept::{
    NAME, WORKER, end_attributes, fold_json, fold_key, fold_task, kept_trial, refit,
    refit_attributes, refit_json, refit_key, refit_task, refits_in, value,
};
use crate::leases::Leases;
use crate::parts::count_workers;
use crate::records::{ParamRecord, StudyRecord, TrialRecord};
use crate::storage::Storage;
use crate::studies::lock_study;
use crate::trials::write::{
    NewTrial, end_trial, insert_trial, set_intermediate_value, set_system_attribute,
    set_trial_attribute,
};
use crate::trials::{read_trial, read_trials};
use crate::worker::Worker;
use crate::{StorageError, StorageUrl};

/// How a process takes part in a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// How many folds a trial has.
    pub folds: usize,
    /// What each parameter is drawn from, as it is written beside its values.
    pub distributions: BTreeMap<String, Distribution>,
    /// Worker threads.
    pub jobs: usize,
    /// A worker that gives no sign of life for this long has lost what it has claimed.
    pub lease: Duration,
    /// How often a trial may lose its worker without getting any further, before it fails.
    pub retries: usize,
}

/// A process's part in a study: the [`Store`] that the loop writes to.
pub struct StudyStore {
    storage: Storage,
    study: StudyRecord,
    part: Part,
    leases: Leases,
    /// The key of each trial that is known, by number.
    ids: Vec<i64>,
    /// Trials that others have begun and not ended, as they were when they were last looked at.
    running: BTreeMap<i64, KeptTrial>,
    /// Trials that this process has claimed, by number.
    mine: BTreeSet<usize>,
    last_beat: Stopwatch,
}

impl StudyStore {
    /// Takes part in a study.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn join(
        mut storage: Storage,
        study: StudyRecord,
        part: Part,
    ) -> Result<Self, StorageError> {
        let first_worker =
            storage.transaction(Access::Write, |db| count_workers(db, &study, part.jobs))?;
        let is_file = matches!(storage.url(), StorageUrl::Sqlite(_));
        let leases = Leases::new(Worker::this(first_worker), part.lease, is_file);
        Ok(StudyStore {
            storage,
            study,
            part,
            leases,
            ids: Vec::new(),
            running: BTreeMap::new(),
            mine: BTreeSet::new(),
            last_beat: Stopwatch::start(),
        })
    }

    /// A trial is another's now: what becomes of it is looked for with the next claim.
    fn lost(&mut self, number: usize) {
        self.mine.remove(&number);
        let state = TrialState::Running { folds: Vec::new() };
        let trial = Trial { number, name: None, params: Params::default(), state };
        self.running.insert(self.ids[number], KeptTrial { trial, spans: Vec::new() });
    }

    /// The number of this process's first worker thread in the study.
    pub fn first_worker(&self) -> usize {
        self.leases.worker().first_worker
    }

    /// The name of this process in the database.
    pub fn worker(&self) -> String {
        self.leases.worker().to_string()
    }

    /// The connection, for what else is to be read or written.
    pub fn storage(&mut self) -> &mut Storage {
        &mut self.storage
    }

    /// The study, as it was when this process joined.
    pub fn study(&self) -> &StudyRecord {
        &self.study
    }
}

/// What one look at the database has found: taken up by the store once the transaction has ended well.
#[derive(Default)]
struct Look {
    ids: Vec<i64>,
    running: BTreeMap<i64, KeptTrial>,
    claim: Option<Claim>,
}

impl Store for StudyStore {
    fn claim(
        &mut self,
        suggest: &mut dyn FnMut(&[KeptTrial]) -> Option<Candidate>,
    ) -> Result<Claim, StoreError> {
        let StudyStore { storage, study, part, leases, ids, running, mine, .. } = self;
        let look = storage
            .transaction(Access::Write, |db| {
                lock_study(db, study.id)?;
                let mut look = Look { ids: ids.clone(), ..Look::default() };
                let news = news(db, study, part, running, &mut look)?;
                let candidate = suggest(&news);
                look.claim = Some(match left_trial(db, study, part, leases, mine)? {
                    Left::Found(number) => Claim::TakenUp(number),
                    Left::None { others } => match candidate {
                        Some(candidate) => begin(db, study, part, leases, candidate, &mut look)?,
                        None if others => Claim::Wait,
                        None => Claim::Over,
                    },
                });
                Ok(look)
            })
            .map_err(store_error)?;
        self.ids = look.ids;
        self.running = look.running;
        let claim = look.claim.unwrap_or(Claim::Over);
        if let Claim::Begun(number) | Claim::TakenUp(number) = claim {
            self.running.remove(&self.ids[number]);
            self.mine.insert(number);
        }
        Ok(claim)
    }

    fn save_fold(
        &mut self,
        trial: &Trial,
        fold: usize,
        record: &FoldRecord,
    ) -> Result<Kept, StoreError> {
        let id = self.ids[trial.number];
        let key = fold_key(fold);
        let json = fold_json(record);
        let score = record.result.as_ref().ok();
        let npz =
            curves_npz(trial.number, Task::Fold(fold), score.and_then(|s| s.curves.as_ref()))?;
        let leases = &self.leases;
        let kept = self
            .storage
            .transaction(Access::Write, |db| {
                if !leases.renew(db, id, TRIAL)? {
                    return lost_or_kept(db, leases, id, &key, &json);
                }
                set_system_attribute(db, id, &key, &json)?;
                if let Some(score) = score {
                    set_intermediate_value(db, id, fold as i64, score.score)?;
                }
                save_curves(db, id, &fold_task(fold), npz.as_deref())?;
                if trial.is_finished() { end(db, leases, id, trial) } else { Ok(Kept::Kept) }
            })
            .map_err(store_error)?;
        if kept == Kept::Lost {
            self.lost(trial.number);
        } else if trial.is_finished() {
            self.mine.remove(&trial.number);
        }
        Ok(kept)
    }

    fn claim_refit(&mut self, trial: usize, seed: usize) -> Result<RefitClaim, StoreError> {
        let id = self.ids[trial];
        let (leases, key, task) = (&self.leases, refit_key(seed), refit_task(seed));
        self.storage
            .transaction(Access::Write, |db| {
                if let Some(json) = trial_attribute(db, id, &key)? {
                    let refit = refit(trial, seed, &json).map_err(|error| {
                        StorageError::Permanent(format!("trial {trial}, {key}: {error}"))
                    })?;
                    return Ok(RefitClaim::Done(Box::new(refit)));
                }
                match leases.read(db, id, &task)? {
                    Some(lease) if !leases.is_free(&lease) => Ok(RefitClaim::Elsewhere),
                    _ => {
                        leases.take(db, id, &task, 0)?;
                        Ok(RefitClaim::Claimed)
                    }
                }
            })
            .map_err(store_error)
    }

    fn save_refit(&mut self, refit: &Refit) -> Result<Kept, StoreError> {
        let id = self.ids[refit.trial];
        let (key, task) = (refit_key(refit.seed), refit_task(refit.seed));
        let Some(json) = refit_json(refit) else { return Ok(Kept::Lost) };
        let curves = refit.result.as_ref().ok().and_then(|score| score.curves.as_ref());
        let npz = curves_npz(refit.trial, Task::Refit(refit.seed), curves)?;
        let leases = &self.leases;
        self.storage
            .transaction(Access::Write, |db| {
                if !leases.drop(db, id, &task)? {
                    return lost_or_kept(db, leases, id, &key, &json);
                }
                set_system_attribute(db, id, &key, &json)?;
                save_curves(db, id, &task, npz.as_deref())?;
                for (key, json) in refit_attributes(&refits_of(db, id, refit.trial)?) {
                    set_trial_attribute(db, id, key, &json)?;
                }
                Ok(Kept::Kept)
            })
            .map_err(store_error)
    }

    fn release(&mut self) -> Result<(), StoreError> {
        let leases = &self.leases;
        self.mine.clear();
        self.storage.transaction(Access::Write, |db| leases.drop_all(db)).map_err(store_error)
    }

    fn beat(&mut self) -> Result<Vec<usize>, StoreError> {
        if self.last_beat.elapsed() < self.part.lease / 5 {
            return Ok(Vec::new());
        }
        let leases = &self.leases;
        let held = self
            .storage
            .transaction(Access::Write, |db| leases.renew_all(db))
            .map_err(store_error)?;
        self.last_beat = Stopwatch::start();
        let ids = &self.ids;
        let lost: Vec<usize> =
            self.mine.iter().copied().filter(|&number| !held.contains(&ids[number])).collect();
        lost.iter().for_each(|&number| self.lost(number));
        Ok(lost)
    }
}

/// The task of the lease of a trial itself.
pub(crate) const TRIAL: &str = "trial";

fn store_error(error: StorageError) -> StoreError {
    StoreError(error.to_string())
}

/// Reads what is new in the study, and notes it in `look`.
fn news(
    db: &mut dyn Database,
    study: &StudyRecord,
    part: &Part,
    running: &BTreeMap<i64, KeptTrial>,
    look: &mut Look,
) -> Result<Vec<KeptTrial>, StorageError> {
    let mut news = Vec::new();
    for (&id, known) in running {
        let Some(record) = read_trial(db, id)? else { continue };
        let found = understood(&record, part)?;
        if is_open(&record, &found) {
            look.running.insert(id, found.clone());
        }
        if found != *known {
            news.push(found);
        }
    }
    for record in read_trials(db, study.id, look.ids.last().copied().unwrap_or(0))? {
        if record.number != look.ids.len() {
            return Err(StorageError::Permanent(format!(
                "the trials of the study `{}` are not numbered without gaps: after {} comes {}",
                study.name,
                look.ids.len(),
                record.number
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

fn understood(record: &TrialRecord, part: &Part) -> Result<KeptTrial, StorageError> {
    kept_trial(record, part.folds).map_err(StorageError::Permanent)
}

/// Whether more may become of it.
fn is_open(record: &TrialRecord, found: &KeptTrial) -> bool {
    let waits = matches!(record.state.as_str(), "RUNNING" | "WAITING");
    waits && !found.trial.is_finished()
}

enum Left {
    Found(usize),
    None { others: bool },
}

/// Takes up the first running trial that nobody works on any more. One that has lost its workers too
/// often fails instead.
fn left_trial(
    db: &mut dyn Database,
    study: &StudyRecord,
    part: &Part,
    leases: &Leases,
    mine: &BTreeSet<usize>,
) -> Result<Left, StorageError> {
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
            give_up(db, part, leases, id, lost)?;
            // What has become of it is told with the next claim, as of others' trials.
            others = true;
            continue;
        }
        leases.take(db, id, TRIAL, lost)?;
        set_system_attribute(db, id, WORKER, &leases.json())?;
        return Ok(Left::Found(number));
    }
    Ok(Left::None { others })
}

/// Fails a trial that has lost its worker again and again: it may be the one that kills them.
fn give_up(
    db: &mut dyn Database,
    part: &Part,
    leases: &Leases,
    id: i64,
    lost: usize,
) -> Result<(), StorageError> {
    let Some(record) = read_trial(db, id)? else { return Ok(()) };
    let mut trial = understood(&record, part)?.trial;
    let TrialState::Running { folds } = &trial.state else { return Ok(()) };
    let fold = folds.iter().position(Option::is_none).unwrap_or(0);
    let reason = format!(
        "its worker was lost {lost} times in a row, without a word: is there too little memory?"
    );
    let failed = burn_tune_search::ObjectiveError::Failed { reason, flags: Vec::new() };
    let Some(record) = trial.end_fold(fold, &Err(failed), None) else { return Ok(()) };
    leases.take(db, id, TRIAL, lost)?;
    set_system_attribute(db, id, &fold_key(fold), &fold_json(&record))?;
    if trial.is_finished() {
        end(db, leases, id, &trial)?;
    }
    Ok(())
}

fn begin(
    db: &mut dyn Database,
    study: &StudyRecord,
    part: &Part,
    leases: &Leases,
    candidate: Candidate,
    look: &mut Look,
) -> Result<Claim, StorageError> {
    let mut params = Vec::new();
    for (name, value) in candidate.params.iter() {
        let distribution = part.distributions.get(name);
        let internal = distribution.and_then(|distribution| distribution.internal(value));
        let (Some(distribution), Some(value)) = (distribution, internal) else {
            let problem = format!("`{name}` = {value} is not in the space of `{}`", study.name);
            return Err(StorageError::Permanent(problem));
        };
        let distribution = distribution.to_json();
        params.push(ParamRecord { name: name.to_owned(), value, distribution });
    }
    let system_attributes = vec![(WORKER.to_owned(), leases.json())];
    let name = candidate.name.map(|name| serde_json::Value::from(name).to_string());
    let user_attributes = name.map(|name| (NAME.to_owned(), name)).into_iter().collect();
    let trial = NewTrial { state: "RUNNING", params, user_attributes, system_attributes };
    let id = insert_trial(db, study.id, &trial)?;
    leases.take(db, id, TRIAL, 0)?;
    look.ids.push(id);
    Ok(Claim::Begun(look.ids.len() - 1))
}

/// Writes the end of a trial that is this worker's.
fn end(
    db: &mut dyn Database,
    leases: &Leases,
    id: i64,
    trial: &Trial,
) -> Result<Kept, StorageError> {
    let (state, values) = match value(trial) {
        Some(value) => ("COMPLETE", vec![value]),
        None => ("FAIL", Vec::new()),
    };
    leases.drop(db, id, TRIAL)?;
    if end_trial(db, id, state, &values)? == 0 {
        return Ok(Kept::Lost);
    }
    for (key, json) in end_attributes(trial) {
        set_trial_attribute(db, id, key, &json)?;
    }
    Ok(Kept::Kept)
}

/// A result without a lease: refused, unless it is the one that stands there already, because only the
/// acknowledgement was lost.
fn lost_or_kept(
    db: &mut dyn Database,
    leases: &Leases,
    id: i64,
    key: &str,
    json: &str,
) -> Result<Kept, StorageError> {
    let is_there = trial_attribute(db, id, key)?.as_deref() == Some(json);
    let is_own = trial_attribute(db, id, WORKER)? == Some(leases.json());
    let refit = key.starts_with(&refit_key(0)[..refit_key(0).len() - 1]);
    Ok(if is_there && (is_own || refit) { Kept::Kept } else { Kept::Lost })
}

fn trial_attribute(
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
fn refits_of(db: &mut dyn Database, id: i64, number: usize) -> Result<Vec<Refit>, StorageError> {
    let sql = "SELECT \"key\", value_json FROM trial_system_attributes WHERE trial_id = ?1";
    let rows = db.query(sql, &[Value::Int(id)])?;
    let texts = rows.iter().filter_map(|row| match row.as_slice() {
        [Value::Text(key), Value::Text(json)] => Some((key.as_str(), json.as_str())),
        _ => None,
    });
    refits_in(number, texts)
        .map_err(|error| StorageError::Permanent(format!("trial {number}: {error}")))
}

fn curves_npz(
    trial: usize,
    task: Task,
    curves: Option<&std::sync::Arc<Curves>>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(curves) = curves else { return Ok(None) };
    let all: CurvesByTask = [((trial, task), curves.clone())].into();
    to_npz(&all).map(Some).map_err(|error| StoreError(format!("curves of trial {trial}: {error}")))
}

fn save_curves(
    db: &mut dyn Database,
    id: i64,
    task: &str,
    npz: Option<&[u8]>,
) -> Result<(), StorageError> {
    let Some(npz) = npz else { return Ok(()) };
    let sql = "INSERT INTO burn_tune_curves (trial_id, task, npz) VALUES (?1, ?2, ?3) \
               ON CONFLICT (trial_id, task) DO UPDATE SET npz = excluded.npz";
    let params = [Value::Int(id), Value::Text(task.to_owned()), Value::Bytes(npz.to_vec())];
    db.execute(sql, &params).map(drop)
}
