//! What a row of the leaderboard unfolds to: all that is known of one trial.

use std::collections::BTreeMap;

use burn_tune_ranking::format::{seconds_text, value_text};
use burn_tune_ranking::leaderboard::TrialEntry;
use burn_tune_search::curves::LOSS;
use burn_tune_search::keyed_rng::Task;

use super::table::{Detail, Sparkline};
use crate::study::StudyResults;

/// Points of a small curve.
const POINTS: usize = 80;
/// Intermediate values that are shown: the last.
const MOST_VALUES: usize = 30;
/// Lines of stderr that are shown: the last.
const MOST_LINES: usize = 20;

/// All that is known of a trial, each with its name.
pub fn details(
    results: StudyResults,
    trial: &TrialEntry,
    stderr: &BTreeMap<usize, String>,
) -> Vec<Detail> {
    let leaderboard = results.leaderboard;
    let mut details = Vec::new();
    let mut add = |name: &str, text: String| {
        if !text.is_empty() {
            details.push(Detail { name: name.into(), text, ..Detail::default() });
        }
    };
    let params = trial.params.iter().map(|(name, value)| format!("{name} = {value}"));
    add("params", params.collect::<Vec<String>>().join(", "));
    if trial.split_test_scores.len() > 1 {
        add("folds", scores_text(&trial.split_test_scores));
    }
    if let Some(refit) = leaderboard.top_entry(trial.trial).and_then(|top| top.refit.as_ref()) {
        add("refits", scores_text(&refit.test_scores));
        let recall = refit.per_class_recall.iter().flatten().map(|share| match share {
            Some(share) => format!("{:.0}%", share * 100.0),
            None => "–".into(),
        });
        add("recall of each class", recall.collect::<Vec<String>>().join(", "));
    }
    add("fit time of a fold", seconds_text(results.fit_times.get(&trial.trial).copied()));
    let skipped = trial.reports.len().saturating_sub(MOST_VALUES);
    let values = trial.reports.iter().skip(skipped).map(|report| {
        format!("{}: {}", report.step, report.score.map_or("no number".into(), value_text))
    });
    add("values on the way", values.collect::<Vec<String>>().join(", "));
    let flags = leaderboard.flags(trial);
    let flags = flags.iter().map(|flag| format!("{flag}: {}", flag.advice()));
    add("flags", flags.collect::<Vec<String>>().join("; "));
    add("error", trial.error.clone().unwrap_or_default());
    if let Some(text) = stderr.get(&trial.trial) {
        let lines: Vec<&str> = text.lines().collect();
        add("stderr", lines[lines.len().saturating_sub(MOST_LINES)..].join("\n"));
    }
    details.extend(loss_curves(results, trial.trial));
    details
}

fn scores_text(scores: &[Option<f64>]) -> String {
    let text = |score: &Option<f64>| score.map_or("failed".to_owned(), value_text);
    scores.iter().map(text).collect::<Vec<String>>().join(", ")
}

/// The loss of each fold that was recorded, as a small curve.
fn loss_curves(results: StudyResults, trial: usize) -> Vec<Detail> {
    let of_trial = results.curves.iter().filter(|((number, _), _)| *number == trial);
    of_trial
        .filter_map(|((_, task), curves)| {
            let loss: Vec<f64> = curves.get(LOSS).iter().map(|loss| f64::from(*loss)).collect();
            let name = match task {
                Task::Fold(fold) => format!("loss, fold {fold}"),
                Task::Refit(seed) => format!("loss, refit {seed}"),
            };
            let (first, last) = (*loss.first()?, *loss.last()?);
            let text = format!("{} to {}", value_text(first), value_text(last));
            Some(Detail { name, text, curve: Sparkline::of(&loss, POINTS) })
        })
        .collect()
}
