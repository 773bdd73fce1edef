//! Against densities that Python computed, recorded by `tests/fixtures/parzen_mixture.py`; and what has to hold
//! for every past.

use proptest::prelude::*;
use rand_chacha::rand_core::SeedableRng;
use serde::Deserialize;

use super::kernel::Width;
use super::*;
use crate::fixtures::spec;
use crate::sampler::history::Outcome;
use crate::space::Condition;

const SPACE: &str = "[space]\nact = ['relu', 'tanh', 'gelu']\nlr = { low = 1e-4, high = 1e-1, log = true }\n\
    width = { low = 64, high = 1024, step = 64 }\nn = { low = 1, high = 100, log = true }\n\
    batch = [50, 100, 400]\nfixed = 5\nx = { low = -2.0, high = 3.0 }";

fn parsed(text: &str) -> crate::Space {
    spec(text).space
}

/// `x` and `batch` exist for some of the activations alone.
fn conditional() -> UnitSpace {
    let mut space = parsed(SPACE);
    let when = |param: &str, values: &[&str]| Condition {
        param: param.into(),
        parent: "act".into(),
        values: values.iter().map(|value| crate::ParamValue::Str((*value).into())).collect(),
    };
    space.conditions = vec![when("x", &["relu"]), when("batch", &["relu", "gelu"])];
    UnitSpace::new(&space)
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// What became of a trial, as a draw: kind, loss, second loss, step.
type Ending = (u8, i8, i8, u8);

/// A past of random points, with what became of them.
fn past_of(space: &UnitSpace, objectives: usize, endings: &[Ending]) -> SamplerHistory {
    let mut past = SamplerHistory::new(space.len(), objectives);
    let all = Mixture::new(space, &widths::of_all(space, 0));
    for (trial, (kind, loss, second, step)) in endings.iter().enumerate() {
        past.begin(&all.draw(space, &[], &mut rng(trial as u64)));
        let losses = [f64::from(*loss), f64::from(*second)];
        let pruned = Outcome::Pruned { step: u64::from(*step), loss: losses[0] };
        match kind % 8 {
            0 => {}
            1 => past.end(trial, Outcome::Failed, &[]),
            2 => past.end(trial, pruned, &[]),
            _ => past.end(trial, Outcome::Complete, &losses[..objectives]),
        }
    }
    past
}

fn endings() -> impl Strategy<Value = Vec<Ending>> {
    prop::collection::vec((any::<u8>(), any::<i8>(), any::<i8>(), 0..4u8), 0..60)
}

fn bits(point: &[f64]) -> Vec<u64> {
    point.iter().map(|coordinate| coordinate.to_bits()).collect()
}

proptest! {
    #[test]
    fn a_sampler_that_was_used_before_answers_as_a_fresh_one(
        endings in endings(), objectives in 1..3usize, seed: u64
    ) {
        let space = conditional();
        let mut used = TpeSampler::new(space.clone());
        // Also after another study's past, and after a longer one.
        let other: Vec<Ending> = endings.iter().rev().map(|ending| (4, ending.1, ending.2, 0)).collect();
        used.suggest(&past_of(&space, objectives, &other), &mut rng(seed));
        for known in 0..=endings.len() {
            let past = past_of(&space, objectives, &endings[..known]);
            let expected = TpeSampler::new(space.clone()).suggest(&past, &mut rng(seed));
            prop_assert_eq!(bits(&used.suggest(&past, &mut rng(seed))), bits(&expected));
        }
    }

    #[test]
    fn a_suggestion_is_a_settled_point(endings in endings(), objectives in 1..3usize, seed: u64) {
        let space = conditional();
        let past = past_of(&space, objectives, &endings);
        let point = TpeSampler::new(space.clone()).suggest(&past, &mut rng(seed));
        let mut settled = point.clone();
        space.snap(&mut settled);
        prop_assert_eq!(bits(&point), bits(&settled));
        prop_assert_eq!(space.params(&point).iter().count() + missing(&point), space.len());
    }

    #[test]
    fn the_good_are_complete_before_they_are_pruned_and_never_running_or_failed(endings in endings()) {
        let space = conditional();
        let past = past_of(&space, 1, &endings);
        let all = split::best(&past, |valued| valued);
        let key = |trial: &usize| match past.outcome(*trial) {
            Outcome::Complete => (0, 0, past.losses(*trial)[0] as i64, *trial),
            Outcome::Pruned { step, loss } => (1, -(step as i64), loss as i64, *trial),
            _ => (9, 0, 0, 0),
        };
        prop_assert!(all.iter().map(key).is_sorted());
        prop_assert!(all.iter().all(|trial| key(trial).0 < 9));
        let some = split::best(&past, |valued| valued / 3);
        prop_assert_eq!(&some[..], &all[..all.len() / 3]);
    }
}

fn missing(point: &[f64]) -> usize {
    point.iter().filter(|coordinate| coordinate.is_nan()).count()
}

#[test]
fn a_finite_space_is_walked_through_without_a_point_twice() {
    let space = UnitSpace::new(&parsed(
        "[space]\na = [1, 2, 3, 4, 5]\nb = ['x', 'y', 'a', 'b']\nc = [1, 2]",
    ));
    let mut sampler = TpeSampler::new(space);
    let mut past = SamplerHistory::new(3, 1);
    for trial in 0..40 {
        let point = sampler.suggest(&past, &mut rng(trial));
        assert!(!past.is_taken(&point), "trial {trial}: {point:?}");
        past.begin(&point);
        past.end(trial as usize, Outcome::Complete, &[point[0] + point[1]]);
    }
    // Nothing is left, and still there is an answer.
    assert_eq!(sampler.suggest(&past, &mut rng(0)).len(), 3);
}

#[test]
fn a_hundred_categories_are_told_apart() {
    let names: Vec<String> = (0..100).map(|i| format!("'v{i}'")).collect();
    let space = UnitSpace::new(&parsed(&format!(
        "[space]\na = [{}]\nx = {{ low = 0.0, high = 1.0 }}",
        names.join(", ")
    )));
    let mut sampler = TpeSampler::new(space);
    let mut past = SamplerHistory::new(2, 1);
    for trial in 0..60 {
        let category = f64::from(trial % 20 * 5);
        past.begin(&[category, f64::from(trial) / 60.0]);
        past.end(trial as usize, Outcome::Complete, &[(category - 50.0).abs()]);
    }
    let near =
        (0..50).filter(|seed| (sampler.suggest(&past, &mut rng(*seed))[0] - 50.0).abs() <= 5.0);
    assert!(near.count() > 25);
}

#[test]
fn workers_keep_away_from_points_that_run() {
    let space = UnitSpace::new(&parsed("[space]\nx = { low = 0.0, high = 1.0 }"));
    let mut past = SamplerHistory::new(1, 1);
    for trial in 0..30 {
        past.begin(&[trial as f64 / 30.0]);
        past.end(trial, Outcome::Complete, &[(trial as f64 / 30.0 - 0.5).abs()]);
    }
    let density = |past: &SamplerHistory| {
        let mut sampler = TpeSampler::new(space.clone());
        (0..200)
            .filter(|seed| (sampler.suggest(past, &mut rng(*seed))[0] - 0.5).abs() < 0.03)
            .count()
    };
    let before = density(&past);
    (0..10).for_each(|_| past.begin(&[0.5]));
    assert!(density(&past) < before / 2, "{before} {}", density(&past));
}

#[test]
fn the_good_of_two_objectives_are_the_first_fronts_and_then_the_lonely() {
    let mut past = SamplerHistory::new(1, 2);
    let rows = [[2.0, 2.0], [0.0, 4.0], [4.0, 0.0], [1.9, 2.1], [1.0, 3.0], [9.0, 9.0]];
    for (trial, losses) in rows.iter().enumerate() {
        past.begin(&[0.5]);
        past.end(trial, Outcome::Complete, losses);
    }
    assert_eq!(split::best(&past, |_| 3), [1, 2, 0]);
    assert_eq!(split::best(&past, |_| 6)[5], 5);
}

/// How much of the square up to (2, 2) the losses of two objectives dominate.
fn hypervolume(losses: &mut [[f64; 2]]) -> f64 {
    losses.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let mut lowest = 2.0f64;
    let area = losses.iter().map(|loss| {
        let gain = (lowest - loss[1]).max(0.0) * (2.0 - loss[0]).max(0.0);
        lowest = lowest.min(loss[1]);
        gain
    });
    area.sum()
}

#[test]
fn two_objectives_are_approached_along_the_whole_front() {
    let space = UnitSpace::new(&parsed(
        "[space]\na = { low = 0.0, high = 1.0 }\nb = { low = 0.0, high = 1.0 }\n\
         c = { low = 0.0, high = 1.0 }\nd = { low = 0.0, high = 1.0 }",
    ));
    let run = |seed: u64, learns: bool| {
        let mut sampler = TpeSampler::new(space.clone());
        let mut past = SamplerHistory::new(4, 2);
        let mut losses = Vec::new();
        for trial in 0..100 {
            let mut rng = rng(1_000 * seed + trial);
            let point = if learns && trial >= 10 {
                sampler.suggest(&past, &mut rng)
            } else {
                sampler.all.draw(&space, &[], &mut rng)
            };
            let distance = |to: f64| point.iter().map(|x| (x - to) * (x - to)).sum::<f64>();
            losses.push([distance(0.2), distance(0.8)]);
            past.begin(&point);
            past.end(trial as usize, Outcome::Complete, &losses[trial as usize]);
        }
        hypervolume(&mut losses)
    };
    let mean = |learns| (0..10).map(|seed| run(seed, learns)).sum::<f64>() / 10.0;
    // Ten runs of Optuna 5's TPESampler have 3.39 on average, of its random sampler 3.38; all of the front has
    // 3.65.
    let (tpe, random) = (mean(true), mean(false));
    assert!(tpe > 3.48 && tpe > random + 0.1, "{tpe} {random}");
}

#[derive(Deserialize)]
struct Case {
    middles: Vec<Vec<Option<f64>>>,
    numbers: Vec<f64>,
    category: f64,
    weights: Vec<f64>,
    uniform: f64,
    points: Vec<Vec<Option<f64>>>,
    log_densities: Vec<f64>,
}

#[test]
fn densities_are_those_that_scipy_computes() {
    let text = include_str!("../../../tests/fixtures/parzen_mixture.json");
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    let space = conditional();
    let point = |row: &[Option<f64>]| -> Vec<f64> {
        row.iter().map(|coordinate| coordinate.unwrap_or(f64::NAN)).collect()
    };
    for case in cases {
        let width = |number: &f64| Width { number: *number, category: case.category };
        let widths: Vec<Width> = case.numbers.iter().map(width).collect();
        let mut mixture = Mixture::new(&space, &widths);
        case.middles.iter().for_each(|row| mixture.push(&space, &point(row)));
        for (row, expected) in case.points.iter().zip(&case.log_densities) {
            let found = mixture.log_density(
                &space,
                &point(row),
                &case.weights,
                case.uniform,
                &mut Vec::new(),
            );
            assert!((found - expected).abs() < 1e-8, "{row:?}: {found} for {expected}");
        }
    }
}
