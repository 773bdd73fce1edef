//! One process's part in one study: which trials and refits it has claimed, and what they came to.
//!
//! A claim is a row in `burn_tune_leases` that expires unless its worker renews it. What is saved is
//! saved together with a look at that row: where another worker's name stands in it, the result is
//! refused. So a trial may be worked on twice, where a worker was thought dead and comes back, but its
//! result is kept once. The clock is the database's.

mod acquire;
mod backoff;
pub(crate) mod commit;
mod listed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::store::{
    CandidateAt, Claimed, RefitClaim, SaveOutcome, Store, StoreError, SuggestAfter,
};
use burn_tune_search::suggester::{Effort, Suggestion};
use burn_tune_search::trial::{FoldRecord, Refit};
use burn_tune_search::{Candidate, Trial};

use self::acquire::{Known, OpenTrials, Scan, begin, take_up_abandoned};
use self::backoff::Backoff;
use self::commit::{curves_npz, lost_or_kept, refits_of, save_curves, trial_attribute, write_end};
use self::listed::{Ahead, set_place};
use crate::attributes::STDERR;
use crate::coordination::count_workers;
use crate::database::{Access, Database};
use crate::distribution::Distribution;
use crate::leases::{Leases, TRIAL};
use crate::records::StudyRecord;
use crate::storage::Storage;
use crate::studies::{lock_and_next_number, lock_study};
use crate::trial_codec::{
    fold_json, fold_key, fold_task, intermediate_values, refit, refit_attributes, refit_json,
    refit_key, refit_task,
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
    /// Worker threads; with none, this process claims nothing, and sees what others do.
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
    options: WorkerOptions,
    leases: Leases,
    known: Known,
    /// Trials that this process has claimed, by number.
    mine: BTreeSet<usize>,
    /// How far trials are begun without a look at what others do; `None` where nobody has asked for that.
    ahead: Option<Ahead>,
    /// Whether this process waits for another to work out what the next trial tries.
    waits_for_proposal: bool,
    last_heartbeat: Stopwatch,
    backoff: Backoff,
    processes: Arc<AtomicUsize>,
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
        options: WorkerOptions,
    ) -> Result<Self, StorageError> {
        let first_worker =
            storage.transaction(Access::Write, |db| count_workers(db, &study, options.jobs))?;
        let is_file = matches!(storage.url(), StorageUrl::Sqlite(_));
        let leases = Leases::new(Worker::this(first_worker), options.lease, is_file);
        Ok(StudyStore {
            storage,
            study,
            options,
            leases,
            known: Known::default(),
            mine: BTreeSet::new(),
            ahead: None,
            waits_for_proposal: false,
            last_heartbeat: Stopwatch::start(),
            backoff: Backoff::new(),
            processes: Arc::new(AtomicUsize::new(1)),
        })
    }

    /// A trial is another's now.
    fn lost(&mut self, number: usize) {
        self.mine.remove(&number);
        self.known.lost(number);
    }

    /// The number of this process's first worker thread in the study.
    pub fn first_worker(&self) -> usize {
        self.leases.worker().first_worker
    }

    /// The name of this process in the database.
    pub fn worker(&self) -> String {
        self.leases.worker().to_string()
    }

    /// How many processes are at work on trials of the study, this one included, as it was last seen.
    pub fn processes(&self) -> Arc<AtomicUsize> {
        self.processes.clone()
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

impl StudyStore {
    /// [`Store::claim`]. What the next trial tries may take long to decide, so that is done while nobody waits
    /// for this process: what is known is read, the suggestion is made of it, and a trial begins with it only
    /// if its number is still free. Otherwise all is done again, with what is known then.
    fn claim_trial(&mut self, suggest: &mut SuggestAfter) -> Result<Claimed, StorageError> {
        let mut proposal = Proposal::NotBegun;
        if self.waits_for_proposal {
            // Who has waited for it looks at that first: of many, all but one would read what is new in vain.
            self.waits_for_proposal = self.is_proposed_elsewhere()? || !self.begin_proposal()?;
            if self.waits_for_proposal {
                return Ok(Claimed::Wait);
            }
            proposal = Proposal::Begun;
        }
        let claimed = loop {
            let scan = self.scan()?;
            let mut suggestion = suggest(&scan.news, Effort::AtOnce);
            self.known.take_up(&scan);
            let open = OpenTrials::of(&scan, &self.leases, &self.mine);
            if self.options.jobs == 0 {
                break open.left_to_others(suggestion.as_ref(), scan.has_lost);
            }
            if suggestion.is_none() && !open.abandoned {
                match proposal {
                    // From now on nobody else comes in between: what was read is read again, and then decided.
                    Proposal::NotBegun if self.begin_proposal()? => {
                        proposal = Proposal::Begun;
                        continue;
                    }
                    Proposal::NotBegun => {
                        self.waits_for_proposal = true;
                        break Claimed::Wait;
                    }
                    Proposal::Begun => suggestion = suggest(&[], Effort::Any),
                }
            }
            let candidate = match suggestion {
                _ if open.abandoned => None,
                Some(Suggestion::Candidate(candidate)) => Some(candidate),
                Some(Suggestion::End) if !open.elsewhere => break Claimed::Over,
                // What the next trial waits for is lost, and nobody will end it in this run.
                Some(Suggestion::Wait)
                    if !open.elsewhere && self.mine.is_empty() && scan.has_lost =>
                {
                    break Claimed::Over;
                }
                Some(Suggestion::End | Suggestion::Wait) | None => break Claimed::Wait,
            };
            // Listed trials are begun without a look at others' under the lock.
            let ahead = self.ahead.as_mut().filter(|_| candidate.is_some());
            if ahead.is_some_and(Ahead::is_to_try) {
                break Claimed::Told;
            }
            if let Some(claimed) = self.acquire(candidate, &mut proposal, suggest)? {
                break claimed;
            }
        };
        if proposal == Proposal::Begun {
            self.end_proposal()?;
        }
        Ok(claimed)
    }

    /// Reads what is new.
    fn scan(&mut self) -> Result<Scan, StorageError> {
        let StudyStore { storage, study, options, leases, known, processes, ahead, .. } = self;
        let scan =
            storage.transaction(Access::Read, |db| Scan::read(db, study, options.folds, known))?;
        let own = usize::from(options.jobs > 0);
        processes.store(own + scan.others_at_work(leases), Ordering::Relaxed);
        if let Some(ahead) = ahead {
            ahead.has_read();
        }
        Ok(scan)
    }

    /// Takes up a trial that was left, or begins the next one, with `candidate`, if its number is free. If it is
    /// not, the trial after it is begun where `suggest` knows at once what that tries: no other can come in
    /// between, for whoever claims locks the study. `None` where it is all to be looked at again.
    fn acquire(
        &mut self,
        candidate: Option<Candidate>,
        proposal: &mut Proposal,
        suggest: &mut SuggestAfter,
    ) -> Result<Option<Claimed>, StorageError> {
        let StudyStore { storage, study, options, leases, known, mine, ahead, .. } = self;
        let proposes = *proposal == Proposal::Begun;
        let (acquired, scan) = storage.transaction(Access::Write, |db| {
            let next = lock_and_next_number(db, study.id)?;
            let Some(candidate) = candidate.clone() else {
                let number = take_up_abandoned(db, study, options, leases, mine)?;
                return Ok((number.map(|number| (Claimed::TakenUp(number), None)), None));
            };
            let (mut candidate, mut scan) = (Some(candidate), None);
            let (mut number, mut foreign) = (known.ids.len(), known.foreign);
            if next != number {
                let found = Scan::read(db, study, options.folds, known)?;
                number += found.ids.len();
                foreign += found.foreign;
                candidate = match suggest(&found.news, Effort::AtOnce) {
                    Some(Suggestion::Candidate(candidate)) => Some(candidate),
                    _ => None,
                };
                scan = Some(found);
            }
            let Some(candidate) = candidate else { return Ok((None, scan)) };
            let ids = begin(db, study, options, leases, (number, &[candidate]))?;
            if ahead.is_some() {
                set_place(db, study.id, number + 1, number + 1 - foreign)?;
            }
            if proposes {
                leases.drop_proposal(db, study.id)?;
                db.notify(study.id)?;
            }
            Ok((Some((Claimed::Begun(number), Some(ids))), scan))
        })?;
        if let Some(scan) = scan {
            known.take_up(&scan);
        }
        let Some((claimed, ids)) = acquired else { return Ok(None) };
        match claimed {
            Claimed::Begun(number) => {
                known.begun(number, &ids.unwrap_or_default());
                *proposal = Proposal::NotBegun;
                mine.insert(number);
            }
            Claimed::TakenUp(number) => {
                known.running.remove(&known.id(number));
                mine.insert(number);
            }
            Claimed::Told | Claimed::Wait | Claimed::Over => {}
        }
        Ok(Some(claimed))
    }

    /// Says that this process works on what the next trial tries, so that others wait for it instead of doing
    /// the same; false where another does. It is a hint and no lock: whoever overlooks it loses some time.
    fn begin_proposal(&mut self) -> Result<bool, StorageError> {
        let StudyStore { storage, study, leases, .. } = self;
        storage.transaction(Access::Write, |db| {
            lock_study(db, study.id)?;
            leases.take_proposal(db, study.id)
        })
    }

    /// Whether another process works on what the next trial tries. That is cheap to ask, and locks nothing.
    fn is_proposed_elsewhere(&mut self) -> Result<bool, StorageError> {
        let StudyStore { storage, study, leases, .. } = self;
        storage.transaction(Access::Read, |db| leases.is_proposed_elsewhere(db, study.id))
    }

    fn end_proposal(&mut self) -> Result<(), StorageError> {
        let StudyStore { storage, study, leases, .. } = self;
        storage.transaction(Access::Write, |db| {
            leases.drop_proposal(db, study.id)?;
            db.notify(study.id)
        })
    }
}

/// Whether this process works on what the next trial tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proposal {
    NotBegun,
    Begun,
}

