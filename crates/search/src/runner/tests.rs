//! The loop with an objective whose answers are prescribed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::Direction;
use crate::candidates::Candidates;
use crate::flag::KnownFlag;
use crate::objective::{RefitScore, Refitter};
use crate::params::{ParamValue, Params};
use crate::pruner::{PrunerSettings, Pruning, StepName};
use crate::settings::SamplerKind;
use crate::stop::Stop;
use crate::store::{InMemory, RefitClaim, SuggestAfter};
use crate::trial::Candidate;
use crate::trial::FoldRecord;
use crate::trial::{Refit, Trial, TrialState};

const UNLUCKY: KnownFlag = KnownFlag::new("unlucky", 0, "try again");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    x: i64,
}

/// Scores `x`, but fails, panics, or scores NaN for some of them; slow for others.
struct Prescribed {
    evaluated: AtomicUsize,
}

impl Objective for Prescribed {
    type Config = Config;

    fn folds(&self) -> usize {
        3
    }

    fn evaluate(
        &self,
        config: &Config,
        fold: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        handle.check_stop()?;
        self.evaluated.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_micros(
            (config.x as u64 * 7919 + fold as u64 * 104_729) % 300,
        ));
        let score = match (config.x % 5, fold) {
            (1, 1) => {
                return Err(ObjectiveError::Failed {
                    reason: "no luck".into(),
                    flags: vec![UNLUCKY.flag()],
                });
            }
            (2, _) => panic!("x is {}", config.x),
            (3, 2) => f64::NAN,
            _ => config.x as f64 + fold as f64,
        };
        Ok(FoldScore { score, ..FoldScore::default() })
    }

    fn known_flags(&self) -> &'static [KnownFlag] {
        &[UNLUCKY]
    }

    fn refitter(&self) -> Option<&dyn Refitter<Config>> {
        Some(self)
    }
}

impl Refitter<Config> for Prescribed {
    fn refit(&self, config: &Config, _: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
        assert_ne!(config.x, 2, "this one breaks");
        Ok(RefitScore { score: config.x as f64, ..RefitScore::default() })
    }
}

fn objective() -> Prescribed {
    Prescribed { evaluated: AtomicUsize::new(0) }
}

pub(super) fn options(jobs: usize) -> RunOptions {
    RunOptions::new(jobs, 0)
}

/// A study that is kept nowhere.
fn run(
    objective: &Prescribed,
    candidates: Candidates,
    options: &RunOptions,
    watch: impl FnMut(&Event, &History),
) -> History {
    let all: Vec<Candidate> = candidates.collect();
    let mut suggest = |history: &History| all.get(history.trials().len()).cloned().into();
    let run = super::run(objective, &mut suggest, &mut InMemory::default(), options, watch);
    assert_eq!(run.store_result, Ok(()));
    run.history
}

fn candidates(trials: usize) -> Candidates {
    let file = crate::fixtures::spec("[space]\nx = { low = 0, high = 99 }");
    Candidates::new(&file, SamplerKind::Grid, trials, 0).unwrap()
}

#[test]
fn a_failing_trial_is_recorded_with_its_reason_and_the_rest_goes_on() {
    std::panic::set_hook(Box::new(|_| {}));
    let history = run(&objective(), candidates(10), &options(2), |_, _| {});
    let _ = std::panic::take_hook();
    let ends: Vec<String> = history
        .trials()
        .iter()
        .map(|trial| match &trial.state {
            TrialState::Complete { folds } => {
                format!("{}", folds.iter().map(|fold| fold.score).sum::<f64>())
            }
            TrialState::Failed { failure, folds } => {
                format!("{} after {}", failure.reason, folds.len())
            }
            _ => "unexpected".into(),
        })
        .collect();
    let nan = "fold 2: the score is NaN, which is not a finite number after 2";
    assert_eq!(
        ends,
        [
            "3",
            "fold 1: no luck after 1",
            "fold 0: panic: x is 2 after 0",
            nan,
            "15",
            "18",
            "fold 1: no luck after 1",
            "fold 0: panic: x is 7 after 0",
            nan,
            "30",
        ]
    );
    assert_eq!(history.trials()[1].flags(), [UNLUCKY.flag()]);
}

