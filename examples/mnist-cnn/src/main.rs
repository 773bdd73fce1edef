//! A convolutional network on MNIST, with a training loop by hand, Burn's own initialisers and dropout. A training
//! that is broken off goes on at its epoch.
//!
//! ```text
//! cargo run --release --package mnist-cnn -- search --trials 20 --pruner asha
//! ```
//!
//! What is here for the search is the struct `Net` with its ranges, `trial.split`, `trial.report`, `trial.finish`,
//! and `main`; and for the going on, `trial.restore`, `trial.seed_of` and `trial.checkpoint`. The rest is a training as
//! it would be without it.

mod model;

use std::sync::LazyLock;

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_tune::prelude::*;
use burn_tune_data::Examples;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::model::Cnn;

/// What is searched.
#[derive(Space, Debug)]
pub struct Net {
    #[space(1e-4..=1e-2, log)]
    lr: f64,
    #[space([32, 64, 128])]
    batch: usize,
    #[space(4..=16, step = 4)]
    channels: usize,
    #[space(16..=64, step = 16)]
    hidden: usize,
    #[space]
    pooling: Pooling,
    #[space(0.0..=0.5)]
    dropout: f64,
    #[space(3)]
    epochs: u64,
}

/// How each convolution halves its image.
#[derive(Space, Clone, Copy, Debug, PartialEq)]
pub enum Pooling {
    /// By the largest of four values.
    Max,
    /// By their mean.
    Average,
}

/// So many of the training examples are used: this is an example of two minutes.
const ROWS: usize = 3_000;

static MNIST: LazyLock<burn_tune_data::Dataset> =
    LazyLock::new(|| burn_tune_data::Dataset::mnist().expect("it is embedded").limited(ROWS));

fn train(net: &Net, trial: &Trial) -> Result<Score> {
    let rows = trial.split(MNIST.train.labels())?;
    let plain = trial.device();
    let device = plain.clone().autodiff();
    let all_of_test: Vec<usize> = (0..MNIST.test.len()).collect();
    let mut model = Cnn::new(net, &device);
    let mut adam = AdamConfig::new().init();
    let done = trial.restore(&mut model, &mut adam)?;
    let mut accuracy = trial.last_report().unwrap_or(0.0);
    for epoch in done.map_or(1, |done| done + 1)..=net.epochs {
        let mut order = rows.train.clone();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(trial.seed_of(epoch)));
        for batch in order.chunks(net.batch) {
            let (images, labels) = tensors(&MNIST.train, batch, &device);
            let loss = model.loss(images, labels);
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            model = adam.step(net.lr, model, gradients);
        }
        let trained = model.valid();
        accuracy = match trial.is_refit() {
            true => score(&trained, &MNIST.test, &all_of_test, &plain),
            false => score(&trained, &MNIST.train, &rows.valid, &plain),
        };
        if trial.report(epoch, accuracy).is_stop() {
            break;
        }
        trial.checkpoint(epoch, &model, &adam)?;
    }
    trial.finish((model.valid(), accuracy))
}

/// Images `[batch, 1, 28, 28]` from 0 to 1, and labels `[batch]`.
fn tensors(examples: &Examples, rows: &[usize], device: &Device) -> (Tensor<4>, Tensor<1, Int>) {
    let pixels = rows.iter().flat_map(|row| examples.pixels(*row));
    let pixels: Vec<f32> = pixels.map(|pixel| f32::from(*pixel) / 255.0).collect();
    let labels: Vec<i32> = rows.iter().map(|row| examples.labels()[*row].into()).collect();
    let images = TensorData::new(pixels, [rows.len(), 1, 28, 28]);
    let labels = TensorData::new(labels, [rows.len()]);
    (Tensor::from_data(images, device), Tensor::from_data(labels, device))
}

/// The share of the rows that the model recognises.
fn score(model: &Cnn, examples: &Examples, rows: &[usize], device: &Device) -> f64 {
    let right: i32 = rows
        .chunks(500)
        .map(|rows| {
            let (images, labels) = tensors(examples, rows, device);
            let predicted = model.forward(images).argmax(1).squeeze::<1>();
            predicted.equal(labels).int().sum().into_scalar::<i32>()
        })
        .sum();
    f64::from(right) / rows.len() as f64
}

fn main() -> std::process::ExitCode {
    Study::new("mnist-cnn", train)
        .about("A small convolutional network on MNIST")
        .score("accuracy")
        .folds(2)
        .refits(1, 2)
        .steps(|net| net.epochs)
        .keep_models(3)
        .main()
}
