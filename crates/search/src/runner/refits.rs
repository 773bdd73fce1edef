//! Refits: the best trials again, on all of the training data, from several seeds.

use std::collections::VecDeque;

use super::dispatch::{Dispatcher, Next, dispatch};
use super::{RunOptions, failing_on_panic};
use crate::bind::bind;
use crate::executor::with_threads;
use crate::flag::KnownFlag;
use crate::keyed_rng::Task;
use crate::objective::{Objective, ObjectiveError, TaskHandle};
use crate::params::Params;
use crate::store::{RefitClaim, SaveOutcome, Store, StoreError};
use crate::trial::Refit;

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
    /// A refit had been done before, or elsewhere.
    Found(&'a Refit),
    /// The user asked to stop: no further refit begins.
    StopRequested,
    /// As [`Event::GivenUp`](crate::Event::GivenUp).
    GivenUp,
}

/// Refits each of `trials` (number, params) on `seeds` seeds, if the objective has who does that, as far as the store has not kept that
/// already. `watch` sees every event. The answer is in the order (trial as given, seed), without
/// abandoned ones, and says why some of it may not have been kept.
pub fn refit<O: Objective, K: Store>(
    objective: &O,
    trials: &[(usize, Params)],
    seeds: usize,
    store: &mut K,
    options: &RunOptions,
    watch: impl FnMut(RefitEvent),
) -> (Vec<Refit>, Result<(), StoreError>) {
    let Some(refitter) = objective.refitter() else { return (Vec::new(), Ok(())) };
    let tasks = (0..trials.len()).flat_map(|place| (0..seeds).map(move |seed| (place, seed)));
    let mut dispatcher = RefitDispatcher {
        trials,
        known_flags: objective.known_flags(),
        tasks: tasks.collect(),
        store,
        options,
        done: Vec::new(),
        waits: false,
        store_result: Ok(()),
        watch,
    };
    let work = |worker, (place, seed): RefitTask| {
        let (trial, ref params) = trials[place];
        let handle = TaskHandle::new(options.seed, trial, Task::Refit(seed), &options.stop)
            .with_live(options.live.clone())
            .with_device(options.device_of(worker))
            .with_files(options.files.as_deref());
        let (result, span) = options.span_of(worker, || match bind(objective, params) {
            Ok(config) => failing_on_panic(|| refitter.refit(&config, &handle)),
            Err(error) => Err(ObjectiveError::Failed { reason: error.to_string(), flags: vec![] }),
        });
        (place, Refit { trial, seed, result, span })
    };
    with_threads(options.jobs, work, |threads| {
        dispatch(threads, &mut dispatcher, options);
    });
    dispatcher.ask(Store::release);
    let RefitDispatcher { mut done, store_result, .. } = dispatcher;
    done.sort_by_key(|(place, refit)| (*place, refit.seed));
    (done.into_iter().map(|(_, refit)| refit).collect(), store_result)
}

/// The place of a trial in the order given, and a seed.
type RefitTask = (usize, usize);

struct RefitDispatcher<'a, K, W> {
    trials: &'a [(usize, Params)],
    known_flags: &'a [KnownFlag],
    tasks: VecDeque<RefitTask>,
    store: &'a mut K,
    options: &'a RunOptions,
    done: Vec<(usize, Refit)>,
    /// Whether others were at all that is left when the store was last asked.
    waits: bool,
    store_result: Result<(), StoreError>,
    watch: W,
}

impl<K: Store, W: FnMut(RefitEvent)> RefitDispatcher<'_, K, W> {
    fn ask<T>(&mut self, question: impl FnOnce(&mut K) -> Result<T, StoreError>) -> Option<T> {
        if self.store_result.is_err() {
            return None;
        }
        question(self.store).map_err(|error| self.store_result = Err(error)).ok()
    }
}

impl<K: Store, W: FnMut(RefitEvent)> Dispatcher for RefitDispatcher<'_, K, W> {
    type Task = RefitTask;
    type Answer = (usize, Refit);

    fn next_task(&mut self) -> Next<RefitTask> {
        if self.waits && !self.store.has_changed() {
            return if self.tasks.is_empty() { Next::Nothing } else { Next::Wait };
        }
        // Each is looked at once: those that others are at go to the end.
        for _ in 0..self.tasks.len() {
            if self.options.stop.is_requested() || self.store_result.is_err() {
                return Next::Nothing;
            }
            let Some(task) = self.tasks.pop_front() else { break };
            let (place, seed) = task;
            let trial = self.trials[place].0;
            match self.ask(|store| store.claim_refit(trial, seed)) {
                Some(RefitClaim::Claimed) => {
                    (self.watch)(RefitEvent::Started { trial, seed });
                    return Next::Task(task);
                }
                Some(RefitClaim::Done(mut refit)) => {
                    refit.look_up_flags(self.known_flags);
                    (self.watch)(RefitEvent::Found(&refit));
                    self.done.push((place, *refit));
                }
                Some(RefitClaim::Elsewhere) => self.tasks.push_back(task),
                None => return Next::Nothing,
            }
        }
        self.waits = !self.tasks.is_empty();
        if self.waits { Next::Wait } else { Next::Nothing }
    }

    fn finished(&mut self, (place, mut refit): (usize, Refit)) {
        let ended = refit.result != Err(ObjectiveError::Interrupted);
        if ended && self.ask(|store| store.save_refit(&refit)) == Some(SaveOutcome::Lost) {
            refit.result = Err(ObjectiveError::Interrupted);
            self.tasks.push_back((place, refit.seed));
            self.waits = false;
        }
        (self.watch)(RefitEvent::Finished(&refit));
        if refit.result != Err(ObjectiveError::Interrupted) {
            self.done.push((place, refit));
        }
    }

    fn stop_requested(&mut self) {
        (self.watch)(RefitEvent::StopRequested);
    }

    fn given_up(&mut self) {
        self.ask(Store::release);
        (self.watch)(RefitEvent::GivenUp);
    }

    fn tick(&mut self) {
        self.ask(Store::heartbeat);
    }
}
