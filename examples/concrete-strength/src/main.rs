//! A regression on a real table: how strong a concrete is, by its mixture and age.
//!
//! ```text
//! cargo run --release --package concrete-strength -- search --trials 40 --sampler tpe --pruner median
//! ```
//!
//! What it shows: rows without classes (`trial.split_rows`), an error that is minimized, preprocessing that is
//! searched with the model and learned from the training rows alone, a rule that params keep (`check`), and refits on
//! test rows that no fold has seen. `README.md` says what scikit-learn's models come to on the same rows.

mod model;
mod table;

use std::sync::LazyLock;

use burn::module::Module;
use burn::nn::loss::{MseLoss, Reduction};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use burn_tune::prelude::*;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::model::{Mlp, weights};
use crate::table::{INPUTS, Row, Scales, rows};

/// What is searched.
#[derive(Space, Debug)]
struct Net {
    #[space(1e-3..=3e-2, log)]
    lr: f64,
    #[space([16, 32, 64])]
    batch: usize,
    #[space(1..=3)]
    layers: usize,
    #[space(8..=64, step = 8)]
    hidden: usize,
    #[space]
    activation: Activation,
    #[space(1e-4..=1.0, log)]
    weight_decay: f64,
    #[space]
    age: Age,
    #[space(100)]
    epochs: u64,
}

#[derive(Space, Clone, Copy, Debug, PartialEq)]
enum Activation {
    Relu,
    Gelu,
    Tanh,
}

/// How the model sees the age of a sample.
#[derive(Space, Clone, Copy, Debug, PartialEq)]
enum Age {
    Days,
    /// Of the days: concrete becomes strong fast at first.
    Logarithm,
}

/// At the end of the table; the rows before are searched with.
const TEST_ROWS: usize = 205;
/// A network of more could learn the rows by heart.
const MOST_WEIGHTS: usize = 5_000;
/// The error is computed once in so many epochs.
const REPORT_EVERY: u64 = 5;

static CONCRETE: LazyLock<Vec<Row>> = LazyLock::new(rows);

fn train(net: &Net, trial: &Trial) -> Result<Score> {
    let (searched, test) = CONCRETE.split_at(CONCRETE.len() - TEST_ROWS);
    let split = trial.split_rows(searched.len())?;
    let rows = |rows: &[usize]| rows.iter().map(|&row| searched[row].with(net.age)).collect();
    let mut training: Vec<Row> = rows(&split.train);
    let mut scored: Vec<Row> = match trial.is_refit() {
        true => test.iter().map(|row| row.with(net.age)).collect(),
        false => rows(&split.valid),
    };
    let scales = Scales::of(&training);
    for row in training.iter_mut().chain(&mut scored) {
        *row = scales.scaled(row);
    }

    let plain = trial.device();
    let device = plain.clone().autodiff();
    let mut shuffle = ChaCha8Rng::seed_from_u64(trial.seed());
    let mut model = Mlp::new(net, &device);
    let mut adam = AdamWConfig::new().with_weight_decay(net.weight_decay as f32).init();
    let mut error = f64::NAN;
    for epoch in 1..=net.epochs {
        let lr = net.lr * (net.epochs + 1 - epoch) as f64 / net.epochs as f64;
        training.shuffle(&mut shuffle);
        for batch in training.chunks(net.batch) {
            let (inputs, strengths) = tensors(batch, &device);
            let loss = MseLoss::new().forward(model.forward(inputs), strengths, Reduction::Mean);
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            model = adam.step(lr, model, gradients);
        }
        if epoch % REPORT_EVERY == 0 {
            error = f64::from(scales.megapascals(rmse(&model.valid(), &scored, &plain)));
            if trial.report(epoch, error).is_stop() {
                break;
            }
        }
    }
    trial.finish(error)
}

/// Inputs `[rows, 8]` and strengths `[rows, 1]`.
fn tensors(rows: &[Row], device: &Device) -> (Tensor<2>, Tensor<2>) {
    let inputs: Vec<f32> = rows.iter().flat_map(|row| row.inputs).collect();
    let strengths: Vec<f32> = rows.iter().map(|row| row.strength).collect();
    let inputs = TensorData::new(inputs, [rows.len(), INPUTS]);
    let strengths = TensorData::new(strengths, [rows.len(), 1]);
    (Tensor::from_data(inputs, device), Tensor::from_data(strengths, device))
}

/// The root of the mean squared error.
fn rmse(model: &Mlp, rows: &[Row], device: &Device) -> f32 {
    let (inputs, strengths) = tensors(rows, device);
    let errors = model.forward(inputs) - strengths;
    errors.square().mean().sqrt().into_scalar()
}

fn main() -> std::process::ExitCode {
    Study::new("concrete-strength", train)
        .about("The compressive strength of concrete, by a multilayer perceptron")
        .score("rmse")
        .minimize()
        .folds(5)
        .refits(1, 3)
        .steps(|net| net.epochs)
        .check(|net: &Net| {
            ensure(weights(net) <= MOST_WEIGHTS, format!("more than {MOST_WEIGHTS} weights"))
        })
        .identity("data", "modeldata's concrete")
        .main()
}
