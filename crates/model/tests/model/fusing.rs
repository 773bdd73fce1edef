//! Trainings that are computed together come to the bits of trainings that are computed alone.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::thread;

use burn_tune::Progress;
use burn_tune_data::Dataset;
use burn_tune_model::mlp::Layer;
use burn_tune_model::recorder::{Probe, Recorded};
use burn_tune_model::train::{TrainingSet, train};
use burn_tune_model::{Activation, Backend, Lanes, Mlp, MlpConfig};
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::{Stop, TaskHandle};

use crate::harness::as_training;

static MNIST: LazyLock<Dataset> =
    LazyLock::new(|| Dataset::mnist().expect("it is embedded").limited(300));

/// A training of one trial.
#[derive(Debug, Clone)]
struct Plan {
    config: MlpConfig,
    task: Task,
    /// It is pruned after this epoch.
    last_epoch: usize,
    curves: bool,
}

/// Losses and weights as bits, and all that was recorded.
#[derive(Debug, PartialEq)]
struct Outcome {
    losses: Vec<u32>,
    weights: Vec<u32>,
    recorded: Recorded,
}

fn weights(model: &Mlp) -> Vec<u32> {
    let tensors = |Layer { weight, bias }: &Layer| [weight.to_data(), bias.to_data()];
    let data = model.layers.iter().flat_map(tensors);
    data.flat_map(|data| data.iter::<f32>().map(f32::to_bits).collect::<Vec<_>>()).collect()
}

fn outcome(number: usize, plan: &Plan, lanes: &Arc<Lanes>) -> Outcome {
    let stop = Stop::default();
    let handle = TaskHandle::new(5, number, plan.task, &stop);
    let (plan, lanes) = (plan.clone(), lanes.clone());
    let trained = as_training(&handle, move |trial| {
        // As folds have them: others for each.
        let indices: Vec<u32> = (0..300).filter(|i| i % 3 != number as u32 % 3).collect();
        let training = TrainingSet { examples: &MNIST.train, indices: &indices, classes: 10 };
        let probe = Probe { examples: &MNIST.test, indices: &[1, 2, 3, 5], curves: plan.curves };
        let pruned = |epoch, _: &Mlp| match epoch == plan.last_epoch {
            true => Ok(Progress::Stop),
            false => Ok(Progress::Continue),
        };
        let trained = train(&plan.config, training, probe, &lanes, trial, pruned)?;
        let losses = trained.epoch_losses.iter().chain([&trained.first_loss]);
        let losses = losses.map(|loss| loss.to_bits()).collect();
        Ok(Outcome { losses, weights: weights(&trained.model), recorded: trained.recorded })
    });
    trained.expect("nobody asks it to stop")
}

/// Trainings that differ in all that a lane may have of its own, and in their shapes.
fn plans() -> Vec<Plan> {
    let activations = [
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Gelu,
        Activation::Silu,
    ];
    let plan = |n: usize| Plan {
        config: MlpConfig {
            // More than there are examples, too.
            batch_size: [20, 70, 1_000][n % 3],
            lr: 1e-3 * (1 + n) as f64,
            epochs: 1 + n % 3,
            activation: activations[n % 6],
            depth: n % 3,
            hidden_size: [8, 17][n % 2],
            hidden_size_2: (n % 3 == 2).then_some(5),
            softmax: n % 4 == 1,
            ..MlpConfig::default()
        },
        task: if n.is_multiple_of(5) { Task::Refit(n) } else { Task::Fold(n % 3) },
        last_epoch: 1 + n % 4,
        curves: n.is_multiple_of(2),
    };
    (0..12).map(plan).collect()
}

fn together(plans: &[Plan], lanes: &Arc<Lanes>) -> BTreeMap<usize, Outcome> {
    thread::scope(|scope| {
        let trainings = plans.iter().enumerate();
        let trainings: Vec<_> = trainings
            .map(|(number, plan)| scope.spawn(move || (number, outcome(number, plan, lanes))))
            .collect();
        trainings.into_iter().map(|training| training.join().expect("no panic")).collect()
    })
}

#[test]
fn fused_trainings_have_the_bits_of_solo_ones_however_many_there_are() {
    let plans = plans();
    let solo = Arc::new(Lanes::solo(Backend::Flex));
    let alone: BTreeMap<usize, Outcome> =
        plans.iter().enumerate().map(|(n, plan)| (n, outcome(n, plan, &solo))).collect();
    // The third has no room for all of one shape, so trainings are moved.
    for most in [1, 7, 2, 64] {
        let fused = Arc::new(Lanes::fused(Backend::Flex, most, &MNIST.train).unwrap());
        assert!(together(&plans, &fused) == alone, "at most {most} together");
    }
    let fused = Arc::new(Lanes::fused(Backend::Flex, 7, &MNIST.train).unwrap());
    let of_one_shape: Vec<Plan> = (0..9).map(|_| plans[4].clone()).collect();
    let expected: BTreeMap<usize, Outcome> =
        (0..9).map(|n| (n, outcome(n, &plans[4], &solo))).collect();
    assert!(together(&of_one_shape, &fused) == expected, "nine of one shape");
}

#[cfg(feature = "ndarray")]
#[test]
fn a_backend_that_cannot_fuse_says_so() {
    let refused = Lanes::fused(Backend::Ndarray, 2, &MNIST.train).map(drop);
    assert_eq!(refused, Err("ndarray computes each training by itself".to_owned()));
}
