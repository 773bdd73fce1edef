//! The generations of CMA-ES, made of ended trials by number, and its restarts.

use std::cmp::Ordering;

use super::distribution::{Distribution, default_population};
use crate::sampler::history::{Outcome, SamplerHistory};

/// The standard deviation at the beginning, in every coordinate of the cube: Optuna's. With 0.3, functions
/// of ten parameters take some 50 trials more; 0.2 makes no difference.
const FIRST_DEVIATION: f64 = 1.0 / 6.0;

/// The smallest standard deviation of a coordinate with cells, in the width of one: from the middle of a
/// cell, one draw in 80 leaves it. With 0.3 or 0.4, what other coordinates gain is lost to it.
const SMALLEST_DEVIATION: f64 = 0.2;

/// A run in which no coordinate deviates by more than this has converged: models compute in `f32`, which has
/// no more digits.
const CONVERGED: f64 = 1e-8;

/// A run whose best losses differ by less than this part of them, for many generations, has converged too.
const FLAT: f64 = 1e-12;

/// A run whose distribution is longer than wide by this factor has degenerated.
const DEGENERATE: f64 = 1e7;

/// Generations double at a restart so many times at most.
const DOUBLINGS: u32 = 6;

/// What has been made of the ended trials of a past.
pub(super) struct Search {
    distribution: Distribution,
    /// How many trials are running whenever one is proposed.
    lag: usize,
    /// The trials that have been taken up, as they were.
    told: Vec<Told>,
    /// The first trial that has not been.
    next: usize,
    /// The best of each generation since the last restart.
    bests: Vec<Standing>,
    restarts: u32,
    /// The first generation's points, best first: where later runs begin.
    starts: Vec<Vec<f64>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Told {
    trial: usize,
    coordinates: Vec<f64>,
    standing: Standing,
}

/// What a trial came to, in the order from good to bad.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Standing {
    class: Class,
    /// Where it was stopped.
    step: u64,
    loss: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Complete,
    Pruned,
    /// Pruned without a number: not worse than failed, for it can be trained.
    PrunedUnknown,
    Failed,
}

impl Standing {
    /// `None` for what is running.
    fn of(past: &SamplerHistory, trial: usize) -> Option<Self> {
        let (class, step, loss) = match past.outcome(trial) {
            Outcome::Running => return None,
            Outcome::Complete => {
                let loss = past.losses(trial)[0];
                (if loss.is_nan() { Class::Failed } else { Class::Complete }, 0, loss)
            }
            Outcome::Pruned { step, loss } => {
                (if loss.is_nan() { Class::PrunedUnknown } else { Class::Pruned }, step, loss)
            }
            Outcome::Failed => (Class::Failed, 0, 0.0),
        };
        Some(Standing { class, step, loss: if loss.is_nan() { 0.0 } else { loss } })
    }

    /// One that was stopped later was worth more of the pruner's patience.
    fn compare(&self, other: &Self) -> Ordering {
        self.class
            .cmp(&other.class)
            .then(other.step.cmp(&self.step))
            .then(self.loss.total_cmp(&other.loss))
    }
}

impl Told {
    fn of(past: &SamplerHistory, trial: usize, free: &[usize]) -> Option<Self> {
        let point = past.point(trial);
        let coordinates = free.iter().map(|position| point[*position]).collect();
        Some(Told { trial, coordinates, standing: Standing::of(past, trial)? })
    }
}

/// How many trials, from the first on, have ended.
fn ended(past: &SamplerHistory) -> usize {
    (0..past.len()).take_while(|trial| past.outcome(*trial) != Outcome::Running).count()
}

impl Search {
    /// Before the first generation.
    pub(super) fn new(past: &SamplerHistory, dimensions: usize) -> Self {
        let population = default_population(dimensions);
        Search {
            distribution: Distribution::new(vec![0.5; dimensions], FIRST_DEVIATION, population),
            lag: past.len() - ended(past),
            told: Vec::new(),
            next: 0,
            bests: Vec::new(),
            restarts: 0,
            starts: Vec::new(),
        }
    }

