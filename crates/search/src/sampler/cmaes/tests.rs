//! Against what the Python package `cmaes` made of the same generations, recorded by
//! `tests/fixtures/cmaes.py`, and on functions whose minimum is known.

use proptest::prelude::*;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::ParamValue;
use crate::fixtures::spec;
use crate::sampler::SobolSampler;
use crate::sampler::history::Outcome;
use crate::space::{Condition, Domain, Space};

/// `continuous` parameters from 0 to 1, then `whole` ones from -10 to 10.
fn cube(continuous: usize, whole: usize) -> UnitSpace {
    let float = Domain::FloatRange { low: 0.0, high: 1.0, step: None, log: false };
    let int = Domain::IntRange { low: -10, high: 10, step: 1, log: false };
    let floats = (0..continuous).map(|i| (format!("x{i}"), float.clone()));
    let ints = (0..whole).map(|i| (format!("k{i}"), int.clone()));
    UnitSpace::new(&Space::of(floats.chain(ints)))
}

fn unit_space(lines: &str) -> UnitSpace {
    UnitSpace::new(&spec(&format!("[space]\n{lines}")).space)
}

fn centre(i: usize) -> f64 {
    3.1 * (i as f64 + 1.0).sin()
}

fn sphere(x: &[f64]) -> f64 {
    x.iter().enumerate().map(|(i, x)| (10.0 * x - 5.0 - centre(i)).powi(2)).sum()
}

fn rosenbrock(x: &[f64]) -> f64 {
    let y: Vec<f64> = x.iter().map(|x| 5.0 * x - 2.0).collect();
    y.windows(2).map(|y| 100.0 * (y[1] - y[0] * y[0]).powi(2) + (1.0 - y[0]).powi(2)).sum()
}

/// Hartmann's function of six variables, less its minimum.
fn hartmann(x: &[f64]) -> f64 {
    let hills: [(f64, [f64; 6], [f64; 6]); 4] = [
        (1.0, [10.0, 3.0, 17.0, 3.5, 1.7, 8.0], [1312.0, 1696.0, 5569.0, 124.0, 8283.0, 5886.0]),
        (1.2, [0.05, 10.0, 17.0, 0.1, 8.0, 14.0], [2329.0, 4135.0, 8307.0, 3736.0, 1004.0, 9991.0]),
        (3.0, [3.0, 3.5, 1.7, 10.0, 17.0, 8.0], [2348.0, 1451.0, 3522.0, 2883.0, 3047.0, 6650.0]),
        (3.2, [17.0, 8.0, 0.05, 10.0, 0.1, 14.0], [4047.0, 8828.0, 8732.0, 5743.0, 1091.0, 381.0]),
    ];
    let heights = hills.iter().map(|(height, steep, place)| {
        let far: f64 = (0..6).map(|i| steep[i] * (x[i] - 1e-4 * place[i]).powi(2)).sum();
        height * (-far).exp()
    });
    3.322_368_011_391_339 - heights.sum::<f64>()
}

/// Three continuous parameters and three whole ones; two of them belong together.
fn whole_numbers(x: &[f64]) -> f64 {
    let k: Vec<f64> = x[3..].iter().map(|u| (u * 21.0 - 0.5).round() - 10.0).collect();
    let apart: f64 = k.iter().zip([-7.0, 3.0, 9.0]).map(|(k, best)| 0.5 * (k - best).powi(2)).sum();
    let together = 2.0 * (10.0 * x[0] - 5.0 - centre(0)) - k[0] - 7.0;
    sphere(&x[..3]) + apart + together.powi(2)
}

fn rng(seed: u64, trial: usize) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed * 1_000_003 + trial as u64)
}

