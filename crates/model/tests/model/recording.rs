//! What is recorded while a model trains: the right numbers, at the right steps, and nothing about the
//! training changed by it.

use burn_tune_data::{Dataset, Examples};
use burn_tune_model::curves::{LayerCurves, MlpCurves};
use burn_tune_model::recorder::{PROBE_EVERY, Probe};
use burn_tune_model::train::{Trained, TrainingSet, to_the_end, train};
use burn_tune_model::{Activation, Backend, Lanes, MlpConfig};
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::{Curves, Stop, TaskHandle};

use crate::harness::{as_training, scored};

const STEPS_AN_EPOCH: usize = 24;

fn config(activation: Activation, softmax: bool) -> MlpConfig {
    MlpConfig {
        activation,
        softmax,
        epochs: 2,
        batch_size: 25,
        hidden_size: 32,
        ..MlpConfig::default()
    }
}

fn trained(config: &MlpConfig, curves: bool, backend: Backend) -> Trained {
    let config = config.clone();
    let stop = Stop::default();
    let trained = as_training(&TaskHandle::new(0, 0, Task::Fold(0), &stop), move |trial| {
        let dataset = Dataset::mnist().expect("it is embedded").limited(600);
        let indices: Vec<u32> = (0..600).collect();
        let training = TrainingSet { examples: &dataset.train, indices: &indices, classes: 10 };
        let probe = Probe { examples: &dataset.test, indices: &indices, curves };
        train(&config, training, probe, &Lanes::solo(backend), trial, to_the_end)
    });
    trained.expect("nobody asks it to stop")
}

/// As the search has them.
fn given(curves: MlpCurves) -> Curves {
    let stop = Stop::default();
    let scored = scored(&TaskHandle::new(0, 0, Task::Fold(0), &stop), move |trial| {
        curves.give(trial);
        Ok(())
    });
    let (score, ()) = scored.expect("nobody asks it to stop");
    score.curves.map(|curves| Curves::clone(&curves)).unwrap_or_default()
}

#[test]
fn series_have_the_names_and_the_order_of_the_file() {
    let layer = |dead: &[f32]| LayerCurves {
        gradient_norm: vec![0.5, 0.25],
        dead: dead.to_vec(),
        saturated: vec![],
    };
    let curves = given(MlpCurves {
        loss: vec![2.0, 1.0, 0.5],
        probe_steps: vec![1, 3],
        accuracy: vec![0.5, 0.75],
        softmax_saturated: vec![],
        softmax_stuck: vec![0.25, f32::NAN],
        layers: vec![layer(&[0.0, 0.1]), layer(&[])],
    });
    let names: Vec<&str> = curves.series().map(|(name, _)| name).collect();
    let expected =
        "loss accuracy softmax_stuck layer0_gradient_norm layer0_dead layer1_gradient_norm";
    assert_eq!(names.join(" "), expected);
    assert_eq!((curves.get("layer0_dead"), curves.probe_steps()), (&[0.0, 0.1][..], &[1, 3][..]));
    assert_eq!(curves.get("loss"), [2.0, 1.0, 0.5]);
    let stuck = curves.get("softmax_stuck");
    assert!(stuck[0] == 0.25 && stuck[1].is_nan(), "{stuck:?}");
}

fn curves(config: &MlpConfig, backend: Backend) -> MlpCurves {
    trained(config, true, backend).recorded.curves.expect("they were asked for")
}

#[test]
fn losses_are_those_of_each_step_and_probes_come_at_their_interval_and_at_the_ends_of_epochs() {
    for backend in Backend::processors() {
        let trained = trained(&config(Activation::Relu, false), true, backend);
        let curves = trained.recorded.curves.expect("they were asked for");
        assert_eq!(curves.loss.len(), 2 * STEPS_AN_EPOCH);
        for (epoch, losses) in curves.loss.chunks(STEPS_AN_EPOCH).enumerate() {
            let mean = losses.iter().sum::<f32>() / STEPS_AN_EPOCH as f32;
            assert!((mean - trained.epoch_losses[epoch]).abs() < 1e-5, "epoch {epoch}");
        }
        assert_eq!(curves.probe_steps, [1, 10, 20, 24, 30, 40, 48]);
        assert_eq!(PROBE_EVERY, 10);
        assert!(curves.accuracy[0] < 0.6 && curves.accuracy[6] > 0.6, "{:?}", curves.accuracy);
        let curves = given(curves);
        for (name, series) in curves.series().filter(|(name, _)| *name != "loss") {
            assert_eq!(series.len(), curves.probe_steps().len(), "{name}");
        }
    }
}

