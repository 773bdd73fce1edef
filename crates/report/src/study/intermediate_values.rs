//! `intermediate_values`: how the trials learned, as the accuracy on the probe after each so many steps.

use std::collections::BTreeMap;

use burn_tune_ranking::curves_file::CurvesByTask;
use burn_tune_search::Curves;
use burn_tune_search::curves::ACCURACY;
use burn_tune_search::keyed_rng::Task;
use plotly::common::{Line, Mode};
use plotly::{Scatter, Trace};

use super::completed::{CompleteTrial, Completed};
use super::layout;
use crate::figure::{COLORS, Figure, plot};
use crate::numbers::short;

/// How many of the best trials have a colour of their own.
const EMPHASISED: usize = 5;
const MOST_LINES: usize = 100;
const MOST_POINTS: usize = 70;
const FAINT: &str = "#94a3b8";

/// The figure of the complete trials that have curves of their folds; `None` where there is none.
pub fn figure(completed: &Completed, curves: &CurvesByTask) -> Option<Figure> {
    let mut lines: Vec<(usize, Learning)> = completed
        .thinned(MOST_LINES)
        .into_iter()
        .filter_map(|place| Some((place, learning(&completed.trials[place], curves)?)))
        .collect();
    let order = |place: usize| completed.by_rank.iter().position(|&other| other == place);
    lines.sort_by_key(|&(place, _)| order(place));
    if lines.is_empty() {
        return None;
    }
    let best = lines.len().min(EMPHASISED);
    // What is drawn last lies on top: the faint ones first, then the best, in the order of the legend.
    let (best_lines, others) = lines.split_at(best);
    let traces = others
        .iter()
        .map(|line| (line, None))
        .chain(best_lines.iter().enumerate().map(|(rank, line)| (line, Some(COLORS[rank]))));
    let traces =
        traces.map(|((place, learning), color)| trace(&completed.trials[*place], learning, color));
    let layout = layout::layout(layout::axis("Step"), layout::axis("accuracy on the probe"))
        .show_legend(true)
        .legend(layout::legend_above());
    let caption = format!(
        "How each trial learned: its accuracy on the probe, examples that it was not trained on, as the \
         mean of its folds. The best {} in colour.{}",
        if best == 1 { "trial is".to_owned() } else { format!("{best} trials are") },
        completed.thinning(MOST_LINES)
    );
    let plot = plot(traces, layout);
    Some(Figure::single("intermediate_values", "Learning curves", caption, 420, plot))
}

/// Steps with the mean of the folds' accuracies.
type Learning = (Vec<u32>, Vec<f64>);

fn trace(
    trial: &CompleteTrial,
    (steps, accuracies): &Learning,
    color: Option<&'static str>,
) -> Box<dyn Trace> {
    let label = trial.label();
    let line =
        Line::new().color(color.unwrap_or(FAINT)).width(if color.is_some() { 2.0 } else { 1.0 });
    let trace = Scatter::new(steps.clone(), accuracies.clone())
        .mode(Mode::Lines)
        .line(line)
        .hover_template(format!("{label}<br>step %{{x}}: %{{y}}<extra></extra>"));
    match color {
        Some(_) => trace.name(label),
        None => trace.show_legend(false).opacity(0.4),
    }
}

/// How a trial learned; `None` where no fold of it was probed.
fn learning(trial: &CompleteTrial, curves: &CurvesByTask) -> Option<Learning> {
    let number = trial.entry.trial;
    let folds: Vec<&Curves> = curves
        .range((number, Task::Fold(0))..=(number, Task::Fold(usize::MAX)))
        .map(|(_, curves)| &**curves)
        .filter(|curves| !curves.get(ACCURACY).is_empty())
        .collect();
    let mut by_step: BTreeMap<u32, (f64, usize)> = BTreeMap::new();
    for curves in &folds {
        for (&step, &accuracy) in curves.probe_steps().iter().zip(curves.get(ACCURACY)) {
            let (total, probes) = by_step.entry(step).or_default();
            *total += f64::from(accuracy);
            *probes += 1;
        }
    }
    // Folds may differ in their number of steps; a mean of some of them would jump.
    by_step.retain(|_, (total, probes)| *probes == folds.len() && total.is_finite());
    let means =
        by_step.into_iter().map(|(step, (total, probes))| (step, short(total / probes as f64)));
    let learning: Learning = thinned(means.collect()).into_iter().unzip();
    (!learning.0.is_empty()).then_some(learning)
}

/// At most so many points as there is room for, evenly spread, with the last.
fn thinned(points: Vec<(u32, f64)>) -> Vec<(u32, f64)> {
    let every = points.len().div_ceil(MOST_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    points
        .into_iter()
        .enumerate()
        .filter(|(place, _)| (last - place).is_multiple_of(every))
        .map(|(_, point)| point)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures::{curves, fold, plot_of, small};
    use super::*;

    fn figure_with(curves: CurvesByTask) -> Option<Figure> {
        figure(&Completed::of(&small("maximize")).unwrap(), &curves)
    }

    #[test]
    fn a_line_is_the_mean_of_the_folds_and_the_best_trial_is_the_first_of_the_legend() {
        let figure = figure_with(CurvesByTask::from([
            (fold(0, 0), curves(&[(1, 0.25), (10, 0.5)])),
            (fold(0, 1), curves(&[(1, 0.75), (10, 1.0), (12, 0.5)])),
            (fold(2, 0), curves(&[(1, 0.1)])),
            (fold(3, 0), curves(&[(1, 0.125)])),
        ]));
        let plot = plot_of(&figure.unwrap(), 0);
        assert_eq!(plot["data"].as_array().unwrap().len(), 2, "trial 2 has failed");
        assert_eq!(plot["data"][0]["name"], "Trial 3");
        assert_eq!(plot["data"][1]["x"], json!([1, 10]));
        assert_eq!(plot["data"][1]["y"], json!([0.5, 0.75]));
    }

    #[test]
    fn without_curves_of_folds_there_is_no_figure() {
        let refit = ((0, Task::Refit(0)), curves(&[(1, 0.5)]));
        assert!(figure_with(CurvesByTask::from([refit])).is_none());
        assert!(figure_with(CurvesByTask::from([(fold(0, 0), curves(&[]))])).is_none());
        assert!(
            figure_with(CurvesByTask::from([(fold(0, 0), curves(&[(1, f32::NAN)]))])).is_none()
        );
    }

    #[test]
    fn a_long_curve_is_thinned_and_keeps_its_end() {
        let thin = thinned((1..=1001).map(|step| (step, 0.5)).collect());
        assert!(thin.len() <= MOST_POINTS, "{}", thin.len());
        assert_eq!(thin.last(), Some(&(1001, 0.5)));
        assert_eq!(thinned(vec![(1, 0.5), (2, 0.5)]).len(), 2);
        assert_eq!(thinned(Vec::new()), []);
    }
}