impl Store for StudyStore {
    fn claim(&mut self, suggest: &mut SuggestAfter) -> Result<Claimed, StoreError> {
        let claimed = self.claim_trial(suggest).map_err(store_error)?;
        self.backoff.asked(claimed == Claimed::Wait);
        if self.waits_for_proposal {
            self.backoff.soon();
        }
        Ok(claimed)
    }

    fn claim_listed(
        &mut self,
        most: usize,
        candidate: &mut CandidateAt,
    ) -> Result<Vec<(usize, Candidate)>, StoreError> {
        self.begin_listed(most, candidate).map_err(store_error)
    }

    fn has_changed(&mut self) -> bool {
        let changed = self.storage.has_changed(self.study.id);
        self.backoff.is_due(changed)
    }

    fn save_fold(
        &mut self,
        trial: &Trial,
        fold: usize,
        record: &FoldRecord,
    ) -> Result<SaveOutcome, StoreError> {
        let id = self.known.id(trial.number);
        let key = fold_key(fold);
        let json = fold_json(record);
        let score = record.result.as_ref().ok();
        let npz =
            curves_npz(trial.number, Task::Fold(fold), score.and_then(|s| s.curves.as_ref()))?;
        let (leases, report_unit, study) = (&self.leases, self.options.report_unit, self.study.id);
        let kept = self
            .storage
            .transaction(Access::Write, |db| {
                let is_held = match trial.is_finished() {
                    true => leases.drop(db, id, TRIAL)?,
                    false => leases.renew(db, id, TRIAL)?,
                };
                if !is_held {
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
                    write_end(db, (study, id), trial)
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
        let id = self.known.id(trial);
        let (leases, study) = (&self.leases, self.study.id);
        let only_watches = self.options.jobs == 0;
        let (key, task) = (refit_key(seed), refit_task(seed));
        let claimed = self
            .storage
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
                if only_watches {
                    return Ok(RefitClaim::Elsewhere);
                }
                leases.take(db, id, &task, 0)?;
                Ok(RefitClaim::Claimed)
            })
            .map_err(store_error)?;
        self.backoff.asked(claimed == RefitClaim::Elsewhere);
        Ok(claimed)
    }

    fn save_refit(&mut self, refit: &Refit) -> Result<SaveOutcome, StoreError> {
        let id = self.known.id(refit.trial);
        let (key, task) = (refit_key(refit.seed), refit_task(refit.seed));
        let Some(json) = refit_json(refit) else { return Ok(SaveOutcome::Lost) };
        let curves = refit.result.as_ref().ok().and_then(|score| score.curves.as_ref());
        let npz = curves_npz(refit.trial, Task::Refit(refit.seed), curves)?;
        let (leases, study) = (&self.leases, self.study.id);
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
                db.notify(study)?;
                Ok(SaveOutcome::Saved)
            })
            .map_err(store_error)
    }

    fn release(&mut self) -> Result<(), StoreError> {
        let (leases, study) = (&self.leases, self.study.id);
        self.mine.clear();
        let release = |db: &mut dyn Database| {
            leases.drop_all(db)?;
            // It is still there where the database failed while the next trial was worked out.
            leases.drop_proposal(db, study)?;
            db.notify(study)
        };
        self.storage.transaction(Access::Write, release).map_err(store_error)
    }

    fn heartbeat(&mut self) -> Result<Vec<usize>, StoreError> {
        if self.last_heartbeat.elapsed() < self.options.lease / 5 {
            return Ok(Vec::new());
        }
        let leases = &self.leases;
        let held = self
            .storage
            .transaction(Access::Write, |db| leases.renew_all(db))
            .map_err(store_error)?;
        self.last_heartbeat = Stopwatch::start();
        let known = &self.known;
        let lost: Vec<usize> =
            self.mine.iter().copied().filter(|&number| !held.contains(&known.id(number))).collect();
        lost.iter().for_each(|&number| self.lost(number));
        Ok(lost)
    }
}

fn store_error(error: StorageError) -> StoreError {
    StoreError(error.to_string())
}