    /// Whether a replay of `past` would come by here.
    pub(super) fn belongs_to(&self, past: &SamplerHistory, free: &[usize]) -> bool {
        self.lag == past.len() - ended(past)
            && self.told.iter().all(|told| {
                told.trial < past.len() && Told::of(past, told.trial, free).as_ref() == Some(told)
            })
    }

    /// What to draw from.
    pub(super) fn distribution(&self) -> &Distribution {
        &self.distribution
    }

    /// Takes up the generations that are complete. `cells` gives the widths of the cells around a mean, 0
    /// where there are none.
    pub(super) fn catch_up(
        &mut self,
        past: &SamplerHistory,
        free: &[usize],
        cells: impl Fn(&[f64]) -> Vec<f64>,
    ) {
        let ended = ended(past);
        while self.next + self.distribution.population() <= ended {
            let trials = self.next..self.next + self.distribution.population();
            self.next = trials.end;
            let generation = trials.filter_map(|trial| Told::of(past, trial, free)).collect();
            self.tell(generation);
            let widths = cells(&self.distribution.mean);
            let minima: Vec<f64> = widths.iter().map(|width| SMALLEST_DEVIATION * width).collect();
            self.distribution.widen(&minima);
            if self.has_converged() {
                self.restart();
            }
        }
    }

    fn tell(&mut self, mut generation: Vec<Told>) {
        self.told.extend(generation.iter().cloned());
        generation.sort_by(|a, b| a.standing.compare(&b.standing));
        self.bests.push(generation[0].standing);
        let points: Vec<Vec<f64>> =
            generation.iter().map(|told| self.shortened(&told.coordinates)).collect();
        self.distribution.update(&points);
        // Where all losses are the same the deviation drifts; the cube is no wider than 1.
        self.distribution.sigma = self.distribution.sigma.min(1.0);
        if self.starts.is_empty() {
            self.starts = generation.into_iter().map(|told| told.coordinates).collect();
        }
    }

    /// A point, brought so near that it may have been drawn: one that was not drawn from here can be as far
    /// away as it likes, in deviations, and would tear the distribution. Hansen 2011, section 3.
    fn shortened(&self, coordinates: &[f64]) -> Vec<f64> {
        let d = coordinates.len() as f64;
        let longest = d.sqrt() + 2.0 * d / (d + 2.0);
        let part = (longest / self.distribution.distance(coordinates)).min(1.0);
        let steps = coordinates.iter().zip(&self.distribution.mean);
        steps.map(|(x, mean)| mean + part * (x - mean)).collect()
    }

    fn has_converged(&self) -> bool {
        let dimensions = self.distribution.mean.len();
        let is_small = (0..dimensions).all(|i| self.distribution.deviation(i) < CONVERGED);
        let span = 10 + (30 * dimensions).div_ceil(self.distribution.population());
        let is_flat = self.bests.len() > span && is_flat(&self.bests[self.bests.len() - span..]);
        is_small || is_flat || self.distribution.elongation() > DEGENERATE
    }

    /// The trials that have begun but not ended come from the run that is over: they are left out.
    fn restart(&mut self) {
        self.restarts += 1;
        self.bests.clear();
        self.next += self.lag;
        let mean = self.starts[self.restarts as usize % self.starts.len()].clone();
        let population = default_population(mean.len()) << self.restarts.min(DOUBLINGS);
        self.distribution = Distribution::new(mean, FIRST_DEVIATION, population);
    }
}

/// Whether nothing has been gained or lost.
fn is_flat(bests: &[Standing]) -> bool {
    let losses = || bests.iter().map(|best| best.loss);
    let low = losses().fold(f64::INFINITY, f64::min);
    let high = losses().fold(f64::NEG_INFINITY, f64::max);
    let is_alike = bests.iter().all(|best| best.class == bests[0].class);
    is_alike && (low == high || high - low < FLAT * low.abs().max(high.abs()))
}
