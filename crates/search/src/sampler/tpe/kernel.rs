//! The kernels of one parameter: what a trial there says about the values around it, as a density against
//! the uniform one.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::sampler::unit_space::{Dimension, Kind};

/// Numbers with up to so many values get a table with the exact mass of each cell.
const MOST_IN_TABLE: u64 = 32;
/// Stands for the logarithm of 0, so that no difference of two is NaN.
const LEAST_LOG: f64 = -690.0;

/// How wide the kernels of one parameter are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Width {
    /// The standard deviation of a number's normal distribution, before it is cut off at 0 and 1.
    pub number: f64,
    /// The part of a category's mass that is spread evenly over all.
    pub category: f64,
}

/// Whether the kernels of a number are a table, rather than a formula.
pub(super) fn has_table(dimension: &Dimension) -> bool {
    dimension.values().is_some_and(|values| values <= MOST_IN_TABLE)
}

/// The logarithms of the density that a category's kernel has for the same category, and for another one.
///
/// Source: Aitchison and Aitken 1976, "Multivariate binary discrimination by the kernel method".
pub(super) fn category(choices: usize, width: Width) -> (f64, f64) {
    let same = choices as f64 * (1.0 - width.category) + width.category;
    (libm::log(same), libm::log(width.category))
}

/// Row for row of values, the logarithm of the density that the kernel at each value gives to this one; and
/// last in each row 0, which is what a trial without the parameter gives.
pub(super) fn table(dimension: &Dimension, width: Width) -> Vec<f64> {
    let values = dimension.values().unwrap_or(0);
    let mut rows = Vec::with_capacity((values * (values + 1)) as usize);
    for to in 0..values {
        let (low, high) = dimension.cell(dimension.coordinate(to)).unwrap_or((0.0, 1.0));
        for from in 0..values {
            let middle = dimension.coordinate(from);
            let density = mass(low, high, middle, width.number)
                / (mass(0.0, 1.0, middle, width.number) * (high - low));
            rows.push(libm::log(density).max(LEAST_LOG));
        }
        rows.push(0.0);
    }
    rows
}

/// The logarithm of what a normal density, cut off at 0 and 1, has at its middle.
pub(super) fn log_height(middle: f64, deviation: f64) -> f64 {
    -libm::log(mass(0.0, 1.0, middle, deviation) * deviation * (2.0 * PI).sqrt())
}

/// What a normal distribution has between two numbers.
fn mass(low: f64, high: f64, middle: f64, deviation: f64) -> f64 {
    let scale = FRAC_1_SQRT_2 / deviation;
    0.5 * (libm::erf((high - middle) * scale) - libm::erf((low - middle) * scale))
}

/// A draw from the kernel at `middle`, not settled.
pub(super) fn draw(dimension: &Dimension, middle: f64, width: Width, rng: &mut ChaCha8Rng) -> f64 {
    if let Kind::Categories(_) = dimension.kind {
        return if unit(rng) < width.category { dimension.uniform(unit(rng)) } else { middle };
    }
    // At least a third of the draws lies inside: the middle does, and no deviation is above 1.
    loop {
        let value = middle + width.number * normal(rng);
        if (0.0..=1.0).contains(&value) {
            return value;
        }
    }
}

/// A number from 0 to 1, without 1.
pub(super) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// A standard normal draw, by Marsaglia's polar method; its second number is not used.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    loop {
        let (a, b) = (2.0 * unit(rng) - 1.0, 2.0 * unit(rng) - 1.0);
        let square = a * a + b * b;
        if square > 0.0 && square < 1.0 {
            return a * (-2.0 * libm::log(square) / square).sqrt();
        }
    }
}
