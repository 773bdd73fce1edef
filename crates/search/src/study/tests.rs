//! The loop with an objective whose answers are prescribed.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::Candidates;
use crate::objective::{Flag, RefitScore, Rejection};
use crate::params::Params;
use crate::store::InMemory;
use crate::study_file::{SamplerKind, StudyFile};
use crate::trial::TrialState;

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

    fn check(&self, _: &Config) -> Result<(), Rejection> {
        Ok(())
    }

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
                    flags: vec![Flag::Diverged],
                });
            }
            (2, _) => panic!("x is {}", config.x),
            (3, 2) => f64::NAN,
            _ => config.x as f64 + fold as f64,
        };
        Ok(FoldScore { score, flags: vec![], fit_s: 0.0, score_s: 0.0, curves: None })
    }

    fn refit(&self, config: &Config, _: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
        assert_ne!(config.x, 2, "this one breaks");
        Ok(RefitScore {
            score: config.x as f64,
            per_class_recall: vec![],
            flags: vec![],
            curves: None,
        })
    }
}

fn objective() -> Prescribed {
    Prescribed { evaluated: AtomicUsize::new(0) }
}

fn options(jobs: usize) -> RunOptions {
    let since = Stopwatch::start();
    RunOptions {
        jobs,
        seed: 0,
        since,
        before_s: 0.0,
        first_worker: 0,
        timeout: None,
        trial_timeout: None,
        stop: Stop::default(),
        signals: None,
    }
}

/// A study that is kept nowhere.
fn run(
    objective: &Prescribed,
    candidates: Candidates,
    options: &RunOptions,
    watch: impl FnMut(&Event, &History),
) -> History {
    let all: Vec<Candidate> = candidates.collect();
    let suggest = |history: &History| all.get(history.trials().len()).cloned();
    let run = super::run(objective, suggest, &mut InMemory::default(), options, watch);
    assert_eq!(run.kept, Ok(()));
    run.history
}

fn candidates(trials: usize) -> Candidates {
    let file =
        StudyFile::parse(Path::new("s.toml"), "[space]\nx = { low = 0, high = 99 }").unwrap();
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
            TrialState::Running { .. } | TrialState::Foreign { .. } => "unexpected".into(),
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
    assert_eq!(history.trials()[1].flags(), [Flag::Diverged]);
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
fn a_stop_signal_is_seen_while_trials_run() {
    let (sender, receiver) = crossbeam_channel::unbounded();
    let options = RunOptions { signals: Some(receiver), ..options(1) };
    let mut requests = 0;
    run(&objective(), candidates(3), &options, |event, _| match event {
        Event::TrialStarted { .. } => sender.send(()).unwrap(),
        Event::StopRequested => requests += 1,
        _ => {}
    });
    assert!((1..=3).contains(&requests), "{requests}");
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn the_history_does_not_depend_on_the_number_of_workers(jobs in 2usize..6, trials in 1usize..40) {
        let sequential = run(&objective(), candidates(trials), &options(1), |_, _| {});
        let parallel = run(&objective(), candidates(trials), &options(jobs), |_, _| {});
        prop_assert_eq!(sequential, parallel);
    }
}
