//! One step of Adam in one pass over memory.

use pulp::Arch;

use super::elementary::Divisor;
use super::panels::LINE;

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
            *m = normal(*m + (grad - *m) * share_1);
            *v = normal(*v * beta_2 + grad * grad * share_2);
            *weight -= step_size * (*m / (v.sqrt() / correction_2_sqrt + epsilon));
        }
    });
}

/// Zero in place of a number that is too small to be a normal one.
///
/// Where the gradient has become zero, as that of a pixel that few examples have, the first moment falls by a tenth in
/// each step, and would then stay the smallest of all numbers, with which processors compute slowly, for ever. It moves no
/// weight: with this ε, by less than 1e-29.
#[inline(always)]
fn normal(value: f32) -> f32 {
    // NaN stays NaN.
    if value.abs() < f32::MIN_POSITIVE { 0.0 } else { value }
}

/// The moments of sixteen neighbours, side by side, so that a step goes through memory in two places, not in three.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(128))]
pub struct Moments {
    /// The means of the gradients.
    pub first: [f32; LINE],
    /// The means of their squares.
    pub second: [f32; LINE],
}

impl Moments {
    /// Those of sixteen weights before the first step.
    pub const ZEROS: Moments = Moments { first: [0.0; LINE], second: [0.0; LINE] };
}

/// [`adam`] on whole lines, with the same bits: `grads` were computed just now, and are still in the cache.
#[inline(always)]
pub fn adam_of_lines(
    weights: &mut [[f32; LINE]],
    grads: &[[f32; LINE]],
    moments: &mut [Moments],
    step: AdamStep,
) {
    let AdamStep { share_1, beta_2, share_2, epsilon, step_size, correction_2_sqrt } = step;
    let correction = Divisor::new(correction_2_sqrt);
    for ((weights, grads), moments) in weights.iter_mut().zip(grads).zip(moments) {
        for (i, (weight, &grad)) in weights.iter_mut().zip(grads).enumerate() {
            let (m, v) = (&mut moments.first[i], &mut moments.second[i]);
            *m = normal(*m + (grad - *m) * share_1);
            *v = normal(*v * beta_2 + grad * grad * share_2);
            *weight -= step_size * (*m / (correction.quotient(v.sqrt()) + epsilon));
        }
    }
}