/// Runs a study in which `workers` trials are open at a time, and gives the best loss after each trial, and
/// the past.
fn run(
    space: &UnitSpace,
    loss: impl Fn(&[f64]) -> f64,
    seed: u64,
    trials: usize,
    workers: usize,
) -> (Vec<f64>, SamplerHistory) {
    let sobol = SobolSampler::new(space, seed).unwrap();
    let mut learner = CmaEsSampler::new(space.clone()).unwrap();
    let mut past = SamplerHistory::new(space.len(), 1);
    let mut bests: Vec<f64> = Vec::new();
    for trial in 0..trials {
        if let Some(ended) = trial.checked_sub(workers) {
            let value = loss(past.point(ended));
            let outcome = if value.is_nan() { Outcome::Failed } else { Outcome::Complete };
            past.end(ended, outcome, &[value]);
        }
        let mut point = if past.ended() < learner.startup() {
            sobol.point(trial as u64)
        } else {
            learner.suggest(&past, &mut rng(seed, trial))
        };
        space.snap(&mut point);
        past.begin(&point);
        bests.push(loss(&point).min(bests.last().copied().unwrap_or(f64::INFINITY)));
    }
    (bests, past)
}

fn median_after(trials: usize, runs: &[Vec<f64>]) -> f64 {
    let mut bests: Vec<f64> = runs.iter().map(|run| run[trials - 1]).collect();
    bests.sort_by(f64::total_cmp);
    bests[bests.len() / 2]
}

type Case = (&'static str, usize, usize, fn(&[f64]) -> f64);

const CASES: [Case; 8] = [
    ("sphere 2", 2, 0, sphere),
    ("sphere 5", 5, 0, sphere),
    ("sphere 10", 10, 0, sphere),
    ("Rosenbrock 2", 2, 0, rosenbrock),
    ("Rosenbrock 5", 5, 0, rosenbrock),
    ("Rosenbrock 10", 10, 0, rosenbrock),
    ("Hartmann 6", 6, 0, hartmann),
    ("whole numbers", 3, 3, whole_numbers),
];

/// How good it is. `cargo test --release -- --ignored --nocapture how_good` prints, for each function and
/// number of workers, the median of the best loss after 100, 200 and 500 trials.
#[test]
#[ignore = "a measurement of some seconds"]
fn how_good_it_is() {
    for workers in [1, 4, 16] {
        for (name, continuous, whole, loss) in CASES {
            let space = cube(continuous, whole);
            let runs: Vec<_> =
                (0..45).map(|seed| run(&space, loss, seed, 500, workers).0).collect();
            let [a, b, c] = [100, 200, 500].map(|trials| median_after(trials, &runs));
            println!("{workers:2} workers, {name:14} {a:9.2e} {b:9.2e} {c:9.2e}");
        }
    }
}

#[test]
fn it_finds_the_minimum_of_smooth_functions_with_one_worker_and_with_many() {
    // What 45 seeds give in `how_good_it_is` is far below: these bounds do not depend on luck.
    let check = |case: usize, workers, trials, expect: f64| {
        let (name, continuous, whole, loss) = CASES[case];
        let space = cube(continuous, whole);
        let runs: Vec<_> = (0..5).map(|seed| run(&space, loss, seed, trials, workers).0).collect();
        let best = median_after(trials, &runs);
        assert!(best < expect, "{name}, {workers} workers: {best}");
    };
    check(0, 1, 200, 1e-4);
    check(0, 16, 200, 1e-1);
    check(1, 1, 300, 1e-1);
    check(3, 4, 400, 1e-1);
    check(7, 1, 400, 1e-1);
    check(7, 16, 400, 1.0);
}

#[derive(serde::Deserialize)]
struct Recorded {
    cases: Vec<RecordedCase>,
}

#[derive(serde::Deserialize)]
struct RecordedCase {
    mean: Vec<f64>,
    sigma: f64,
    population: usize,
    generations: Vec<RecordedGeneration>,
}

#[derive(serde::Deserialize)]
struct RecordedGeneration {
    points: Vec<Vec<f64>>,
    mean: Vec<f64>,
    sigma: f64,
    covariance: Vec<f64>,
}

#[test]
fn the_distribution_after_each_generation_is_that_of_the_python_package() {
    let text = include_str!("../../../tests/fixtures/cmaes.json");
    let recorded: Recorded = serde_json::from_str(text).unwrap();
    assert_eq!(recorded.cases.len(), 5);
    for case in recorded.cases {
        let mut ours = distribution::Distribution::new(case.mean, case.sigma, case.population);
        for (number, theirs) in case.generations.iter().enumerate() {
            ours.update(&theirs.points);
            let largest =
                theirs.covariance.iter().fold(0.0f64, |most, entry| most.max(entry.abs()));
            let close = |a: &[f64], b: &[f64], scale: f64| {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9 * scale)
            };
            assert!(close(&ours.mean, &theirs.mean, 1.0), "mean after {number}");
            assert!(close(&[ours.sigma], &[theirs.sigma], theirs.sigma), "sigma after {number}");
            assert!(
                close(&ours.covariance, &theirs.covariance, largest),
                "covariance after {number}"
            );
        }
    }
}