#[test]
fn flags_of_trials_that_are_found_are_looked_up() {
    let flags = vec!["other".parse().unwrap(), UNLUCKY.id().parse().unwrap()];
    let mut trial = Trial::start(0, candidates(1).next().unwrap(), 3);
    trial.end_fold(0, &Ok(FoldScore { flags, ..FoldScore::default() }), None).unwrap();
    let mut history = History::new(3);
    let found = StoredTrial { trial, spans: Vec::new() };
    found_elsewhere(&objective(), &mut history, &mut |_, _| {}, &found);
    let TrialState::Running { folds } = &history.trials()[0].state else { panic!("{history:?}") };
    let flags = &folds[0].as_ref().unwrap().as_ref().unwrap().flags;
    assert_eq!(flags[1].advice(), "try again");
}

#[test]
fn a_requested_stop_lets_running_trials_finish_and_begins_no_other() {
    let options = options(2);
    let stop = options.stop.clone();
    let history = run(&objective(), candidates(100), &options, |event, history| {
        if history.trials().len() == 5 && matches!(event, Event::TrialStarted { .. }) {
            stop.request();
        }
    });
    assert_eq!(history.trials().len(), 5);
    assert!(history.trials().iter().all(|trial| trial.is_finished()));
}

#[test]
fn a_second_request_abandons_what_runs() {
    let options = options(2);
    let stop = options.stop.clone();
    let history = run(&objective(), candidates(100), &options, |event, history| {
        if history.trials().len() == 5 && matches!(event, Event::FoldStarted { .. }) {
            stop.request();
            stop.request();
        }
    });
    assert_eq!(history.trials().len(), 5);
    assert!(!history.trials()[4].is_finished());
}

#[test]
fn no_trial_begins_after_the_timeout() {
    let options = RunOptions { timeout: Some(Duration::ZERO), ..options(2) };
    assert!(run(&objective(), candidates(100), &options, |_, _| {}).trials().is_empty());
}

#[test]
fn every_stop_signal_is_seen_even_with_the_last_answer() {
    let (sender, receiver) = crossbeam_channel::unbounded();
    let options = RunOptions { signals: Some(receiver), ..options(1) };
    let mut requests = 0;
    run(&objective(), candidates(3), &options, |event, _| match event {
        Event::TrialStarted { .. } => sender.send(()).unwrap(),
        Event::StopRequested => requests += 1,
        _ => {}
    });
    assert_eq!(requests, 3);
}

#[test]
fn refits_come_in_order_and_one_that_panics_is_an_error() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut trials: Vec<(usize, Params)> = candidates(5).map(|c| c.params).enumerate().collect();
    trials.reverse();
    let (refits, kept) =
        refit(&objective(), &trials, 2, &mut InMemory::default(), &options(3), |_| {});
    let _ = std::panic::take_hook();
    assert_eq!(kept, Ok(()));
    let order: Vec<_> = refits.iter().map(|refit| (refit.trial, refit.seed)).collect();
    assert_eq!(
        order,
        [(4, 0), (4, 1), (3, 0), (3, 1), (2, 0), (2, 1), (1, 0), (1, 1), (0, 0), (0, 1)]
    );
    assert!(refits.iter().all(|refit| refit.result.is_err() == (refit.trial == 2)));
}

/// Keeps `left` results, and then nothing any more; or loses every trial to somebody else.
struct Faulty {
    inner: InMemory,
    left: usize,
    loses: bool,
    released: bool,
}

impl Store for Faulty {
    fn claim(&mut self, suggest: &mut SuggestAfter) -> Result<Claimed, StoreError> {
        self.inner.claim(suggest)
    }

    fn save_fold(
        &mut self,
        _: &Trial,
        _: usize,
        _: &FoldRecord,
    ) -> Result<SaveOutcome, StoreError> {
        if self.loses {
            return Ok(SaveOutcome::Lost);
        }
        let full = StoreError("the disk is full".into());
        self.left = self.left.checked_sub(1).ok_or(full)?;
        Ok(SaveOutcome::Saved)
    }

