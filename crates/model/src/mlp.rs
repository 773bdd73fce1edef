//! The multilayer perceptron: a Burn module that names no backend.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use rand::{Rng, RngExt};

use crate::activation::Activation;
use crate::config::MlpConfig;

/// Linear layers with an activation between them.
#[derive(Module, Debug)]
pub struct Mlp {
    /// From the input to the classes; `depth + 1` of them.
    pub layers: Vec<Linear>,
    #[module(skip)]
    activation: Activation,
    softmax: bool,
}

impl Mlp {
    /// A model with PyTorch's initial weights: weight and bias from U(±1/√inputs), drawn from `rng`
    /// layer by layer, so that they are the same on every backend.
    ///
    /// Source: PyTorch `torch/nn/modules/linear.py`, `Linear.reset_parameters`.
    pub fn init(
        config: &MlpConfig,
        features: usize,
        classes: usize,
        rng: &mut impl Rng,
        device: &Device,
    ) -> Self {
        let widths = config.widths(features, classes);
        let layers = widths.windows(2).map(|pair| {
            let bound = 1.0 / (pair[0] as f32).sqrt();
            let mut draw = |len: usize| -> Vec<f32> {
                (0..len).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect()
            };
            let weight = TensorData::new(draw(pair[0] * pair[1]), [pair[0], pair[1]]);
            let bias = TensorData::new(draw(pair[1]), [pair[1]]);
            linear(weight, bias, device)
        });
        Mlp { layers: layers.collect(), activation: config.activation, softmax: config.softmax }
    }

    /// What the cross-entropy gets: logits, or, with `softmax`, probabilities. Input
    /// `[batch, features]`, output `[batch, classes]`.
    pub fn forward(&self, pixels: Tensor<2>) -> Tensor<2> {
        let mut x = pixels;
        let last = self.layers.len() - 1;
        for layer in &self.layers[..last] {
            x = match &layer.bias {
                Some(bias) => self.activation.of_biased(x.matmul(layer.weight.val()), bias.val()),
                None => x,
            };
        }
        let logits = self.layers[last].forward(x);
        if self.softmax { activation::softmax(logits, 1) } else { logits }
    }

    /// The mean cross-entropy over a batch, as PyTorch's `CrossEntropyLoss` computes it: softmax is
    /// applied here, also to what has been through one. Pixels `[batch, features]`, labels `[batch]`;
    /// the loss has shape `[1]`.
    pub fn loss(&self, pixels: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let log_probabilities = activation::log_softmax(self.forward(pixels), 1);
        log_probabilities.gather(1, labels.unsqueeze_dim(1)).mean().neg()
    }
}

/// A layer of these weights, `[inputs, outputs]`, and biases, `[outputs]`.
pub fn linear(weight: TensorData, bias: TensorData, device: &Device) -> Linear {
    Linear { weight: Param::from_data(weight, device), bias: Some(Param::from_data(bias, device)) }
}
