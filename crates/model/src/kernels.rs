//! Vectorised passes over slices of `f32` in this process's memory: activations and Adam.
//!
//! The compiler vectorises each loop for the processor that runs it ([`Arch::dispatch`]). No sum is
//! reordered and nothing is fused, so all processors compute the same bits. The elementary functions
//! are polynomials that vectorise, within a few units in the last place of the exact value.

use pulp::Arch;

use crate::activation::{Activation, LEAKY_SLOPE};

/// What one Adam step multiplies by; see [`adam`].
#[derive(Debug, Clone, Copy)]
pub struct AdamStep {
    /// What the gradient adds to the first moment: 1 - β₁, as exact as single precision has it.
    pub share_1: f32,
    /// Decay of the second moment: β₂.
    pub beta_2: f32,
    /// What the gradient's square adds to the second moment: 1 - β₂, likewise.
    pub share_2: f32,
    /// Keeps the denominator from 0.
    pub epsilon: f32,
    /// The learning rate over the first moment's bias correction.
    pub step_size: f32,
    /// The square root of the second moment's bias correction.
    pub correction_2_sqrt: f32,
}

/// Adds `bias` to each row of `values`, then applies the activation, in place.
pub fn biased_activation(values: &mut [f32], bias: &[f32], activation: Activation) {
    fn rows(values: &mut [f32], bias: &[f32], f: impl Fn(f32) -> f32 + Copy) {
        Arch::new().dispatch(|| {
            for row in values.chunks_exact_mut(bias.len()) {
                for (value, &bias) in row.iter_mut().zip(bias) {
                    *value = f(*value + bias);
                }
            }
        });
    }
    match activation {
        Activation::Relu => rows(values, bias, relu),
        Activation::LeakyRelu => rows(values, bias, leaky_relu),
        Activation::Sigmoid => rows(values, bias, sigmoid),
        Activation::Tanh => rows(values, bias, tanh),
        Activation::Gelu => rows(values, bias, gelu),
        Activation::Silu => rows(values, bias, silu),
    }
}

/// Applies the activation to each value, in place.
pub fn activation(values: &mut [f32], activation: Activation) {
    fn all(values: &mut [f32], f: impl Fn(f32) -> f32 + Copy) {
        Arch::new().dispatch(|| values.iter_mut().for_each(|value| *value = f(*value)));
    }
    match activation {
        Activation::Relu => all(values, relu),
        Activation::LeakyRelu => all(values, leaky_relu),
        Activation::Sigmoid => all(values, sigmoid),
        Activation::Tanh => all(values, tanh),
        Activation::Gelu => all(values, gelu),
        Activation::Silu => all(values, silu),
    }
}

/// Makes the gradient of an activation's input of the gradient of its value, in place. `kept` is the
/// activation's input for gelu and silu, else its value.
pub fn activation_backward(kept: &[f32], grad: &mut [f32], activation: Activation) {
    fn all(kept: &[f32], grad: &mut [f32], f: impl Fn(f32) -> f32 + Copy) {
        Arch::new().dispatch(|| {
            for (grad, &kept) in grad.iter_mut().zip(kept) {
                *grad *= f(kept);
            }
        });
    }
    match activation {
        Activation::Relu => all(kept, grad, |value| if value > 0.0 { 1.0 } else { 0.0 }),
        Activation::LeakyRelu => {
            all(kept, grad, |value| if value > 0.0 { 1.0 } else { LEAKY_SLOPE });
        }
        Activation::Sigmoid => all(kept, grad, |value| value * (1.0 - value)),
        Activation::Tanh => all(kept, grad, |value| 1.0 - value * value),
        Activation::Gelu => all(kept, grad, gelu_slope),
        Activation::Silu => all(kept, grad, silu_slope),
    }
}

/// One step of Adam in one pass: moments first, then `weight -= step_size · m / (√v / c + ε)`.
pub fn adam(
    weights: &mut [f32],
    grads: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    step: AdamStep,
) {
    let AdamStep { share_1, beta_2, share_2, epsilon, step_size, correction_2_sqrt } = step;
    Arch::new().dispatch(|| {
        let slices = weights.iter_mut().zip(grads).zip(first.iter_mut().zip(second));
        for ((weight, &grad), (m, v)) in slices {
            *m += (grad - *m) * share_1;
            *v = *v * beta_2 + grad * grad * share_2;
            *weight -= step_size * (*m / (v.sqrt() / correction_2_sqrt + epsilon));
        }
    });
}

// Each of these is inlined into the loops above, where it is compiled for vectors.

#[inline(always)]
fn relu(x: f32) -> f32 {
    // A comparison that NaN fails, so that NaN stays NaN, as in PyTorch.
    if x <= 0.0 { 0.0 } else { x }
}

