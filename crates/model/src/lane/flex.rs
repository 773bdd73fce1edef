//! A lane that computes its steps by hand, with the kernels of burn-flex's layers, and no tensor on the way.

use std::ops::Deref;

use burn::tensor::Device;
use burn_tune::Result;
use burn_tune_data::Examples;

use super::{Lane, Steps};
use crate::adam::adam_step;
use crate::config::MlpConfig;
use crate::kernels::panels::gather;
use crate::kernels::sums::norm;
use crate::lane_state::LaneState;
use crate::layer_values::Layers;
use crate::mlp::Mlp;
use crate::network::Network;

/// A training on the processor; the examples are borrowed or shared.
pub(crate) struct FlexLane<E> {
    config: MlpConfig,
    examples: E,
    /// burn-flex's.
    device: Device,
    network: Network,
    steps: i32,
    /// The classes of a batch.
    targets: Vec<usize>,
}

impl<E> FlexLane<E> {
    /// A training of `config`'s model from the numbers of `initial` on; `device` is burn-flex's.
    pub fn new(config: &MlpConfig, initial: &Layers, examples: E, device: &Device) -> Self {
        FlexLane {
            network: Network::new(initial, config.activation, config.softmax),
            config: config.clone(),
            examples,
            device: device.clone(),
            steps: 0,
            targets: Vec::new(),
        }
    }
}

impl<E: Deref<Target = Examples>> FlexLane<E> {
    /// A training of a model with this activation and so on that goes on from `state`.
    pub fn resumed(config: &MlpConfig, state: &LaneState, examples: E, device: &Device) -> Self {
        let mut lane = FlexLane::new(config, &state.layers, examples, device);
        if let Some(moments) = &state.moments {
            lane.network.set_moments(moments);
        }
        lane.steps = state.steps as i32;
        lane
    }

    /// From where it would go on.
    pub fn state(&self) -> LaneState {
        LaneState {
            layers: self.layers(),
            moments: (self.steps > 0).then(|| self.network.moments()),
            steps: self.steps as u32,
        }
    }

    /// Weights and biases.
    pub fn layers(&self) -> Layers {
        self.network.layers()
    }

    /// A step on one batch, and its loss. The norms of its gradients can be had if it `is_read` after it.
    pub fn step(&mut self, batch: &[u32], is_read: bool) -> f32 {
        let labels = self.examples.labels();
        self.targets.clear();
        self.targets.extend(batch.iter().map(|&index| usize::from(labels[index as usize])));
        let pixels = batch.iter().map(|&index| self.examples.pixels(index as usize));
        gather(pixels, self.network.input(batch.len()));
        self.steps += 1;
        let adam = adam_step(self.config.lr, self.steps);
        self.network.step(&self.targets, adam, is_read)
    }

    /// The norms of the gradients of each layer's weights, in the last step that was to be read.
    pub fn gradient_norms(&self) -> Vec<f32> {
        self.network.weight_gradients().map(|grad| norm(&grad)).collect()
    }
}

impl<E: Deref<Target = Examples>> Lane for FlexLane<E> {
    fn train(&mut self, batches: &[&[u32]], check_stop: &dyn Fn() -> Result<()>) -> Result<Steps> {
        let mut losses = Vec::with_capacity(batches.len());
        for (place, &batch) in batches.iter().enumerate() {
            check_stop()?;
            losses.push(self.step(batch, place + 1 == batches.len()));
        }
        let gradient_norms = self.gradient_norms();
        Ok(Steps { losses, gradient_norms })
    }

    fn model(&mut self) -> Result<Mlp> {
        Ok(Mlp::from_values(&self.config, self.network.layers(), &self.device))
    }
}

#[cfg(test)]
mod tests;
