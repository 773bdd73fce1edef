//! A forecast of a time series: how many spots the sun has next year, by a recurrent network.
//!
//! ```text
//! cargo run --release --package sunspots -- search --trials 30 --jobs 2
//! ```
//!
//! What it shows: a split of one's own by `trial.fold()`, so that no training sees what comes after the years that it
//! is scored on; params that exist only beside others (`when`); and a pruner that the program brings along.
//! `README.md` says what an autoregression comes to in the same years.

mod model;
mod series;

use std::ops::Range;

use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::nn::loss::{MseLoss, Reduction};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use burn_tune::prelude::*;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::model::Forecaster;
use crate::series::{SPOTS, Scale, Unit};

/// What is searched.
#[derive(Space, Debug)]
struct Net {
    #[space(1e-3..=3e-2, log)]
    lr: f64,
    /// How many years the network sees before the one that it forecasts.
    #[space(9..=24, step = 3)]
    window: usize,
    #[space]
    cell: Cell,
    /// Whether a cell forgets as much as it takes in.
    #[space(when(cell = Cell::Lstm))]
    coupled_gates: Option<bool>,
    #[space(1..=2)]
    layers: usize,
    /// Between the layers.
    #[space(0.0..=0.4, when(layers = 2))]
    dropout: Option<f64>,
    #[space(8..=24, step = 8)]
    hidden: usize,
    #[space]
    unit: Unit,
    #[space(30)]
    epochs: u64,
}

#[derive(Space, Clone, Copy, Debug, PartialEq)]
enum Cell {
    Gru,
    Lstm,
}

const FIRST_YEAR: usize = 1700;
/// From here on, only refits are scored.
const TEST_YEAR: usize = 1980;
const YEARS_A_FOLD: usize = 30;
/// What a training needs to learn from.
const FEWEST_YEARS: usize = 100;
const BATCH: usize = 32;

fn train(net: &Net, trial: &Trial) -> Result<Score> {
    let scored = scored_years(trial)?;
    let spots: Vec<f32> = SPOTS.iter().map(|&spots| net.unit.of(spots)).collect();
    let scale = Scale::of(&spots[..scored.start]);
    let inputs: Vec<f32> = spots.iter().map(|&spots| scale.scaled(spots)).collect();

    let plain = trial.device();
    let device = plain.clone().autodiff();
    let mut shuffle = ChaCha8Rng::seed_from_u64(trial.seed());
    let mut model = Forecaster::new(net, &device);
    let clipping = Some(GradientClippingConfig::Norm(1.0));
    let mut adam = AdamConfig::new().with_grad_clipping(clipping).init();
    let mut years: Vec<usize> = (net.window..scored.start).collect();
    let mut error = f64::NAN;
    for epoch in 1..=net.epochs {
        years.shuffle(&mut shuffle);
        for batch in years.chunks(BATCH) {
            let forecast = model.forward(windows(&inputs, batch, net.window, &device));
            let truth: Vec<f32> = batch.iter().map(|&year| inputs[year]).collect();
            let truth = Tensor::from_data(TensorData::new(truth, [batch.len(), 1]), &device);
            let loss = MseLoss::new().forward(forecast, truth, Reduction::Mean);
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            model = adam.step(net.lr, model, gradients);
        }
        let years: Vec<usize> = scored.clone().collect();
        let forecasts = model.valid().forward(windows(&inputs, &years, net.window, &plain));
        let forecasts = forecasts.into_data().try_into_vec::<f32>()?;
        let forecasts = forecasts.iter().map(|&value| net.unit.spots(scale.unscaled(value)));
        error = rmse(forecasts, &SPOTS[scored.clone()]);
        if trial.report(epoch, error).is_stop() {
            break;
        }
    }
    trial.finish(error)
}

/// The years to score on, counted from the first. A training learns from all years before, as a forecast has to:
/// the later a fold, the longer its past.
fn scored_years(trial: &Trial) -> Result<Range<usize>> {
    let test = TEST_YEAR - FIRST_YEAR;
    if trial.is_refit() {
        return Ok(test..SPOTS.len());
    }
    let begin = test.checked_sub((trial.folds() - trial.fold()) * YEARS_A_FOLD);
    let begin = begin.filter(|&begin| begin >= FEWEST_YEARS).ok_or_else(|| {
        let most = (test - FEWEST_YEARS) / YEARS_A_FOLD;
        Error::new(format!("the first fold has too short a past: take at most {most} folds"))
    })?;
    Ok(begin..begin + YEARS_A_FOLD)
}

/// The years before each year, `[years, window, 1]`.
fn windows(inputs: &[f32], years: &[usize], window: usize, device: &Device) -> Tensor<3> {
    let values = years.iter().flat_map(|&year| &inputs[year - window..year]);
    let values: Vec<f32> = values.copied().collect();
    Tensor::from_data(TensorData::new(values, [years.len(), window, 1]), device)
}

/// The root of the mean squared error, in spots.
fn rmse(forecasts: impl Iterator<Item = f32>, truth: &[f32]) -> f64 {
    let squares = forecasts.zip(truth).map(|(forecast, truth)| f64::from(forecast - truth).powi(2));
    (squares.sum::<f64>() / truth.len() as f64).sqrt()
}

fn main() -> std::process::ExitCode {
    Study::new("sunspots", train)
        .about("Next year's sunspots, by a recurrent network")
        .score("rmse")
        .minimize()
        .folds(3)
        .refits(1, 3)
        .sampler(Sampler::Tpe)
        .pruner(Pruner::Median {
            n_startup_trials: 4,
            n_warmup_steps: 8,
            interval_steps: 4,
            n_min_trials: 2,
        })
        .steps(|net| net.epochs)
        .main()
}
