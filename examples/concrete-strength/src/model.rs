//! The network: linear layers with an activation between.

use burn::module::Module;
use burn::nn::activation::ActivationConfig;
use burn::nn::{Linear, LinearConfig, activation};
use burn::tensor::{Device, Tensor};

use crate::table::INPUTS;
use crate::{Activation, Net};

/// A multilayer perceptron with one output.
#[derive(Module, Debug)]
pub struct Mlp {
    hidden: Vec<Linear>,
    output: Linear,
    activation: activation::Activation,
}

impl Mlp {
    pub fn new(net: &Net, device: &Device) -> Self {
        let activation = match net.activation {
            Activation::Relu => ActivationConfig::Relu,
            Activation::Gelu => ActivationConfig::Gelu,
            Activation::Tanh => ActivationConfig::Tanh,
        };
        let layer = |[inputs, outputs]: [usize; 2]| LinearConfig::new(inputs, outputs).init(device);
        Mlp {
            hidden: sizes(net).map(layer).collect(),
            output: layer([net.hidden, 1]),
            activation: activation.init(device),
        }
    }

    /// Inputs `[rows, 8]` to strengths `[rows, 1]`.
    pub fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
        let hidden =
            self.hidden.iter().fold(inputs, |x, layer| self.activation.forward(layer.forward(x)));
        self.output.forward(hidden)
    }
}

/// How many weights a network has.
pub fn weights(net: &Net) -> usize {
    sizes(net).map(|[inputs, outputs]| (inputs + 1) * outputs).sum::<usize>() + net.hidden + 1
}

/// Inputs and outputs of each hidden layer.
fn sizes(net: &Net) -> impl Iterator<Item = [usize; 2]> {
    let hidden = net.hidden;
    (0..net.layers).map(move |layer| [if layer == 0 { INPUTS } else { hidden }, hidden])
}
