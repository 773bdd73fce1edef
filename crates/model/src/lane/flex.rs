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

impl<E: Deref<Target = Examples>> Lane for FlexLane<E> {
    fn train(&mut self, batches: &[&[u32]], check_stop: &dyn Fn() -> Result<()>) -> Result<Steps> {
        let mut losses = Vec::with_capacity(batches.len());
        for (place, &batch) in batches.iter().enumerate() {
            check_stop()?;
            let labels = self.examples.labels();
            self.targets.clear();
            self.targets.extend(batch.iter().map(|&index| usize::from(labels[index as usize])));
            let pixels = batch.iter().map(|&index| self.examples.pixels(index as usize));
            gather(pixels, self.network.input(batch.len()));
            self.steps += 1;
            let adam = adam_step(self.config.lr, self.steps);
            let is_read = place + 1 == batches.len();
            losses.push(self.network.step(&self.targets, adam, is_read));
        }
        let gradient_norms = self.network.weight_gradients().map(|grad| norm(&grad)).collect();
        Ok(Steps { losses, gradient_norms })
    }

    fn model(&mut self) -> Result<Mlp> {
        Ok(Mlp::from_values(&self.config, self.network.layers(), &self.device))
    }
}

#[cfg(test)]
mod tests;
