//! Tests of all figures of a study together: which there are, and how large they get.

use burn_tune_search::keyed_rng::Task;
use burn_tune_search::timeline::Span;
use serde_json::{Value, json};

use super::fixtures::{curves, figure_of, figures_of, fold, leaderboard, plot_of, small};
use super::*;

fn ids(figures: &[Figure]) -> Vec<&'static str> {
    figures.iter().map(|figure| figure.id).collect()
}

fn size(figures: &[Figure]) -> usize {
    let variants = figures.iter().flat_map(|figure| &figure.variants);
    variants.map(|variant| serde_json::to_string(&variant.plot).unwrap().len()).sum()
}

#[test]
fn the_figures_stand_in_the_order_of_the_page() {
    let board = small("maximize");
    let span = Span { worker: 0, start_s: 0.0, end_s: 1.0 };
    let timeline = [TimelineEntry { trial: 0, task: Task::Fold(0), span, succeeded: true }];
    let curves = CurvesByTask::from([(fold(0, 0), curves(&[(1, 0.5)]))]);
    let all = figures(StudyResults {
        leaderboard: &board,
        timeline: &timeline,
        curves: &curves,
        measured: &[],
        fit_times: &FitTimes::new(),
    });
    let expected = [
        "optimization_history",
        "intermediate_values",
        "parallel_coordinate",
        "slice",
        "contour",
        "rank",
        "param_importances",
        "edf",
        "timeline",
    ];
    assert_eq!(ids(&all), expected);
    assert!(all.iter().all(|figure| !figure.caption.is_empty() && !figure.variants.is_empty()));
}

#[test]
fn degenerate_studies_have_the_figures_that_make_sense() {
    let space = json!({ "a": { "low": 0.0, "high": 1.0, "log": false }, "b": [1, 2] });
    let trial = |a: f64, b: i64, score| (json!({ "a": a, "b": b }), score);
    let check = |trials: &[(Value, Option<f64>)], expected: &[&str]| {
        for direction in ["maximize", "minimize"] {
            let figures = figures_of(&leaderboard(direction, space.clone(), trials));
            assert_eq!(ids(&figures), expected, "{trials:?}");
        }
    };
    let failed = trial(0.5, 1, None);
    check(&[], &[]);
    check(&[failed.clone(), failed.clone()], &[]);
    check(&[trial(0.5, 1, Some(0.5)), failed], &["optimization_history"]);
    check(
        &[trial(0.5, 1, Some(0.5)), trial(0.25, 2, Some(0.5))],
        &["optimization_history", "parallel_coordinate", "slice", "param_importances"],
    );
    check(
        &[trial(0.5, 1, Some(0.5)), trial(0.5, 1, Some(0.25))],
        &["optimization_history", "param_importances", "edf"],
    );
    check(
        &[trial(0.5, 1, Some(0.5)), trial(0.25, 1, Some(0.25))],
        &["optimization_history", "parallel_coordinate", "slice", "param_importances", "edf"],
    );
}

/// `momentum` exists for one optimizer alone, and `beta` for the other.
fn conditional() -> Leaderboard {
    let space =
        json!({ "optimizer": ["sgd", "adam"], "momentum": [0.0, 0.5, 0.9], "beta": [0.9, 0.99] });
    let sgd =
        |momentum: f64, score| (json!({ "optimizer": "sgd", "momentum": momentum }), Some(score));
    let adam = |beta: f64, score| (json!({ "optimizer": "adam", "beta": beta }), Some(score));
    let trials = [sgd(0.0, 0.2), adam(0.9, 0.6), sgd(0.9, 0.5), adam(0.99, 0.7), sgd(0.5, 0.4)];
    leaderboard("maximize", space, &trials)
}

#[test]
fn a_trial_is_drawn_where_it_has_the_parameters() {
    let board = conditional();
    let slice = figure_of(&board, "slice").unwrap();
    let plot = plot_of(&slice, 0);
    let [beta, momentum, optimizer] = &plot["data"].as_array().unwrap()[..] else {
        panic!("{plot}")
    };
    assert_eq!(optimizer["x"], json!([0.0, 1.0, 0.0, 1.0, 0.0]));
    assert_eq!(beta["y"], json!([0.6, 0.7]));
    assert_eq!(momentum["x"], json!([0.0, 2.0, 1.0]));
    assert_eq!(momentum["marker"]["color"], json!([0, 2, 4]));
    assert!(slice.caption.contains("in the panels of the parameters that it has"));
    for id in ["contour", "rank"] {
        let figure = figure_of(&board, id).unwrap();
        let mut labels: Vec<_> = figure.variants.iter().map(|variant| &variant.label).collect();
        labels.sort();
        assert_eq!(labels, ["beta × optimizer", "optimizer × momentum"], "no trial has both");
    }
    let contour = figure_of(&board, "contour").unwrap();
    let place = contour.variants.iter().position(|one| one.label.ends_with("momentum")).unwrap();
    let plot = plot_of(&contour, place);
    let surface = plot["data"][0]["z"].as_array().unwrap();
    let scores = surface.iter().flat_map(|row| row.as_array().unwrap());
    assert!(scores.clone().count() > 0);
    assert!(scores.map(|score| score.as_f64().unwrap()).all(|score| score < 0.51), "of sgd alone");
    assert_eq!(plot["data"][1]["y"], json!([0.0, 2.0, 1.0]));
    let parallel = figure_of(&board, "parallel_coordinate").unwrap();
    assert_eq!(plot_of(&parallel, 0)["data"][0]["dimensions"].as_array().unwrap().len(), 2);
    assert!(parallel.caption.contains("Not every trial has "), "{}", parallel.caption);
}

