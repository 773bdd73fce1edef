//! Initial weights: the distribution of PyTorch's `nn.Linear`, from the keyed generator.

use burn::tensor::Tensor;
use burn_tune_model::mlp::Layer;
use burn_tune_model::{Backend, Mlp, MlpConfig};
use burn_tune_search::keyed_rng::{Purpose, Task};
use burn_tune_search::{Stop, TaskHandle};

/// The tensors of a fresh 784-500-500-10: each weight, then its bias.
fn initial(backend: Backend, study_seed: u64, trial: usize, task: Task) -> Vec<Vec<f32>> {
    let config = MlpConfig { depth: 2, ..Default::default() };
    let stop = Stop::default();
    let mut rng = TaskHandle::new(study_seed, trial, task, &stop).rng(Purpose::InitialWeights);
    let model = Mlp::init(&config, 784, 10, &mut rng, &backend.device());
    let tensors = |Layer { weight, bias }: &Layer| [values(weight.val()), values(bias.val())];
    model.layers.iter().flat_map(tensors).collect()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[test]
fn weights_and_biases_are_uniform_within_one_over_the_root_of_the_inputs() {
    let tensors = initial(Backend::Flex, 0, 0, Task::Fold(0));
    let inputs = [784, 784, 500, 500, 500, 500];
    assert_eq!(
        tensors.iter().map(Vec::len).collect::<Vec<_>>(),
        [784 * 500, 500, 500 * 500, 500, 500 * 10, 10]
    );
    for (tensor, inputs) in tensors.iter().zip(inputs) {
        let n = tensor.len() as f64;
        let bound = 1.0 / f64::from(inputs).sqrt();
        let values = || tensor.iter().map(|&value| f64::from(value) / bound);
        assert!(values().all(|value| value.abs() <= 1.0 + 1e-6));
        let largest = values().map(f64::abs).fold(0.0, f64::max);
        assert!(largest > 1.0 - 10.0 / n, "the bound is reached: {largest} of {n}");
        // Within four standard errors of the uniform distribution's moments.
        let std = 1.0 / 3f64.sqrt();
        let mean = values().sum::<f64>() / n;
        assert!(mean.abs() < 4.0 * std / n.sqrt(), "mean {mean} of {n}");
        let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        let error = (0.2 / n).sqrt();
        assert!((variance.sqrt() / std - 1.0).abs() < 4.0 * error, "variance {variance} of {n}");
    }
}

#[test]
fn initial_weights_are_the_same_on_every_backend_and_whenever_asked_for() {
    let expected = initial(Backend::Flex, 7, 3, Task::Fold(1));
    for backend in Backend::processors() {
        assert!(initial(backend, 7, 3, Task::Fold(1)) == expected, "{}", backend.name());
    }
}

#[test]
fn studies_trials_folds_and_refits_begin_with_weights_of_their_own() {
    let keys = [
        (0, 0, Task::Fold(0)),
        (1, 0, Task::Fold(0)),
        (0, 1, Task::Fold(0)),
        (0, 0, Task::Fold(1)),
        (0, 0, Task::Refit(0)),
        (0, 0, Task::Refit(1)),
    ];
    let all = keys.map(|(study_seed, trial, task)| initial(Backend::Flex, study_seed, trial, task));
    for (i, one) in all.iter().enumerate() {
        for other in &all[..i] {
            for (a, b) in one.iter().zip(other) {
                let equal = a.iter().zip(b).filter(|(a, b)| a == b).count();
                assert!(equal < a.len() / 100 + 2, "{equal} of {}", a.len());
            }
        }
    }
}
