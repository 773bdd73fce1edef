//! Snapshots of what a person reads.

use std::path::Path;

use burn_tune_model::flags::{DIVERGED, NEVER_PREDICTS};
use burn_tune_ranking::{Evaluation, StudyFacts};
use burn_tune_search::timeline::Span;
use burn_tune_search::trial::Refit;
use burn_tune_search::{
    Candidate, Direction, Event, FoldScore, History, Metric, ObjectiveError, ParamValue, RefitScore,
};
use burn_tune_spec::StudyFile;
use insta::assert_snapshot;

use super::*;

/// Trials with these scores of their two folds; NaN fails a fold.
fn leaderboard(scores: &[[f64; 2]], top: usize) -> Leaderboard {
    let (facts, history) = study(scores, top);
    let refit = RefitScore { score: 0.9812, ..RefitScore::default() };
    let refits = [Refit { trial: 0, seed: 0, result: Ok(refit), span: Span::default() }];
    Leaderboard::new(&facts, &history, &refits[..top]).with_sizes(|_| Some(397_510))
}

/// The same, before it is ranked. The sizes of the models are 400,000 and a tenth of that by turns; the times
/// are 1.5, 2.5, 3.5 seconds, and so on.
fn study(scores: &[[f64; 2]], top: usize) -> (StudyFacts, History) {
    let text = "[space]\nlr = { low = 1e-4, high = 1e-1, log = true }\nbatch_size = [100, 200]\nepochs = 5\n";
    let file = StudyFile::parse(Path::new("s.toml"), text).unwrap();
    let mut history = History::new(2);
    for (trial, folds) in scores.iter().enumerate() {
        let values = [
            ParamValue::Float(0.012_345_6 / (trial + 1) as f64),
            ParamValue::Int(if trial % 2 == 0 { 100 } else { 200 }),
            ParamValue::Int(5),
        ];
        let candidate = Candidate {
            name: (trial == 2).then(|| "yunjey".into()),
            params: file.spec.space.named(values),
        };
        history.apply(&Event::TrialStarted { candidate }).unwrap();
        for (fold, &score) in folds.iter().enumerate() {
            let flags = if trial == 1 { vec![NEVER_PREDICTS.with([5])] } else { vec![] };
            let result = if score.is_nan() {
                Err(ObjectiveError::Failed {
                    reason: "the loss is NaN in epoch 1".into(),
                    flags: vec![DIVERGED.flag()],
                })
            } else {
                let size = if trial % 2 == 0 { 400_000.0 } else { 40_000.0 };
                let extra_values = vec![size, 1.5 + trial as f64];
                let (fit_s, score_s) = (1.0, 0.1);
                Ok(FoldScore { score, extra_values, flags, fit_s, score_s, ..FoldScore::default() })
            };
            history
                .apply(&Event::FoldFinished { trial, fold, result, span: None, stderr: None })
                .unwrap();
        }
    }
    let facts = StudyFacts {
        name: "s".into(),
        seed: 0,
        direction: Direction::Maximize,
        space: file.spec.space,
        evaluation: Evaluation {
            dataset: Some("mnist".into()),
            command: None,
            metric: "accuracy".into(),
            folds: 2,
            train_examples: Some(60_000),
            test_examples: Some(10_000),
            backend: Some("flex".into()),
        },
        top,
        refit_seeds: 1,
        pruner: None,
        metrics: Vec::new(),
    };
    (facts, history)
}

fn fit_times() -> FitTimes {
    FitTimes::from([(0, 4.25), (1, 61.0), (2, 0.125)])
}

fn text(scores: &[[f64; 2]], top: usize, width: usize) -> String {
    leaderboard_text(&leaderboard(scores, top), &[], &fit_times(), width)
}

const SCORES: [[f64; 2]; 4] = [[0.976, 0.978], [0.971, 0.9715], [0.970, 0.982], [0.9, f64::NAN]];

#[test]
fn a_wide_terminal_has_a_column_for_each_parameter_that_varies() {
    assert_snapshot!(text(&SCORES, 1, 120));
}

#[test]
fn a_narrow_terminal_has_the_parameters_below_each_trial() {
    let text = text(&SCORES, 1, 72);
    assert!(text.lines().all(|line| line.chars().count() <= 72), "{text}");
    assert_snapshot!(text);
}

#[test]
fn several_objectives_have_columns_and_a_front() {
    let (mut facts, history) = study(&SCORES, 0);
    facts.metrics = vec![
        Metric::new("accuracy", Direction::Maximize),
        Metric::new("parameters", Direction::Minimize),
        Metric::wall_clock("seconds_per_epoch", Direction::Minimize),
    ];
    let leaderboard = Leaderboard::new(&facts, &history, &[]);
    let measured = ObjectiveMeans::wall_clock(&facts, &history);
    assert_snapshot!(leaderboard_text(&leaderboard, &measured, &fit_times(), 110));
}

#[test]
fn without_any_complete_trial_there_is_a_reason_instead_of_a_table() {
    assert_snapshot!(text(&[[f64::NAN, 0.9]], 0, 80));
}

#[test]
fn a_search_that_was_stopped_at_once_says_so() {
    assert_eq!(text(&[], 0, 80), "No trial has ended.\n");
}
