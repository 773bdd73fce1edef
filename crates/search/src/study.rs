//! Running a study: candidates to workers, fold by fold, and what becomes of them into a history.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::bind::bind;
use crate::candidates::Candidate;
use crate::clock::Stopwatch;
use crate::history::History;
use crate::keyed_rng::Task;
use crate::objective::{FoldScore, Objective, ObjectiveError, RefitScore, TaskHandle};
use crate::params::Params;
use crate::stop::Stop;
use crate::tasks::{Dispatcher, catching, run_tasks};
use crate::timeline::Span;
use crate::trial::Event;

/// How a study is run. None of it changes what a trial comes to.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Worker threads, at least 1.
    pub jobs: usize,
    /// The seed of the study.
    pub seed: u64,
    /// When the study began: all times count from here.
    pub since: Stopwatch,
    /// No trial begins after this time.
    pub timeout: Option<Duration>,
    /// Asked before every trial and inside of every training.
    pub stop: Stop,
    /// Gets a message for each request to stop.
    pub signals: Option<Receiver<()>>,
}

/// Runs trials until `candidates` has no further one, the time is over, or a stop is requested; then
/// until those that have begun have ended. `watch` sees every event, with the history after it.
///
/// Folds are handed out in the order (trial, fold). One failing trial never ends the study.
pub fn run<O: Objective>(
    objective: &O,
    candidates: impl Iterator<Item = Candidate>,
    options: &RunOptions,
    watch: impl FnMut(&Event, &History),
) -> History {
    let mut dispatcher = FoldDispatcher {
        objective,
        candidates,
        options,
        pending: VecDeque::new(),
        history: History::new(objective.folds()),
        watch,
    };
    let work = |worker, task: FoldTask<O>| {
        let FoldTask { trial, fold, config } = task;
        let handle = TaskHandle::new(options.seed, trial, Task::Fold(fold), &options.stop);
        let (result, span) = Span::of(worker, &options.since, || {
            failing_on_panic(|| objective.evaluate(&config, fold, &handle))
        });
        FoldAnswer { trial, fold, result, span }
    };
    run_tasks(options.jobs, &mut dispatcher, options.signals.as_ref(), work);
    dispatcher.history
}

struct FoldTask<O: Objective> {
    trial: usize,
    fold: usize,
    config: Arc<O::Config>,
}

struct FoldAnswer {
    trial: usize,
    fold: usize,
    result: Result<FoldScore, ObjectiveError>,
    span: Span,
}

struct FoldDispatcher<'a, O: Objective, C, W> {
    objective: &'a O,
    candidates: C,
    options: &'a RunOptions,
    pending: VecDeque<FoldTask<O>>,
    history: History,
    watch: W,
}

impl<O, C, W> FoldDispatcher<'_, O, C, W>
where
    O: Objective,
    C: Iterator<Item = Candidate>,
    W: FnMut(&Event, &History),
{
    fn happened(&mut self, event: Event) {
        tracing::debug!(?event);
        self.history.apply(&event).expect("this loop asks for each fold once");
        (self.watch)(&event, &self.history);
    }

    /// Begins the next trial, if one is wanted: its folds are then pending.
    fn start_trial(&mut self) -> bool {
        let over =
            self.options.timeout.is_some_and(|timeout| self.options.since.elapsed() >= timeout);
        if over || self.options.stop.is_requested() {
            return false;
        }
        let Some(candidate) = self.candidates.next() else { return false };
        let trial = self.history.trials().len();
        let config = bind(self.objective, &candidate.params);
        self.happened(Event::TrialStarted { candidate });
        match config {
            Ok(config) => {
                let config = Arc::new(config);
                let task = |fold| FoldTask { trial, fold, config: Arc::clone(&config) };
                self.pending.extend((0..self.objective.folds()).map(task));
            }
            Err(error) => {
                let result =
                    Err(ObjectiveError::Failed { reason: error.to_string(), flags: vec![] });
                self.happened(Event::FoldFinished { trial, fold: 0, result, span: None });
            }
        }
        true
    }
}

