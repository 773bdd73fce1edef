//! The multilayer perceptron: a Burn module that names no backend.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::{Rng, RngExt};

use crate::activation::Activation;
use crate::config::MlpConfig;
use crate::layer::layer;
use crate::layer_values::{LayerValues, Layers};
use crate::loss::{cross_entropy, softmax};

/// Linear layers with an activation between them.
#[derive(Module, Debug)]
pub struct Mlp {
    /// From the input to the classes; `depth + 1` of them.
    pub layers: Vec<Layer>,
    #[module(skip)]
    activation: Activation,
    softmax: bool,
}

/// What multiplies by weights and adds a bias. Burn's `Linear` may lack the bias; this one has it.
#[derive(Module, Debug)]
pub struct Layer {
    /// `[inputs, outputs]`.
    pub weight: Param<Tensor<2>>,
    /// `[outputs]`.
    pub bias: Param<Tensor<1>>,
}

impl Layer {
    /// A layer of these weights, `[inputs, outputs]`, and biases, `[outputs]`.
    pub fn new(weight: TensorData, bias: TensorData, device: &Device) -> Self {
        Layer { weight: Param::from_data(weight, device), bias: Param::from_data(bias, device) }
    }
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
        Mlp::from_values(config, initial_layers(config, features, classes, rng), device)
    }

    /// A model of these numbers; of `config`, only the activation and the softmax are looked at.
    pub(crate) fn from_values(config: &MlpConfig, layers: Layers, device: &Device) -> Self {
        let layers = layers.into_iter().map(|layer| {
            let (inputs, outputs) = (layer.inputs(), layer.outputs());
            let weight = TensorData::new(layer.weight, [inputs, outputs]);
            Layer::new(weight, TensorData::new(layer.bias, [outputs]), device)
        });
        Mlp::from_layers(config, layers.collect())
    }

    /// Its numbers, read from its device.
    #[cfg(test)]
    pub(crate) fn values(&self) -> Layers {
        let read = |data: TensorData| data.iter::<f32>().collect();
        let layers = self.layers.iter().map(|Layer { weight, bias }| LayerValues {
            weight: read(weight.to_data()),
            bias: read(bias.to_data()),
        });
        layers.collect()
    }

    /// A model of these layers, of which there is at least one; each takes as many inputs as the
    /// one before has outputs. Of `config`, only the activation and the softmax are looked at.
    pub fn from_layers(config: &MlpConfig, layers: Vec<Layer>) -> Self {
        Mlp { layers, activation: config.activation, softmax: config.softmax }
    }

    /// What the cross-entropy gets: logits, or, with `softmax`, probabilities. Input
    /// `[batch, features]`, output `[batch, classes]`.
    pub fn forward(&self, pixels: Tensor<2>) -> Tensor<2> {
        self.forward_watched(pixels, |_| {})
    }

    /// As [`Mlp::forward`], and shows `watch` the values of each hidden layer, `[batch, units]`, in
    /// the order of the layers.
    pub fn forward_watched(&self, pixels: Tensor<2>, watch: impl FnMut(&Tensor<2>)) -> Tensor<2> {
        let logits = self.logits(pixels, watch);
        if self.softmax { softmax(logits) } else { logits }
    }

    /// The mean cross-entropy over a batch, as PyTorch's `CrossEntropyLoss` computes it: softmax is
    /// applied here, also to what has been through one. Pixels `[batch, features]`, labels `[batch]`;
    /// the loss has shape `[1]`.
    pub fn loss(&self, pixels: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        cross_entropy(self.logits(pixels, |_| {}), labels, self.softmax)
    }

    fn logits(&self, pixels: Tensor<2>, mut watch: impl FnMut(&Tensor<2>)) -> Tensor<2> {
        let mut x = pixels;
        let last = self.layers.len() - 1;
        for Layer { weight, bias } in &self.layers[..last] {
            x = layer(x, weight.val(), bias.val(), Some(self.activation));
            watch(&x);
        }
        let Layer { weight, bias } = &self.layers[last];
        layer(x, weight.val(), bias.val(), None)
    }
}

/// The numbers of [`Mlp::init`].
pub(crate) fn initial_layers(
    config: &MlpConfig,
    features: usize,
    classes: usize,
    rng: &mut impl Rng,
) -> Layers {
    let widths = config.widths(features, classes);
    let layers = widths.windows(2).map(|pair| {
        let bound = 1.0 / (pair[0] as f32).sqrt();
        let mut draw = |len: usize| -> Vec<f32> {
            (0..len).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect()
        };
        LayerValues { weight: draw(pair[0] * pair[1]), bias: draw(pair[1]) }
    });
    layers.collect()
}
