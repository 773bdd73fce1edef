//! The network, as one would write it for burn-train without any search.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor, activation};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};

use crate::Net;
use crate::data::Images;

/// A convolution that halves the image, residual blocks, the mean of each channel, and a linear layer.
#[derive(Module, Debug)]
pub struct ResNet {
    stem: Convolution,
    blocks: Vec<Block>,
    output: Linear,
}

/// Without bias, which the normalisation behind it would take away.
#[derive(Module, Debug)]
struct Convolution {
    convolution: Conv2d,
    norm: BatchNorm,
}

#[derive(Module, Debug)]
struct Block {
    first: Convolution,
    second: Convolution,
}

impl Convolution {
    fn new([inputs, outputs]: [usize; 2], stride: usize, device: &Device) -> Self {
        let convolution = Conv2dConfig::new([inputs, outputs], [3, 3])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_bias(false)
            .init(device);
        Convolution { convolution, norm: BatchNormConfig::new(outputs).init(device) }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.convolution.forward(x))
    }
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = activation::relu(self.first.forward(x.clone()));
        activation::relu(self.second.forward(y) + x)
    }
}

impl ResNet {
    pub fn new(net: &Net, device: &Device) -> Self {
        let same = || Convolution::new([net.channels, net.channels], 1, device);
        ResNet {
            stem: Convolution::new([1, net.channels], 2, device),
            blocks: (0..net.blocks).map(|_| Block { first: same(), second: same() }).collect(),
            output: LinearConfig::new(net.channels, 10).init(device),
        }
    }

    /// Images `[batch, 1, 28, 28]` to logits `[batch, 10]`.
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = activation::relu(self.stem.forward(images));
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        let [batch, channels, height, width] = x.dims();
        let means = x.reshape([batch, channels, height * width]).mean_dim(2).squeeze_dim::<2>(2);
        self.output.forward(means)
    }

    fn classify(&self, batch: Images) -> ClassificationOutput {
        let logits = self.forward(batch.images);
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        let loss = loss.forward(logits.clone(), batch.labels.clone());
        ClassificationOutput::new(loss, logits, batch.labels)
    }
}

impl TrainStep for ResNet {
    type Input = Images;
    type Output = ClassificationOutput;

    fn step(&self, batch: Images) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for ResNet {
    type Input = Images;
    type Output = ClassificationOutput;

    fn step(&self, batch: Images) -> ClassificationOutput {
        self.classify(batch)
    }
}