impl<O, C, W> Dispatcher for FoldDispatcher<'_, O, C, W>
where
    O: Objective,
    C: Iterator<Item = Candidate>,
    W: FnMut(&Event, &History),
{
    type Task = FoldTask<O>;
    type Answer = FoldAnswer;

    fn next_task(&mut self) -> Option<FoldTask<O>> {
        loop {
            if self.options.stop.is_urgent() {
                return None;
            }
            match self.pending.pop_front() {
                Some(task) if self.history.trials()[task.trial].wants(task.fold) => {
                    self.happened(Event::FoldStarted { trial: task.trial, fold: task.fold });
                    return Some(task);
                }
                Some(_) => {}
                None if self.start_trial() => {}
                None => return None,
            }
        }
    }

    fn finished(&mut self, FoldAnswer { trial, fold, result, span }: FoldAnswer) {
        self.happened(Event::FoldFinished { trial, fold, result, span: Some(span) });
    }

    fn stop_requested(&mut self) {
        self.happened(Event::StopRequested);
    }
}

/// One refit that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Refit {
    /// The trial's number.
    pub trial: usize,
    /// The seed's number, from 0.
    pub seed: usize,
    /// What it came to.
    pub result: Result<RefitScore, ObjectiveError>,
    /// Who worked on it, and when.
    pub span: Span,
}

/// Something that happened among the refits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RefitEvent<'a> {
    /// A worker took up a refit.
    Started {
        /// The trial's number.
        trial: usize,
        /// The seed's number, from 0.
        seed: usize,
    },
    /// A refit ended.
    Finished(&'a Refit),
    /// The user asked to stop: no further refit begins.
    StopRequested,
}

/// Refits each of `trials` (number, params) on `seeds` seeds. `watch` sees every event. The
/// answer is in the order (trial as given, seed), without abandoned ones.
pub fn refit<O: Objective>(
    objective: &O,
    trials: &[(usize, Params)],
    seeds: usize,
    options: &RunOptions,
    watch: impl FnMut(RefitEvent),
) -> Vec<Refit> {
    let tasks = trials
        .iter()
        .flat_map(|(trial, params)| (0..seeds).map(move |seed| (*trial, seed, params)));
    let mut dispatcher =
        RefitDispatcher { tasks: tasks.collect(), stop: &options.stop, done: Vec::new(), watch };
    let work = |worker, (trial, seed, params): (usize, usize, &Params)| {
        let handle = TaskHandle::new(options.seed, trial, Task::Refit(seed), &options.stop);
        let (result, span) = Span::of(worker, &options.since, || match bind(objective, params) {
            Ok(config) => failing_on_panic(|| objective.refit(&config, &handle)),
            Err(error) => Err(ObjectiveError::Failed { reason: error.to_string(), flags: vec![] }),
        });
        Refit { trial, seed, result, span }
    };
    run_tasks(options.jobs, &mut dispatcher, options.signals.as_ref(), work);
    let mut done = dispatcher.done;
    let place = |trial: usize| trials.iter().position(|(number, _)| *number == trial);
    done.sort_by_key(|refit| (place(refit.trial), refit.seed));
    done
}

struct RefitDispatcher<'a, W> {
    tasks: VecDeque<(usize, usize, &'a Params)>,
    stop: &'a Stop,
    done: Vec<Refit>,
    watch: W,
}

impl<'a, W: FnMut(RefitEvent)> Dispatcher for RefitDispatcher<'a, W> {
    type Task = (usize, usize, &'a Params);
    type Answer = Refit;

    fn next_task(&mut self) -> Option<Self::Task> {
        if self.stop.is_requested() {
            return None;
        }
        let task = self.tasks.pop_front()?;
        (self.watch)(RefitEvent::Started { trial: task.0, seed: task.1 });
        Some(task)
    }

    fn finished(&mut self, refit: Refit) {
        (self.watch)(RefitEvent::Finished(&refit));
        if refit.result != Err(ObjectiveError::Interrupted) {
            self.done.push(refit);
        }
    }

    fn stop_requested(&mut self) {
        (self.watch)(RefitEvent::StopRequested);
    }
}

fn failing_on_panic<T>(
    work: impl FnOnce() -> Result<T, ObjectiveError>,
) -> Result<T, ObjectiveError> {
    catching(work).unwrap_or_else(|reason| Err(ObjectiveError::Failed { reason, flags: vec![] }))
}

#[cfg(test)]
mod tests;
