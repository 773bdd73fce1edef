//! Which trials are the best, by Optuna's rules.

use burn_tune_ranking::noise::NoiseBand;
use burn_tune_ranking::statistics::mean;
use burn_tune_search::Direction;
use burn_tune_search::pareto::dominates;
use burn_tune_storage::attributes::{CONSTRAINT, CONSTRAINTS};
use serde_json::Value;

use crate::trial_view::{State, TrialView};

/// The best complete trial, as the only one; of several objectives the Pareto front, by number. None
/// where no complete trial keeps its constraints.
pub fn best_trials<'a>(trials: &'a [TrialView], directions: &[String]) -> Vec<&'a TrialView> {
    let complete = |trial: &&TrialView| {
        let has_all = trial.values.len() == directions.len();
        trial.state == State::Complete && has_all && is_feasible(trial)
    };
    let trials: Vec<&TrialView> = trials.iter().filter(complete).collect();
    let is_beaten = |trial: &&TrialView| {
        trials.iter().any(|other| dominates(&losses(other, directions), &losses(trial, directions)))
    };
    let mut front: Vec<&TrialView> =
        trials.iter().copied().filter(|trial| !is_beaten(trial)).collect();
    if directions.len() == 1 {
        front.truncate(1);
    }
    front
}

/// The values as losses: the smaller, the better.
fn losses(trial: &TrialView, directions: &[String]) -> Vec<f64> {
    let loss =
        |value: f64, direction: &String| if direction == "MAXIMIZE" { -value } else { value };
    trial.values.iter().zip(directions).map(|(value, direction)| loss(*value, direction)).collect()
}

/// Whether all constraints that Optuna has noted of a trial are at most 0.
fn is_feasible(trial: &TrialView) -> bool {
    let attributes = trial.system_attributes.iter();
    let mut constraints = attributes.flat_map(|(key, value)| match (key.as_str(), value) {
        (CONSTRAINTS, Value::Array(constraints)) => constraints.iter().collect(),
        (key, value) if key.starts_with(CONSTRAINT) => vec![value],
        _ => Vec::new(),
    });
    constraints.all(|constraint| match constraint {
        Value::String(text) => text.parse().is_ok_and(|constraint: f64| constraint <= 0.0),
        constraint => constraint.as_f64().is_none_or(|constraint| constraint <= 0.0),
    })
}

/// The noise of a study, by the rule of the leaderboard, with how many other complete trials cannot be told from the
/// best one; `None` where there is a single fold.
pub fn within_noise_of(
    best: &TrialView,
    trials: &[TrialView],
    direction: Direction,
) -> Option<(NoiseBand, usize)> {
    let mut scores: Vec<Vec<f64>> = trials
        .iter()
        .filter(|trial| trial.state == State::Complete && trial.number != best.number)
        .map(TrialView::fold_scores)
        .collect();
    let loss = |scores: &[f64]| direction.loss(mean(scores));
    scores.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
    let of_best = best.fold_scores();
    let rows: Vec<&[f64]> = [&of_best].into_iter().chain(&scores).map(Vec::as_slice).collect();
    // The k folds partition the examples: each is tested on one, and trained on k - 1.
    let band = NoiseBand::of(&rows, 1.0 / (of_best.len() as f64 - 1.0))?;
    let others = scores.iter().filter(|other| other.len() == of_best.len());
    let near = others.filter(|other| band.holds(loss(other) - loss(&of_best))).count();
    Some((band, near))
}

#[cfg(test)]
mod tests {
    use burn_tune_storage::TrialRecord;

    use super::*;
    use crate::fixtures::{optunas, ours};

    fn views(records: &[TrialRecord]) -> Vec<TrialView> {
        records.iter().map(|record| TrialView::new(record, &[]).unwrap()).collect()
    }

    fn numbers(winners: &[&TrialView]) -> Vec<usize> {
        winners.iter().map(|trial| trial.number).collect()
    }

    #[test]
    fn one_objective_has_the_first_of_the_best() {
        let (study, mut records) = ours();
        assert_eq!(numbers(&best_trials(&views(&records), &study.directions)), [0]);
        records[1].values = records[0].values.clone();
        assert_eq!(numbers(&best_trials(&views(&records), &study.directions)), [0]);
        let minimize = ["MINIMIZE".to_owned()];
        assert_eq!(numbers(&best_trials(&views(&records), &minimize)), [4]);
    }

    #[test]
    fn several_objectives_have_a_front_of_what_keeps_its_constraints() {
        let (study, mut records) = optunas();
        assert_eq!(numbers(&best_trials(&views(&records), &study.directions)), [0, 2]);
        records[3].system_attributes = [("constraints:c".into(), "-Infinity".into())].into();
        assert_eq!(numbers(&best_trials(&views(&records), &study.directions)), [3]);
        records[3].system_attributes = [("constraints:c".into(), "NaN".into())].into();
        assert_eq!(numbers(&best_trials(&views(&records), &study.directions)), [0, 2]);
    }

    #[test]
    fn trials_within_noise_are_counted_where_there_are_folds() {
        let views_of_ours = views(&ours().1);
        let of_ours = within_noise_of(&views_of_ours[0], &views_of_ours, Direction::Maximize);
        assert_eq!(of_ours.map(|(_, near)| near), Some(1));
        let of_optuna = views(&optunas().1);
        assert_eq!(within_noise_of(&of_optuna[0], &of_optuna, Direction::Maximize), None);
    }
}
