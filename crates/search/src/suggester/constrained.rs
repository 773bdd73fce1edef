//! What is not allowed is never proposed: for every sampler, and whatever is left of a space.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::allowed;
use crate::constraint::Constraint;
use crate::fixtures::spec;
use crate::objective::FoldScore;
use crate::params::{ParamValue, Params};
use crate::sampler::{RandomSampler, Sampler};
use crate::settings::SamplerKind;
use crate::trial::Event;

/// Of the 81 points, `a < b` allows 36.
const PAIRS: &str = "[space]\na = { low = 1, high = 9 }\nb = { low = 1, high = 9 }";
const BRANCHES: &str = "[space]\nopt = ['sgd', 'adam', 'lion']\ndepth = { low = 1, high = 4 }\n\
    m = { low = 0.0, high = 0.9, when = { opt = 'sgd' } }\n\
    n = { low = 1, high = 64, log = true, when = { depth = [2, 3, 4] } }";

fn number(params: &Params, name: &str) -> f64 {
    match params.get(name) {
        Some(ParamValue::Int(value)) => *value as f64,
        Some(ParamValue::Float(value)) => *value,
        _ => f64::NAN,
    }
}

fn ordered(params: &Params) -> Result<(), String> {
    let is_ordered = number(params, "a") < number(params, "b");
    is_ordered.then_some(()).ok_or_else(|| "a is not below b".to_owned())
}

fn allowing(is_allowed: impl Fn(&Params) -> bool + Send + Sync + 'static) -> Option<Constraint> {
    let check =
        move |params: &Params| is_allowed(params).then_some(()).ok_or_else(|| "no".to_owned());
    Some(Constraint::new(check))
}

fn study(text: &str, constraint: Option<Constraint>) -> StudySpec {
    StudySpec { constraint, ..spec(text) }
}

/// The params of all trials, of which up to `window` are under way at once, and why they ended early.
fn trials(
    spec: &StudySpec,
    sampler: SamplerKind,
    budgets: &[usize],
    window: usize,
    seed: u64,
) -> (Vec<Params>, Option<String>) {
    let mut history = History::new(1);
    let reason = go_on(&mut history, spec, sampler, (budgets, window, seed));
    (history.trials().iter().map(|trial| trial.params.clone()).collect(), reason)
}

/// Goes on with a study that has these trials.
fn go_on(
    history: &mut History,
    spec: &StudySpec,
    sampler: SamplerKind,
    (budgets, window, seed): (&[usize], usize, u64),
) -> Option<String> {
    let settings =
        StudySettings { sampler, window: Some(window), seed, ..StudySettings::default() };
    let objectives = vec![(0, Direction::Maximize)];
    let mut suggester = Suggester::of(spec, &settings, budgets, objectives).unwrap();
    let mut ended = history.trials().iter().filter(|trial| trial.is_finished()).count();
    loop {
        match suggester.suggest(history) {
            Suggestion::Candidate(candidate) => {
                history.apply(&Event::TrialStarted { candidate }).unwrap();
            }
            Suggestion::Wait => {
                end(history, ended);
                ended += 1;
            }
            Suggestion::End => break,
        }
    }
    (ended..history.trials().len()).for_each(|trial| end(history, trial));
    suggester.ended_early().map(str::to_owned)
}

fn end(history: &mut History, trial: usize) {
    let params = &history.trials()[trial].params;
    let score =
        -params.iter().map(|(name, _)| number(params, name)).filter(|x| !x.is_nan()).sum::<f64>();
    let result = Ok(FoldScore { score, ..FoldScore::default() });
    let event = Event::FoldFinished { trial, fold: 0, result, span: None, stderr: None };
    history.apply(&event).unwrap();
}

