//! One process's part in one study: which trials and refits it has claimed, and what they came to.
//!
//! A claim is a row in `burn_tune_leases` that expires unless its worker renews it. What is saved is
//! saved together with a look at that row: where another worker's name stands in it, the result is
//! refused. So a trial may be worked on twice, where a worker was thought dead and comes back, but its
//! result is kept once. The clock is the database's.

mod acquire;
pub(crate) mod commit;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::store::{
    Claimed, FoldRecord, RefitClaim, SaveOutcome, Store, StoreError, StoredTrial,
};
use burn_tune_search::study::Refit;
use burn_tune_search::suggester::Suggestion;
use burn_tune_search::{Params, Trial, TrialState};

use self::acquire::{Abandoned, Scan, begin, news, take_up_abandoned};
use self::commit::{curves_npz, end, lost_or_kept, refits_of, save_curves, trial_attribute};
use crate::coordination::count_workers;
use crate::database::Access;
use crate::distribution::Distribution;
use crate::leases::{Leases, lost_trials};
use crate::records::StudyRecord;
use crate::storage::Storage;
use crate::studies::lock_study;
use crate::trial_codec::{
    STDERR, fold_json, fold_key, fold_task, intermediate_values, refit, refit_attributes,
    refit_json, refit_key, refit_task,
};
use crate::trials::write::{set_intermediate_value, set_system_attribute, set_trial_attribute};
use crate::worker::Worker;
use crate::{StorageError, StorageUrl};

/// How a process takes part in a study.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerOptions {
    /// How many folds a trial has.
    pub folds: usize,
    /// What each parameter is drawn from, as it is written beside its values.
    pub distributions: BTreeMap<String, Distribution>,
    /// What the intermediate values of a trial are.
    pub report_unit: ReportUnit,
    /// Worker threads.
    pub jobs: usize,
    /// A worker that gives no sign of life for this long has lost what it has claimed.
    pub lease: Duration,
    /// How often a trial may lose its worker without getting any further, before it is left alone as lost.
    pub retries: usize,
}

/// A process's part in a study: the [`Store`] that the loop writes to.
pub struct StudyStore {
    storage: Storage,
    study: StudyRecord,
    part: WorkerOptions,
    leases: Leases,
    /// The key of each trial that is known, by number.
    ids: Vec<i64>,
    /// Trials that others have begun and not ended, as they were when they were last looked at.
    running: BTreeMap<i64, StoredTrial>,
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
        part: WorkerOptions,
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
        self.running.insert(self.ids[number], StoredTrial { trial, spans: Vec::new() });
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

impl Store for StudyStore {
    fn claim(
        &mut self,
        suggest: &mut dyn FnMut(&[StoredTrial]) -> Suggestion,
    ) -> Result<Claimed, StoreError> {
        let StudyStore { storage, study, part, leases, ids, running, mine, .. } = self;
        let look = storage
            .transaction(Access::Write, |db| {
                lock_study(db, study.id)?;
                let mut look = Scan { known: ids.len(), ..Scan::default() };
                let news = news(db, study, part, (ids, running), &mut look)?;
                let suggestion = suggest(&news);
                look.claim = Some(match take_up_abandoned(db, study, part, leases, mine)? {
                    Abandoned::Found(number) => Claimed::TakenUp(number),
                    Abandoned::None { others } => match suggestion {
                        Suggestion::Candidate(candidate) => {
                            begin(db, study, part, leases, candidate, &mut look)?
                        }
                        Suggestion::End if !others => Claimed::Over,
                        // What the next trial waits for is lost, and nobody will end it in this run.
                        Suggestion::Wait
                            if !others
                                && mine.is_empty()
                                && !lost_trials(db, study.id)?.is_empty() =>
                        {
                            Claimed::Over
                        }
                        Suggestion::End | Suggestion::Wait => Claimed::Wait,
                    },
                });
                Ok(look)
            })
            .map_err(store_error)?;
        self.ids.extend(look.ids);
        self.running = look.running;
        let claim = look.claim.unwrap_or(Claimed::Over);
        if let Claimed::Begun(number) | Claimed::TakenUp(number) = claim {
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
    ) -> Result<SaveOutcome, StoreError> {
        let id = self.ids[trial.number];
        let key = fold_key(fold);
        let json = fold_json(record);
        let score = record.result.as_ref().ok();
        let npz =
            curves_npz(trial.number, Task::Fold(fold), score.and_then(|s| s.curves.as_ref()))?;
        let (leases, report_unit) = (&self.leases, self.part.report_unit);
        let kept = self
            .storage
            .transaction(Access::Write, |db| {
                if !leases.renew(db, id, TRIAL)? {
                    return lost_or_kept(db, leases, id, &key, &json);
                }
                set_system_attribute(db, id, &key, &json)?;
                let values = score.map(|score| intermediate_values(fold, score, report_unit));
                for (step, value) in values.unwrap_or_default() {
                    set_intermediate_value(db, id, step, value)?;
                }
                save_curves(db, id, &fold_task(fold), npz.as_deref())?;
                if let Some(stderr) = &record.stderr {
                    let json = serde_json::Value::from(stderr.as_str()).to_string();
                    set_trial_attribute(db, id, STDERR, &json)?;
                }
                if trial.is_finished() {
                    end(db, leases, id, trial)
                } else {
                    Ok(SaveOutcome::Saved)
                }
            })
            .map_err(store_error)?;
        if kept == SaveOutcome::Lost {
            self.lost(trial.number);
        } else if trial.is_finished() {
            self.mine.remove(&trial.number);
        }
        Ok(kept)
    }

    fn claim_refit(&mut self, trial: usize, seed: usize) -> Result<RefitClaim, StoreError> {
        let id = self.ids[trial];
        let (leases, study) = (&self.leases, self.study.id);
        let (key, task) = (refit_key(seed), refit_task(seed));
        self.storage
            .transaction(Access::Write, |db| {
                lock_study(db, study)?;
                // First the lease: it ends together with the result's coming, so whoever finds none finds
                // the result, if there is one.
                let lease = leases.read(db, id, &task)?;
                if lease.is_some_and(|lease| !leases.is_free(&lease)) {
                    return Ok(RefitClaim::Elsewhere);
                }
                if let Some(json) = trial_attribute(db, id, &key)? {
                    let refit = refit(trial, seed, &json).map_err(|error| {
                        StorageError::Permanent(format!("trial {trial}, {key}: {error}"))
                    })?;
                    return Ok(RefitClaim::Done(Box::new(refit)));
                }
                leases.take(db, id, &task, 0)?;
                Ok(RefitClaim::Claimed)
            })
            .map_err(store_error)
    }

    fn save_refit(&mut self, refit: &Refit) -> Result<SaveOutcome, StoreError> {
        let id = self.ids[refit.trial];
        let (key, task) = (refit_key(refit.seed), refit_task(refit.seed));
        let Some(json) = refit_json(refit) else { return Ok(SaveOutcome::Lost) };
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
                Ok(SaveOutcome::Saved)
            })
            .map_err(store_error)
    }

    fn release(&mut self) -> Result<(), StoreError> {
        let leases = &self.leases;
        self.mine.clear();
        self.storage.transaction(Access::Write, |db| leases.drop_all(db)).map_err(store_error)
    }

    fn heartbeat(&mut self) -> Result<Vec<usize>, StoreError> {
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