#[test]
fn draws_have_the_mean_and_the_covariance_of_the_distribution() {
    let mut distribution = distribution::Distribution::new(vec![0.3, 0.6], 0.1, 6);
    let points = [[0.4, 0.7], [0.35, 0.66], [0.3, 0.6], [0.2, 0.6], [0.3, 0.4], [0.2, 0.8]];
    distribution.update(&points.map(Vec::from));
    let mut rng = rng(0, 0);
    let draws: Vec<Vec<f64>> = (0..40_000).map(|_| distribution.draw(1.0, &mut rng)).collect();
    let mean = |of: &dyn Fn(&[f64]) -> f64| draws.iter().map(|x| of(x)).sum::<f64>() / 4e4;
    for i in 0..2 {
        assert!(
            (mean(&|x| x[i]) - distribution.mean[i]).abs() < 0.01 * distribution.deviation(i) * 2.0
        );
        for j in 0..2 {
            let of = |x: &[f64]| (x[i] - distribution.mean[i]) * (x[j] - distribution.mean[j]);
            let entry = distribution.covariance[i * 2 + j] * distribution.sigma.powi(2);
            assert!((mean(&of) - entry).abs() < 0.03 * distribution.sigma.powi(2), "{i} {j}");
        }
    }
}

fn past_of(
    space: &UnitSpace,
    outcomes: &[Outcome],
    losses: &[f64],
    running: usize,
) -> SamplerHistory {
    let sobol = SobolSampler::new(space, 3).unwrap();
    let mut past = SamplerHistory::new(space.len(), 1);
    for (trial, outcome) in outcomes.iter().enumerate() {
        past.begin(&sobol.point(trial as u64));
        if trial + running < outcomes.len() {
            past.end(
                trial,
                *outcome,
                if *outcome == Outcome::Complete { &losses[trial..=trial] } else { &[] },
            );
        }
    }
    past
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        5 => Just(Outcome::Complete),
        1 => Just(Outcome::Failed),
        2 => (0..9u64, prop_oneof![-1.0..1.0, Just(f64::NAN)])
            .prop_map(|(step, loss)| Outcome::Pruned { step, loss }),
    ]
}

fn bits(point: &[f64]) -> Vec<u64> {
    point.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_past_gives_a_point_in_the_cube_and_a_fresh_learner_the_same_one(
        trials in prop::collection::vec((outcome(), prop_oneof![9 => -1.0..1.0, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)]), 2..80),
        running in prop_oneof![Just(0), Just(1), Just(15)],
    ) {
        let (outcomes, losses): (Vec<Outcome>, Vec<f64>) = trials.into_iter().unzip();
        let space = unit_space("x = { low = 0.0, high = 1.0 }\nn = { low = 1, high = 100, log = true }\nfixed = 'a'\nbatch = [8, 16, 64]");
        let mut warm = CmaEsSampler::new(space.clone()).unwrap();
        for trials in 1..=outcomes.len() {
            let past = past_of(&space, &outcomes[..trials], &losses, running);
            let point = warm.suggest(&past, &mut rng(1, trials));
            let fresh = CmaEsSampler::new(space.clone()).unwrap().suggest(&past, &mut rng(1, trials));
            prop_assert_eq!(bits(&point), bits(&fresh));
            let mut settled = point.clone();
            space.snap(&mut settled);
            prop_assert_eq!(bits(&point), bits(&settled));
        }
        // A question about another past is not answered from this one.
        let reversed: Vec<f64> = losses.iter().rev().copied().collect();
        let past = past_of(&space, &outcomes, &reversed, running);
        let fresh = CmaEsSampler::new(space).unwrap().suggest(&past, &mut rng(1, 0));
        prop_assert_eq!(bits(&warm.suggest(&past, &mut rng(1, 0))), bits(&fresh));
    }
}

