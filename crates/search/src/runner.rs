//! Running a study: candidates to an executor, fold by fold, and what becomes of them into a history.

mod deadlines;
mod dispatch;
mod options;
mod pace;
mod refits;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::bind::bind;
use crate::clock::Stopwatch;
use crate::executor::{Executor, catching, with_threads};
use crate::history::History;
use crate::keyed_rng::Task;
use crate::objective::{Deadline, FoldScore, Objective, ObjectiveError, TaskHandle};
use crate::pruner::{IntermediateValue, ReportUnit, TrialPruner};
use crate::pruning::{PrunerHistory, intermediate_values};
use crate::store::{Claimed, SaveOutcome, Store, StoreError};
use crate::suggester::{Effort, Suggest};
use crate::timeline::Span;
use crate::trial::{Event, FoldRecord, StoredTrial, Trial, TrialState};

use self::deadlines::Deadlines;
use self::dispatch::{Dispatcher, Next, dispatch};
pub use self::options::RunOptions;
use self::pace::Pace;
pub use self::refits::{RefitEvent, refit};

/// What has become of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// All trials, as far as this process knows.
    pub history: History,
    /// Why some of it may not have been stored.
    pub store_result: Result<(), StoreError>,
}

/// Runs trials until there is none left, the time is over, or a stop is requested; then until those that
/// have begun have ended. `suggest` is asked what the next trial tries, and has to answer equal histories
/// alike. `watch` sees every event, with the history after it.
///
/// Folds are handed out in the order (trial, fold), as far as the pruner lets them begin. One failing trial
/// never ends the study. Where the store fails, no trial begins, and those that run are finished all the
/// same. The work is done by `options.jobs` threads; [`run_on`] takes another executor.
pub fn run<O: Objective, K: Store>(
    objective: &O,
    suggest: &mut impl Suggest,
    store: &mut K,
    options: &RunOptions,
    watch: impl FnMut(&Event, &History),
) -> Run {
    let work = |worker, task: FoldTask<O::Config>| task.evaluate(objective, options, worker);
    with_threads(options.jobs, work, |threads| {
        run_on(threads, objective, suggest, store, options, watch)
    })
}

/// [`run`], with the work done by `executor`; `options.jobs` is then not looked at.
pub fn run_on<'a, O, K, E>(
    executor: &mut E,
    objective: &'a O,
    suggest: &mut impl Suggest,
    store: &mut K,
    options: &'a RunOptions,
    watch: impl FnMut(&Event, &History),
) -> Run
where
    O: Objective,
    K: Store,
    E: Executor<Task = FoldTask<'a, O::Config>, Answer = FoldAnswer>,
{
    let mut dispatcher = FoldDispatcher {
        objective,
        suggest,
        store,
        options,
        mine: HashMap::new(),
        waits: false,
        pending: BTreeSet::new(),
        pace: Pace::default(),
        deadlines: Deadlines::default(),
        pruner_history: options.pruning.clone().map(PrunerHistory::new),
        history: History::new(objective.folds()),
        store_result: Ok(()),
        watch,
    };
    dispatch(executor, &mut dispatcher, options);
    dispatcher.end()
}

/// One fold of one trial, to be trained and scored.
pub struct FoldTask<'a, C> {
    /// The number of the trial.
    pub trial: usize,
    /// The number of the fold.
    pub fold: usize,
    /// What the trial is configured by.
    pub config: Arc<C>,
    /// For generators, reports and stops.
    pub handle: TaskHandle<'a>,
}

/// What a [`FoldTask`] came to.
pub struct FoldAnswer {
    trial: usize,
    fold: usize,
    result: Result<FoldScore, ObjectiveError>,
    span: Span,
    stderr: Option<String>,
}

impl<C> FoldTask<'_, C> {
    /// Has `objective` do it, as the worker with this number of this process. A panic is a failure.
    pub fn evaluate<O>(mut self, objective: &O, options: &RunOptions, worker: usize) -> FoldAnswer
    where
        O: Objective<Config = C>,
    {
        self.handle = self.handle.with_device(options.device_of(worker));
        let evaluate = || objective.evaluate(&self.config, self.fold, &self.handle);
        let (result, span) = options.span_of(worker, || failing_on_panic(evaluate));
        self.answer(result, span)
    }

    /// The answer, for an executor that has done it in another way.
    pub fn answer(self, result: Result<FoldScore, ObjectiveError>, span: Span) -> FoldAnswer {
        let FoldTask { trial, fold, handle, .. } = self;
        let stderr = handle.take_stderr();
        let result = result.map(|score| handle.with_intermediate_values(score));
        FoldAnswer { trial, fold, result, span, stderr }
    }
}