#[test]
fn recording_changes_nothing_about_the_training_nor_about_what_flags_are_made_of() {
    for backend in Backend::processors() {
        let config = config(Activation::Sigmoid, true);
        let (with, without) = (trained(&config, true, backend), trained(&config, false, backend));
        assert_eq!(without.recorded.curves, None);
        if backend.is_cpu() {
            assert_eq!(with.epoch_losses, without.epoch_losses);
            assert_eq!(with.recorded.at_epoch_ends, without.recorded.at_epoch_ends);
        }
        assert_eq!(without.recorded.at_epoch_ends.probe_steps, [24, 48]);
        assert_eq!(without.recorded.at_epoch_ends.layers[1].gradient_norm.len(), 2);
    }
}

#[test]
fn only_what_an_activation_can_suffer_from_is_recorded() {
    for backend in Backend::processors() {
        let relu = curves(&config(Activation::Relu, false), backend);
        assert!(!relu.layers[0].dead.is_empty() && relu.layers[0].saturated.is_empty());
        assert!(relu.layers[1].dead.is_empty(), "the output layer has no activation");
        assert!(relu.softmax_saturated.is_empty() && relu.softmax_stuck.is_empty());
        let tanh = curves(&config(Activation::Tanh, true), backend);
        assert!(tanh.layers[0].dead.is_empty() && !tanh.layers[0].saturated.is_empty());
        assert!(!tanh.softmax_saturated.is_empty() && !tanh.softmax_stuck.is_empty());
        let gelu = curves(&config(Activation::Gelu, false), backend);
        assert!(gelu.layers[0].dead.is_empty() && gelu.layers[0].saturated.is_empty());
    }
}

/// Trainings that are known to kill units, and to saturate them.
#[test]
fn a_huge_step_kills_relu_units_and_saturates_the_bounded_ones() {
    for backend in Backend::processors() {
        let last = |activation, softmax| {
            let config = MlpConfig { lr: 1.0, ..config(activation, softmax) };
            let curves = curves(&config, backend);
            let last = |values: &[f32]| values.last().copied();
            let layer = &curves.layers[0];
            (last(&layer.dead), last(&layer.saturated), last(&curves.softmax_stuck))
        };
        let (dead, _, _) = last(Activation::Relu, false);
        assert!(dead.is_some_and(|dead| dead > 0.5), "{dead:?}");
        let (_, saturated, _) = last(Activation::Tanh, false);
        assert!(saturated.is_some_and(|saturated| saturated > 0.9), "{saturated:?}");
        let (_, saturated, stuck) = last(Activation::Sigmoid, true);
        assert!(saturated.is_some_and(|saturated| saturated > 0.5), "{saturated:?}");
        assert!(stuck.is_some_and(|stuck| stuck > 0.1), "{stuck:?}");
    }
}

/// Gradients of a linear model by hand: of the mean cross-entropy by the weight from pixel i to class j,
/// the mean of x_i (p_j - y_j); before any training p is computed from the logits.
#[test]
fn the_first_gradient_norm_of_a_linear_model_is_that_of_a_hand_computation() {
    for backend in Backend::processors() {
        // One step over all examples, at a learning rate at which nothing moves: the loss of the second
        // epoch is the same, and the gradient's norm is that of the first.
        let config = MlpConfig {
            depth: 0,
            epochs: 1,
            batch_size: 600,
            lr: 1e-30,
            ..config(Activation::Relu, false)
        };
        let Trained { model, recorded, .. } = trained(&config, false, backend);
        let dataset = Dataset::mnist().expect("it is embedded").limited(600);
        let weight: Vec<f32> = model.layers[0].weight.to_data().iter::<f32>().collect();
        let bias: Vec<f32> = model.layers[0].bias.to_data().iter::<f32>().collect();
        let expected = gradient_norm(&weight, &bias, &dataset.train);
        let got = f64::from(recorded.at_epoch_ends.layers[0].gradient_norm[0]);
        assert!((got - expected).abs() < 1e-4 * expected, "{got} instead of {expected}");
    }
}

fn gradient_norm(weight: &[f32], bias: &[f32], examples: &Examples) -> f64 {
    const CLASSES: usize = 10;
    let mut gradient = vec![0.0f64; weight.len()];
    let mut pixels = Vec::new();
    for example in 0..examples.len() as u32 {
        pixels.clear();
        burn_tune_data::gather(examples, &[example], &mut pixels);
        let mut logits: Vec<f64> = bias.iter().map(|&bias| bias.into()).collect();
        for (pixel, row) in pixels.iter().zip(weight.chunks_exact(CLASSES)) {
            for (logit, weight) in logits.iter_mut().zip(row) {
                *logit += f64::from(*pixel) * f64::from(*weight);
            }
        }
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        let label = usize::from(examples.labels()[example as usize]);
        for (pixel, row) in pixels.iter().zip(gradient.chunks_exact_mut(CLASSES)) {
            for (class, (gradient, logit)) in row.iter_mut().zip(&logits).enumerate() {
                let target = f64::from(u8::from(class == label));
                let error = logit.exp() / sum - target;
                *gradient += f64::from(*pixel) * error / examples.len() as f64;
            }
        }
    }
    gradient.iter().map(|gradient| gradient * gradient).sum::<f64>().sqrt()
}
