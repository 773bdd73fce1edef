//! Prints how long a suggestion takes, in milliseconds, after 100, 1,000 and 10,000 trials of six floats.
//!
//! ```text
//! cargo bench --profile dev --bench suggestion_time
//! ```
//!
//! Each is the median of some dozens, with a trial more each time, as in a study; `first` is what the first
//! of them took, when the sampler had seen none of the trials before.

#![expect(clippy::print_stdout, reason = "it is a program")]

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::sampler::adaptive::AdaptiveSampler;
use burn_tune_search::sampler::history::{Outcome, SamplerHistory};
use burn_tune_search::sampler::unit_space::UnitSpace;
use burn_tune_search::sampler::{CmaEsSampler, GpSampler, TpeSampler};
use burn_tune_search::{Domain, Space};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

type Make = fn(UnitSpace) -> Box<dyn AdaptiveSampler>;
/// The samplers that learn: whoever adds one adds a line, with the most objectives that it takes, and the
/// most trials that it takes in good time.
const LEARNERS: [(&str, usize, usize, Make); 3] = [
    ("tpe", 2, 10_000, |space| Box::new(TpeSampler::new(space))),
    ("cmaes", 1, 10_000, |space| {
        Box::new(CmaEsSampler::new(space).expect("a space of numbers is one for CMA-ES"))
    }),
    ("gp", 1, 1_000, |space| Box::new(GpSampler::new(space))),
];
const PARAMS: usize = 6;
const REPEATS: usize = 50;

fn main() {
    let domain = Domain::FloatRange { low: 0.0, high: 1.0, step: None, log: false };
    let space = UnitSpace::new(&Space::of((0..PARAMS).map(|i| (format!("x{i}"), domain.clone()))));
    println!("sampler  objectives  trials  ms per suggestion   first");
    for (name, most_objectives, most, make) in LEARNERS {
        for objectives in 1..=most_objectives {
            for trials in [100, 1_000, 10_000].into_iter().filter(|trials| *trials <= most) {
                let (median, first) = time(make(space.clone()).as_mut(), objectives, trials);
                println!("{name:<7}  {objectives:>10}  {trials:>6}  {median:>17.3}  {first:>6.3}");
            }
        }
    }
}

/// The median and the first of [`REPEATS`] suggestions.
fn time(learner: &mut dyn AdaptiveSampler, objectives: usize, trials: usize) -> (f64, f64) {
    let mut past = SamplerHistory::new(PARAMS, objectives);
    for trial in 0..trials {
        // The golden ratio's multiples are spread evenly.
        let coordinate = |i: usize| ((trial * (i + 1)) as f64 * 0.618_033_988_75).fract();
        add(&mut past, &(0..PARAMS).map(coordinate).collect::<Vec<f64>>());
    }
    let stopwatch = Stopwatch::start();
    let mut times: Vec<f64> = (0..REPEATS)
        .map(|repeat| {
            let begin_s = stopwatch.elapsed_s();
            let point = learner.suggest(&past, &mut ChaCha8Rng::seed_from_u64(repeat as u64));
            let taken_s = stopwatch.elapsed_s() - begin_s;
            add(&mut past, &point);
            1e3 * taken_s
        })
        .collect();
    let first = times[0];
    times.sort_by(f64::total_cmp);
    (times[REPEATS / 2], first)
}

fn add(past: &mut SamplerHistory, point: &[f64]) {
    let distance = |to: f64| point.iter().map(|x| (x - to) * (x - to)).sum::<f64>();
    let losses = [distance(0.3), distance(0.7)];
    past.begin(point);
    past.end(past.len() - 1, Outcome::Complete, &losses[..past.objectives()]);
}