/// A running trial that this process has claimed.
struct Mine<C> {
    /// `None` where the params are none of the objective's.
    config: Option<Arc<C>>,
    /// How long ago its first fold was handed out.
    since: Option<Stopwatch>,
    pruner: Option<TrialPruner>,
    /// The folds that were handed out.
    begun: BTreeSet<usize>,
}

struct FoldDispatcher<'a, 's, O: Objective, S, K, W> {
    objective: &'a O,
    suggest: &'s mut S,
    store: &'s mut K,
    options: &'a RunOptions,
    /// The running trials that this process has claimed.
    mine: HashMap<usize, Mine<O::Config>>,
    /// Whether there was nothing to claim when this process last asked, and nothing has changed here since.
    waits: bool,
    /// Folds that may begin, by (trial, fold).
    pending: BTreeSet<(usize, usize)>,
    pace: Pace,
    deadlines: Deadlines,
    /// What pruners see, where there is one.
    pruner_history: Option<PrunerHistory>,
    history: History,
    store_result: Result<(), StoreError>,
    watch: W,
}

impl<O, S, K, W> FoldDispatcher<'_, '_, O, S, K, W>
where
    O: Objective,
    S: Suggest,
    K: Store,
    W: FnMut(&Event, &History),
{
    fn happened(&mut self, event: Event) {
        record(&mut self.history, &mut self.watch, event);
    }

    /// What the store answers, unless it fails or has failed.
    fn ask<T>(&mut self, question: impl FnOnce(&mut K) -> Result<T, StoreError>) -> Option<T> {
        if self.store_result.is_err() {
            return None;
        }
        match question(self.store) {
            Ok(answer) => Some(answer),
            Err(error) => {
                tracing::warn!(%error, "nothing is kept any more");
                self.store_result = Err(error);
                None
            }
        }
    }

    /// Claims a trial, if one is wanted: its folds are then pending.
    fn claim(&mut self) -> Next<()> {
        let over =
            self.options.timeout.is_some_and(|timeout| self.options.since.elapsed() >= timeout);
        if over || self.options.stop.is_requested() || self.store_result.is_err() {
            return Next::Nothing;
        }
        if self.waits && !self.store.has_changed() {
            return Next::Wait;
        }
        if self.suggest.is_listed() && !self.waits {
            if self.claim_listed() {
                return Next::Task(());
            }
            if self.store_result.is_err() {
                return Next::Nothing;
            }
        }
        let mut candidate = None;
        let FoldDispatcher { objective, suggest, history, watch, store, .. } = self;
        let claim = store.claim(&mut |news, effort| {
            news.iter().for_each(|found| found_elsewhere(*objective, history, watch, found));
            let suggestion = match effort {
                Effort::Any => Some(suggest.suggest(history)),
                Effort::AtOnce => suggest.suggest_at_once(history),
            };
            if let Some(suggestion) = &suggestion {
                candidate = suggestion.candidate().cloned();
            }
            suggestion
        });
        let claim = self.ask(|_| claim);
        self.waits = claim == Some(Claimed::Wait);
        match (claim, candidate) {
            (Some(Claimed::Begun(_)), Some(candidate)) => {
                self.happened(Event::TrialStarted { candidate });
                self.begin(self.history.trials().len() - 1);
                Next::Task(())
            }
            (Some(Claimed::TakenUp(trial)), _) => {
                self.begin(trial);
                Next::Task(())
            }
            (Some(Claimed::Told), _) => self.claim(),
            (Some(Claimed::Wait), _) => Next::Wait,
            _ => Next::Nothing,
        }
    }

    /// Claims trials whose place alone says what they try: several where they are short. Whether there are some.
    fn claim_listed(&mut self) -> bool {
        let most = self.pace.trials_ahead(self.options.jobs, self.objective.folds());
        let FoldDispatcher { suggest, store, history, .. } = self;
        let foreign = history.foreign();
        // Where another program has begun trials since, they have to be looked at.
        let claimed = store.claim_listed(most, &mut |number, place| {
            (number == place + foreign).then(|| suggest.candidate_at(number, place)).flatten()
        });
        let begun = self.ask(|_| claimed).unwrap_or_default();
        for (number, candidate) in &begun {
            self.begun_before(*number, foreign);
            self.happened(Event::TrialStarted { candidate: candidate.clone() });
            self.begin(*number);
        }
        !begun.is_empty()
    }

    /// Others have begun all trials before this number that are not known. What has become of them is told later.
    fn begun_before(&mut self, number: usize, foreign: usize) {
        for number in self.history.trials().len()..number {
            if let Some(candidate) = self.suggest.candidate_at(number, number - foreign) {
                let trial = Trial::start(number, candidate, self.objective.folds());
                let found = StoredTrial { trial, spans: Vec::new() };
                self.happened(Event::TrialFound { found });
            }
        }
    }

    fn begin(&mut self, number: usize) {
        let FoldDispatcher { history, pruner_history, options, .. } = self;
        let visible = (number + 1).saturating_sub(options.window);
        let pruner = pruner_history
            .as_mut()
            .map(|pruner_history| pruner_history.pruner_of(history, number, visible));
        let bound = bind(self.objective, &self.history.trials()[number].params);
        let (config, error) = match bound {
            Ok(config) => (Some(Arc::new(config)), None),
            Err(error) => (None, Some(error)),
        };
        let steps = config.as_ref().and_then(|config| self.objective.steps(config));
        let pruner = pruner.map(|pruner| pruner.planning(steps, self.objective.folds()));
        self.mine.insert(number, Mine { config, since: None, pruner, begun: BTreeSet::new() });
        match error {
            None => self.open_folds(number),
            Some(error) => {
                let reason = error.to_string();
                let result = Err(ObjectiveError::Failed { reason, flags: vec![] });
                self.ended(number, 0, result, None, None);
            }
        }
    }

    /// Makes those folds of a trial pending that may begin, and have not: all that are left, unless a pruner has to
    /// see those before them first.
    fn open_folds(&mut self, number: usize) {
        let Some(Mine { begun, .. }) = self.mine.get(&number) else { return };
        let TrialState::Running { folds } = &self.history.trials()[number].state else { return };
        let ended = folds.iter().take_while(|fold| fold.is_some()).count();
        let end = match self.options.pruning.as_ref().map(|pruning| pruning.report_unit) {
            Some(ReportUnit::Steps) if ended == 0 => 1,
            Some(ReportUnit::Folds) => ended + 1,
            _ => folds.len(),
        };
        let is_left = |fold: &usize| folds[*fold].is_none() && !begun.contains(fold);
        let left = (0..end.min(folds.len())).filter(is_left);
        self.pending.extend(left.map(|fold| (number, fold)));
    }

    /// Asks the pruner that looks at folds whether this one is the end of its trial.
    fn with_verdict(&self, number: usize, fold: usize, score: FoldScore) -> FoldScore {
        let pruner = self.mine.get(&number).and_then(|mine| mine.pruner.as_ref());
        let Some(pruner) = pruner.filter(|pruner| pruner.report_unit() == ReportUnit::Folds) else {
            return score;
        };
        let mut own = intermediate_values(&self.history.trials()[number], ReportUnit::Folds);
        own.push(IntermediateValue { step: fold as u64, value: score.score });
        FoldScore { stopped: pruner.prunes(&own), ..score }
    }

    /// Takes up what a fold has come to, unless its trial was lost to another process.
    fn ended(
        &mut self,
        trial: usize,
        fold: usize,
        result: Result<FoldScore, ObjectiveError>,
        span: Option<Span>,
        stderr: Option<String>,
    ) {
        let result = result.map(|score| self.with_verdict(trial, fold, score));
        let before = &self.history.trials()[trial];
        if !self.mine.contains_key(&trial) || before.is_finished() {
            // Nobody waits for it: it is behind a fold that failed, or its trial was lost.
            let behind =
                matches!(&before.state, TrialState::Failed { folds, .. } if fold > folds.len());
            let result = if behind { result } else { Err(ObjectiveError::Interrupted) };
            self.happened(Event::FoldFinished { trial, fold, result, span, stderr });
            return;
        }
        let mut after = before.clone();
        let record = after.end_fold(fold, &result, span);
        let record = record.map(|record| FoldRecord { stderr: stderr.clone(), ..record });
        // A trial that was lost and claimed again may have its fold from before and after.
        let again = record.is_none();
        let kept =
            record.and_then(|record| self.ask(|store| store.save_fold(&after, fold, &record)));
        let lost = kept == Some(SaveOutcome::Lost);
        if lost {
            self.lost(trial);
        }
        let result = if lost || again { Err(ObjectiveError::Interrupted) } else { result };
        if after.is_finished() {
            self.mine.remove(&trial);
        }
        self.happened(Event::FoldFinished { trial, fold, result, span, stderr });
        if self.mine.contains_key(&trial) && self.options.pruning.is_some() {
            self.open_folds(trial);
        }
    }

    /// Another process has taken up this trial.
    fn lost(&mut self, trial: usize) {
        tracing::warn!(trial, "lost to another process");
        self.mine.remove(&trial);
        self.pending.retain(|(number, _)| *number != trial);
    }

    fn end(mut self) -> Run {
        self.ask(Store::release);
        Run { history: self.history, store_result: self.store_result }
    }
}