    fn claim_refit(&mut self, _: usize, seed: usize) -> Result<RefitClaim, StoreError> {
        Ok(if seed == 1 { RefitClaim::Elsewhere } else { RefitClaim::Claimed })
    }

    fn save_refit(&mut self, _: &Refit) -> Result<SaveOutcome, StoreError> {
        Err(StoreError("the disk is full".into()))
    }

    fn release(&mut self) -> Result<(), StoreError> {
        self.released = true;
        Ok(())
    }

    fn heartbeat(&mut self) -> Result<Vec<usize>, StoreError> {
        Ok(Vec::new())
    }
}

fn faulty(left: usize, loses: bool) -> Faulty {
    Faulty { inner: InMemory::default(), left, loses, released: false }
}

#[test]
fn a_store_that_fails_lets_running_trials_finish_and_begins_no_other() {
    let all: Vec<Candidate> = candidates(100).filter(|c| is_fine(&c.params)).collect();
    let mut suggest = |history: &History| all.get(history.trials().len()).cloned().into();
    let mut store = faulty(7, false);
    let run = super::run(&objective(), &mut suggest, &mut store, &options(2), |_, _| {});
    assert_eq!(run.store_result, Err(StoreError("the disk is full".into())));
    let trials = run.history.trials();
    assert!((3..=5).contains(&trials.len()), "{}", trials.len());
    assert!(trials.iter().all(|trial| trial.is_finished()), "what was computed is in the history");
}

#[test]
fn of_a_trial_that_was_lost_nothing_is_taken_up() {
    let all: Vec<Candidate> = candidates(4).collect();
    let mut suggest = |history: &History| all.get(history.trials().len()).cloned().into();
    let mut store = faulty(0, true);
    let mut finished = Vec::new();
    let run = super::run(&objective(), &mut suggest, &mut store, &options(2), |event, _| {
        if let Event::FoldFinished { result, .. } = event {
            finished.push(result.clone());
        }
    });
    assert_eq!((run.store_result, run.history.trials().len()), (Ok(()), 4));
    assert!(run.history.trials().iter().all(|trial| !trial.is_finished()));
    assert!(!finished.is_empty(), "whoever watches is told that the fold has ended");
    assert!(finished.iter().all(|result| *result == Err(ObjectiveError::Interrupted)));
    assert!(store.released);
}

/// Loses trial 0 when its second fold is saved for the first time, and has it claimed again at once.
struct Fickle {
    inner: InMemory,
    refused: bool,
    lost: bool,
}

impl Store for Fickle {
    fn claim(&mut self, suggest: &mut SuggestAfter) -> Result<Claimed, StoreError> {
        if std::mem::take(&mut self.lost) {
            suggest(&[], Effort::Any);
            return Ok(Claimed::TakenUp(0));
        }
        self.inner.claim(suggest)
    }

    fn save_fold(
        &mut self,
        trial: &Trial,
        fold: usize,
        _: &FoldRecord,
    ) -> Result<SaveOutcome, StoreError> {
        if self.refused || (trial.number, fold) != (0, 1) {
            return Ok(SaveOutcome::Saved);
        }
        (self.refused, self.lost) = (true, true);
        Ok(SaveOutcome::Lost)
    }

    fn claim_refit(&mut self, _: usize, _: usize) -> Result<RefitClaim, StoreError> {
        Ok(RefitClaim::Claimed)
    }

    fn save_refit(&mut self, _: &Refit) -> Result<SaveOutcome, StoreError> {
        Ok(SaveOutcome::Saved)
    }

    fn release(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn heartbeat(&mut self) -> Result<Vec<usize>, StoreError> {
        Ok(Vec::new())
    }
}

/// Holds the first evaluation of fold 2 until fold 1 is evaluated again, and that one until fold 2 has
/// been evaluated twice.
#[derive(Default)]
struct Held {
    second_begun: AtomicUsize,
    third_begun: AtomicUsize,
    third_ended: AtomicUsize,
}

fn wait_for_two(count: &AtomicUsize) {
    while count.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
}

impl Objective for Held {
    type Config = Config;

