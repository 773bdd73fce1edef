//! The logarithm of the expected improvement, where the improvement itself is too small for a number.
//!
//! Source: Ament et al. 2023, "Unexpected Improvements to Expected Improvement for Bayesian Optimization",
//! equation 9.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Below this the tail's series is as exact as the numbers are, and what is above it still cancels little.
const TAIL: f64 = -10.0;
const TERMS: usize = 20;

/// `log h` and `h′ / h` at `z`, with `h(z) = φ(z) + z Φ(z)`: the expected improvement of a standard normal
/// over `-z`.
pub fn log_improvement(z: f64) -> (f64, f64) {
    let log_density = -0.5 * z * z - 0.5 * (2.0 * PI).ln();
    if z > -1.0 {
        let below = 0.5 * libm::erfc(-z * FRAC_1_SQRT_2);
        let improvement = log_density.exp() + z * below;
        return (improvement.ln(), below / improvement);
    }
    // The ratios of Φ and of h to φ.
    let (below, improvement) = if z > TAIL {
        let below = 0.5 * libm::erfc(-z * FRAC_1_SQRT_2) / log_density.exp();
        (below, 1.0 + z * below)
    } else {
        tail(-z)
    };
    (log_density + improvement.ln(), below / improvement)
}

/// Mills' ratio and what is left of `1 - z · ratio`, by the asymptotic series of both.
fn tail(z: f64) -> (f64, f64) {
    let inverse = 1.0 / (z * z);
    let (mut ratio, mut rest) = (0.0, 0.0);
    let mut term = 1.0;
    for index in 0..TERMS {
        ratio += term;
        term *= -((2 * index + 1) as f64) * inverse;
        rest -= term;
    }
    (ratio / z, rest)
}

/// The logarithm of the expected amount by which a normal of this mean and deviation lies below `best`, and
/// its derivatives by mean and deviation.
pub fn log_expected_improvement(mean: f64, deviation: f64, best: f64) -> (f64, f64, f64) {
    let z = (best - mean) / deviation;
    let (log_improvement, slope) = log_improvement(z);
    (log_improvement + deviation.ln(), -slope / deviation, (1.0 - slope * z) / deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::gp::recorded::recorded;

    #[test]
    fn it_is_what_mpmath_gives_with_sixty_digits() {
        for known in recorded().improvement {
            let (log, slope) = log_improvement(known.z);
            assert!((log / known.log - 1.0).abs() < 1e-12, "{}: {log} {}", known.z, known.log);
            assert!(
                (slope / known.slope - 1.0).abs() < 1e-12,
                "{}: {slope} {}",
                known.z,
                known.slope
            );
        }
    }

    #[test]
    fn its_derivatives_are_its_differences() {
        for (mean, deviation, best) in [(0.3, 0.5, 0.1), (2.0, 0.1, 0.0), (-1.0, 0.7, 0.5)] {
            let value = |mean, deviation| log_expected_improvement(mean, deviation, best).0;
            let (_, by_mean, by_deviation) = log_expected_improvement(mean, deviation, best);
            let h = 1e-6;
            let difference = (value(mean + h, deviation) - value(mean - h, deviation)) / (2.0 * h);
            assert!((difference / by_mean - 1.0).abs() < 1e-6, "{difference} {by_mean}");
            let difference = (value(mean, deviation + h) - value(mean, deviation - h)) / (2.0 * h);
            assert!((difference / by_deviation - 1.0).abs() < 1e-6, "{difference} {by_deviation}");
        }
    }
}
