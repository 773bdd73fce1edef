//! Runs our samplers on the problems of `bench/samplers`, and prints a line of JSON for each run.
//!
//! ```text
//! cargo bench --profile dev --bench sampler_bench [-- SAMPLER …] > bench/samplers/ours.json
//! ```
//!
//! The table is of the seeds 0 to 29. To try something out, take others: `SEEDS=1000..1020`. `WINDOWS=8,128`,
//! `AT=64,128,256` and `PROBLEMS=sphere-5,hartmann-6` take other windows than there are in the table, other numbers of
//! trials, and some of the problems (`bench/samplers/windows.py`).

#![expect(clippy::print_stdout, reason = "it is a program")]

mod problems;

use burn_tune_search::keyed_rng::{Purpose, Task, keyed_rng};
use burn_tune_search::sampler::adaptive::AdaptiveSampler;
use burn_tune_search::sampler::history::{Outcome, SamplerHistory};
use burn_tune_search::sampler::unit_space::UnitSpace;
use burn_tune_search::sampler::{CmaEsSampler, GpSampler, SobolSampler, TpeSampler};
use rayon::prelude::*;

use self::problems::{Problem, problems};

/// A sampler that learns, and how much of it is wanted: whoever adds one adds it to [`LEARNERS`].
struct Entry {
    name: &'static str,
    /// The sampler for a space, if it takes that.
    make: fn(UnitSpace) -> Option<Box<dyn AdaptiveSampler>>,
    workers: &'static [usize],
    /// The numbers of trials after which the best loss is kept.
    at: &'static [usize],
}

const LEARNERS: [Entry; 3] = [
    Entry {
        name: "tpe",
        make: |space| Some(Box::new(TpeSampler::new(space))),
        workers: &[1, 4, 16],
        at: &[50, 100, 200],
    },
    Entry {
        name: "cmaes",
        make: |space| Some(Box::new(CmaEsSampler::new(space).ok()?)),
        workers: &[1, 4, 16],
        at: &[50, 100, 200],
    },
    // For few trials that are costly, and costly itself.
    Entry {
        name: "gp",
        make: |space| Some(Box::new(GpSampler::new(space))),
        workers: &[1],
        at: &[50, 100],
    },
];

fn main() {
    // `--bench` is cargo's.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let seeds = std::env::var("SEEDS").ok().and_then(|seeds| {
        let (first, last) = seeds.split_once("..")?;
        Some(first.parse().ok()?..last.parse().ok()?)
    });
    let seeds = seeds.unwrap_or(0..30);
    let named = listed::<String>("PROBLEMS");
    let is_named = |name: &str| named.as_ref().is_none_or(|named| named.iter().any(|n| n == name));
    let problems: Vec<Problem> =
        problems().into_iter().filter(|problem| is_named(problem.name)).collect();
    let windows = listed::<usize>("WINDOWS");
    let at = listed::<usize>("AT");
    let mut runs = Vec::new();
    for entry in
        LEARNERS.iter().filter(|entry| args.is_empty() || args.iter().any(|arg| arg == entry.name))
    {
        for problem in &problems {
            for &workers in windows.as_deref().unwrap_or(entry.workers) {
                runs.extend(seeds.clone().map(|seed| (entry, problem, workers, seed)));
            }
        }
    }
    let rows: Vec<String> = runs
        .into_par_iter()
        .filter_map(|(entry, problem, workers, seed)| {
            let at = at.as_deref().unwrap_or(entry.at);
            let best = run(problem, entry, workers, seed, at)?;
            let row = serde_json::json!({
                "problem": problem.name, "sampler": entry.name, "workers": workers, "seed": seed, "best": best
            });
            Some(row.to_string())
        })
        .collect();
    println!("[\n{}\n]", rows.join(",\n"));
}

/// The best loss after each of the entry's numbers of trials. With `workers`, trial n knows how trials
/// 0 to n - workers ended. `None` where the sampler does not take the space. All random numbers are those of a study with this seed.
fn run(
    problem: &Problem,
    entry: &Entry,
    workers: usize,
    seed: u64,
    at: &[usize],
) -> Option<Vec<f64>> {
    let space = UnitSpace::new(&problem.space);
    let mut learner = (entry.make)(space.clone())?;
    let sobol = SobolSampler::new(&space, seed).ok()?;
    let mut past = SamplerHistory::new(space.len(), 1);
    let mut losses = Vec::new();
    for trial in 0..*at.last()? {
        if let Some(ended) = (trial + 1).checked_sub(workers + 1) {
            past.end(ended, Outcome::Complete, &losses[ended..=ended]);
        }
        let mut point = if past.ended() < learner.startup() {
            sobol.point(trial as u64)
        } else {
            let mut rng = keyed_rng(seed, trial, Task::Fold(0), Purpose::Suggestion);
            learner.suggest(&past, &mut rng)
        };
        space.snap(&mut point);
        losses.push((problem.loss)(&space.params(&point)));
        past.begin(&point);
    }
    let best = |at: &usize| losses[..*at].iter().copied().fold(f64::INFINITY, f64::min);
    Some(at.iter().map(best).collect())
}

/// What stands in a variable, with commas between.
fn listed<T: std::str::FromStr>(name: &str) -> Option<Vec<T>> {
    let text = std::env::var(name).ok()?;
    Some(text.split(',').filter_map(|item| item.parse().ok()).collect())
}
