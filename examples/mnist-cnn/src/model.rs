//! The network, as one would write it for Burn without any search.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{AvgPool2dConfig, MaxPool2dConfig};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Int, Tensor, activation};

use crate::{Net, Pooling};

/// Two convolutions, each halved by pooling, and two linear layers.
#[derive(Module, Debug)]
pub struct Cnn {
    first: Conv2d,
    second: Conv2d,
    hidden: Linear,
    output: Linear,
    dropout: Dropout,
    averages: bool,
}

impl Cnn {
    pub fn new(net: &Net, device: &Device) -> Self {
        let convolution = |inputs, outputs| {
            let same = PaddingConfig2d::Explicit(1, 1, 1, 1);
            Conv2dConfig::new([inputs, outputs], [3, 3]).with_padding(same).init(device)
        };
        Cnn {
            first: convolution(1, net.channels),
            second: convolution(net.channels, 2 * net.channels),
            hidden: LinearConfig::new(2 * net.channels * 7 * 7, net.hidden).init(device),
            output: LinearConfig::new(net.hidden, 10).init(device),
            dropout: DropoutConfig::new(net.dropout).init(),
            averages: net.pooling == Pooling::Average,
        }
    }

    /// Images `[batch, 1, 28, 28]` to logits `[batch, 10]`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = self.pooled(activation::relu(self.first.forward(images)));
        let x = self.pooled(activation::relu(self.second.forward(x)));
        let x = activation::relu(self.hidden.forward(x.flatten(1, 3)));
        self.output.forward(self.dropout.forward(x))
    }

    pub fn loss(&self, images: Tensor<4>, labels: Tensor<1, Int>) -> Tensor<1> {
        let logits = self.forward(images);
        CrossEntropyLossConfig::new().init(&logits.device()).forward(logits, labels)
    }

    fn pooled(&self, x: Tensor<4>) -> Tensor<4> {
        match self.averages {
            true => AvgPool2dConfig::new([2, 2]).with_strides([2, 2]).init().forward(x),
            false => MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init().forward(x),
        }
    }
}
