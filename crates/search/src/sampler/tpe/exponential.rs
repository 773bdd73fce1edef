//! Sums of exponentials, which is where the time of a suggestion goes.

/// `Σ weight · exp(exponent)`. The exponents are overwritten.
///
/// Written so that the compiler makes vector instructions of both loops: no branch, no call, and eight sums
/// side by side. Their order is fixed, so equal input gives equal bits.
pub(super) fn weighted_sum(weights: &[f64], exponents: &mut [f64]) -> f64 {
    exponents.iter_mut().for_each(|exponent| *exponent = exp(*exponent));
    let mut sums = [0.0; 8];
    let (weights, exponents) = (weights.chunks(8), exponents.chunks(8));
    for (weights, values) in weights.zip(exponents) {
        for (sum, (weight, value)) in sums.iter_mut().zip(weights.iter().zip(values)) {
            *sum += weight * value;
        }
    }
    sums.iter().sum()
}

/// The exponential, to about 1e-10 of itself. Below -700 it stays what it is there, which is as good as 0.
fn exp(x: f64) -> f64 {
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    const LN_2: f64 = std::f64::consts::LN_2;
    // Adding 1.5 · 2^52 leaves the whole number in the lowest bits: SSE2 has no other way to get there.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * LOG2_E + MAGIC;
    let rest = x - (shifted - MAGIC) * LN_2;
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0f64.to_bits()));
    // |rest| ≤ ln 2 / 2, where nine terms of the series are exact to 2e-10.
    let mut sum = 1.0 / 40_320.0;
    for factor in [5_040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0] {
        sum = sum * rest + 1.0 / factor;
    }
    sum * power
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_exponential_is_that_of_the_standard_library(x in -700.0..700.0f64) {
            prop_assert!((exp(x) / x.exp() - 1.0).abs() < 1e-9);
        }

        #[test]
        fn a_sum_has_all_its_terms(terms in prop::collection::vec((0.0..1.0f64, -9.0..3.0f64), 0..40)) {
            let (weights, mut exponents): (Vec<f64>, Vec<f64>) = terms.iter().copied().unzip();
            let expected: f64 = terms.iter().map(|(weight, x)| weight * x.exp()).sum();
            let sum = weighted_sum(&weights, &mut exponents);
            prop_assert!((sum - expected).abs() < 1e-8 * (1.0 + expected), "{sum} {expected}");
        }
    }

    #[test]
    fn what_is_far_below_is_nothing() {
        assert!(exp(f64::NEG_INFINITY) < 1e-300);
        assert_eq!(exp(0.0), 1.0);
    }
}
