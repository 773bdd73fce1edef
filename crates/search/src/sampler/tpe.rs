//! The tree-structured Parzen estimator.

mod exponential;
mod kernel;
mod mixture;
mod split;

use rand_chacha::ChaCha8Rng;

use self::kernel::Width;
use self::mixture::Mixture;
use super::learner::Learner;
use super::past::Past;
use super::unit_space::UnitSpace;

/// TUNING
#[derive(Debug, Clone)]
#[expect(missing_docs)]
pub struct Settings {
    pub startup: usize,
    pub candidates: usize,
    pub good_share: f64,
    pub good_root: f64,
    pub good_most: usize,
    pub prior_good: f64,
    pub prior_bad: f64,
    pub good_factor: f64,
    pub good_power: f64,
    pub kappa: f64,
    pub least: f64,
    pub cell: f64,
    pub bad_factor: f64,
    pub bad_power: f64,
    pub category_good: f64,
    pub category_bad: f64,
    pub rank_weights: bool,
    pub decay: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            startup: 10,
            candidates: 24,
            good_share: 0.1,
            good_root: 0.0,
            good_most: 25,
            prior_good: 1.0,
            prior_bad: 1.0,
            good_factor: 1.0,
            good_power: 1.0,
            kappa: 1.0,
            least: 0.01,
            cell: 0.5,
            bad_factor: 0.2,
            bad_power: 1.0,
            category_good: 0.2,
            category_bad: 0.2,
            rank_weights: false,
            decay: false,
        }
    }
}

/// The sampler.
pub struct TpeSampler {
    space: UnitSpace,
    settings: Settings,
    /// How many parameters have something to choose.
    free: usize,
    /// All trials.
    all: Option<Mixture>,
    scratch: Vec<f64>,
}

impl TpeSampler {
    /// For a space.
    pub fn new(space: UnitSpace) -> Self {
        Self::with_settings(space, Settings::default())
    }

    /// For a space.
    pub fn with_settings(space: UnitSpace, settings: Settings) -> Self {
        let free = space.dimensions().iter().filter(|dimension| !dimension.is_fixed()).count();
        TpeSampler { space, settings, free, all: None, scratch: Vec::new() }
    }

    fn good_count(&self, valued: usize) -> usize {
        let n = valued as f64;
        let count = (self.settings.good_share * n + self.settings.good_root * n.sqrt()).ceil();
        (count as usize).clamp(1, self.settings.good_most)
    }

    fn cell_width(&self, position: usize) -> f64 {
        let dimension = &self.space.dimensions()[position];
        dimension.values().map_or(0.0, |values| self.settings.cell / values as f64)
    }

    fn bad_widths(&self, count: usize) -> Vec<Width> {
        let mut rounded = 1.0f64;
        while rounded * 1.19 <= count as f64 {
            rounded *= 1.19;
        }
        let deviation = self.settings.bad_factor
            * rounded.powf(-self.settings.bad_power / (self.free as f64 + 4.0));
        (0..self.space.len())
            .map(|position| Width {
                number: deviation.max(self.settings.least).max(self.cell_width(position)).min(1.0),
                category: self.settings.category_bad,
            })
            .collect()
    }

    fn good_widths(&self, past: &Past, good: &[usize]) -> Vec<Width> {
        (0..self.space.len())
            .map(|position| {
                let coordinates = good
                    .iter()
                    .map(|trial| past.point(*trial)[position])
                    .filter(|coordinate| !coordinate.is_nan());
                let count = coordinates.clone().count() as f64;
                let mean = coordinates.clone().sum::<f64>() / count.max(1.0);
                let squares: f64 = coordinates.map(|x| (x - mean) * (x - mean)).sum();
                let kappa = self.settings.kappa;
                let spread =
                    ((squares + kappa / 12.0) / ((count - 1.0).max(0.0) + kappa)).sqrt();
                let deviation = self.settings.good_factor
                    * spread
                    * count.max(1.0).powf(-self.settings.good_power / (self.free as f64 + 4.0));
                Width {
                    number: deviation
                        .max(self.settings.least)
                        .max(self.cell_width(position))
                        .min(1.0),
                    category: self.settings.category_good,
                }
            })
            .collect()
    }

    fn learn_all(&mut self, past: &Past) {
        let widths = self.bad_widths(past.len());
        let space = &self.space;
        let usable = |known: &Mixture| {
            known.widths().eq(widths.iter().copied())
                && known.len() <= past.len()
                && (0..known.len()).all(|trial| known.is_at(trial, past.point(trial)))
        };
        let mut all = self.all.take().filter(usable).unwrap_or_else(|| Mixture::new(space, &widths));
        for trial in all.len()..past.len() {
            all.push(space, past.point(trial));
        }
        self.all = Some(all);
    }
}

impl Learner for TpeSampler {
    fn suggest(&mut self, past: &Past, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let good = split::best(past, |valued| self.good_count(valued));
        self.learn_all(past);
        let mut good_mixture = Mixture::new(&self.space, &self.good_widths(past, &good));
        good.iter().for_each(|trial| good_mixture.push(&self.space, past.point(*trial)));
        let mut good_weights: Vec<f64> = (0..good.len())
            .map(|rank| {
                if self.settings.rank_weights {
                    (good.len() as f64 + 0.5).ln() - (rank as f64 + 1.0).ln()
                } else {
                    1.0
                }
            })
            .collect();
        let sum: f64 = good_weights.iter().sum();
        let scale = good.len() as f64 / sum.max(1e-9);
        good_weights.iter_mut().for_each(|weight| *weight *= scale);
        let good_prior = normalize(&mut good_weights, self.settings.prior_good);

        let n = past.len();
        let mut bad_weights = vec![1.0; n];
        if self.settings.decay && n > 25 {
            for (trial, weight) in bad_weights.iter_mut().enumerate().take(n - 25) {
                *weight = (1.0 + trial as f64) / n as f64;
            }
        }
        good.iter().for_each(|trial| bad_weights[*trial] = 0.0);
        let bad_prior = normalize(&mut bad_weights, self.settings.prior_bad);

        let Some(all) = &self.all else { return Vec::new() };
        let space = &self.space;
        let mut best: Option<(f64, Vec<f64>)> = None;
        for _ in 0..self.settings.candidates {
            let point = good_mixture.draw(space, &good_weights, rng);
            let scratch = &mut self.scratch;
            let score = good_mixture.log_density(space, &point, &good_weights, good_prior, scratch)
                - all.log_density(space, &point, &bad_weights, bad_prior, scratch);
            if best.as_ref().is_none_or(|(known, _)| score > *known) && !past.is_taken(&point) {
                best = Some((score, point));
            }
        }
        best.map(|(_, point)| point).unwrap_or_else(|| vec![0.5; space.len()])
    }

    fn startup(&self) -> usize {
        self.settings.startup
    }
}

fn normalize(weights: &mut [f64], prior: f64) -> f64 {
    let sum = weights.iter().sum::<f64>() + prior;
    weights.iter_mut().for_each(|weight| *weight /= sum);
    prior / sum
}
