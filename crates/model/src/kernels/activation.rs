//! Bias and activation, forward and backward, in place.

use pulp::Arch;

use super::elementary::{erf, exp, tanh};
use crate::activation::{Activation, LEAKY_SLOPE};

/// Adds `bias` to each row of `values`, then applies the activation, if there is one, in place.
pub fn biased_activation(values: &mut [f32], bias: &[f32], activation: Option<Activation>) {
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
        None => rows(values, bias, |value| value),
        Some(Activation::Relu) => rows(values, bias, relu),
        Some(Activation::LeakyRelu) => rows(values, bias, leaky_relu),
        Some(Activation::Sigmoid) => rows(values, bias, sigmoid),
        Some(Activation::Tanh) => rows(values, bias, tanh),
        Some(Activation::Gelu) => rows(values, bias, gelu),
        Some(Activation::Silu) => rows(values, bias, silu),
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

/// Makes the gradient of an activation's input of the gradient of its value, in place, and sums each of the
/// columns, from the first row to the last: that is the gradient of the bias, into `sums`, a number for each column.
/// `kept` is the activation's input for gelu and silu, else its value.
pub fn activation_backward(
    kept: &[f32],
    grad: &mut [f32],
    sums: &mut [f32],
    activation: Activation,
) {
    fn rows(kept: &[f32], grad: &mut [f32], sums: &mut [f32], slope: impl Fn(f32) -> f32 + Copy) {
        let columns = sums.len();
        sums.fill(0.0);
        Arch::new().dispatch(|| {
            for (grad, kept) in grad.chunks_exact_mut(columns).zip(kept.chunks_exact(columns)) {
                for ((grad, &kept), sum) in grad.iter_mut().zip(kept).zip(&mut *sums) {
                    *grad *= slope(kept);
                    *sum += *grad;
                }
            }
        });
    }
    match activation {
        Activation::Relu => rows(kept, grad, sums, |value| if value > 0.0 { 1.0 } else { 0.0 }),
        Activation::LeakyRelu => {
            rows(kept, grad, sums, |value| if value > 0.0 { 1.0 } else { LEAKY_SLOPE });
        }
        Activation::Sigmoid => rows(kept, grad, sums, |value| value * (1.0 - value)),
        Activation::Tanh => rows(kept, grad, sums, |value| 1.0 - value * value),
        Activation::Gelu => rows(kept, grad, sums, gelu_slope),
        Activation::Silu => rows(kept, grad, sums, silu_slope),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
                activation_backward(&[kept], &mut slope, &mut [0.0], activation);
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
        biased_activation(&mut values, &[0.5, 1.5], Some(Activation::Relu));
        assert_eq!(values, [1.5, 0.5, 2.5, 0.0]);
        biased_activation(&mut values, &[1.0, -1.0], None);
        assert_eq!(values, [2.5, -0.5, 3.5, -1.0]);
    }

    #[test]
    fn the_gradient_of_a_bias_sums_its_column() {
        let mut grad = [1.0, 2.0, 3.0, 4.0];
        let mut bias = [9.0; 2];
        activation_backward(&[1.0, 0.0, 1.0, 1.0], &mut grad, &mut bias, Activation::Relu);
        assert_eq!((grad, bias), ([1.0, 0.0, 3.0, 4.0], [4.0, 4.0]));
    }
}
