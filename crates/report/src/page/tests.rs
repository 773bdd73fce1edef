//! Pages as text: what stands in them, and that no name from a user is taken for markup.

use std::sync::Arc;

use burn_tune_ranking::curves_file::CurvesByTask;
use burn_tune_ranking::{FitTimes, Leaderboard, TrainingReport};
use burn_tune_search::Curves;
use burn_tune_search::keyed_rng::Task;
use plotly::{Plot, Scatter};
use serde_json::{Value, json};

use super::*;
use crate::figure::Variant;

/// What a name may be, to those who name trials.
const NASTY: &str = "</script><b>&\"<!--";

fn trial(number: usize, rank: usize, score: f64, near: bool) -> Value {
    json!({
        "rank": rank, "trial": number, "state": "complete",
        "params": { "lr": 0.1 / (number + 1) as f64, "depth": 2, "activation": "relu" },
        "mean_test_score": score, "std_test_score": 0.002,
        "split_test_scores": [score, score, score],
        "flags": [], "within_noise_of_best": near,
    })
}

fn failed(number: usize, rank: usize, error: &str) -> Value {
    let mut trial = trial(number, rank, 0.0, false);
    trial["state"] = "failed".into();
    trial["error"] = error.into();
    for key in ["mean_test_score", "std_test_score", "within_noise_of_best"] {
        trial[key] = Value::Null;
    }
    trial
}

fn leaderboard(trials: Vec<Value>) -> Leaderboard {
    let failed = trials.iter().filter(|trial| trial["state"] == "failed").count();
    let value = json!({
        "format": 2, "name": "small", "seed": 7, "direction": "maximize",
        "space": { "lr": { "low": 1e-3, "high": 0.1, "log": true }, "depth": 2, "activation": "relu" },
        "evaluation": {
            "dataset": "mnist", "metric": "accuracy", "folds": 3, "train_examples": 60000,
            "test_examples": 10000, "backend": "flex",
        },
        "counts": { "complete": trials.len() - failed, "pruned": 0, "failed": failed },
        "top": [], "trials": trials,
    });
    serde_json::from_value(value).unwrap()
}

fn model(name: &str, scores: [Option<f64>; 2]) -> Value {
    let known: Vec<f64> = scores.into_iter().flatten().collect();
    let whole = known.len() == scores.len();
    json!({
        "name": name, "trial": 0, "params": { "lr": 0.001 }, "size": 397_510, "reported": [],
        "test_scores": scores, "mean": whole.then_some(0.97), "std": whole.then_some(0.01),
        "min": known.first(), "max": known.last(), "per_class_recall": [[], []],
        "never_predicted": [[], []], "steps": null, "convergence_steps": [null, null],
        "convergence_step": null, "flags": [],
    })
}

fn report(models: Vec<Value>, claims: Value) -> TrainingReport {
    let value = json!({
        "format": 1, "name": "small", "seed": 7, "seeds": 2, "models": models, "claims": claims,
        "evaluation": {
            "dataset": "mnist", "metric": "accuracy", "classes": [0, 1], "train_examples": 60000,
            "test_examples": 10000, "backend": "flex",
        },
    });
    serde_json::from_value(value).unwrap()
}

fn study_html(leaderboard: &Leaderboard, figures: &[Figure]) -> String {
    let curves = CurvesByTask::default();
    study_page_with(
        StudyResults {
            leaderboard,
            timeline: &[],
            curves: &curves,
            measured: &[],
            fit_times: &FitTimes::from([(0, 4.25), (1, 0.5)]),
        },
        figures,
        &PageState::default(),
    )
}

fn training_html(report: &TrainingReport) -> String {
    let curves = CurvesByTask::default();
    training_page_with(TrainingResults { report, curves: &curves }, &[])
}

fn figure(id: &'static str, labels: &[&str]) -> Figure {
    let variants = labels.iter().map(|label| {
        let mut plot = Plot::new();
        plot.add_trace(Scatter::new(vec![1, 2], vec![3, 4]).name(*label));
        Variant { label: (*label).to_owned(), plot }
    });
    let (title, caption) = (format!("Title of {id}"), "What to see.".to_owned());
    Figure { id, title, caption, height: 300, choice: "Parameters", variants: variants.collect() }
}

/// How often `part` occurs before the text of plotly.js or, in a page without figures, anywhere.
fn times(html: &str, part: &str) -> usize {
    html.split("<script>/**").next().unwrap().matches(part).count()
}

