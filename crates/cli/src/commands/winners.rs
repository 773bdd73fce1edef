//! Which trials are the best, by Optuna's rules.

use burn_tune_ranking::noise::{typical_variance, within_noise};
use serde_json::Value;

use crate::commands::trial::{State, TrialView};

/// The best complete trial, as the only one; of several objectives the Pareto front, by number. None
/// where no complete trial keeps its constraints.
pub fn winners<'a>(trials: &'a [TrialView], directions: &[String]) -> Vec<&'a TrialView> {
    let complete = |trial: &&TrialView| {
        let has_all = trial.values.len() == directions.len();
        trial.state == State::Complete && has_all && is_feasible(trial)
    };
    let trials: Vec<&TrialView> = trials.iter().filter(complete).collect();
    let is_beaten = |trial: &&TrialView| trials.iter().any(|other| beats(other, trial, directions));
    let mut front: Vec<&TrialView> =
        trials.iter().copied().filter(|trial| !is_beaten(trial)).collect();
    if directions.len() == 1 {
        front.truncate(1);
    }
    front
}

/// Whether a trial is nowhere worse than another, and somewhere better.
fn beats(trial: &TrialView, other: &TrialView, directions: &[String]) -> bool {
    let gain = |value: f64, direction: &String| if direction == "MAXIMIZE" { value } else { -value };
    let mut pairs = trial.values.iter().zip(&other.values).zip(directions).map(
        |((&value, &other), direction)| (gain(value, direction), gain(other, direction)),
    );
    let nowhere_worse = pairs.clone().all(|(value, other)| value >= other);
    nowhere_worse && pairs.any(|(value, other)| value > other)
}

/// Whether all constraints that Optuna has noted of a trial are at most 0.
fn is_feasible(trial: &TrialView) -> bool {
    let attributes = trial.system_attributes.iter();
    let mut constraints = attributes.flat_map(|(key, value)| match (key.as_str(), value) {
        ("constraints", Value::Array(constraints)) => constraints.iter().collect(),
        (key, value) if key.starts_with("constraints:") => vec![value],
        _ => Vec::new(),
    });
    constraints.all(|constraint| match constraint {
        Value::String(text) => text.parse().is_ok_and(|constraint: f64| constraint <= 0.0),
        constraint => constraint.as_f64().is_none_or(|constraint| constraint <= 0.0),
    })
}

/// How many other complete trials differ from the best one by no more than noise, by the test of the
/// leaderboard on the scores of the folds; `None` where there is a single fold.
pub fn within_noise_of(best: &TrialView, trials: &[TrialView]) -> Option<usize> {
    let scores = best.fold_scores();
    if scores.len() < 2 {
        return None;
    }
    let others: Vec<Vec<f64>> = trials
        .iter()
        .filter(|trial| trial.state == State::Complete && trial.number != best.number)
        .map(TrialView::fold_scores)
        .filter(|other| other.len() == scores.len())
        .collect();
    let typical = typical_variance(&scores, others.iter().map(Vec::as_slice));
    // The k folds partition the examples: each is tested on one, and trained on k - 1.
    let test_to_train = 1.0 / (scores.len() as f64 - 1.0);
    let is_noise =
        |other: &&Vec<f64>| within_noise(&scores, other, test_to_train, typical) == Some(true);
    Some(others.iter().filter(is_noise).count())
}
