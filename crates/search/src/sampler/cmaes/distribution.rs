//! The normal distribution that CMA-ES draws from, and how a generation changes it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::eigen::eigen;

/// An eigenvalue that rounding has made negative, and what keeps a length from being 0: as in the Python
/// package `cmaes`.
const EPS: f64 = 1e-8;

/// N(mean, σ²·C), with the paths of its past.
///
/// Source: Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv 1604.00772v2, whose equations are named
/// at their lines. With negative weights ("active").
#[derive(Debug, Clone)]
pub(super) struct Distribution {
    pub(super) mean: Vec<f64>,
    pub(super) sigma: f64,
    /// C, rows one after another.
    pub(super) covariance: Vec<f64>,
    sigma_path: Vec<f64>,
    covariance_path: Vec<f64>,
    generation: i32,
    constants: Constants,
    axes: Axes,
}

/// C as its principal axes: B·diag(D)²·Bᵀ.
#[derive(Debug, Clone)]
struct Axes {
    lengths: Vec<f64>,
    vectors: Vec<f64>,
}

/// What depends on the numbers of coordinates and of points in a generation alone.
#[derive(Debug, Clone)]
struct Constants {
    weights: Vec<f64>,
    parents: usize,
    mu_eff: f64,
    c_1: f64,
    c_mu: f64,
    c_c: f64,
    c_sigma: f64,
    d_sigma: f64,
    /// The expected length of a draw from N(0, I).
    chi: f64,
}

impl Constants {
    /// Table 1 of the tutorial.
    fn new(dimensions: usize, population: usize) -> Self {
        let d = dimensions as f64;
        let parents = population / 2;
        let half = (population as f64 + 1.0) / 2.0;
        let raw: Vec<f64> = (1..=population).map(|rank| half.ln() - (rank as f64).ln()).collect();
        let effective = |weights: &[f64]| {
            let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
            weights.iter().sum::<f64>().powi(2) / squares
        };
        let (mu_eff, mu_eff_minus) = (effective(&raw[..parents]), effective(&raw[parents..]));
        let c_1 = 2.0 / ((d + 1.3).powi(2) + mu_eff);
        let c_mu = (2.0 * (mu_eff - 2.0 + 1.0 / mu_eff) / ((d + 2.0).powi(2) + mu_eff))
            .min(1.0 - c_1 - 1e-8);
        let alpha = (1.0 + c_1 / c_mu)
            .min(1.0 + 2.0 * mu_eff_minus / (mu_eff + 2.0))
            .min((1.0 - c_1 - c_mu) / (d * c_mu));
        let positive: f64 = raw.iter().filter(|weight| **weight > 0.0).sum();
        let negative: f64 = -raw.iter().filter(|weight| **weight < 0.0).sum::<f64>();
        let scaled = raw.iter().map(|weight| {
            if *weight >= 0.0 { weight / positive } else { alpha * weight / negative }
        });
        let c_sigma = (mu_eff + 2.0) / (d + mu_eff + 5.0);
        Constants {
            weights: scaled.collect(),
            parents,
            mu_eff,
            c_1,
            c_mu,
            c_c: (4.0 + mu_eff / d) / (d + 4.0 + 2.0 * mu_eff / d),
            c_sigma,
            d_sigma: 1.0 + 2.0 * (((mu_eff - 1.0) / (d + 1.0)).sqrt() - 1.0).max(0.0) + c_sigma,
            chi: d.sqrt() * (1.0 - 1.0 / (4.0 * d) + 1.0 / (21.0 * d * d)),
        }
    }
}

/// How many points a generation has where nothing asks for more (equation 48).
pub(super) fn default_population(dimensions: usize) -> usize {
    4 + (3.0 * (dimensions as f64).ln()).floor() as usize
}

impl Distribution {
    /// N(`mean`, `sigma`²·I), of which a generation is to have `population` points.
    pub(super) fn new(mean: Vec<f64>, sigma: f64, population: usize) -> Self {
        let d = mean.len();
        let mut covariance = vec![0.0; d * d];
        (0..d).for_each(|i| covariance[i * d + i] = 1.0);
        Distribution {
            sigma,
            sigma_path: vec![0.0; d],
            covariance_path: vec![0.0; d],
            generation: 0,
            constants: Constants::new(d, population),
            axes: Axes { lengths: vec![1.0; d], vectors: covariance.clone() },
            covariance,
            mean,
        }
    }

    /// How many points a generation has.
    pub(super) fn population(&self) -> usize {
        self.constants.weights.len()
    }

    /// A point, which may lie anywhere. `scale` is 1, or more for one that is farther out.
    pub(super) fn draw(&self, scale: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let z = self.axes.lengths.iter().map(|length| length * normal(rng));
        let y = self.axes.turn(&z.collect::<Vec<f64>>());
        self.mean.iter().zip(y).map(|(mean, y)| mean + scale * self.sigma * y).collect()
    }

    /// The standard deviation of a coordinate.
    pub(super) fn deviation(&self, coordinate: usize) -> f64 {
        self.sigma * self.covariance[coordinate * (self.mean.len() + 1)].sqrt()
    }