#[test]
fn a_name_from_a_user_is_text_wherever_it_goes() {
    let mut named = trial(0, 1, 0.97, true);
    named["name"] = NASTY.into();
    named["params"]["activation"] = NASTY.into();
    let mut board = leaderboard(vec![named, trial(1, 2, 0.96, true), failed(2, 3, NASTY)]);
    board.name = NASTY.into();
    let html = study_html(&board, &[figure("pairs", &[NASTY, "other"])]);
    assert!(!html.contains(NASTY));
    assert_eq!(times(&html, "<b>"), 0);
    assert!(html.contains("&#60;/script&#62;&#60;b&#62;"), "the name is there as text");
    assert!(html.contains("\\u003c/script>\\u003cb>"), "and in the figure");
    // The script of the head, that of plotly.js, that of the page, and one for each of two plots.
    assert_eq!(html.matches("</script>").count(), 5);

    let claims = json!([{ "model": NASTY, "text": NASTY, "measured": NASTY, "verdict": "holds" }]);
    let html = training_html(&report(vec![model(NASTY, [Some(0.96), Some(0.98)])], claims));
    assert!(!html.contains(NASTY));
    assert_eq!(times(&html, "<b>"), 0);
}

#[test]
fn a_page_asks_nobody_for_anything_and_leaves_room_for_its_figures() {
    let html = study_html(&leaderboard(vec![trial(0, 1, 0.97, true)]), &[figure("edf", &["a"])]);
    assert!((4_000_000..4_800_000).contains(&html.len()), "{} bytes", html.len());
    for attribute in [" src=", "href=\"http", "href=\"//", "@import", "url("] {
        assert_eq!(times(&html, attribute), 0, "{attribute}");
    }
}

#[test]
fn figures_stand_in_their_order_with_a_choice_where_there_is_one() {
    let figures = [figure("slice", &["lr", "depth"]), figure("edf", &["only"])];
    let html = study_html(&leaderboard(vec![trial(0, 1, 0.97, true)]), &figures);
    let place = |part| html.find(part).unwrap_or_else(|| panic!("{part}"));
    assert!(place("<section class=\"figure\" id=\"slice\"") < place("id=\"edf\""));
    assert_eq!(times(&html, "<select>"), 1);
    assert_eq!(times(&html, "class=\"plot-json\""), 3);
    assert!(html.contains("<a href=\"#slice\">Title of slice</a>"));
}

#[test]
fn ties_share_a_rank_and_what_is_near_the_best_is_marked() {
    let trials = vec![trial(4, 1, 0.97, true), trial(2, 1, 0.97, true), trial(3, 3, 0.96, true), {
        let mut sick = trial(0, 4, 0.5, false);
        sick["flags"] = json!(["never_predicts:[2,5]"]);
        sick
    }];
    let html = study_html(&leaderboard(trials), &[]);
    assert!(html.contains("Trial 4 and Trial 2 share the first rank, with 0.9700 ± 0.0020"));
    assert!(
        html.contains("Trials within noise of the best cannot be told apart: 2 of the 3 others")
    );
    assert_eq!(times(&html, "<tr class=\"near\">"), 3);
    assert_eq!(times(&html, "data-symbol=\"≈\""), 1, "the first rank needs no mark");
    assert!(html.contains("never_predicts</span> <small>1 trial</small>"));
    assert!(html.contains("The same in all trials: "));
    assert!(html.contains("depth = 2") && html.contains("activation = relu"));
}

#[test]
fn size_and_fit_time_stand_beside_trials_that_one_may_choose_among() {
    let sized = |number, rank, near| {
        let mut trial = trial(number, rank, 0.97 - 0.01 * rank as f64, near);
        trial["size"] = 397_510.into();
        trial
    };
    let html = study_html(&leaderboard(vec![sized(0, 1, true), sized(1, 2, true)]), &[]);
    let cells = |html: &str| {
        [">397,510<", ">4.2 s<", ">500 ms<", "fit time", "Fit time is how long"]
            .map(|part| times(html, part))
    };
    // Once in the table, and once where a row unfolds.
    assert_eq!(cells(&html), [2, 2, 2, 4, 1]);
    // The sizes alone, where the best is ahead.
    let html = study_html(&leaderboard(vec![sized(0, 1, true), sized(1, 2, false)]), &[]);
    assert_eq!(cells(&html), [2, 1, 1, 2, 0]);
}

#[test]
fn more_than_fifty_trials_are_folded() {
    let trials = |number| (0..number).map(|n| trial(n, n + 1, 0.9, false)).collect();
    let html = study_html(&leaderboard(trials(50)), &[]);
    assert_eq!([times(&html, " later\">"), times(&html, "Show all")], [0, 0]);
    let html = study_html(&leaderboard(trials(51)), &[]);
    assert_eq!([times(&html, " later\">"), times(&html, "Show all 51")], [31, 1]);
}