#[test]
fn a_study_of_one_parameter_has_no_pairs_and_no_importances() {
    let trial = |a: i64, score| (json!({ "a": a }), Some(score));
    let trials = [trial(1, 0.25), trial(2, 0.5), trial(7, 0.75)];
    let board = leaderboard("maximize", json!({ "a": [1, 2, 3] }), &trials);
    let expected = ["optimization_history", "parallel_coordinate", "slice", "edf"];
    assert_eq!(ids(&figures_of(&board)), expected);
}

#[test]
fn an_empty_space_has_figures_of_the_scores_alone() {
    let trials = [(json!({}), Some(0.25)), (json!({}), Some(0.5))];
    let board = leaderboard("maximize", json!({}), &trials);
    assert_eq!(ids(&figures_of(&board)), ["optimization_history", "edf"]);
}

/// The figures of a study of so many trials with eight varying parameters, all curves and a timeline.
fn figures_of_large(trials: usize) -> Vec<Figure> {
    let float = |log: bool| json!({ "low": 0.001, "high": 1.0, "log": log });
    let (activations, batch_sizes) = (["relu", "tanh", "gelu", "silu"], [100, 200, 300]);
    let space = json!({
        "lr": float(true), "weight_decay": float(true), "momentum": float(false),
        "dropout": float(false), "hidden_size": { "low": 1, "high": 9999, "step": 1, "log": false },
        "activation": activations, "batch_size": batch_sizes, "bias": [true, false]
    });
    // Multiples of the golden ratio: spread evenly, and with all digits.
    let share =
        |number: usize, salt: usize| ((number * 8 + salt) as f64 * 0.618_033_988_75).fract();
    let trial = |number: usize| {
        let float = |salt| 0.001 + 0.999 * share(number, salt);
        let params = json!({
            "lr": float(0), "weight_decay": float(1), "momentum": float(2), "dropout": float(3),
            "hidden_size": 1 + (9998.0 * share(number, 4)) as i64,
            "activation": (activations[number % 4]), "batch_size": (batch_sizes[number % 3]),
            "bias": number.is_multiple_of(2)
        });
        (params, Some(0.5 + 0.5 * share(number, 5)))
    };
    let board = leaderboard("maximize", space, &(0..trials).map(trial).collect::<Vec<_>>());
    let probe = |step: u32| (step, 1.0 - 1.0 / step as f32);
    let recorded = curves(&(1..=280).map(|number| probe(10 * number)).collect::<Vec<_>>());
    let tasks = || (0..trials).flat_map(|trial| (0..3).map(move |number| fold(trial, number)));
    let entry = |(place, (trial, task)): (usize, (usize, Task))| {
        let start_s = place as f64 * 1.234_567;
        let span = Span { worker: place % 4, start_s, end_s: start_s + 4.567_89 };
        TimelineEntry { trial, task, span, succeeded: true }
    };
    let timeline: Vec<_> = tasks().enumerate().map(entry).collect();
    let curves = tasks().map(|task| (task, recorded.clone())).collect();
    figures(StudyResults {
        leaderboard: &board,
        timeline: &timeline,
        curves: &curves,
        measured: &[],
        fit_times: &FitTimes::new(),
    })
}

/// Of the 6 MB that a page may have, plotly.js takes all but 1.35.
const MOST_BYTES: usize = 1_200_000;

#[test]
fn a_study_of_a_thousand_trials_and_eight_parameters_fits_the_page() {
    for trials in [100, 300, 1_000] {
        let figures = figures_of_large(trials);
        assert_eq!(figures.len(), 9);
        assert!(size(&figures) < MOST_BYTES, "{trials} trials: {}", size(&figures));
    }
}

#[test]
fn no_number_of_trials_is_too_large_and_captions_say_what_is_left_out() {
    let figures = figures_of_large(5_000);
    assert!(size(&figures) < MOST_BYTES, "{}", size(&figures));
    for figure in &figures {
        // The importances and the distribution are of all trials.
        let thinned = !["param_importances", "edf"].contains(&figure.id);
        assert_eq!(figure.caption.contains("it shows the"), thinned, "{}", figure.caption);
    }
}