    /// The length of `point − mean` in standard deviations: Mahalanobis's distance.
    pub(super) fn distance(&self, point: &[f64]) -> f64 {
        norm(&self.axes.whiten(&self.step(point)))
    }

    /// The length of the longest principal axis over that of the shortest.
    pub(super) fn elongation(&self) -> f64 {
        let longest = self.axes.lengths.iter().copied().fold(0.0, f64::max);
        longest / self.axes.lengths.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn step(&self, point: &[f64]) -> Vec<f64> {
        point.iter().zip(&self.mean).map(|(x, mean)| (x - mean) / self.sigma).collect()
    }

    /// Takes up a generation, whose points stand from the best to the worst.
    pub(super) fn update(&mut self, points: &[Vec<f64>]) {
        let Constants { weights, parents, mu_eff, c_sigma, d_sigma, c_c, chi, .. } =
            &self.constants;
        let steps: Vec<Vec<f64>> = points.iter().map(|point| self.step(point)).collect();
        self.generation += 1;
        let d = self.mean.len();
        let mut shift = vec![0.0; d]; // (41)
        for (step, weight) in steps.iter().zip(weights).take(*parents) {
            shift.iter_mut().zip(step).for_each(|(sum, y)| *sum += weight * y);
        }
        self.mean.iter_mut().zip(&shift).for_each(|(mean, y)| *mean += self.sigma * y); // (42)

        let rate = (c_sigma * (2.0 - c_sigma) * mu_eff).sqrt();
        let white = self.axes.whiten(&shift);
        for (path, white) in self.sigma_path.iter_mut().zip(white) {
            *path = (1.0 - c_sigma) * *path + rate * white; // (43)
        }
        let length = norm(&self.sigma_path);
        self.sigma *= (c_sigma / d_sigma * (length / chi - 1.0)).exp(); // (44)

        let settled = (1.0 - (1.0 - c_sigma).powi(2 * (self.generation + 1))).sqrt();
        let is_calm = length / settled < (1.4 + 2.0 / (d as f64 + 1.0)) * chi;
        let rate = if is_calm { (c_c * (2.0 - c_c) * mu_eff).sqrt() } else { 0.0 };
        for (path, y) in self.covariance_path.iter_mut().zip(&shift) {
            *path = (1.0 - c_c) * *path + rate * y; // (45)
        }
        self.adapt_covariance(&steps, is_calm);
        self.decompose();
    }

    /// Equations 46 and 47.
    fn adapt_covariance(&mut self, steps: &[Vec<f64>], is_calm: bool) {
        let Constants { weights, c_1, c_mu, c_c, .. } = &self.constants;
        let d = self.mean.len();
        let lost = if is_calm { 0.0 } else { c_c * (2.0 - c_c) };
        let keep = 1.0 + c_1 * lost - c_1 - c_mu * weights.iter().sum::<f64>();
        self.covariance.iter_mut().for_each(|entry| *entry *= keep);
        add_square(&mut self.covariance, *c_1, &self.covariance_path);
        for (step, weight) in steps.iter().zip(weights) {
            let weight = if *weight >= 0.0 {
                *weight
            } else {
                weight * d as f64 / (norm(&self.axes.whiten(step)).powi(2) + EPS)
            };
            add_square(&mut self.covariance, c_mu * weight, step);
        }
    }

    /// Makes the standard deviation of a coordinate at least this.
    pub(super) fn widen(&mut self, minima: &[f64]) {
        let d = self.mean.len();
        let mut is_changed = false;
        for (i, minimum) in minima.iter().enumerate() {
            if self.deviation(i) < *minimum {
                self.covariance[i * (d + 1)] = (minimum / self.sigma).powi(2);
                is_changed = true;
            }
        }
        if is_changed {
            self.decompose();
        }
    }

    fn decompose(&mut self) {
        let (values, vectors) = eigen(&self.covariance, self.mean.len());
        let lengths = values.iter().map(|value| if *value < 0.0 { EPS } else { *value }.sqrt());
        self.axes = Axes { lengths: lengths.collect(), vectors };
    }
}

impl Axes {
    /// B·v.
    fn turn(&self, v: &[f64]) -> Vec<f64> {
        self.vectors
            .chunks_exact(v.len())
            .map(|row| row.iter().zip(v).map(|(b, v)| b * v).sum())
            .collect()
    }

    /// C^(-1/2)·v.
    fn whiten(&self, v: &[f64]) -> Vec<f64> {
        let d = v.len();
        let along = self.lengths.iter().enumerate().map(|(axis, length)| {
            (0..d).map(|i| self.vectors[i * d + axis] * v[i]).sum::<f64>() / length
        });
        self.turn(&along.collect::<Vec<f64>>())
    }
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Adds `weight`·v·vᵀ.
fn add_square(matrix: &mut [f64], weight: f64, v: &[f64]) {
    for (row, x) in matrix.chunks_exact_mut(v.len()).zip(v) {
        row.iter_mut().zip(v).for_each(|(entry, y)| *entry += weight * x * y);
    }
}

/// A draw from N(0, 1): Box and Muller's.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}
