//! `--min-score`: whether the best of a study is good enough.

use anyhow::{Result, bail};
use burn_tune_ranking::Leaderboard;
use burn_tune_ranking::format::value_text;
use burn_tune_search::Direction;

use crate::exit::WorkFailed;

/// Fails where a score is asked for that the best trial does not reach. With several objectives, it is the
/// first that counts.
pub fn check(leaderboard: &Leaderboard, min_score: Option<f64>) -> Result<()> {
    let Some(min_score) = min_score else { return Ok(()) };
    let best = leaderboard.best().and_then(|best| Some((best.trial, best.mean_test_score?)));
    let metric = &leaderboard.evaluation.metric;
    let Some((trial, score)) = best else {
        bail!(WorkFailed(format!(
            "no trial is complete, so none has the {metric} of {min_score} that --min-score asks for"
        )));
    };
    let reaches = |score: f64| match leaderboard.direction {
        Direction::Maximize => score >= min_score,
        Direction::Minimize => score <= min_score,
    };
    if reaches(score) {
        return Ok(());
    }
    let side = match leaderboard.direction {
        Direction::Maximize => "below",
        Direction::Minimize => "above",
    };
    // In short, unless it would read as one that reaches it.
    let short = value_text(score);
    let shown = if short.parse().is_ok_and(reaches) { score.to_string() } else { short };
    bail!(WorkFailed(format!(
        "the best {metric} is {shown} (trial {trial}), which is {side} the {min_score} that --min-score asks for"
    )))
}

#[cfg(test)]
mod tests {
    use burn_tune_ranking::ResultFile;
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    /// A leaderboard with one complete trial of this score, or with none.
    fn leaderboard(direction: &str, score: Option<f64>) -> Leaderboard {
        let trial = json!({
            "rank": 1, "trial": 7, "params": { "lr": 0.01 },
            "state": if score.is_some() { "complete" } else { "failed" },
            "mean_test_score": score, "std_test_score": 0.0, "split_test_scores": [score],
            "flags": [], "within_noise_of_best": null,
        });
        let leaderboard = json!({
            "format": 2, "name": "s", "seed": 0, "direction": direction, "space": { "lr": [0.01, 0.1] },
            "evaluation": { "metric": "loss", "folds": 1 },
            "counts": { "complete": 1, "pruned": 0, "failed": 0 }, "top": [], "trials": [trial],
        });
        Leaderboard::from_json(&leaderboard.to_string()).unwrap()
    }

    fn said(direction: &str, score: Option<f64>, min_score: f64) -> String {
        match check(&leaderboard(direction, score), Some(min_score)) {
            Ok(()) => "reached".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_best_score_has_to_reach_what_is_asked_for() {
        assert_eq!(said("maximize", Some(0.97), 0.97), "reached");
        assert_eq!(said("minimize", Some(0.97), 0.97), "reached");
        assert_eq!(said("minimize", Some(-1.0), 0.5), "reached");
        assert_snapshot!(said("maximize", Some(0.5), 0.97), @"the best loss is 0.5000 (trial 7), which is below the 0.97 that --min-score asks for");
        assert_snapshot!(said("minimize", Some(2.0), 0.5), @"the best loss is 2 (trial 7), which is above the 0.5 that --min-score asks for");
        assert_snapshot!(said("maximize", None, 0.97), @"no trial is complete, so none has the loss of 0.97 that --min-score asks for");
        assert!(check(&leaderboard("maximize", None), None).is_ok());
    }

    #[test]
    fn a_score_that_is_just_missed_is_not_rounded_to_one_that_is_reached() {
        assert_snapshot!(said("maximize", Some(0.969_999_9), 0.97), @"the best loss is 0.9699999 (trial 7), which is below the 0.97 that --min-score asks for");
    }
}