fn record(history: &mut History, watch: &mut impl FnMut(&Event, &History), event: Event) {
    tracing::debug!(?event);
    history.apply(&event).expect("this loop asks for each fold once");
    watch(&event, history);
}

/// Takes up a trial as others have left it, unless it is known to have ended.
fn found_elsewhere<O: Objective>(
    objective: &O,
    history: &mut History,
    watch: &mut impl FnMut(&Event, &History),
    found: &StoredTrial,
) {
    let known = history.trials().get(found.trial.number);
    if known.is_none_or(|known| !known.is_finished() && *known != found.trial) {
        let mut found = found.clone();
        found.trial.look_up_flags(objective.known_flags());
        record(history, watch, Event::TrialFound { found });
    }
}

impl<'a, O, S, K, W> Dispatcher for FoldDispatcher<'a, '_, O, S, K, W>
where
    O: Objective,
    S: Suggest,
    K: Store,
    W: FnMut(&Event, &History),
{
    type Task = FoldTask<'a, O::Config>;
    type Answer = FoldAnswer;

    fn next_task(&mut self) -> Next<Self::Task> {
        loop {
            if self.options.stop.is_urgent() {
                return Next::Nothing;
            }
            match self.pending.pop_first() {
                Some((trial, fold)) if self.history.trials()[trial].wants(fold) => {
                    let Some(mine) = self.mine.get_mut(&trial) else { continue };
                    let Some(config) = mine.config.clone() else { continue };
                    mine.begun.insert(fold);
                    let since = *mine.since.get_or_insert_with(Stopwatch::start);
                    let pruner = mine.pruner.clone().filter(|pruner| pruner.looks_into(fold));
                    let deadline =
                        self.options.trial_timeout.map(|limit| Deadline { since, limit });
                    let options = self.options;
                    let handle =
                        TaskHandle::new(options.seed, trial, Task::Fold(fold), &options.stop)
                            .with_deadline(deadline)
                            .with_pruner(pruner)
                            .with_live(options.live.clone())
                            .with_files(options.files.as_deref());
                    self.deadlines.begin(trial, fold, deadline);
                    self.happened(Event::FoldStarted { trial, fold });
                    return Next::Task(FoldTask { trial, fold, config, handle });
                }
                Some(_) => {}
                None => match self.claim() {
                    Next::Task(()) => {}
                    Next::Wait => return Next::Wait,
                    Next::Nothing => return Next::Nothing,
                },
            }
        }
    }

    fn finished(&mut self, answer: FoldAnswer) {
        let FoldAnswer { trial, fold, result, span, stderr } = answer;
        self.waits = false;
        self.pace.took(span.end_s - span.start_s);
        self.deadlines.end(trial, fold);
        self.ended(trial, fold, result, Some(span), stderr);
    }

    fn stop_requested(&mut self) {
        self.happened(Event::StopRequested);
    }

    fn given_up(&mut self) {
        self.ask(Store::release);
        self.happened(Event::GivenUp);
    }

    fn tick(&mut self) {
        for (trial, fold, limit) in self.deadlines.overdue() {
            self.happened(Event::FoldOverdue { trial, fold, limit });
        }
        for trial in self.ask(Store::heartbeat).unwrap_or_default() {
            self.waits = false;
            self.lost(trial);
        }
    }
}

fn failing_on_panic<T>(
    work: impl FnOnce() -> Result<T, ObjectiveError>,
) -> Result<T, ObjectiveError> {
    catching(work).unwrap_or_else(|reason| Err(ObjectiveError::Failed { reason, flags: vec![] }))
}

#[cfg(test)]
mod reproducible;
#[cfg(test)]
mod tests;
