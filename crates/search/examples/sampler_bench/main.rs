//! Runs our samplers on the problems of `bench/samplers`, and prints a line of JSON for each run.
//!
//! ```text
//! cargo run -p burn-tune-search --example sampler_bench [SAMPLER …] > bench/samplers/ours.json
//! ```
//!
//! The table is of the seeds 0 to 29. To try something out, take others: `SEEDS=1000..1020`.

#![expect(clippy::print_stdout, reason = "it is a program")]

mod problems;

use burn_tune_search::keyed_rng::{Purpose, Task, keyed_rng};
use burn_tune_search::sampler::learner::Learner;
use burn_tune_search::sampler::past::{Outcome, Past};
use burn_tune_search::sampler::unit_space::UnitSpace;
use burn_tune_search::sampler::{CmaEsSampler, GpSampler, SobolSampler, TpeSampler};

use self::problems::{Problem, problems};

/// The sampler for a space, if it takes that.
type Make = fn(UnitSpace) -> Option<Box<dyn Learner>>;
/// The samplers that learn, and up to which seed they are run: whoever adds one adds a line.
const LEARNERS: [(&str, u64, Make); 3] = [
    ("tpe", 30, |space| Some(Box::new(TpeSampler::new(space)))),
    ("cmaes", 30, |space| Some(Box::new(CmaEsSampler::new(space).ok()?))),
    ("gp", 10, |space| Some(Box::new(GpSampler::new(space)))),
];
const WORKERS: [usize; 3] = [1, 4, 16];
const AT: [usize; 3] = [50, 100, 200];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let seeds = std::env::var("SEEDS").ok().and_then(|seeds| {
        let (first, last) = seeds.split_once("..")?;
        Some(first.parse().ok()?..last.parse().ok()?)
    });
    let mut rows = Vec::new();
    for (sampler, last_seed, make) in LEARNERS {
        if !args.is_empty() && !args.iter().any(|arg| arg == sampler) {
            continue;
        }
        for problem in problems() {
            for workers in WORKERS {
                for seed in seeds.clone().unwrap_or(0..last_seed) {
                    let Some(best) = run(&problem, make, workers, seed) else { continue };
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
/// `None` where the sampler does not take the space. All random numbers are those of a study with this seed.
fn run(problem: &Problem, make: Make, workers: usize, seed: u64) -> Option<Vec<f64>> {
    let space = UnitSpace::new(&problem.space);
    let mut learner = make(space.clone())?;
    let sobol = SobolSampler::new(&space, seed).ok()?;
    let mut past = Past::new(space.len(), 1);
    let mut losses = Vec::new();
    for trial in 0..AT[AT.len() - 1] {
        if let Some(ended) = (trial + 1).checked_sub(workers + 1) {
            past.end(ended, Outcome::Complete, &losses[ended..=ended]);
        }
        let mut point = if past.ended() < learner.startup() {
            sobol.point(trial as u64)
        } else {
            let mut rng = keyed_rng(seed, trial, Task::Fold(0), Purpose::Suggestion);
            learner.suggest(&past, &mut rng)
        };
        space.settle(&mut point);
        losses.push((problem.loss)(&space.params(&point)));
        past.begin(&point);
    }
    let best = |at: &usize| losses[..*at].iter().copied().fold(f64::INFINITY, f64::min);
    Some(AT.iter().map(best).collect())
}
