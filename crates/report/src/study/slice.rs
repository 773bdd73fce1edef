//! `slice`: the score against each parameter alone, a panel for each.

use burn_tune_ranking::format::value_text;
use burn_tune_search::Direction;
use plotly::common::{Line, Marker, Mode};
use plotly::layout::{Axis, GridPattern, LayoutGrid};
use plotly::{Layout, Scatter, Trace};

use super::axis::ParamAxis;
use super::color_scale;
use super::completed::Completed;
use super::layout;
use super::pairs::by_importance;
use crate::figure::{Figure, plot};
use crate::importance::Importance;
use crate::numbers::all_short;

const MOST_POINTS: usize = 1000;
/// How many panels stand side by side, since a phone has no room for more.
const COLUMNS: usize = 3;
/// How many axes a layout of the plotly crate has.
const MOST_PANELS: usize = 8;
const PANEL_HEIGHT: usize = 260;

/// The figure of the complete trials; `None` where there is one, or nothing varies.
pub fn figure(
    completed: &Completed,
    axes: &[ParamAxis],
    importances: &[Importance],
) -> Option<Figure> {
    if completed.trials.len() < 2 || axes.is_empty() {
        return None;
    }
    let mut panels = by_importance(axes, importances, MOST_PANELS);
    panels.sort_by_key(|panel| axes.iter().position(|axis| axis.name == panel.name));
    let places = completed.thinned(MOST_POINTS);
    let columns = panels.len().min(COLUMNS);
    let rows = panels.len().div_ceil(columns);
    let height = rows * PANEL_HEIGHT + 80;
    let grid = LayoutGrid::new().rows(rows).columns(columns).pattern(GridPattern::Independent);
    let mut layout = layout::bare_layout().grid(grid.x_gap(0.12).y_gap(0.3));
    for (number, axis) in panels.iter().enumerate() {
        let title = if number % columns == 0 { completed.metric } else { "" };
        let mut y = layout::axis(title).show_tick_labels(number % columns == 0);
        if number > 0 {
            y = y.matches("y");
        }
        layout = with_axes(layout, number, axis.layout(), y);
    }
    let traces = panels
        .iter()
        .enumerate()
        .map(|(number, axis)| trace(completed, axis, &places, number, height));
    let plot = plot(traces, layout);
    let caption = caption(completed, axes);
    Some(Figure::single("slice", "Slice", caption, height, plot))
}

fn trace(
    completed: &Completed,
    axis: &ParamAxis,
    places: &[usize],
    number: usize,
    height: usize,
) -> Box<dyn Trace> {
    let places = || places.iter().copied().filter(|&place| axis.has(place));
    let trials = || places().map(|place| &completed.trials[place]);
    let numbers: Vec<usize> = trials().map(|trial| trial.entry.trial).collect();
    let marker = Marker::new()
        .size(7)
        .line(Line::new().width(0.5).color("grey"))
        .color_array(numbers)
        .color_scale(color_scale::blues())
        .cmin(0.0)
        .cmax(completed.last_number as f64)
        .show_scale(number == 0)
        .color_bar(layout::color_bar("Trial", height, 1));
    let positions = places().map(|place| axis.positions[place]).collect();
    let template = format!(
        "Trial %{{marker.color}}<br>{}: %{{x}}<br>{}: %{{y}}<extra></extra>",
        axis.name, completed.metric
    );
    let trace = Scatter::new(positions, all_short(trials().map(|trial| trial.score)))
        .mode(Mode::Markers)
        .marker(marker)
        .hover_template(template);
    if number == 0 {
        return trace;
    }
    trace.x_axis(format!("x{}", number + 1)).y_axis(format!("y{}", number + 1))
}

fn with_axes(layout: Layout, number: usize, x: Axis, y: Axis) -> Layout {
    match number {
        0 => layout.x_axis(x).y_axis(y),
        1 => layout.x_axis2(x).y_axis2(y),
        2 => layout.x_axis3(x).y_axis3(y),
        3 => layout.x_axis4(x).y_axis4(y),
        4 => layout.x_axis5(x).y_axis5(y),
        5 => layout.x_axis6(x).y_axis6(y),
        6 => layout.x_axis7(x).y_axis7(y),
        _ => layout.x_axis8(x).y_axis8(y),
    }
}

fn caption(completed: &Completed, axes: &[ParamAxis]) -> String {
    let edge = match completed.direction {
        Direction::Maximize => "upper",
        Direction::Minimize => "lower",
    };
    let (low, high) = completed.extremes();
    let mut caption = format!(
        "Each point is a trial, the darker, the later; scores go from {} to {}. Where the {edge} edge of \
         the points bends, the parameter matters.",
        value_text(low),
        value_text(high)
    );
    if !axes.iter().all(ParamAxis::is_of_all) {
        caption.push_str(" A trial is in the panels of the parameters that it has.");
    }
    if axes.len() > MOST_PANELS {
        caption.push_str(&format!(
            " Of {} parameters it shows the {MOST_PANELS} most important.",
            axes.len()
        ));
    }
    caption + &completed.thinning(MOST_POINTS)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fixtures::{figure_of, leaderboard, plot_of, small};
    use super::*;

    #[test]
    fn each_varying_parameter_has_a_panel_on_the_shared_scores() {
        let plot = plot_of(&figure_of(&small("maximize"), "slice").unwrap(), 0);
        let [activation, lr] = &plot["data"].as_array().unwrap()[..] else { panic!("{plot}") };
        assert_eq!(lr["x"], json!([0.01, 0.001, 0.1, 0.05]));
        assert_eq!(lr["y"], json!([0.5, 0.3, 0.7, 0.6]));
        assert_eq!(lr["marker"]["color"], json!([0, 1, 3, 4]));
        assert_eq!(activation["x"], json!([1.0, 0.0, 0.0, 1.0]));
        assert_eq!(lr["xaxis"], "x2");
        assert_eq!(plot["layout"]["xaxis2"]["type"], "log");
        assert_eq!(plot["layout"]["xaxis"]["ticktext"], json!(["relu", "gelu"]));
        assert_eq!(plot["layout"]["yaxis2"]["matches"], "y");
    }

    #[test]
    fn of_more_parameters_than_there_are_axes_the_most_important_are_shown() {
        let names = (0..10).map(|number| format!("p{number}"));
        let space: Value = names.clone().map(|name| (name, json!([1, 2]))).collect();
        let trial =
            |value: i64| -> Value { names.clone().map(|name| (name, json!(value))).collect() };
        let board =
            leaderboard("maximize", space, &[(trial(1), Some(0.5)), (trial(2), Some(0.75))]);
        let figure = figure_of(&board, "slice").unwrap();
        assert_eq!(plot_of(&figure, 0)["data"].as_array().unwrap().len(), MOST_PANELS);
        assert!(figure.caption.ends_with("Of 10 parameters it shows the 8 most important."));
    }
}
