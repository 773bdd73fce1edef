//! One process at work on a study: trials, refits, and what they come to.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use burn_tune_ranking::{standings, top};
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::live::LiveWatch;
use burn_tune_search::runner::{RefitEvent, Run, RunOptions, refit, run};
use burn_tune_search::store::StoreError;
use burn_tune_search::suggester::{Suggest, Suggestion};
use burn_tune_search::{Event, History, Objective, Params};
use burn_tune_storage::attributes::FINISHED;
use burn_tune_storage::{Storage, StudyStore, WorkerOptions};

use crate::definition::distributions;
use crate::error::StudyError;
use crate::models::ModelKeeper;
use crate::objective_reader::ObjectiveReader;
use crate::observer::{Observer, RunningStudy};
use crate::open_or_create::OpenStudy;
use crate::output_folder::OutputFolder;
use crate::rescue::{Rescue, rescue};
use crate::results::StudyResults;
use crate::state::StudyState;

/// How trials of a study are held by a process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeaseOptions {
    /// A process that gives no sign of life for so long has lost its trials to the others.
    pub lease: Duration,
    /// How often a trial may lose its process without getting any further, before it is left alone as lost.
    pub retries: usize,
    /// Whether lost trials are taken up again.
    pub revive: bool,
    /// Whether the process leaves all trials and refits to others, and waits until they have ended.
    pub only_watches: bool,
}

/// Five minutes, five times, and what is lost stays lost.
impl Default for LeaseOptions {
    fn default() -> Self {
        LeaseOptions {
            lease: Duration::from_secs(300),
            retries: 5,
            revive: false,
            only_watches: false,
        }
    }
}

/// One process at work on a study.
pub struct ActiveStudy<'a, O> {
    study: &'a OpenStudy<O>,
    reader: &'a dyn ObjectiveReader,
    options: RunOptions,
    store: StudyStore,
    state: StudyState,
    keeper: Option<ModelKeeper>,
}

/// What the work on a study came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Trials whose processes ended again and again: they are no result, and there are no refits.
    pub lost: Vec<usize>,
    /// Why some of it may not be in the database: see [`ActiveStudy::rescue`].
    pub failure: Option<StoreError>,
}

impl<'a, O: Objective> ActiveStudy<'a, O> {
    /// Joins the processes that work on a study. Of `options`, those that make the study what it is are the
    /// study's own.
    ///
    /// # Errors
    ///
    /// What the database says, or what the pruner cannot take.
    pub fn join(
        mut storage: Storage,
        study: &'a OpenStudy<O>,
        reader: &'a dyn ObjectiveReader,
        options: RunOptions,
        lease: LeaseOptions,
    ) -> Result<Self, StudyError> {
        let OpenStudy { record, plan, .. } = study;
        let settings = plan.settings();
        let worker_options = WorkerOptions {
            folds: settings.folds,
            report_unit: plan.report_unit(),
            distributions: distributions(&plan.spec),
            jobs: if lease.only_watches { 0 } else { options.jobs },
            lease: lease.lease,
            retries: lease.retries,
        };
        if lease.revive {
            storage.revive_lost_trials(record)?;
        }
        let now = storage.now()?;
        let store = StudyStore::join(storage, record.clone(), worker_options)?;
        let options = RunOptions {
            seed: settings.seed,
            pruning: plan.pruning()?,
            window: settings.effective_window().unwrap_or(1),
            first_worker: store.first_worker(),
            // What came before, such as reading the data, is no time of the study's.
            since: Stopwatch::start(),
            before_s: record.created_s().map_or(0.0, |created| now.epoch_s - created),
            ..options
        };
        let state = StudyState::default();
        Ok(ActiveStudy { study, reader, options, store, state, keeper: None })
    }

