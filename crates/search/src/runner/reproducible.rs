//! Same seed, same trials: for every sampler and every pruner, whatever the number of workers and
//! processes, however long trials take, and after crashes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use serde::Deserialize;

use super::tests::options;
use super::*;
use crate::constraint::Constraint;
use crate::direction::Direction;
use crate::objective::Verdict;
use crate::params::{ParamValue, Params};
use crate::pruner::{PrunerSettings, Pruning, StepName};
use crate::settings::{SamplerKind, StudySettings};
use crate::spec::StudySpec;
use crate::store::{CandidateAt, RefitClaim, SuggestAfter};
use crate::suggester::{Suggester, Suggestion};
use crate::trial::{Candidate, FoldRecord, Refit, Trial};

const FOLDS: usize = 5;
const EPOCHS: u64 = 9;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    x: f64,
    n: i64,
    #[serde(default)]
    y: Option<f64>,
}

/// Has its optimum at x = 0.3, n = 8; some of it fails. How long it takes is another matter in each run.
struct Shuffled(AtomicU64);

impl Shuffled {
    fn new(salt: u64) -> Self {
        Shuffled(AtomicU64::new(salt | 1))
    }

    fn take_some_time(&self) {
        let next = |n: u64| Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let draw = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).unwrap_or(0);
        thread::sleep(Duration::from_micros((draw >> 33) % 150));
    }
}

impl Objective for Shuffled {
    type Config = Config;

    fn folds(&self) -> usize {
        FOLDS
    }

    fn steps(&self, _: &Config) -> Option<u64> {
        Some(EPOCHS)
    }

    fn evaluate(
        &self,
        config: &Config,
        fold: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        handle.check_stop()?;
        let distance = (config.x - 0.3).powi(2) + (config.n as f64 / 8.0 - 1.0).powi(2);
        let score = 1.0 - distance - 0.1 * config.y.unwrap_or(0.5) + 0.01 * fold as f64;
        if (config.x * 1000.0) as i64 % 11 == 3 {
            return Err(ObjectiveError::Failed { reason: "no luck".into(), flags: vec![] });
        }
        for epoch in 1..=EPOCHS {
            self.take_some_time();
            let now = score * (1.0 - 0.5f64.powi(epoch as i32));
            if handle.report(epoch, now) == Verdict::Stop {
                return Ok(FoldScore { score: now, ..FoldScore::default() });
            }
        }
        Ok(FoldScore { score, ..FoldScore::default() })
    }
}

/// A study's settings, and a file for it.
fn study(sampler: SamplerKind, pruner: Option<&str>) -> (StudySpec, StudySettings) {
    // CMA-ES takes neither conditions nor categories.
    let y = match sampler {
        SamplerKind::Cmaes => "y = { low = 0.1, high = 1.0, log = true }",
        _ => "y = { low = 0.1, high = 1.0, log = true, when = { n = { low = 5 } } }",
    };
    let x = match sampler {
        SamplerKind::Grid => "x = { low = 0.0, high = 1.0, step = 0.25 }",
        _ => "x = { low = 0.0, high = 1.0 }",
    };
    let y = if sampler == SamplerKind::Grid { "y = [0.1, 0.5, 0.9]" } else { y };
    let text =
        format!("[space]\n{x}\nn = {{ low = 1, high = 16 }}\n{y}\n[[trial]]\nx = 0.5\nn = 8");
    let file = crate::fixtures::spec(&text);
    let pruner = pruner.and_then(|name| match name {
        "threshold" => Some(PrunerSettings::Threshold {
            lower: Some(0.2),
            upper: None,
            n_warmup_steps: 0,
            interval_steps: 1,
        }),
        name => PrunerSettings::by_name(name),
    });
    let settings =
        StudySettings { sampler, pruner, window: Some(3), seed: 5, ..file.settings.clone() };
    (file, settings)
}

/// Allows about half of the space.
fn wide_enough(params: &Params) -> Result<(), String> {
    let is_wide = match (params.get("x"), params.get("n")) {
        (Some(ParamValue::Float(x)), Some(ParamValue::Int(n))) => *n as f64 >= 16.0 * x,
        _ => false,
    };
    is_wide.then_some(()).ok_or_else(|| "n is too small for x".to_owned())
}

