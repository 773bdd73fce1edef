//! Proposals of the Gaussian process: settled, untaken, reproducible, and good.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::ParamValue;
use crate::fixtures::spec;
use crate::keyed_rng::{Purpose, Task, keyed_rng};
use crate::sampler::history::Outcome;
use crate::space::Condition;

const MIXED: &str = "[space]\nx = { low = -2.0, high = 3.0 }\nlr = { low = 1e-4, high = 1e-1, log = true }\n\
                     n = { low = 1, high = 100, log = true }\nact = ['relu', 'tanh', 'gelu']\n\
                     batch = [50, 100, 400]\nfixed = 5";

fn space(text: &str) -> UnitSpace {
    branching(text, &[])
}

/// A space in which some parameters exist for one value of another: (parameter, other, value).
fn branching(text: &str, conditions: &[(&str, &str, &str)]) -> UnitSpace {
    let mut space = spec(text).space;
    space.conditions.extend(conditions.iter().map(|(param, parent, value)| Condition {
        param: (*param).into(),
        parent: (*parent).into(),
        values: vec![ParamValue::Str((*value).into())],
    }));
    UnitSpace::new(&space)
}

fn rng(trial: usize) -> ChaCha8Rng {
    keyed_rng(7, trial, Task::Fold(0), Purpose::Shuffle)
}

/// A past of `trials` random points, of which some failed, were pruned or are running.
fn past(space: &UnitSpace, trials: usize) -> SamplerHistory {
    let mut past = SamplerHistory::new(space.len(), 1);
    for trial in 0..trials {
        let point = drawn(space, &mut rng(trial));
        past.begin(&point);
        let loss: f64 = point.iter().filter(|x| !x.is_nan()).map(|x| (x - 0.4) * (x - 0.4)).sum();
        match trial % 8 {
            5 => past.end(trial, Outcome::Failed, &[]),
            6 => past.end(trial, Outcome::Pruned { step: 1, loss: loss * 0.1 }, &[]),
            7 => {}
            _ => past.end(trial, Outcome::Complete, &[loss]),
        }
    }
    past
}

/// The lowest of so many losses.
fn search(space: &UnitSpace, trials: usize, loss: impl Fn(&[f64]) -> f64) -> f64 {
    let mut sampler = GpSampler::new(space.clone());
    let mut past = SamplerHistory::new(space.len(), 1);
    let mut best = f64::INFINITY;
    for trial in 0..trials {
        let mut rng = rng(trial);
        let mut point =
            if trial < STARTUP { drawn(space, &mut rng) } else { sampler.suggest(&past, &mut rng) };
        space.snap(&mut point);
        past.begin(&point);
        past.end(trial, Outcome::Complete, &[loss(&point)]);
        best = best.min(loss(&point));
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn proposals_are_points_of_the_space_that_a_fresh_sampler_makes_again(trials in 0..40_usize) {
        let space = space(MIXED);
        let past = past(&space, trials);
        let mut used = GpSampler::new(space.clone());
        used.suggest(&self::past(&space, 13), &mut rng(1));
        let point = used.suggest(&past, &mut rng(99));
        let again = GpSampler::new(space.clone()).suggest(&past, &mut rng(99));
        let bits = |point: &[f64]| point.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&point), bits(&again));
        let mut settled = point.clone();
        space.snap(&mut settled);
        prop_assert_eq!(bits(&point), bits(&settled));
        prop_assert!(!past.is_taken(&point));
    }
}

#[test]
fn a_finite_space_is_tried_out_without_repetition() {
    let text =
        "[space]\na = ['x', 'y', 'z']\nb = [1, 2, 3, 4]\nc = { low = 1, high = 5, log = true }";
    let space = branching(text, &[("c", "a", "y")]);
    assert!(space.is_conditional());
    let mut sampler = GpSampler::new(space.clone());
    let mut past = SamplerHistory::new(space.len(), 1);
    let mut seen = HashSet::new();
    for trial in 0..4 + 4 + 4 * 5 {
        let point = sampler.suggest(&past, &mut rng(trial));
        assert!(seen.insert(space.params(&point).to_string()), "{trial}: {point:?}");
        past.begin(&point);
        past.end(trial, Outcome::Complete, &[point[1]]);
    }
    sampler.suggest(&past, &mut rng(99));
}

#[test]
fn a_bowl_has_its_bottom_found_and_so_does_the_right_branch() {
    let bowl = space("[space]\nx = { low = 0.0, high = 1.0 }\ny = { low = 0.0, high = 1.0 }");
    let best = search(&bowl, 25, |point| (point[0] - 0.3).powi(2) + (point[1] - 0.8).powi(2));
    assert!(best < 1e-4, "{best}");
    let branches = branching(
        "[space]\nkind = ['a', 'b', 'c']\nx = { low = 0.0, high = 1.0 }\nn = { low = 1, high = 500 }",
        &[("x", "kind", "b"), ("n", "kind", "c")],
    );
    let best = search(&branches, 40, |point| match point[0] {
        1.0 => 0.2 + (point[1] - 0.6).powi(2),
        2.0 => (point[2] - 0.7113).abs(),
        _ => 0.5,
    });
    assert!(best < 0.02, "{best}");
}

#[test]
fn trials_that_run_or_come_to_the_same_or_to_nothing_are_no_fault() {
    let space = space(MIXED);
    for outcome in [Outcome::Running, Outcome::Failed, Outcome::Complete] {
        let mut past = past(&space, 0);
        for trial in 0..12 {
            past.begin(&drawn(&space, &mut rng(trial / 2)));
            past.end(trial, outcome, if outcome == Outcome::Complete { &[1e300] } else { &[] });
        }
        assert!(!past.is_taken(&GpSampler::new(space.clone()).suggest(&past, &mut rng(50))));
    }
}

#[test]
fn ten_proposals_beside_each_other_differ() {
    let space = space(MIXED);
    let mut past = past(&space, 30);
    let mut sampler = GpSampler::new(space.clone());
    let mut points: Vec<Vec<f64>> = Vec::new();
    for trial in 30..40 {
        let point = sampler.suggest(&past, &mut rng(trial));
        let columns = Columns::new(&space);
        let distance = |other: &Vec<f64>| -> f64 {
            let (a, b) = (columns.row(&point), columns.row(other));
            (0..columns.len()).map(|column| columns.square(column, a[column], b[column])).sum()
        };
        assert!(points.iter().all(|other| distance(other) > 1e-4), "{trial}");
        past.begin(&point);
        points.push(point);
    }
}

#[test]
fn many_trials_are_bounded_to_the_best_and_the_newest() {
    let space = space(MIXED);
    let past = past(&space, 700);
    let columns = Columns::new(&space);
    let all = Observations::new(&past, &columns, usize::MAX);
    let some = Observations::new(&past, &columns, 100);
    assert_eq!((some.rows.len(), some.losses.len(), some.best), (100, 100, all.best));
    assert_eq!(some.rows.last(), all.rows.last());
    let below = all.losses.iter().filter(|loss| **loss < -0.5).count().min(50);
    assert!(some.losses.iter().filter(|loss| **loss < -0.5).count() >= below);
    GpSampler::new(space).suggest(&past, &mut rng(1000));
}
