//! All figures of a report together: which there are, and how large they are.

use burn_tune_ranking::curves_file::CurvesByTask;
use burn_tune_search::Curves;
use burn_tune_search::curves::{ACCURACY, LOSS};
use serde_json::Value;

use super::fixtures::{changed, entry, falling, report, task};
use super::*;

const ALL: [&str; 7] = [
    "accuracy",
    "loss",
    "accuracy_curve",
    "recall",
    "gradient_norm",
    "inactive_units",
    "convergence",
];

fn ids(figures: &[Figure]) -> Vec<&'static str> {
    figures.iter().map(|figure| figure.id).collect()
}

fn find<'a>(figures: &'a [Figure], id: &str) -> &'a Figure {
    figures.iter().find(|figure| figure.id == id).unwrap()
}

fn labels(figure: &Figure) -> Vec<&str> {
    figure.variants.iter().map(|variant| variant.label.as_str()).collect()
}

fn json(figure: &Figure, variant: usize) -> Value {
    serde_json::to_value(&figure.variants[variant].plot).unwrap()
}

/// `values` that differ in every digit, so that no number is short by chance.
fn noisy(values: &mut [f32], seed: usize) {
    for (place, value) in values.iter_mut().enumerate() {
        *value *= 1.0 + 0.1 * ((place * 7919 + seed * 104_729) as f32).sin();
    }
}

/// With numbers of units in the two hidden of three layers, and of a softmax.
fn with_units(mut curves: Curves, seed: usize) -> Curves {
    let mut share: Vec<f32> = curves.get(ACCURACY).iter().map(|share| share * 0.3).collect();
    noisy(&mut share, seed);
    for name in [LOSS, "layer0_gradient_norm", "layer1_gradient_norm"] {
        curves = changed(&curves, name, |values| noisy(values, seed));
    }
    for name in ["layer0_dead", "layer1_dead", "softmax_saturated", "softmax_stuck"] {
        curves.add(name, share.clone());
    }
    curves
}

/// `models` × `seeds` trainings of `steps` steps with three layers.
fn trained(models: usize, seeds: usize, steps: usize) -> (TrainingReport, CurvesByTask) {
    let scores: Vec<f64> = (0..seeds).map(|seed| 0.9 + 0.001 * seed as f64).collect();
    let model = |trial: usize| {
        let mut model = entry(&format!("a rather long name {trial}"), trial, &scores);
        model.per_class_recall = vec![vec![Some(0.987_654_321); 10]; seeds];
        model.never_predicted = vec![(0..10).collect(); seeds];
        model.convergence_steps = vec![Some(steps / 3); seeds];
        model.convergence_step = Some(steps / 3);
        model.steps = Some(steps);
        model
    };
    let mut report = report((0..models).map(model).collect());
    report.evaluation.classes = (0..10).collect();
    let tasks = (0..models).flat_map(|trial| (0..seeds).map(move |seed| (trial, seed)));
    let curves = tasks
        .map(|(trial, seed)| {
            (task(trial, seed), with_units(falling(steps, 3), seed + 8 * trial).into())
        })
        .collect();
    (report, curves)
}

#[test]
fn a_report_with_curves_has_all_figures_in_order() {
    let (report, curves) = trained(2, 2, 50);
    let figures = figures(TrainingResults { report: &report, curves: &curves });
    assert_eq!(ids(&figures), ALL);
    assert_eq!(labels(find(&figures, "loss")), ["against step", "against share of the training"]);
    assert_eq!(labels(find(&figures, "recall")), ["mean over seeds", "each seed"]);
    assert_eq!(
        labels(find(&figures, "gradient_norm")),
        ["a rather long name 0", "a rather long name 1"]
    );
    for figure in &figures {
        assert!(!figure.caption.contains("Left out"), "{}", figure.caption);
    }
}

#[test]
fn without_curves_there_are_scores_and_recall_alone() {
    let (report, _) = trained(2, 2, 50);
    let none = CurvesByTask::new();
    let figures = figures(TrainingResults { report: &report, curves: &none });
    assert_eq!(ids(&figures), ["accuracy", "recall"]);
}

#[test]
fn a_report_without_models_or_with_failures_alone_has_no_figures() {
    let none = CurvesByTask::new();
    let check = |report: TrainingReport| {
        let results = TrainingResults { report: &report, curves: &none };
        assert_eq!(ids(&figures(results)), [""; 0]);
    };
    check(report(vec![]));
    let mut failed = entry("failed", 0, &[]);
    (failed.test_scores, failed.per_class_recall) = (vec![None; 2], vec![vec![]; 2]);
    (failed.mean, failed.std) = (None, None);
    check(report(vec![failed]));
}

#[test]
fn models_without_such_units_are_left_out_of_the_figure_of_inactive_units() {
    let (report, mut curves) = trained(2, 1, 50);
    curves.insert(task(0, 0), falling(50, 3).into());
    let results = TrainingResults { report: &report, curves: &curves };
    assert_eq!(labels(find(&figures(results), "inactive_units")), ["a rather long name 1"]);
    let curves = [(task(0, 0), falling(50, 3).into())].into();
    let results = TrainingResults { report: &report, curves: &curves };
    assert!(!ids(&figures(results)).contains(&"inactive_units"));
}

