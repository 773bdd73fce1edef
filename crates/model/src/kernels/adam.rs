//! One step of Adam in one pass over memory.

use pulp::Arch;

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
            *m += (grad - *m) * share_1;
            *v = *v * beta_2 + grad * grad * share_2;
            *weight -= step_size * (*m / (v.sqrt() / correction_2_sqrt + epsilon));
        }
    });
}
