//! Small reports and curves for the tests of the figures.

use burn_tune_ranking::statistics::{mean, std};
use burn_tune_ranking::{ModelEntry, TrainingEvaluation, TrainingReport};
use burn_tune_search::curves::{ACCURACY, LOSS};
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::{Curves, Params};

use super::models::{GRADIENT_NORM, layer_series};

/// The key of the curves of a seed.
pub fn task(trial: usize, seed: usize) -> (usize, Task) {
    (trial, Task::Refit(seed))
}

/// A model with these scores, of which everything else is unremarkable.
pub fn entry(name: &str, trial: usize, scores: &[f64]) -> ModelEntry {
    ModelEntry {
        name: name.to_owned(),
        trial,
        params: Params::default(),
        size: 1,
        reported: vec![],
        test_scores: scores.iter().copied().map(Some).collect(),
        mean: Some(mean(scores)),
        std: Some(std(scores)),
        min: scores.iter().copied().reduce(f64::min),
        max: scores.iter().copied().reduce(f64::max),
        per_class_recall: vec![vec![Some(0.9), Some(0.8)]; scores.len()],
        never_predicted: vec![vec![]; scores.len()],
        steps: None,
        convergence_steps: vec![None; scores.len()],
        convergence_step: None,
        flags: vec![],
        errors: vec![],
    }
}

/// A report of two classes.
pub fn report(models: Vec<ModelEntry>) -> TrainingReport {
    TrainingReport {
        format: 1,
        name: "test".to_owned(),
        seed: 1,
        evaluation: TrainingEvaluation {
            dataset: "mnist".to_owned(),
            metric: "accuracy".to_owned(),
            classes: vec![0, 1],
            train_examples: 60_000,
            test_examples: 10_000,
            backend: "flex".to_owned(),
        },
        seeds: models.iter().map(|model| model.test_scores.len()).max().unwrap_or(0),
        models,
        claims: vec![],
    }
}

/// A training whose loss falls to the end, probed after its first and every tenth step. It has no units
/// that could be dead or saturated, and no softmax.
pub fn falling(steps: usize, layers: usize) -> Curves {
    let probe_steps: Vec<u32> =
        (1..=steps as u32).filter(|step| *step == 1 || step.is_multiple_of(10)).collect();
    let probed = |value: &dyn Fn(u32) -> f32| probe_steps.iter().map(|&step| value(step)).collect();
    let mut curves = Curves::default();
    curves.add(LOSS, (1..=steps).map(|step| 2.3 / step as f32).collect());
    curves.add(ACCURACY, probed(&|step| 1.0 - 0.9 / step as f32));
    for layer in 0..layers {
        let name = layer_series(layer, GRADIENT_NORM);
        curves.add(&name, probed(&|step| 1.0 / step as f32));
    }
    curves.set_probe_steps(probe_steps);
    curves
}

/// The same curves, but for the series of this name.
pub fn changed(curves: &Curves, name: &str, change: impl Fn(&mut Vec<f32>)) -> Curves {
    let mut result = Curves::default();
    result.set_probe_steps(curves.probe_steps().to_vec());
    for (other, values) in curves.series() {
        let mut values = values.to_vec();
        if other == name {
            change(&mut values);
        }
        result.add(other, values);
    }
    result
}
