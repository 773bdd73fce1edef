//! How fast a graphics card steps many trainings at once: what `bench/gpu` measures.

use std::time::{Duration, Instant};

use burn_tune_data::Dataset;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::activation::Activation;
use crate::config::MlpConfig;
use crate::fused::bank::{
    BankError, BankMaker, BankShape, LaneBank, LaneSettings, LaneState, LaneStep,
};
use crate::fused::cube::CubeMaker;
use crate::mlp::initial_layers;

/// Trainings of 784-hidden-10 on MNIST, with relu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FusedCase {
    /// How many are stepped at once.
    pub trainings: usize,
    /// Units of the hidden layer.
    pub hidden: usize,
    /// Examples in a batch.
    pub batch: usize,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FusedSpeed {
    /// Seconds of a step of all trainings.
    pub step_s: f64,
    /// Seconds until the first step was done and read: shaders are compiled, memory is taken and filled.
    pub first_step_s: f64,
    /// The mean loss of the trainings in the first and in the last step.
    pub losses: [f32; 2],
}

/// Steps as many as there is time for. Batches are drawn beforehand.
///
/// # Errors
///
/// What is missing, or what the card cannot do, such as for want of memory.
pub fn measure_fused(
    cases: &[FusedCase],
    device: Option<usize>,
    time: Duration,
    mut tell: impl FnMut(FusedCase, Result<FusedSpeed, String>),
) -> Result<(), String> {
    let dataset = Dataset::mnist().map_err(|error| error.to_string())?;
    let maker = CubeMaker::new(device, &dataset.train).map_err(text)?;
    for case in cases {
        tell(*case, measure(*case, &maker, dataset.train.len(), time).map_err(text));
    }
    Ok(())
}

fn text(error: BankError) -> String {
    error.to_string()
}

fn measure(
    case: FusedCase,
    maker: &CubeMaker,
    examples: usize,
    time: Duration,
) -> Result<FusedSpeed, BankError> {
    let FusedCase { trainings, hidden, batch } = case;
    let begin = Instant::now();
    let shape = BankShape { widths: vec![784, hidden, 10], batch_size: batch };
    let mut bank = maker.make(&shape, trainings)?;
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let config = MlpConfig { hidden_size: hidden, ..MlpConfig::default() };
    let state = LaneState::fresh(initial_layers(&config, 784, 10, &mut rng));
    let settings = LaneSettings { activation: Activation::Relu, softmax: false, lr: 1e-3 };
    (0..trainings).try_for_each(|slot| bank.load(slot, settings, &state))?;
    let mut draw = || (0..batch).map(|_| rng.random_range(0..examples as u32)).collect();
    let drawn: Vec<Vec<u32>> = (0..trainings + 16).map(|_| draw()).collect();
    let mut steps = 0;
    let mut step = |bank: &mut dyn LaneBank, is_read| {
        steps += 1;
        let batch = |slot: usize| drawn[(slot + steps) % drawn.len()].as_slice();
        let lane = |slot| LaneStep { slot, batch: batch(slot), is_read };
        bank.step(&(0..trainings).map(lane).collect::<Vec<_>>())
    };
    step(&mut *bank, true)?;
    let all: Vec<usize> = (0..trainings).collect();
    let first = mean_loss(&mut *bank, &all)?;
    let first_step_s = begin.elapsed().as_secs_f64();
    let (begin, mut timed) = (Instant::now(), 0);
    while begin.elapsed() < time {
        for i in 0..10 {
            step(&mut *bank, i == 9)?;
        }
        timed += 10;
        // One is read, so that the card is waited for, and the host cannot run away from it.
        bank.read(&[0])?;
    }
    let step_s = begin.elapsed().as_secs_f64() / f64::from(timed);
    step(&mut *bank, true)?;
    let last = mean_loss(&mut *bank, &all)?;
    Ok(FusedSpeed { step_s, first_step_s, losses: [first, last] })
}

/// The mean of the last losses.
fn mean_loss(bank: &mut dyn LaneBank, slots: &[usize]) -> Result<f32, BankError> {
    let readings = bank.read(slots)?;
    let losses = readings.iter().filter_map(|reading| reading.losses.last());
    Ok(losses.sum::<f32>() / slots.len() as f32)
}