/// How one process works on a study.
fn run_options(settings: &StudySettings, jobs: usize) -> RunOptions {
    let build = |pruner| {
        Pruning::of(pruner, Direction::Maximize, FOLDS, Some(EPOCHS), StepName::Training).unwrap()
    };
    RunOptions {
        seed: settings.seed,
        pruning: settings.pruner.as_ref().map(build),
        window: settings.effective_window().unwrap_or(1),
        ..options(jobs)
    }
}

/// A database: trials, each with the process that has it.
#[derive(Default)]
struct Shared(Mutex<Vec<(Trial, Option<usize>)>>);

/// One process's part in it, which crashes after so many saved folds.
struct Member<'a> {
    shared: &'a Shared,
    process: usize,
    saves_left: usize,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Trial, Option<usize>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn states(&self) -> Vec<String> {
        self.lock().iter().map(|(trial, _)| format!("{trial:?}")).collect()
    }
}

impl Store for Member<'_> {
    fn claim(&mut self, suggest: &mut SuggestAfter) -> Result<Claimed, StoreError> {
        let mut trials = self.shared.lock();
        let kept = |trial: &Trial| StoredTrial { trial: trial.clone(), spans: vec![] };
        let others = trials.iter().filter(|(_, owner)| *owner != Some(self.process));
        let news: Vec<StoredTrial> = others.map(|(trial, _)| kept(trial)).collect();
        let suggestion = suggest(&news, Effort::Any).unwrap();
        let left = trials.iter().position(|(trial, owner)| owner.is_none() && !trial.is_finished());
        if let Some(number) = left {
            trials[number].1 = Some(self.process);
            return Ok(Claimed::TakenUp(number));
        }
        let busy = trials.iter().any(|(trial, owner)| {
            !trial.is_finished() && owner.is_some_and(|owner| owner != self.process)
        });
        Ok(match suggestion {
            Suggestion::Candidate(candidate) => {
                let number = trials.len();
                trials.push((Trial::start(number, candidate, FOLDS), Some(self.process)));
                Claimed::Begun(number)
            }
            Suggestion::End if !busy => Claimed::Over,
            Suggestion::End | Suggestion::Wait => Claimed::Wait,
        })
    }

    /// One trial more than is asked for, without a word on others'; every third time there is something to be looked at
    /// first.
    fn claim_listed(
        &mut self,
        most: usize,
        candidate: &mut CandidateAt,
    ) -> Result<Vec<(usize, Candidate)>, StoreError> {
        let mut trials = self.shared.lock();
        let is_left =
            |(trial, owner): &(Trial, Option<usize>)| owner.is_none() && !trial.is_finished();
        let mut begun = Vec::new();
        if trials.iter().any(is_left) || (trials.len() + self.process).is_multiple_of(3) {
            return Ok(begun);
        }
        while begun.len() <= most
            && let Some(candidate) = candidate(trials.len(), trials.len())
        {
            let number = trials.len();
            trials.push((Trial::start(number, candidate.clone(), FOLDS), Some(self.process)));
            begun.push((number, candidate));
        }
        Ok(begun)
    }

    fn save_fold(
        &mut self,
        trial: &Trial,
        _: usize,
        _: &FoldRecord,
    ) -> Result<SaveOutcome, StoreError> {
        let mut trials = self.shared.lock();
        if self.saves_left == 0 {
            return Err(StoreError("the plug was pulled".into()));
        }
        self.saves_left -= 1;
        trials[trial.number].0 = trial.clone();
        Ok(SaveOutcome::Saved)
    }

    fn claim_refit(&mut self, _: usize, _: usize) -> Result<RefitClaim, StoreError> {
        Ok(RefitClaim::Elsewhere)
    }

    fn save_refit(&mut self, _: &Refit) -> Result<SaveOutcome, StoreError> {
        Ok(SaveOutcome::Lost)
    }

    fn release(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn heartbeat(&mut self) -> Result<Vec<usize>, StoreError> {
        Ok(vec![])
    }
}