#[inline(always)]
fn leaky_relu(x: f32) -> f32 {
    if x > 0.0 { x } else { LEAKY_SLOPE * x }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

#[inline(always)]
fn silu_slope(x: f32) -> f32 {
    let s = sigmoid(x);
    s * (1.0 + x * (1.0 - s))
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

#[inline(always)]
fn gelu_slope(x: f32) -> f32 {
    const DENSITY_AT_0: f32 = 0.398_942_3;
    let cumulative = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
    cumulative + x * DENSITY_AT_0 * exp(-0.5 * x * x)
}

/// The exponential: `2^n · e^r` with `|r| ≤ ln 2 / 2`.
///
/// Source of the polynomial: Moshier's Cephes library, `expf.c`.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Beyond these, the result is 0 or infinity to single precision.
    const RANGE: (f32, f32) = (-87.3, 88.3);
    /// Adding it leaves a float's nearest whole number in its lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first of few bits, so that n times it is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(RANGE.0, RANGE.1);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let mut series = 1.987_569_1e-4;
    series = series * r + 1.398_2e-3;
    series = series * r + 8.333_452e-3;
    series = series * r + 4.166_579_6e-2;
    series = series * r + 1.666_666_5e-1;
    series = series * r + 5.0e-1;
    let power = series * r * r + r + 1.0;
    f32::from_bits(power.to_bits().wrapping_add(rounded.to_bits() << 23))
}

/// The hyperbolic tangent, as a quotient of polynomials.
///
/// Source of the coefficients: Eigen, `generic_fast_tanh_float`.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    /// Beyond it, the tangent is ±1 to single precision.
    const LIMIT: f32 = 7.905_311;
    let x = x.clamp(-LIMIT, LIMIT);
    let square = x * x;
    let mut above = -2.760_768_5e-16;
    above = above * square + 2.000_188e-13;
    above = above * square - 8.604_672e-11;
    above = above * square + 5.122_297e-8;
    above = above * square + 1.485_722_4e-5;
    above = above * square + 6.372_619_3e-4;
    above = above * square + 4.893_524_6e-3;
    let mut below = 1.198_258_4e-6;
    below = below * square + 1.185_347_1e-4;
    below = below * square + 2.268_434_6e-3;
    below = below * square + 4.893_525e-3;
    x * above / below
}

/// The error function, as a quotient of polynomials.
///
/// Source of the coefficients: Eigen and XLA, `ErfImpl32`.
#[inline(always)]
fn erf(x: f32) -> f32 {
    /// Beyond it, the function is ±1 to single precision.
    const LIMIT: f32 = 4.0;
    let x = x.clamp(-LIMIT, LIMIT);
    let square = x * x;
    let mut above = -2.726_142_3e-10;
    above = above * square + 2.770_681_4e-8;
    above = above * square - 2.101_024e-6;
    above = above * square - 5.692_506_4e-5;
    above = above * square - 7.349_906_3e-4;
    above = above * square - 2.954_6e-3;
    above = above * square - 1.609_603_3e-2;
    let mut below = -1.456_607_2e-5;
    below = below * square - 2.133_740_6e-4;
    below = below * square - 1.682_827e-3;
    below = below * square - 7.373_329_2e-3;
    below = below * square - 1.426_473_9e-2;
    x * above / below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn largest_error(
        range: f32,
        ours: fn(f32) -> f32,
        exact: fn(f64) -> f64,
        relative: bool,
    ) -> f64 {
        let error = |i: i32| {
            let x = range * i as f32 / 100_000.0;
            let exact = exact(f64::from(x));
            let scale = if relative { exact.abs() } else { 1.0 };
            (f64::from(ours(x)) - exact).abs() / scale
        };
        (-100_000..=100_000).map(error).fold(0.0, f64::max)
    }

    /// Abramowitz & Stegun 7.1.5 where it converges, 1 beyond.
    fn exact_erf(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn the_elementary_functions_are_exact_to_single_precision() {
        assert!(largest_error(87.0, exp, f64::exp, true) < 2e-7);
        assert!(largest_error(12.0, tanh, f64::tanh, false) < 4e-7);
        assert!(largest_error(4.0, erf, exact_erf, false) < 5e-7);
        assert!(largest_error(30.0, sigmoid, |x| 1.0 / (1.0 + (-x).exp()), false) < 2e-7);
    }

    #[test]
    fn far_out_values_saturate_and_nan_stays() {
        assert!((0.0..1e-38).contains(&sigmoid(-1e30)));
        assert_eq!(sigmoid(1e30), 1.0);
        assert_eq!((tanh(-1e30).round(), tanh(1e30).round()), (-1.0, 1.0));
        for f in [relu, leaky_relu, sigmoid, tanh, gelu, silu] {
            assert!(f(f32::NAN).is_nan());
        }
    }

    #[test]
    fn slopes_are_those_of_their_functions() {
        type Function = fn(f32) -> f32;
        let pairs: [(Activation, Function); 6] = [
            (Activation::Relu, relu),
            (Activation::LeakyRelu, leaky_relu),
            (Activation::Sigmoid, sigmoid),
            (Activation::Tanh, tanh),
            (Activation::Gelu, gelu),
            (Activation::Silu, silu),
        ];
        for (activation, f) in pairs {
            for x in [-3.0f32, -1.1, -0.2, 0.3, 0.9, 2.5] {
                let kept = if activation.derives_from_input() { x } else { f(x) };
                let mut slope = [1.0];
                activation_backward(&[kept], &mut slope, activation);
                let difference = (f(x + 0.01) - f(x - 0.01)) / 0.02;
                assert!(
                    (slope[0] - difference).abs() < 1e-3,
                    "{activation:?} at {x}: {slope:?} {difference}"
                );
            }
        }
    }

    #[test]
    fn a_bias_is_added_to_each_row() {
        let mut values = [1.0, -1.0, 2.0, -2.0];
        biased_activation(&mut values, &[0.5, 1.5], Activation::Relu);
        assert_eq!(values, [1.5, 0.5, 2.5, 0.0]);
    }
}