fn distinct(all: &[Params]) -> usize {
    all.iter().map(Params::to_string).collect::<HashSet<_>>().len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn all_that_is_allowed_of_a_finite_space_is_proposed_once_and_then_it_is_said(
        seed in 0..1000_u64, window in 1..5_usize
    ) {
        let spec = study(PAIRS, Some(Constraint::new(ordered)));
        for (_, sampler) in SamplerKind::NAMES {
            let (all, reason) = trials(&spec, sampler, &[60], window, seed);
            prop_assert!(all.iter().all(|params| ordered(params).is_ok()), "{sampler:?}");
            prop_assert_eq!((all.len(), distinct(&all)), (36, 36), "{:?}", sampler);
            let reason = reason.unwrap_or_default();
            prop_assert!(reason.ends_with("was refused with: a is not below b"), "{reason}");
            prop_assert!(reason.starts_with("no further combination of the space is allowed by"), "{reason}");
            let (few, reason) = trials(&spec, sampler, &[20], window, seed);
            prop_assert_eq!((few.len(), distinct(&few), reason), (20, 20, None), "{:?}", sampler);
        }
    }

    #[test]
    fn one_point_in_500_is_found(seed in 0..1000_u64, only in 1..=500_i64) {
        let is_it = move |params: &Params| params.get("k") == Some(&ParamValue::Int(only));
        for (_, sampler) in SamplerKind::NAMES {
            let step = if sampler == SamplerKind::Grid { ", step = 0.05" } else { "" };
            let text = format!("[space]\nk = {{ low = 1, high = 500 }}\nx = {{ low = 0.0, high = 1.0{step} }}");
            let spec = study(&text, allowing(is_it));
            let (all, reason) = trials(&spec, sampler, &[15], 2, seed);
            prop_assert!(all.iter().all(is_it), "{sampler:?}");
            prop_assert_eq!((all.len(), distinct(&all), reason), (15, 15, None), "{:?}", sampler);
        }
    }

    #[test]
    fn categories_and_params_that_exist_only_sometimes_are_checked_as_they_are(
        seed in 0..1000_u64, window in 1..5_usize
    ) {
        let is_allowed = |params: &Params| match params.get("opt") {
            Some(ParamValue::Str(opt)) if opt == "sgd" => number(params, "m") < 0.1 * number(params, "depth"),
            Some(ParamValue::Str(opt)) if opt == "lion" => number(params, "n") >= 32.0,
            _ => number(params, "depth") == 1.0,
        };
        let spec = study(BRANCHES, allowing(is_allowed));
        for sampler in [SamplerKind::Random, SamplerKind::Sobol, SamplerKind::Tpe, SamplerKind::Gp] {
            let (all, reason) = trials(&spec, sampler, &[40], window, seed);
            prop_assert!(all.iter().all(is_allowed), "{sampler:?}");
            prop_assert_eq!((all.len(), reason), (40, None), "{:?}", sampler);
        }
    }

    #[test]
    fn a_check_that_allows_all_changes_nothing(seed in 0..1000_u64, window in 1..5_usize) {
        // The others look longer for a point with a constraint.
        for sampler in [SamplerKind::Random, SamplerKind::Grid, SamplerKind::Sobol, SamplerKind::Tpe] {
            let answer = |constraint| trials(&study(PAIRS, constraint), sampler, &[40], window, seed);
            prop_assert_eq!(answer(allowing(|_| true)), answer(None), "{:?}", sampler);
        }
    }
}

#[test]
fn random_candidates_are_those_of_scikit_learn_without_those_that_are_not_allowed() {
    let spec = study(PAIRS, Some(Constraint::new(ordered)));
    let (all, _) = trials(&spec, SamplerKind::Random, &[30], 1, 7);
    // So many of the 81 points are drawn by a permutation of all, whatever their number.
    let mut theirs = RandomSampler::new(&spec.space, 75, 7).unwrap();
    let theirs = std::iter::from_fn(|| theirs.suggest()).filter(|params| ordered(params).is_ok());
    assert_eq!(all, theirs.take(30).collect::<Vec<Params>>());
}

