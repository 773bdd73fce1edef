//! How long the workers of a study wait because of its window: a simulation with the suggester of the product and a clock
//! that is only counted. Prints a table in Markdown.
//!
//! ```text
//! cargo bench --profile dev --bench window_idle -- [8 32 128]
//! ```
//!
//! So many trials run at once, and the window is that number and its multiples. A trial takes a random time; a worker
//! that is free begins the next one as soon as the suggester allows it.

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::path::Path;

use burn_tune_search::pruner::PrunerSettings;
use burn_tune_search::settings::StudySettings;
use burn_tune_search::suggester::{Suggest, Suggester, Suggestion};
use burn_tune_search::{Direction, Event, FoldScore, History};
use burn_tune_spec::StudyFile;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How many trials each worker does in a simulation.
const ROUNDS: usize = 60;
/// Those at the beginning and at the end, of which each worker waits for reasons of its own, are left out.
const EDGE: usize = 5;
const SEEDS: u64 = 10;
/// The window, in workers.
const MULTIPLES: [f64; 7] = [1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0];

/// How long a trial takes.
type Draw = fn(&mut ChaCha8Rng) -> f64;

/// How long trials take, by a name.
const DURATIONS: [(&str, Draw); 6] = [
    ("all the same", |_| 1.0),
    ("±20 %", |rng| 0.8 + 0.4 * rng.random::<f64>()),
    ("from 0.5 to 1.5 times", |rng| 0.5 + rng.random::<f64>()),
    ("log-normal, σ = 0.5", |rng| (0.5 * normal(rng)).exp()),
    ("three of four are pruned after a fifth", |rng| {
        let whole = 0.8 + 0.4 * rng.random::<f64>();
        if rng.random::<f64>() < 0.75 { 0.2 * whole } else { whole }
    }),
    ("exponential", |rng| -(1.0 - rng.random::<f64>()).ln()),
];

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn main() -> Result<(), Box<dyn Error>> {
    let numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let mut workers: Vec<usize> = numbers.collect();
    if workers.is_empty() {
        workers = vec![8, 32, 128];
    }
    let file = StudyFile::parse(Path::new("idle.toml"), "[space]\nx = { low = 0.0, high = 1.0 }")
        .map_err(|error| error.to_string())?;
    let head: Vec<String> = MULTIPLES.iter().map(|multiple| format!("{multiple} ×")).collect();
    println!("| trials take | at once | window {} |", head.join(" | "));
    println!("|---|---|{}", "---|".repeat(MULTIPLES.len()));
    for (name, duration) in DURATIONS {
        for &workers in &workers {
            let mut shares = Vec::new();
            for multiple in MULTIPLES {
                let window = (multiple * workers as f64) as usize;
                let share = |seed| idle_share(&file, workers, window, duration, seed);
                let all = (0..SEEDS).map(share).collect::<Result<Vec<f64>, _>>()?;
                shares.push(format!("{:.1} %", 100.0 * all.iter().sum::<f64>() / SEEDS as f64));
            }
            println!("| {name} | {workers} | {} |", shares.join(" | "));
        }
    }
    Ok(())
}

/// Which share of the workers' time is waiting.
fn idle_share(
    file: &StudyFile,
    workers: usize,
    window: usize,
    duration: Draw,
    seed: u64,
) -> Result<f64, Box<dyn Error>> {
    let trials = workers * ROUNDS;
    // The window is about whoever looks at the past, and a pruner costs the suggester nothing.
    let pruner = PrunerSettings::by_name("median");
    let settings =
        StudySettings { window: Some(window), pruner, folds: 1, ..file.spec.settings.clone() };
    let objectives = vec![(0, Direction::Maximize)];
    let mut suggester = Suggester::of(&file.spec, &settings, &[trials], objectives)?;
    let mut history = History::new(1);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // What runs, by its end in millionths; since when each free worker waits.
    let mut running: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut free: Vec<u64> = vec![0; workers];
    let (mut now, mut waited, mut worked) = (0, 0, 0);
    loop {
        while let Some(since) = free.pop() {
            let Suggestion::Candidate(candidate) = suggester.suggest(&history) else {
                free.push(since);
                break;
            };
            let number = history.trials().len();
            history.apply(&Event::TrialStarted { candidate })?;
            let time = (duration(&mut rng) * 1e6) as u64;
            running.push(Reverse((now + time, number)));
            if (workers * EDGE..trials - workers * EDGE).contains(&number) {
                waited += now - since;
                worked += time;
            }
        }
        let Some(Reverse((end, trial))) = running.pop() else { break };
        now = end;
        let score = FoldScore { score: 0.5, ..FoldScore::default() };
        history.apply(&Event::FoldFinished {
            trial,
            fold: 0,
            result: Ok(score),
            span: None,
            stderr: None,
        })?;
        free.push(now);
    }
    Ok(waited as f64 / (waited + worked) as f64)
}
