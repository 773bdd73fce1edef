//! What a training promises: the same numbers whenever and wherever it runs, an accuracy above
//! chance, flags on the sick, and an end when asked to stop.

use std::sync::LazyLock;

use burn_tune::engine::FunctionObjective;
use burn_tune_data::{DataSource, Dataset};
use burn_tune_model::adam::Adam;
use burn_tune_model::flags::{DIVERGED, SOFTMAX_BEFORE_CROSS_ENTROPY};
use burn_tune_model::mlp::Layer;
use burn_tune_model::predict::predict;
use burn_tune_model::recorder::Probe;
use burn_tune_model::train::{Trained, TrainingSet, gradients, to_the_end, train};
use burn_tune_model::{Activation, Backend, Lanes, Mlp, MlpConfig, MlpTraining};
use burn_tune_search::keyed_rng::{Purpose, Task};
use burn_tune_search::{ObjectiveError, Stop, TaskHandle};
use rand::seq::SliceRandom;

use crate::harness::{self, as_training};

static MNIST: LazyLock<Dataset> =
    LazyLock::new(|| Dataset::mnist().expect("it is embedded").limited(2000));

/// Epoch losses, weights and predictions, as bits.
type Outcome = (Vec<u32>, Vec<u32>, Vec<u8>);

fn objective(backend: Backend) -> FunctionObjective<MlpConfig> {
    let (source, dataset) = (DataSource::default(), MNIST.clone());
    harness::objective(MlpTraining { source, dataset, lanes: Lanes::solo(backend), curves: false })
}

fn training_set(indices: &[u32]) -> TrainingSet<'_> {
    TrainingSet { examples: &MNIST.train, indices, classes: 10 }
}

/// A probe of 100 test examples.
fn probe(curves: bool) -> Probe<'static> {
    static INDICES: LazyLock<Vec<u32>> = LazyLock::new(|| (0..100).collect());
    Probe { examples: &MNIST.test, indices: &INDICES, curves }
}

fn small() -> MlpConfig {
    MlpConfig { epochs: 2, hidden_size: 64, ..Default::default() }
}

fn outcome(config: &MlpConfig, backend: Backend, fold: usize) -> Outcome {
    let stop = Stop::default();
    let handle = TaskHandle::new(5, 0, Task::Fold(fold), &stop);
    let config = config.clone();
    let trained = as_training(&handle, move |trial| {
        let indices: Vec<u32> = (0..500).collect();
        let training = training_set(&indices);
        let Trained { model, epoch_losses, .. } =
            train(&config, training, probe(false), &Lanes::solo(backend), trial, to_the_end)?;
        let predicted = predict(&model, &MNIST.test, &indices, &backend.device(), trial)?;
        Ok((epoch_losses.iter().map(|loss| loss.to_bits()).collect(), weights(&model), predicted))
    });
    trained.expect("nobody asks it to stop")
}

fn weights(model: &Mlp) -> Vec<u32> {
    let tensors = |Layer { weight, bias }: &Layer| [weight.to_data(), bias.to_data()];
    let data = model.layers.iter().flat_map(tensors);
    data.flat_map(|data| data.iter::<f32>().map(f32::to_bits).collect::<Vec<_>>()).collect()
}

/// Where equal tasks have equal bits. A graphics card may add in another order each time.
fn processors() -> impl Iterator<Item = Backend> {
    Backend::processors()
}

#[test]
fn equal_tasks_have_equal_bits_on_whatever_thread() {
    // Wide enough for matrix products that are worth several threads.
    let configs = [
        MlpConfig { epochs: 2, ..Default::default() },
        MlpConfig { epochs: 2, batch_size: 500, ..Default::default() },
        MlpConfig { activation: Activation::Gelu, depth: 2, batch_size: 60, ..small() },
    ];
    for backend in processors() {
        for config in &configs {
            let run = || outcome(config, backend, 0);
            let expected = run();
            assert!(expected == run(), "again: {config:?}");
            let both = std::thread::scope(|scope| {
                let (one, other) = (scope.spawn(run), scope.spawn(run));
                [one.join().unwrap(), other.join().unwrap()]
            });
            assert!(both.iter().all(|outcome| *outcome == expected), "at once: {config:?}");
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                assert!(pool.install(run) == expected, "in a pool of {threads}: {config:?}");
            }
        }
    }
}

#[test]
fn each_epoch_goes_through_all_examples_in_a_new_order() {
    let config = MlpConfig { batch_size: 7, ..small() };
    for backend in processors() {
        let stop = Stop::default();
        let handle = TaskHandle::new(5, 0, Task::Fold(0), &stop);
        let device = backend.device().autodiff();
        let mut rng = handle.rng(Purpose::InitialWeights);
        let mut model = Mlp::init(&config, 784, 10, &mut rng, &device);
        let mut adam = Adam::new(config.lr, true);
        let mut rng = handle.rng(Purpose::Shuffle);
        let mut order: Vec<u32> = (0..500).collect();
        for _ in 0..config.epochs {
            order.shuffle(&mut rng);
            for batch in order.chunks(7) {
                let (_, grads) = gradients(&model, &MNIST.train, batch, &device);
                model = adam.step(model, grads);
            }
        }
        assert!(weights(&model) == outcome(&config, backend, 0).1, "{}", backend.name());
    }
}

