//! How a study is run.

use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::clock::Stopwatch;
use crate::live::LiveWatch;
use crate::pruner::Pruning;
use crate::stop::Stop;
use crate::timeline::Span;

/// How a study is run. None of it changes what a trial comes to, but for `seed`, `pruning` with `window`, and
/// `trial_timeout`.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Worker threads, at least 1.
    pub jobs: usize,
    /// The devices that the workers compute on, in turn; empty where that is left to the objective.
    pub devices: Vec<usize>,
    /// The seed of the study.
    pub seed: u64,
    /// When this process began.
    pub since: Stopwatch,
    /// How long before that the study began, in seconds: times count from there.
    pub before_s: f64,
    /// The number of the first worker: those below have worked on the study before, or elsewhere.
    pub first_worker: usize,
    /// No trial begins after this time.
    pub timeout: Option<Duration>,
    /// A trial fails that takes longer.
    pub trial_timeout: Option<Duration>,
    /// How hopeless trials are stopped, where they are.
    pub pruning: Option<Pruning>,
    /// A trial's pruner sees those before it but for the last `window - 1`. At least 1.
    pub window: usize,
    /// Asked before every trial and inside of every training.
    pub stop: Stop,
    /// Gets a message for each request to stop.
    pub signals: Option<Receiver<()>>,
    /// Is told how far the running tasks are.
    pub live: Option<LiveWatch>,
    /// The folder in which what trainings leave behind is kept, where it is.
    pub files: Option<PathBuf>,
}

impl RunOptions {
    /// One process at work on a new study from now on, without a limit and without a pruner.
    pub fn new(jobs: usize, seed: u64) -> Self {
        RunOptions {
            jobs,
            devices: Vec::new(),
            seed,
            since: Stopwatch::start(),
            before_s: 0.0,
            first_worker: 0,
            timeout: None,
            trial_timeout: None,
            pruning: None,
            window: 1,
            stop: Stop::default(),
            signals: None,
            live: None,
            files: None,
        }
    }

    /// The device of the worker with this number: they are given out in turn, so no device has two workers more than
    /// another.
    pub(super) fn device_of(&self, worker: usize) -> Option<usize> {
        self.devices.get(worker.checked_rem(self.devices.len())?).copied()
    }

    /// Does `work` as the worker with this number of this process, and says when.
    pub(super) fn span_of<T>(&self, worker: usize, work: impl FnOnce() -> T) -> (T, Span) {
        let (answer, mut span) = Span::of(self.first_worker + worker, &self.since, work);
        span.start_s += self.before_s;
        span.end_s += self.before_s;
        (answer, span)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;
    use crate::history::History;
    use crate::objective::{
        FoldScore, Objective, ObjectiveError, RefitScore, Refitter, TaskHandle,
    };
    use crate::params::Params;
    use crate::runner::refit;
    use crate::store::InMemory;
    use crate::trial::Candidate;

    fn given(jobs: usize, devices: &[usize]) -> Vec<Option<usize>> {
        let options = RunOptions { devices: devices.to_vec(), ..RunOptions::new(jobs, 0) };
        (0..jobs).map(|worker| options.device_of(worker)).collect()
    }

    #[test]
    fn devices_are_given_out_in_turn() {
        assert_eq!(given(3, &[]), [None; 3]);
        assert_eq!(given(4, &[2, 0]), [2, 0, 2, 0].map(Some));
        assert_eq!(given(3, &[0, 1]), [0, 1, 0].map(Some), "one more on the first");
        assert_eq!(given(1, &[5, 6]), [Some(5)], "a device too many has nothing to do");
    }

    /// Notes which worker does a fold, or a refit, and on which device.
    #[derive(Default)]
    struct Noting(Mutex<BTreeSet<(String, Option<usize>)>>);

    impl Noting {
        fn note(&self, handle: &TaskHandle) {
            let worker = std::thread::current().name().unwrap_or_default().to_owned();
            self.0.lock().unwrap().insert((worker, handle.device()));
            // So the other workers get something to do, too.
            std::thread::sleep(Duration::from_millis(20));
        }

        fn noted(&self) -> Vec<(String, Option<usize>)> {
            std::mem::take(&mut *self.0.lock().unwrap()).into_iter().collect()
        }
    }

    #[derive(serde::Deserialize)]
    struct Nothing {}

    impl Objective for Noting {
        type Config = Nothing;

        fn folds(&self) -> usize {
            2
        }

        fn evaluate(
            &self,
            _: &Nothing,
            _: usize,
            handle: &TaskHandle,
        ) -> Result<FoldScore, ObjectiveError> {
            self.note(handle);
            Ok(FoldScore::default())
        }

        fn refitter(&self) -> Option<&dyn Refitter<Nothing>> {
            Some(self)
        }
    }

    impl Refitter<Nothing> for Noting {
        fn refit(&self, _: &Nothing, handle: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
            self.note(handle);
            Ok(RefitScore::default())
        }
    }

    #[test]
    fn folds_and_refits_are_told_the_device_of_their_worker() {
        let noted_with = |devices: &[usize]| {
            let objective = Noting::default();
            let options = RunOptions { devices: devices.to_vec(), ..RunOptions::new(3, 0) };
            let mut suggest = |history: &History| {
                let candidate = Candidate { name: None, params: Params::default() };
                Some(candidate).filter(|_| history.trials().len() < 6).into()
            };
            let store = &mut InMemory::default();
            super::super::run(&objective, &mut suggest, store, &options, |_, _| {});
            let folds = objective.noted();
            let trials = [(0, Params::default())];
            let (refits, _) = refit(&objective, &trials, 9, store, &options, |_| {});
            assert!(refits.iter().all(|refit| refit.result.is_ok()));
            assert_eq!(folds, objective.noted());
            folds
        };
        let noted = |devices: [Option<usize>; 3]| {
            let workers = devices.into_iter().enumerate();
            workers.map(|(n, device)| (format!("worker-{n}"), device)).collect::<Vec<_>>()
        };
        assert_eq!(noted_with(&[7, 2]), noted([Some(7), Some(2), Some(7)]));
        assert_eq!(noted_with(&[]), noted([None; 3]));
    }
}