#[test]
fn what_a_running_trial_comes_to_makes_no_difference() {
    let space = cube(3, 0);
    let outcomes = [Outcome::Complete; 40];
    let losses: Vec<f64> = (0..40).map(|trial| f64::from(trial) * 0.7 % 1.3).collect();
    let mut other = losses.clone();
    other[30..].fill(-5.0);
    let answer = |losses: &[f64]| {
        let past = past_of(&space, &outcomes, losses, 10);
        CmaEsSampler::new(space.clone()).unwrap().suggest(&past, &mut rng(0, 40))
    };
    assert_eq!(bits(&answer(&losses)), bits(&answer(&other)));
}

#[test]
fn a_run_that_has_converged_is_followed_by_one_that_looks_elsewhere() {
    let space = cube(2, 0);
    let flat = |_: &[f64]| 1.0;
    let narrow = |x: &[f64]| sphere(x);
    for loss in [&flat as &dyn Fn(&[f64]) -> f64, &narrow] {
        for workers in [1, 8] {
            let (_, past) = run(&space, loss, 1, 1500, workers);
            let late: Vec<f64> = (600..1500).map(|trial| past.point(trial)[0]).collect();
            let spread =
                late.iter().copied().fold(0.0, f64::max) - late.iter().copied().fold(1.0, f64::min);
            assert!(spread > 0.2, "{spread}");
        }
    }
}

#[test]
fn a_region_that_fails_is_left() {
    let loss = |x: &[f64]| {
        if x[0] < 0.5 { f64::NAN } else { (x[0] - 0.52).powi(2) + (x[1] - 0.9).powi(2) }
    };
    let (_, past) = run(&cube(2, 0), loss, 0, 150, 4);
    let fails = |trials: std::ops::Range<usize>| trials.filter(|t| past.point(*t)[0] < 0.5).count();
    let best = (0..146).map(|trial| past.losses(trial)[0]).fold(f64::INFINITY, f64::min);
    assert!(best < 1e-3 && fails(100..146) < 25, "{best} {}", fails(100..146));
}

#[test]
fn a_finite_space_is_gone_through_almost_without_a_point_twice() {
    let space = unit_space(
        "a = { low = 1, high = 12 }\nb = [1, 2, 4, 8]\nc = { low = 0.0, high = 1.0, step = 0.5 }",
    );
    let (_, past) = run(&space, |x| x.iter().map(|x| (x - 0.4).powi(2)).sum(), 0, 72, 4);
    let different: std::collections::HashSet<_> = (0..72).map(|t| bits(past.point(t))).collect();
    assert!(different.len() >= 70, "{}", different.len());
}

#[test]
fn one_parameter_or_none_is_no_trouble() {
    let (bests, _) = run(&cube(1, 0), sphere, 0, 100, 2);
    assert!(bests[99] < 1e-6, "{}", bests[99]);
    let fixed = unit_space("a = 3\nb = 'x'");
    assert_eq!(run(&fixed, |_| 0.0, 0, 5, 1).1.point(4), [0.5, 0.5]);
}

#[test]
fn what_has_no_order_or_does_not_always_exist_is_refused_by_name() {
    let refused = |space: &UnitSpace| CmaEsSampler::new(space.clone()).err().unwrap();
    let error = refused(&unit_space("lr = { low = 0.1, high = 1.0 }\nact = ['relu', 'tanh']"));
    assert!(error.contains("`act`") && error.contains("tpe"), "{error}");
    let error = refused(&unit_space("flag = [true, false]"));
    assert!(error.contains("`flag`"), "{error}");
    let text = "[space]\nn = [1, 2]\nwidth = [8, 16]";
    let mut space = spec(text).space;
    let values = vec![ParamValue::Int(2)];
    space.conditions = vec![Condition { param: "width".into(), parent: "n".into(), values }];
    let error = refused(&UnitSpace::new(&space));
    assert!(error.contains("`width`") && error.contains("condition"), "{error}");
}