#[test]
fn sobols_points_are_those_of_the_sequence_without_those_that_are_not_allowed() {
    let text = "[space]\na = { low = 0.0, high = 1.0 }\nb = { low = 0.0, high = 1.0 }";
    let (every, _) = trials(&study(text, None), SamplerKind::Sobol, &[100], 1, 7);
    let every = every.into_iter().filter(|params| ordered(params).is_ok());
    let spec = study(text, Some(Constraint::new(ordered)));
    let (all, _) = trials(&spec, SamplerKind::Sobol, &[30], 1, 7);
    assert_eq!(all, every.take(30).collect::<Vec<Params>>());
    // So are the first ones of a sampler that learns.
    let (learner, _) = trials(&spec, SamplerKind::Tpe, &[10], 1, 7);
    assert_eq!(learner, all[..10]);
}

#[test]
fn more_trials_stand_behind_those_that_are_there() {
    for text in [PAIRS, "[space]\na = { low = 0.0, high = 1.0 }\nb = { low = 0.0, high = 1.0 }"] {
        let spec = study(text, Some(Constraint::new(ordered)));
        for sampler in [SamplerKind::Random, SamplerKind::Sobol, SamplerKind::Tpe] {
            let (first, _) = trials(&spec, sampler, &[1], 1, 3);
            let (more, _) = trials(&spec, sampler, &[1, 9, 30], 1, 3);
            assert_eq!(
                (&more[..1], more.len(), distinct(&more)),
                (&first[..], 30, 30),
                "{sampler:?}"
            );
            let (less, _) = trials(&spec, sampler, &[1, 9], 1, 3);
            assert_eq!(more[..9], less, "{sampler:?}");
        }
    }
}

#[test]
fn a_space_with_nothing_left_ends_the_study_where_it_cannot_be_listed() {
    let text = "[space]\na = { low = 0.0, high = 1.0 }\nb = { low = 0.0, high = 1.0 }\n[[trial]]\na = 0.1\nb = 0.2";
    let only = |params: &Params| (number(params, "a"), number(params, "b")) == (0.1, 0.2);
    let spec = study(text, allowing(only));
    allowed::check(&spec, 0).unwrap();
    for (_, sampler) in SamplerKind::NAMES.into_iter().filter(|(name, _)| *name != "grid") {
        let (all, reason) = trials(&spec, sampler, &[9], 1, 0);
        assert_eq!(all.len(), 1, "{sampler:?}");
        let reason = reason.unwrap();
        assert_eq!(
            reason,
            "no further combination of the space that the check allows was found in 10000 attempts; the last was refused with: no",
            "{sampler:?}"
        );
    }
}

#[test]
fn a_study_that_goes_on_with_another_check_keeps_its_trials_and_tries_nothing_twice() {
    let below = |limit: f64| allowing(move |params| number(params, "a") < limit);
    for (_, sampler) in SamplerKind::NAMES {
        for (first, then) in
            [(None, below(4.0)), (below(4.0), below(8.0)), (below(8.0), below(4.0))]
        {
            let mut history = History::new(1);
            go_on(&mut history, &study(PAIRS, first), sampler, (&[10], 2, 5));
            let before: Vec<Params> =
                history.trials().iter().map(|trial| trial.params.clone()).collect();
            let spec = study(PAIRS, then);
            go_on(&mut history, &spec, sampler, (&[10, 81], 2, 5));
            let all: Vec<Params> =
                history.trials().iter().map(|trial| trial.params.clone()).collect();
            assert_eq!(all[..10], before);
            assert!(
                all[10..].iter().all(|params| spec.check_params(params).is_ok()),
                "{sampler:?}"
            );
            assert_eq!(distinct(&all), all.len(), "{sampler:?}");
            let left = before.iter().filter(|params| spec.check_params(params).is_err()).count();
            let allowed = allowed::points(&spec);
            let expected = allowed::PointCount::Exactly((all.len() - left) as u128);
            assert_eq!(allowed, Some(expected), "{sampler:?}");
        }
    }
}