#[test]
fn a_study_without_a_single_score_says_why() {
    let html = study_html(&leaderboard(vec![failed(0, 1, "no memory"), failed(1, 1, "odd")]), &[]);
    assert!(html.contains("No trial came to a score: all of them failed."));
    assert!(html.contains("2 trials failed, such as trial 0: no memory"));
    assert_eq!(times(&html, "<tr class=\"failed\">"), 2);
    assert!(!html.contains("NaN "), "a score that is not there is not printed");

    let html = study_html(&leaderboard(vec![]), &[]);
    assert!(html.contains("No trial has ended."));
    assert!(html.contains("There is no trial to show."));
    assert_eq!(times(&html, "<table"), 0);
    assert!(html.len() < 100_000, "a page without figures needs no plotly.js");
}

#[test]
fn one_fold_says_nothing_about_noise() {
    let mut board = leaderboard(vec![trial(0, 1, 0.97, false), trial(1, 2, 0.96, false)]);
    board.evaluation.folds = 1;
    for trial in &mut board.trials {
        trial.split_test_scores.truncate(1);
        trial.within_noise_of_best = None;
    }
    let html = study_html(&board, &[]);
    assert!(html.contains("One score a trial says nothing about noise"));
    assert!(html.contains("Trial 0, with 0.9700."));
    assert_eq!(times(&html, "±"), 1, "in the sentence on deviations of refits alone");
}

#[test]
fn a_report_without_models_or_with_failed_ones_says_so() {
    let html = training_html(&report(vec![], json!([])));
    assert!(html.contains("No model was trained.") && html.contains("There is no model to show."));
    assert_eq!(times(&html, "<table"), 0);

    let mut broken = model("broken", [None, Some(0.9)]);
    broken["errors"] = json!(["seed 0: the loss is NaN"]);
    let html = training_html(&report(vec![model("gone", [None, None]), broken], json!([])));
    assert!(html.contains("No model came to a score from all of its seeds."));
    assert!(html.contains("2 models lack scores, such as gone, which was interrupted"));
    assert!(html.contains("failed in part <small>[0.9000–0.9000] 1 of 2 seeds</small>"));
    assert!(html.contains("<span class=\"error\">seed 0: the loss is NaN</span>"));
}

#[test]
fn a_verdict_is_a_word_and_a_sign() {
    let claim =
        |verdict: &str| json!({ "model": "a", "text": "t", "measured": "m", "verdict": verdict });
    let claims =
        json!([claim("holds"), claim("depends_on_seed"), claim("fails"), claim("unknown")]);
    let html = training_html(&report(vec![model("a", [Some(0.96), Some(0.98)])], claims));
    assert!(html.contains("1 holds, 1 depends on the seed, 1 does not hold, 1 cannot be judged"));
    for shown in [
        "✓</span> holds",
        "~</span> depends on the seed",
        "✗</span> does not hold",
        "?</span> cannot be judged",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
}

#[test]
fn what_a_model_lost_and_when_it_was_flat_is_told_by_seed() {
    let mut sick = model("sick", [Some(0.6), Some(0.8)]);
    sick["never_predicted"] = json!([[2, 5], [5]]);
    sick["steps"] = 3000.into();
    let html = training_html(&report(vec![sick], json!([])));
    assert!(html.contains("2 (1 of 2), 5 (2 of 2)"));
    assert!(html.contains("not within this training <small>of 3,000</small>"));
    assert!(html.contains("1 of 1 model has a class that no prediction named"));
}

#[test]
fn curves_that_were_not_recorded_are_named_with_the_way_to_record_them() {
    let board = leaderboard(vec![trial(0, 1, 0.97, true)]);
    let models = report(vec![model("a", [Some(0.96), Some(0.98)])], json!([]));
    assert!(study_html(&board, &[]).contains("burn-tune search --curves …"));
    assert!(training_html(&models).contains("<code>--no-curves</code>"));

    let recorded = |task| CurvesByTask::from([((0, task), Arc::new(Curves::default()))]);
    let results = StudyResults {
        leaderboard: &board,
        timeline: &[],
        curves: &recorded(Task::Fold(0)),
        measured: &[],
        fit_times: &FitTimes::new(),
    };
    assert!(!study_page_with(results, &[], &PageState::default()).contains("--curves"));
    let results = TrainingResults { report: &models, curves: &recorded(Task::Refit(0)) };
    assert!(!training_page_with(results, &[]).contains("--no-curves"));
}