#[test]
fn another_fold_is_another_training() {
    for backend in processors() {
        let (losses, weights, _) = outcome(&small(), backend, 0);
        let (other_losses, other_weights, _) = outcome(&small(), backend, 1);
        assert_ne!(losses, other_losses);
        assert!(weights != other_weights);
    }
}

#[test]
fn a_healthy_model_learns_digits() {
    for backend in Backend::processors() {
        let objective = objective(backend);
        let config = MlpConfig { epochs: 4, batch_size: 50, ..small() };
        let stop = Stop::default();
        let handle = TaskHandle::new(0, 0, Task::Fold(0), &stop);
        let fold = harness::fold(&objective, &config, &handle).unwrap();
        assert!(fold.score > 0.8, "{fold:?}");
        assert_eq!(fold.flags, []);
        let handle = TaskHandle::new(0, 0, Task::Refit(0), &stop);
        let refit = harness::refit(&objective, &config, &handle).unwrap();
        assert!(refit.score > 0.8, "{refit:?}");
        assert_eq!(refit.per_class_recall.len(), 10);
        assert_eq!(refit.flags, []);
    }
}

#[test]
fn a_huge_learning_rate_fails_or_is_flagged() {
    for backend in Backend::processors() {
        for lr in [10.0, 1e6, 1e30, 1e300] {
            let config = MlpConfig { lr, ..small() };
            let stop = Stop::default();
            let handle = TaskHandle::new(0, 0, Task::Fold(0), &stop);
            let flags = match harness::fold(&objective(backend), &config, &handle) {
                Ok(score) => score.flags,
                Err(ObjectiveError::Failed { reason, flags }) => {
                    assert!(reason.starts_with("the loss is "), "{reason}");
                    flags
                }
                Err(ObjectiveError::Interrupted) => panic!("nobody asks it to stop"),
            };
            assert!(flags.contains(&DIVERGED.flag()), "{lr}: {flags:?}");
        }
    }
}

#[test]
fn a_loss_that_is_no_number_ends_the_training() {
    for backend in Backend::processors() {
        let config = MlpConfig { lr: 1e38, epochs: 9, ..small() };
        let stop = Stop::default();
        let handle = TaskHandle::new(0, 0, Task::Fold(0), &stop);
        let trained = as_training(&handle, move |trial| {
            let indices: Vec<u32> = (0..500).collect();
            train(
                &config,
                training_set(&indices),
                probe(true),
                &Lanes::solo(backend),
                trial,
                to_the_end,
            )
        });
        let trained = trained.unwrap();
        assert_eq!(trained.epoch_losses.len(), 1);
        assert!(!trained.epoch_losses[0].is_finite());
    }
}

#[test]
fn a_model_with_softmax_carries_its_flag_whether_it_fails_or_not() {
    for backend in Backend::processors() {
        for lr in [1e-3, 1e38] {
            let config = MlpConfig { softmax: true, lr, ..small() };
            let stop = Stop::default();
            let handle = TaskHandle::new(0, 0, Task::Fold(0), &stop);
            let flags = match harness::fold(&objective(backend), &config, &handle) {
                Ok(score) => score.flags,
                Err(ObjectiveError::Failed { flags, .. }) => flags,
                Err(ObjectiveError::Interrupted) => panic!("nobody asks it to stop"),
            };
            assert!(flags.contains(&SOFTMAX_BEFORE_CROSS_ENTROPY.flag()), "{lr}: {flags:?}");
        }
    }
}

#[test]
fn the_second_request_to_stop_abandons_training_and_scoring() {
    for backend in Backend::processors() {
        let objective = objective(backend);
        let config = MlpConfig { epochs: 1, ..small() };
        let stop = Stop::default();
        let handle = TaskHandle::new(0, 0, Task::Fold(0), &stop);
        let own = config.clone();
        let train = || {
            let config = own.clone();
            as_training(&handle, move |trial| {
                let indices: Vec<u32> = (0..200).collect();
                train(
                    &config,
                    training_set(&indices),
                    probe(false),
                    &Lanes::solo(backend),
                    trial,
                    to_the_end,
                )
            })
        };
        stop.request();
        let model = train().unwrap().model;
        assert!(harness::fold(&objective, &config, &handle).is_ok());
        stop.request();
        let interrupted = ObjectiveError::Interrupted;
        assert_eq!(train().err(), Some(interrupted.clone()));
        let predicted = as_training(&handle, move |trial| {
            let indices: Vec<u32> = (0..200).collect();
            predict(&model, &MNIST.test, &indices, &backend.device(), trial)
        });
        assert_eq!(predicted, Err(interrupted.clone()));
        assert_eq!(harness::fold(&objective, &config, &handle), Err(interrupted.clone()));
        let handle = TaskHandle::new(0, 0, Task::Refit(0), &stop);
        assert_eq!(harness::refit(&objective, &config, &handle), Err(interrupted));
    }
}