#[test]
fn lines_of_layers_are_named_from_the_input() {
    let (report, curves) = trained(1, 1, 50);
    let figures = figures(TrainingResults { report: &report, curves: &curves });
    let names = |id| {
        let plot = json(find(&figures, id), 0);
        let traces = plot["data"].as_array().unwrap().clone();
        traces
            .iter()
            .filter_map(|trace| Some(trace["name"].as_str()?.to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("gradient_norm"), ["layer 1", "layer 2", "output layer"]);
    assert_eq!(
        names("inactive_units"),
        ["dead, layer 1", "dead, layer 2", "softmax saturated", "softmax stuck"]
    );
}

#[test]
fn a_band_is_shown_and_hidden_with_its_line_and_has_its_color() {
    let (report, curves) = trained(2, 2, 50);
    let figures = figures(TrainingResults { report: &report, curves: &curves });
    let plot = json(find(&figures, "loss"), 0);
    let second = "a rather long name 1";
    let group: Vec<&Value> = plot["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|trace| trace["legendgroup"] == second)
        .collect();
    let [low, high, line, mark] = group.try_into().unwrap();
    assert_eq!((&low["showlegend"], &high["fill"]), (&false.into(), &"tonexty".into()));
    assert_eq!(high["fillcolor"], "rgba(30,105,144,0.15)");
    assert_eq!(
        (&line["name"], &line["line"]["color"]),
        (&second.into(), &crate::figure::COLORS[0].into())
    );
    assert_eq!((&mark["x"][0], &mark["showlegend"]), (&16.into(), &false.into()));
}

#[test]
fn what_is_missing_is_left_out_and_said() {
    let (mut report, mut curves) = trained(2, 3, 50);
    report.models[1].test_scores[0] = None;
    (report.models[1].mean, report.models[1].std) = (None, None);
    curves.remove(&task(1, 1));
    let figures = figures(TrainingResults { report: &report, curves: &curves });
    assert_eq!(ids(&figures), ALL);
    let missing = "Left out are seeds that failed or were not recorded whole: \
                   a rather long name 1 (2 of 3).";
    for id in ["loss", "accuracy_curve", "gradient_norm", "inactive_units"] {
        let caption = &find(&figures, id).caption;
        assert!(caption.ends_with(missing), "{caption}");
    }
    let convergence = json(find(&figures, "convergence"), 0);
    assert_eq!(convergence["data"][0]["x"].as_array().unwrap().len(), 4);
}

#[test]
fn a_loss_that_stays_in_motion_is_an_open_dot_at_the_edge() {
    let (mut report, curves) = trained(1, 4, 60);
    report.models[0].convergence_steps = vec![Some(15), None, Some(30), Some(45)];
    report.models[0].convergence_step = Some(30);
    let figures = figures(TrainingResults { report: &report, curves: &curves });
    let figure = find(&figures, "convergence");
    let plot = json(figure, 0);
    assert_eq!(plot["data"][0]["x"], serde_json::json!([0.25, 0.5, 0.75]));
    assert_eq!(
        (&plot["data"][1]["x"][0], &plot["data"][1]["marker"]["symbol"]),
        (&1.into(), &"circle-open".into())
    );
    assert!(
        figure.caption.contains("not within the training in 1 of 4 trainings."),
        "{}",
        figure.caption
    );
    assert!(
        figure.caption.ends_with(
            "Earliest in its training is a rather long name 0: at the median from step 30 of 60."
        ),
        "{}",
        figure.caption
    );
}

#[test]
fn damaged_curves_do_no_harm() {
    let (report, mut curves) = trained(2, 4, 50);
    curves.insert(task(0, 0), Curves::default().into());
    let mut change = |seed: usize, name: &str, change: &dyn Fn(&mut Vec<f32>)| {
        let whole = curves[&task(0, seed)].clone();
        curves.insert(task(0, seed), changed(&whole, name, change).into());
    };
    change(1, ACCURACY, &|values| values.truncate(2));
    change(2, "layer1_gradient_norm", &|values| values.clear());
    change(3, "layer0_gradient_norm", &|values| values[1] = f32::NAN);
    let figures = figures(TrainingResults { report: &report, curves: &curves });
    assert_eq!(ids(&figures), ALL);
    let caption = &find(&figures, "accuracy_curve").caption;
    assert!(caption.ends_with("a rather long name 0 (2 of 4)."), "{caption}");
}

#[test]
fn eight_models_of_eight_long_trainings_make_less_than_700_kilobytes() {
    let (report, curves) = trained(8, 8, 3000);
    let figures = figures(TrainingResults { report: &report, curves: &curves });
    let bytes = |figure: &Figure| serde_json::to_string(&figure.variants).unwrap().len();
    let sizes: Vec<(&str, usize)> =
        figures.iter().map(|figure| (figure.id, bytes(figure))).collect();
    let all: usize = sizes.iter().map(|(_, bytes)| bytes).sum();
    assert!(all < 700_000, "{all}: {sizes:?}");
}
