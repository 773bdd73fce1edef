//! Small studies for the tests of the figures, and ways to look into a plot.

use std::sync::Arc;

use burn_tune_ranking::curves_file::CurvesByTask;
use burn_tune_ranking::{FitTimes, Leaderboard, ResultFile};
use burn_tune_search::Curves;
use burn_tune_search::curves::ACCURACY;
use burn_tune_search::keyed_rng::Task;
use serde_json::{Value, json};

use super::{StudyResults, figures};
use crate::figure::Figure;

/// A study of trials with parameters and a score each, by number; those without a score have failed.
/// The second trial is called `second`.
pub fn leaderboard(direction: &str, space: Value, trials: &[(Value, Option<f64>)]) -> Leaderboard {
    let loss = |score: &Option<f64>| match score {
        Some(score) if direction == "maximize" => -score,
        Some(score) => *score,
        None => f64::INFINITY,
    };
    let losses: Vec<f64> = trials.iter().map(|(_, score)| loss(score)).collect();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let entry = |(number, (params, score)): (usize, &(Value, Option<f64>))| {
        let loss = losses[number];
        let mut entry = json!({
            "rank": 1 + losses.iter().filter(|&&other| other < loss).count(),
            "trial": number,
            "params": params,
            "state": if score.is_some() { "complete" } else { "failed" },
            "mean_test_score": score,
            "std_test_score": score.map(|_| 0.01),
            "split_test_scores": [score.map(|score| score - 0.01), score.map(|score| score + 0.01)],
            "flags": [],
            "within_noise_of_best": score.map(|_| loss - best < 0.05),
        });
        if number == 1 {
            entry["name"] = json!("second");
        }
        entry
    };
    let mut entries: Vec<Value> = trials.iter().enumerate().map(entry).collect();
    entries.sort_by_key(|entry| entry["rank"].as_u64());
    let complete = trials.iter().filter(|(_, score)| score.is_some()).count();
    let board = json!({
        "format": 2, "name": "small", "seed": 0, "direction": direction, "space": space,
        "evaluation": {
            "dataset": "mnist", "metric": "accuracy", "folds": 2, "train_examples": 100,
            "test_examples": 10, "backend": "flex"
        },
        "counts": { "complete": complete, "pruned": 0, "failed": trials.len() - complete },
        "top": [], "trials": entries,
    });
    Leaderboard::from_json(&board.to_string()).unwrap()
}

/// A study over `activation` and `lr`, better with a larger `lr`, of which the third trial has failed.
pub fn small(direction: &str) -> Leaderboard {
    let space = json!({
        "lr": { "low": 0.001, "high": 1.0, "log": true },
        "activation": ["relu", "tanh", "gelu"],
        "epochs": 3
    });
    let trial = |lr: f64, activation: &str, score| {
        (json!({ "lr": lr, "activation": activation, "epochs": 3 }), score)
    };
    let trials = [
        trial(0.01, "gelu", Some(0.5)),
        trial(0.001, "relu", Some(0.3)),
        trial(1.0, "relu", None),
        trial(0.1, "relu", Some(0.7)),
        trial(0.05, "gelu", Some(0.6)),
    ];
    leaderboard(direction, space, &trials)
}

/// The figures of a study without timeline and curves.
pub fn figures_of(leaderboard: &Leaderboard) -> Vec<Figure> {
    figures(StudyResults {
        leaderboard,
        timeline: &[],
        curves: &CurvesByTask::new(),
        measured: &[],
        fit_times: &FitTimes::new(),
    })
}

/// The figure called `id` of those.
pub fn figure_of(leaderboard: &Leaderboard, id: &str) -> Option<Figure> {
    figures_of(leaderboard).into_iter().find(|figure| figure.id == id)
}

/// A variant of a figure as plotly gets it.
pub fn plot_of(figure: &Figure, variant: usize) -> Value {
    serde_json::to_value(&figure.variants[variant].plot).unwrap()
}

/// What a fold of a trial recorded: the accuracies after these steps.
pub fn curves(probes: &[(u32, f32)]) -> Arc<Curves> {
    let mut curves = Curves::default();
    for (step, accuracy) in probes {
        curves.push_probe(ACCURACY, *step, *accuracy);
    }
    Arc::new(curves)
}

/// The key of a fold's curves.
pub fn fold(trial: usize, fold: usize) -> (usize, Task) {
    (trial, Task::Fold(fold))
}