    fn folds(&self) -> usize {
        3
    }

    fn evaluate(
        &self,
        _: &Config,
        fold: usize,
        _: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        if fold == 1 && self.second_begun.fetch_add(1, Ordering::SeqCst) == 1 {
            wait_for_two(&self.third_ended);
            // So that both have been taken up.
            std::thread::sleep(Duration::from_millis(50));
        }
        if fold == 2 {
            if self.third_begun.fetch_add(1, Ordering::SeqCst) == 0 {
                wait_for_two(&self.second_begun);
            }
            self.third_ended.fetch_add(1, Ordering::SeqCst);
        }
        Ok(FoldScore { score: 0.5, ..FoldScore::default() })
    }

    fn refitter(&self) -> Option<&dyn Refitter<Config>> {
        Some(self)
    }
}

impl Refitter<Config> for Held {
    fn refit(&self, _: &Config, _: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
        unreachable!("nothing is refitted")
    }
}

#[test]
fn a_trial_that_was_lost_and_claimed_again_has_each_fold_once() {
    let all: Vec<Candidate> = candidates(1).collect();
    let mut suggest = |history: &History| all.get(history.trials().len()).cloned().into();
    let mut store = Fickle { inner: InMemory::default(), refused: false, lost: false };
    let objective = Held::default();
    // Workers enough for all folds of both claims.
    let run = super::run(&objective, &mut suggest, &mut store, &options(6), |_, _| {});
    assert_eq!(objective.third_ended.load(Ordering::SeqCst), 2, "once for each claim");
    let states: Vec<&TrialState> = run.history.trials().iter().map(|trial| &trial.state).collect();
    assert!(matches!(states[..], [TrialState::Complete { .. }]), "{states:?}");
}

#[test]
fn with_a_pruner_too_each_fold_is_handed_out_once() {
    let median = PrunerSettings::by_name("median").unwrap();
    let pruning =
        Pruning::of(&median, Direction::Maximize, 3, Some(1), StepName::Training).unwrap();
    let options = RunOptions { pruning: Some(pruning), window: 4, ..options(4) };
    let mut begun = Vec::new();
    std::panic::set_hook(Box::new(|_| {}));
    run(&objective(), candidates(30), &options, |event, _| {
        if let Event::FoldStarted { trial, fold } = event {
            begun.push((*trial, *fold));
        }
    });
    let _ = std::panic::take_hook();
    begun.sort_unstable();
    assert!(begun.len() > 30 && begun.windows(2).all(|pair| pair[0] != pair[1]), "{begun:?}");
}

#[test]
fn refits_that_cannot_be_kept_are_returned_with_the_reason() {
    let trials: Vec<(usize, Params)> = candidates(1).map(|c| c.params).enumerate().collect();
    let mut store = faulty(0, false);
    let (refits, kept) = refit(&objective(), &trials, 3, &mut store, &options(1), |_| {});
    assert_eq!(kept, Err(StoreError("the disk is full".into())));
    assert_eq!(refits.len(), 1, "the one that was done before the store failed");
}

fn is_fine(params: &Params) -> bool {
    let Some(ParamValue::Int(x)) = params.get("x") else { return false };
    ![1, 2, 3].contains(&(x % 5))
}

/// Works until it is told to stop.
struct Endless;

impl Objective for Endless {
    type Config = Config;

    fn folds(&self) -> usize {
        2
    }

