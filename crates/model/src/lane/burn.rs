//! A lane that Burn's autodiff computes, with our layers, loss and Adam: on any backend, and what faster lanes are
//! compared with.

use std::ops::Deref;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use burn_tune::Result;
use burn_tune_data::Examples;

use super::{Lane, Steps};
use crate::adam::Adam;
use crate::batch::{labels, pixels};
use crate::config::MlpConfig;
use crate::kernels::sums;
use crate::layer_values::Layers;
use crate::mlp::{Layer, Mlp};

/// A model and the state of its optimizer; the examples are borrowed or shared.
pub(crate) struct BurnLane<E> {
    examples: E,
    /// Does autodiff.
    device: Device,
    /// Taken while a step is made.
    model: Option<Mlp>,
    adam: Adam,
}

impl<E> BurnLane<E> {
    /// A training of `config`'s model from the numbers of `initial` on, on `device`, which does no autodiff. `is_cpu`
    /// where its tensors live in this process's memory.
    pub fn new(
        config: &MlpConfig,
        initial: Layers,
        examples: E,
        device: &Device,
        is_cpu: bool,
    ) -> Self {
        let device = device.clone().autodiff();
        let model = Some(Mlp::from_values(config, initial, &device));
        BurnLane { examples, device, model, adam: Adam::new(config.lr, is_cpu) }
    }

    /// A step on one batch: its loss, `[1]`, and, where they are wanted, the norms of the gradients.
    pub fn step(&mut self, batch: &[u32], wants_norms: bool) -> (Tensor<1>, Option<Vec<f32>>)
    where
        E: Deref<Target = Examples>,
    {
        let (loss, grads) = gradients(self.current(), &self.examples, batch, &self.device);
        let norms = wants_norms.then(|| norms(self.current(), &grads));
        self.model = self.model.take().map(|model| self.adam.step(model, grads));
        (loss, norms)
    }

    /// The model with autodiff.
    pub fn current(&self) -> &Mlp {
        self.model.as_ref().expect("each step puts the model back")
    }
}

impl<E: Deref<Target = Examples>> Lane for BurnLane<E> {
    fn train(&mut self, batches: &[&[u32]], check_stop: &dyn Fn() -> Result<()>) -> Result<Steps> {
        // Left on the device: reading each loss would make a graphics card wait.
        let mut losses = Vec::with_capacity(batches.len());
        let mut gradient_norms = Vec::new();
        for (place, batch) in batches.iter().enumerate() {
            check_stop()?;
            let (loss, norms) = self.step(batch, place + 1 == batches.len());
            losses.push(loss);
            gradient_norms.extend(norms.into_iter().flatten());
        }
        let losses = Tensor::cat(losses, 0).into_data().iter::<f32>().collect();
        Ok(Steps { losses, gradient_norms })
    }

    fn model(&mut self) -> Result<Mlp> {
        Ok(self.current().valid())
    }
}

/// The mean loss over the examples at `batch`, `[1]`, and its gradients. `device` does autodiff.
pub fn gradients(
    model: &Mlp,
    examples: &Examples,
    batch: &[u32],
    device: &Device,
) -> (Tensor<1>, GradientsParams) {
    let loss = model.loss(pixels(examples, batch, device), labels(examples, batch, device));
    let grads = GradientsParams::from_grads(loss.backward(), model);
    (loss.inner(), grads)
}

fn norms(model: &Mlp, grads: &GradientsParams) -> Vec<f32> {
    let norm = |Layer { weight, .. }: &Layer| grads.get::<2>(weight.id).map_or(f32::NAN, norm);
    model.layers.iter().map(norm).collect()
}

/// The Euclidean norm, summed in the same order on every processor and backend.
fn norm(tensor: Tensor<2>) -> f32 {
    tensor.into_data().as_slice::<f32>().map_or(f32::NAN, sums::norm)
}