    /// The study, and what it does.
    pub fn study(&self) -> &'a OpenStudy<O> {
        self.study
    }

    /// How this process works on it.
    pub fn options(&self) -> &RunOptions {
        &self.options
    }

    /// Has `live` told how far the running tasks are.
    pub fn watch_live(&mut self, live: Option<LiveWatch>) {
        self.options.live = live;
    }

    /// Has trainings leave their models, and whatever else they write, in the folder `models`, in which those of
    /// the `best` trials stay; see [`models`](crate::models). Without it nothing is kept.
    ///
    /// With several objectives, a trial may come to be one of the best again after others were better: then its
    /// models are gone.
    pub fn keep_models(&mut self, models: PathBuf, best: usize) {
        let OpenStudy { record, plan, .. } = self.study;
        let (name, settings) = (&record.name, plan.settings());
        let keeper = ModelKeeper::new(models.clone(), name, best, &plan.metrics, settings);
        self.keeper = Some(keeper);
        // A training may go to another folder.
        self.options.files = Some(std::path::absolute(&models).unwrap_or(models));
    }

    /// What has become of it.
    pub fn state(&self) -> &StudyState {
        &self.state
    }

    /// Runs trials until there is none left, the time is over, or a stop is requested; then refits the best,
    /// unless trials are lost or the database has failed: without those nobody knows which are the best.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Outcome {
        let outcome = self.run_to_refits(observer);
        if let Some(keeper) = &mut self.keeper {
            let others = self.store.storage().active_workers(&self.study.record);
            keeper.end(&self.state.history, others.is_ok_and(|others| others == 0));
        }
        outcome
    }

    fn run_to_refits(&mut self, observer: &mut dyn Observer) -> Outcome {
        let failure = match self.run_trials(observer) {
            Err(error) => return Outcome { failure: Some(error), ..Outcome::default() },
            Ok(()) => self.store.storage().lost_trials(&self.study.record),
        };
        match failure {
            Err(error) => {
                let failure = Some(StoreError(error.to_string()));
                Outcome { failure, ..Outcome::default() }
            }
            Ok(lost) if lost.is_empty() => {
                Outcome { failure: self.refit_best(observer).err(), lost }
            }
            Ok(lost) => Outcome { lost, failure: None },
        }
    }

    fn run_trials(&mut self, observer: &mut dyn Observer) -> Result<(), StoreError> {
        let ActiveStudy { study, reader, options, store, state, keeper } = self;
        let plan = &study.plan;
        let mut suggester = plan.suggester().map_err(|error| StoreError(error.to_string()))?;
        let processes = store.processes();
        let watch = |event: &Event, history: &History| {
            state.event(event);
            if let Some(keeper) = keeper {
                keeper.event(event, history);
            }
            let definition = &plan.definition;
            let processes = processes.load(Ordering::Relaxed);
            let running =
                &mut RunningStudy { definition, reader: *reader, state, history, processes };
            observer.event(event, running);
            if *event == Event::GivenUp {
                observer.given_up(&running.results(true));
            }
        };
        let Run { history, store_result } =
            run(&plan.objective, &mut suggester, store, options, watch);
        state.history = history;
        if let Some(reason) = suggester.ended_early() {
            observer.ended_early(reason);
        }
        store_result
    }

    /// Refits the best trials, unless the user wants to stop: then there is a leaderboard without refits.
    fn refit_best(&mut self, observer: &mut dyn Observer) -> Result<(), StoreError> {
        let seeds = self.study.plan.settings().refit_seeds;
        let best = self.best();
        let total = best.len() * seeds;
        if total == 0 || self.options.stop.is_requested() {
            return Ok(());
        }
        observer.refits_begin(total);
        let ActiveStudy { study, reader, options, store, state, keeper, .. } = self;
        let plan = &study.plan;
        let watch = |event: RefitEvent| {
            if let Some(keeper) = keeper {
                keeper.refit(&event, &state.history);
            }
            observer.refit(event, total);
            if event == RefitEvent::GivenUp {
                observer.given_up(&state.results(&plan.definition, *reader, state.curves()));
            }
        };
        let (refits, stored) = refit(&plan.objective, &best, seeds, store, options, watch);
        state.refits = refits;
        stored
    }

    /// The trials that are to be refitted, with their params.
    fn best(&self) -> Vec<(usize, Params)> {
        let plan = &self.study.plan;
        let settings = plan.settings();
        let standings = standings(&self.state.history, &plan.metrics, settings.folds);
        let best = top(&standings, settings.top).into_iter();
        best.map(|standing| (standing.trial.number, standing.trial.params.clone())).collect()
    }

    /// Whether every trial and every refit has ended, so that there is nothing to go on with.
    ///
    /// # Errors
    ///
    /// What the sampler cannot take.
    pub fn is_done(&self) -> Result<bool, StudyError> {
        let plan = &self.study.plan;
        let trials = self.state.history.trials();
        let all = plan.suggester()?.suggest(&self.state.history) == Suggestion::End;
        let ended = trials.iter().all(|trial| trial.is_finished() || trial.is_foreign());
        let refits = self.best().len() * plan.settings().refit_seeds;
        Ok(all && ended && self.state.refits.len() == refits)
    }

    /// What the result files hold, with the curves of this process.
    pub fn results(&self) -> StudyResults {
        let curves = self.state.curves();
        self.state.results(&self.study.plan.definition, self.reader, curves)
    }

    /// What the result files hold, with the curves of whatever process has recorded them.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn results_of_all(&mut self) -> Result<StudyResults, StudyError> {
        let curves = self.state.stored_curves(self.store.storage(), &self.study.record)?;
        Ok(self.state.results(&self.study.plan.definition, self.reader, curves))
    }

    /// Notes that the study has come to its end, and its results have been written.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn mark_finished(&mut self) -> Result<(), StudyError> {
        let budget = self.study.plan.budget().to_string();
        let storage = self.store.storage();
        Ok(storage.set_study_attribute(self.study.record.id, FINISHED, &budget)?)
    }

    /// Writes what this process has computed into a file that `import` reads, since the database has failed.
    /// `name` is the file's in `folder`.
    pub fn rescue(&self, folder: &OutputFolder, name: &str) -> Rescue {
        let worker = self.store.worker();
        rescue(self.study, &self.options, &self.state, worker, (folder, name))
    }
}