    fn evaluate(
        &self,
        _: &Config,
        _: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        loop {
            handle.check_stop()?;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn refitter(&self) -> Option<&dyn Refitter<Config>> {
        Some(self)
    }
}

impl Refitter<Config> for Endless {
    fn refit(&self, _: &Config, _: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
        unreachable!("no trial is complete")
    }
}

#[test]
fn a_trial_that_takes_too_long_fails_and_the_others_go_on() {
    let all: Vec<Candidate> = candidates(3).collect();
    let mut suggest = |history: &History| all.get(history.trials().len()).cloned().into();
    let options = RunOptions { trial_timeout: Some(Duration::from_millis(20)), ..options(2) };
    let run = super::run(&Endless, &mut suggest, &mut InMemory::default(), &options, |_, _| {});
    assert_eq!(run.history.trials().len(), 3);
    for trial in run.history.trials() {
        let TrialState::Failed { failure, .. } = &trial.state else { panic!("{trial:?}") };
        assert_eq!(failure.reason, "fold 0: timed out: the trial took longer than 20ms");
    }
}

/// Asks nothing, until it is let go.
struct Deaf(AtomicBool);

impl Objective for Deaf {
    type Config = Config;

    fn evaluate(
        &self,
        _: &Config,
        _: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        while !self.0.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        handle.check_stop()?;
        Ok(FoldScore::default())
    }

    fn refitter(&self) -> Option<&dyn Refitter<Config>> {
        Some(self)
    }
}

impl Refitter<Config> for Deaf {
    fn refit(&self, config: &Config, handle: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
        self.evaluate(config, 0, handle).map(|_| RefitScore::default())
    }
}

#[test]
fn it_is_told_once_that_a_fold_goes_on_after_its_time() {
    let (objective, mut told) = (Deaf(AtomicBool::new(false)), Vec::new());
    let limit = Duration::from_millis(20);
    let options = RunOptions { trial_timeout: Some(limit), ..options(2) };
    let all: Vec<Candidate> = candidates(2).collect();
    let mut suggest = |history: &History| all.get(history.trials().len()).cloned().into();
    let store = &mut InMemory::default();
    let run = super::run(&objective, &mut suggest, store, &options, |event, _| {
        if let Event::FoldOverdue { trial, fold, limit } = event {
            told.push((*trial, *fold, *limit));
        }
        // Long enough for a second telling.
        if told.len() == 2 {
            std::thread::sleep(Duration::from_secs(1));
            objective.0.store(true, Ordering::SeqCst);
        }
    });
    assert_eq!(told, [(0, 0, limit), (1, 0, limit)]);
    let is_failed = |trial: &Trial| matches!(trial.state, TrialState::Failed { .. });
    assert!(run.history.trials().iter().all(is_failed));
}

#[test]
fn what_does_not_hear_that_it_is_abandoned_is_given_up() {
    let (objective, options) = (Deaf(AtomicBool::new(false)), options(1));
    let mut store = faulty(9, false);
    let mut given_up = 0;
    let all: Vec<Candidate> = candidates(2).collect();
    let mut suggest = |history: &History| all.get(history.trials().len()).cloned().into();
    super::run(&objective, &mut suggest, &mut store, &options, |event, _| match event {
        Event::FoldStarted { .. } => drop((options.stop.request(), options.stop.request())),
        Event::GivenUp => {
            given_up += 1;
            objective.0.store(true, Ordering::SeqCst);
        }
        _ => {}
    });
    assert_eq!((given_up, store.released), (1, true));
    let (objective, stop) = (Deaf(AtomicBool::new(false)), Stop::default());
    let options = RunOptions { stop: stop.clone(), ..self::options(1) };
    let trials = [(0, all[0].params.clone())];
    let mut store = InMemory::default();
    let (refits, _) = refit(&objective, &trials, 1, &mut store, &options, |event| match event {
        RefitEvent::Started { .. } => drop((stop.request(), stop.request())),
        RefitEvent::GivenUp => {
            given_up += 1;
            objective.0.store(true, Ordering::SeqCst);
        }
        _ => {}
    });
    assert_eq!((given_up, refits.len()), (2, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn the_history_does_not_depend_on_the_number_of_workers(jobs in 2usize..6, trials in 1usize..40) {
        let sequential = run(&objective(), candidates(trials), &options(1), |_, _| {});
        let parallel = run(&objective(), candidates(trials), &options(jobs), |_, _| {});
        prop_assert_eq!(sequential, parallel);
    }
}