/// One process, which ends when all is done or after `saves` folds; what it had is then left.
fn process(
    shared: &Shared,
    (file, settings): &(StudySpec, StudySettings),
    (process, jobs, saves): (usize, usize, usize),
    trials: usize,
) {
    let objectives = vec![(0, Direction::Maximize)];
    let mut suggester = Suggester::of(file, settings, &[trials], objectives).unwrap();
    let mut member = Member { shared, process, saves_left: saves };
    let objective = Shuffled::new((process * 7919 + jobs) as u64);
    let _ = run(&objective, &mut suggester, &mut member, &run_options(settings, jobs), |_, _| {});
    let mut all = shared.lock();
    all.iter_mut()
        .filter(|(_, owner)| *owner == Some(process))
        .for_each(|(_, owner)| *owner = None);
}

const ALL: usize = usize::MAX;

/// The same trials from one worker, from several, and from several processes one after the other, all of
/// which but the last crash.
fn check(sampler: SamplerKind, pruner: Option<&str>, trials: usize, seed: u64) {
    check_study(&study(sampler, pruner), trials, seed);
}

fn check_study(study: &(StudySpec, StudySettings), trials: usize, seed: u64) {
    let (StudySpec { constraint, .. }, StudySettings { sampler, pruner, .. }) = study;
    let alone = Shared::default();
    process(&alone, study, (0, 1, ALL), trials);
    let expected = alone.states();
    let what = format!("{sampler:?} {pruner:?} {constraint:?} {seed}");
    assert_eq!(expected.len(), trials, "{what}");
    for (trial, _) in alone.lock().iter() {
        assert_eq!(study.0.check_params(&trial.params), Ok(()), "{what}");
    }

    let parallel = Shared::default();
    process(&parallel, study, (1, 2 + seed as usize % 7, ALL), trials);
    assert_eq!(parallel.states(), expected, "{what}");

    let crashing = Shared::default();
    for number in 0..4 {
        let saves = 3 + (seed as usize * 31 + number * 17) % 25;
        process(&crashing, study, (number, 1 + (seed as usize + number) % 5, saves), trials);
    }
    process(&crashing, study, (9, 3, ALL), trials);
    assert_eq!(crashing.states(), expected, "{what}, after crashes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2))]

    #[test]
    fn what_every_sampler_proposes_depends_on_the_seed_alone(seed in 0u64..1000) {
        for (_, sampler) in SamplerKind::NAMES {
            check(sampler, None, 24, seed);
        }
    }

    #[test]
    fn what_is_left_out_depends_on_the_seed_alone(seed in 0u64..1000) {
        for (_, sampler) in SamplerKind::NAMES {
            let mut study = study(sampler, None);
            study.0.constraint = Some(Constraint::new(wide_enough));
            check_study(&study, 24, seed);
        }
    }

    #[test]
    fn what_every_pruner_stops_depends_on_the_seed_alone(seed in 0u64..1000) {
        for (index, pruner) in PrunerSettings::NAMES.into_iter().enumerate() {
            let (_, sampler) = SamplerKind::NAMES[(seed as usize + index) % SamplerKind::NAMES.len()];
            check(sampler, Some(pruner), 20, seed);
        }
    }
}

#[test]
fn every_pruner_stops_some_trials_here_and_not_all() {
    for pruner in PrunerSettings::NAMES {
        let shared = Shared::default();
        process(&shared, &study(SamplerKind::Random, Some(pruner)), (0, 2, ALL), 40);
        let all = shared.lock();
        let pruned = all
            .iter()
            .filter(|(trial, _)| matches!(trial.state, TrialState::Pruned { .. }))
            .count();
        assert!(pruned > 0, "{pruner}");
        let complete = all
            .iter()
            .filter(|(trial, _)| matches!(trial.state, TrialState::Complete { .. }))
            .count();
        assert!(complete > 0, "{pruner}");
    }
}

#[test]
fn processes_at_work_on_one_study_at_once_make_the_trials_of_a_single_one() {
    for (sampler, pruner) in [(SamplerKind::Tpe, Some("median")), (SamplerKind::Sobol, None)] {
        let study = study(sampler, pruner);
        let alone = Shared::default();
        process(&alone, &study, (0, 1, ALL), 40);
        let together = Shared::default();
        thread::scope(|scope| {
            for number in 0..3 {
                let (together, study) = (&together, &study);
                let saves = if number == 1 { 9 } else { ALL };
                scope.spawn(move || process(together, study, (number, 2, saves), 40));
            }
        });
        assert_eq!(together.states(), alone.states(), "{sampler:?}");
    }
}
