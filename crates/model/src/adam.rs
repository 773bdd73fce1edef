//! Adam with PyTorch's defaults: one fused pass over memory on a CPU, Burn's own elsewhere.

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};

use crate::kernels::adam::{self, AdamStep};
use crate::mlp::Mlp;

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
/// PyTorch's; Burn's default is 1e-5.
const EPSILON: f32 = 1e-8;

/// The optimizer of one training.
///
/// Source: Kingma & Ba (2015), "Adam: A Method for Stochastic Optimization", arXiv:1412.6980, with
/// the arithmetic of PyTorch's `torch.optim.Adam`.
pub enum Adam {
    /// Weights, gradients and moments are slices of this process's memory: updated in place, each
    /// read and written once a step.
    Fused(FusedAdam),
    /// They live on another device: Burn's tensor operations.
    Burn(Box<ModuleOptimizer>, f64),
}

impl Adam {
    /// An optimizer without moments. `fused` where tensors live in this process's memory.
    pub fn new(lr: f64, fused: bool) -> Self {
        if fused {
            return Adam::Fused(FusedAdam { lr, step: 0, moments: Vec::new() });
        }
        let config = AdamConfig::new()
            .with_beta_1(BETA_1 as f32)
            .with_beta_2(BETA_2 as f32)
            .with_epsilon(EPSILON);
        Adam::Burn(Box::new(config.init()), lr)
    }

    /// The model after one step along `grads`.
    pub fn step(&mut self, model: Mlp, grads: GradientsParams) -> Mlp {
        match self {
            Adam::Fused(adam) => adam.step(model, grads),
            Adam::Burn(optimizer, lr) => optimizer.step(*lr, model, grads),
        }
    }
}

/// Adam over slices.
pub struct FusedAdam {
    lr: f64,
    step: i32,
    /// First and second moments of each parameter, in the order of the module.
    moments: Vec<(Vec<f32>, Vec<f32>)>,
}

impl FusedAdam {
    fn step(&mut self, model: Mlp, grads: GradientsParams) -> Mlp {
        self.step += 1;
        let mut update = Update {
            step: adam_step(self.lr, self.step),
            grads,
            moments: &mut self.moments,
            next: 0,
        };
        model.map(&mut update)
    }
}

/// The numbers of step number `step`, from 1. As in PyTorch, they are rounded to single precision at
/// the end: of 1 - 0.999 in f32, only the first five digits are right.
pub(crate) fn adam_step(lr: f64, step: i32) -> AdamStep {
    let correction_1 = 1.0 - BETA_1.powi(step);
    let correction_2 = 1.0 - BETA_2.powi(step);
    AdamStep {
        share_1: (1.0 - BETA_1) as f32,
        beta_2: BETA_2 as f32,
        share_2: (1.0 - BETA_2) as f32,
        epsilon: EPSILON,
        step_size: (lr / correction_1) as f32,
        correction_2_sqrt: correction_2.sqrt() as f32,
    }
}

struct Update<'a> {
    step: AdamStep,
    grads: GradientsParams,
    moments: &'a mut Vec<(Vec<f32>, Vec<f32>)>,
    next: usize,
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(grad) = self.grads.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let device: Device = tensor.device();
        // Neither is shared any more, so neither is copied.
        let mut weights = tensor.inner().into_data();
        let grad = grad.into_data();
        let len = weights.num_elements();
        if self.next == self.moments.len() {
            self.moments.push((vec![0.0; len], vec![0.0; len]));
        }
        let (first, second) = &mut self.moments[self.next];
        self.next += 1;
        let weights_slice = weights.as_mut_slice::<f32>().expect("weights are f32");
        let grad_slice = grad.as_slice::<f32>().expect("gradients are f32");
        adam::adam(weights_slice, grad_slice, first, second, self.step);
        let tensor = Tensor::from_data(weights, &device).require_grad();
        Param::from_mapped_value(id, tensor, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Algorithm 1 of Kingma & Ba (2015), in f64.
    #[test]
    fn steps_are_as_by_hand_in_double_precision() {
        const LR: f64 = 0.05;
        const GRADS: [[f32; 5]; 3] = [
            [0.5, -2.0, 1e-3, 0.0, 1e-8],
            [0.25, 3.0, -1e-3, 0.0, 2e-8],
            [-4.0, 0.0, 1e-6, 1.0, 0.0],
        ];
        let mut weights = [1.0f32, -0.5, 0.25, 2.0, 0.0];
        let (mut first, mut second) = ([0.0; 5], [0.0; 5]);
        let mut exact = weights.map(f64::from);
        let (mut m, mut v) = ([0.0; 5], [0.0; 5]);
        for (grads, step) in GRADS.iter().zip(1..) {
            adam::adam(&mut weights, grads, &mut first, &mut second, adam_step(LR, step));
            for i in 0..5 {
                let grad = f64::from(grads[i]);
                m[i] = 0.9 * m[i] + 0.1 * grad;
                v[i] = 0.999 * v[i] + 0.001 * grad * grad;
                let m_hat = m[i] / (1.0 - 0.9f64.powi(step));
                let v_hat: f64 = v[i] / (1.0 - 0.999f64.powi(step));
                exact[i] -= LR * m_hat / (v_hat.sqrt() + 1e-8);
                let error = (f64::from(weights[i]) - exact[i]).abs();
                assert!(error < 1e-7, "weight {i}, step {step}: {} {}", weights[i], exact[i]);
            }
        }
    }

    /// What a processor would compute slowly with: numbers too small to be normal.
    #[test]
    fn moments_of_a_gradient_that_has_become_zero_end_at_zero() {
        let (mut weights, mut first, mut second) = ([0.5f32, -0.5], [0.0; 2], [0.0; 2]);
        let mut step = |place, grads: [f32; 2]| {
            adam::adam(&mut weights, &grads, &mut first, &mut second, adam_step(0.01, place));
            (weights, first, second)
        };
        step(1, [0.3, f32::NAN]);
        let mut at_1000 = [0.0; 2];
        for place in 2..=3_000 {
            let (weights, first, second) = step(place, [0.0; 2]);
            assert!(!first[0].is_subnormal() && !second[0].is_subnormal(), "step {place}");
            if place == 1_000 {
                assert_eq!(first[0], 0.0);
                at_1000 = weights;
            }
        }
        let (weights, first, second) = step(3_001, [0.0; 2]);
        assert_eq!((weights[0], first[0]), (at_1000[0], 0.0));
        assert!(second[0] > 0.0 && weights[1].is_nan() && first[1].is_nan());
    }
}
