//! Runs our samplers on the problems of `bench/samplers`, and prints a line of JSON for each run.
//!
//! ```text
//! cargo run -p burn-tune-search --example sampler_bench [SAMPLER …] > bench/samplers/ours.json
//! ```
//!
//! The table is of the seeds 0 to 29. To try something out, take others: `SEEDS=1000..1020`.

#![expect(clippy::print_stdout, reason = "it is a program")]

mod problems;

use burn_tune_search::sampler::learner::Learner;
use burn_tune_search::sampler::past::{Outcome, Past};
use burn_tune_search::sampler::tpe::TpeSampler;
use burn_tune_search::sampler::unit_space::UnitSpace;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use self::problems::{Problem, problems};

type Make = fn(UnitSpace) -> Box<dyn Learner>;
/// The samplers that learn: whoever adds one adds a line.
const LEARNERS: [(&str, Make); 1] = [("tpe", |space| Box::new(TpeSampler::new(space)))];
const WORKERS: [usize; 3] = [1, 4, 16];
const AT: [usize; 3] = [50, 100, 200];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let seeds = std::env::var("SEEDS").ok().and_then(|seeds| {
        let (first, last) = seeds.split_once("..")?;
        Some(first.parse().ok()?..last.parse().ok()?)
    });
    let mut rows = Vec::new();
    for (sampler, make) in LEARNERS {
        if !args.is_empty() && !args.iter().any(|arg| arg == sampler) {
            continue;
        }
        for problem in problems() {
            for workers in WORKERS {
                for seed in seeds.clone().unwrap_or(0..30u64) {
                    let best = run(&problem, make, workers, seed);
                    rows.push(serde_json::json!({
                        "problem": problem.name, "sampler": sampler, "workers": workers, "seed": seed, "best": best
                    }));
                }
            }
        }
    }
    let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
    println!("[\n{}\n]", rows.join(",\n"));
}

/// The best loss after each of [`AT`] trials. With `workers`, trial n knows how trials 0 to n - workers ended.
fn run(problem: &Problem, make: Make, workers: usize, seed: u64) -> Vec<f64> {
    let space = UnitSpace::new(&problem.space);
    let mut learner = make(space.clone());
    let mut past = Past::new(space.len(), 1);
    let mut losses = Vec::new();
    for trial in 0..AT[AT.len() - 1] {
        if let Some(ended) = (trial + 1).checked_sub(workers + 1) {
            past.end(ended, Outcome::Complete, &losses[ended..=ended]);
        }
        let mut point = if past.ended() < learner.startup() {
            let draw = |dimension| sobol_burley::sample(trial as u32, dimension, seed as u32);
            let dimensions = space.dimensions().iter().zip(0..);
            dimensions.map(|(kind, dimension)| kind.uniform(f64::from(draw(dimension)))).collect()
        } else {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&seed.to_le_bytes());
            key[8..16].copy_from_slice(&(trial as u64).to_le_bytes());
            learner.suggest(&past, &mut ChaCha8Rng::from_seed(key))
        };
        space.settle(&mut point);
        losses.push((problem.loss)(&space.params(&point)));
        past.begin(&point);
    }
    AT.iter().map(|at| losses[..*at].iter().copied().fold(f64::INFINITY, f64::min)).collect()
}
