//! `parallel_coordinate`: each trial as a line through its parameters. The trace `parcoords` of plotly.js,
//! which the plotly crate has not, is confined to this file.

use burn_tune_search::Direction;
use plotly::Trace;
use plotly::common::{Anchor, ColorBar, ColorScale};
use plotly::layout::Margin;
use serde::Serialize;

use super::axis::{ParamAxis, Scale};
use super::color_scale;
use super::completed::Completed;
use super::layout;
use crate::figure::{Figure, plot};
use crate::numbers::short;

const HEIGHT: usize = 500;
const MOST_LINES: usize = 1000;
/// How many of the best trials the caption looks at.
const BEST: usize = 5;

/// The figure of the complete trials; `None` where there is one, or nothing varies.
pub fn figure(completed: &Completed, axes: &[ParamAxis]) -> Option<Figure> {
    let (axes, left_out): (Vec<&ParamAxis>, Vec<&ParamAxis>) =
        axes.iter().partition(|axis| axis.is_of_all());
    if completed.trials.len() < 2 || axes.is_empty() {
        return None;
    }
    let mut places = completed.thinned(MOST_LINES);
    // What is drawn last lies on top: the best.
    let order = ranks(completed);
    places.sort_by_key(|&place| std::cmp::Reverse(order[place]));
    let scores: Vec<f64> =
        places.iter().map(|&place| short(completed.trials[place].score)).collect();
    let mut dimensions = vec![Dimension::new(completed.metric, scores.clone(), None)];
    dimensions.extend(axes.iter().map(|axis| {
        let drawn = axis.drawn_positions();
        let values = places.iter().map(|&place| drawn[place]).collect();
        Dimension::new(&axis.name, values, Some(axis.ticks()))
    }));
    let trace = ParallelCoordinates {
        r#type: "parcoords",
        line: ColoredLine {
            color: scores,
            color_scale: color_scale::good(),
            reverse_scale: completed.direction == Direction::Minimize,
            show_scale: true,
            // Below: the names of the axes are above.
            color_bar: layout::color_bar(completed.metric, HEIGHT, 1)
                .y(-0.08)
                .y_anchor(Anchor::Top),
        },
        dimensions,
        label_angle: -20,
    };
    let layout = layout::bare_layout().margin(Margin::new().left(50).right(30).top(70).bottom(90));
    let plot = plot([Box::new(trace) as Box<dyn Trace>], layout);
    let caption = caption(completed, &axes, &left_out);
    Some(Figure::single("parallel_coordinate", "Parallel coordinates", caption, HEIGHT, plot))
}

#[derive(Clone, Serialize)]
struct ParallelCoordinates {
    r#type: &'static str,
    line: ColoredLine,
    dimensions: Vec<Dimension>,
    #[serde(rename = "labelangle")]
    label_angle: i32,
}

#[derive(Clone, Serialize)]
struct ColoredLine {
    color: Vec<f64>,
    #[serde(rename = "colorscale")]
    color_scale: ColorScale,
    #[serde(rename = "reversescale")]
    reverse_scale: bool,
    #[serde(rename = "showscale")]
    show_scale: bool,
    #[serde(rename = "colorbar")]
    color_bar: ColorBar,
}

#[derive(Clone, Serialize)]
struct Dimension {
    label: String,
    values: Vec<f64>,
    #[serde(rename = "tickvals", skip_serializing_if = "Option::is_none")]
    tick_values: Option<Vec<f64>>,
    #[serde(rename = "ticktext", skip_serializing_if = "Option::is_none")]
    tick_text: Option<Vec<String>>,
}

impl Trace for ParallelCoordinates {
    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts have a JSON")
    }
}

impl Dimension {
    fn new(name: &str, values: Vec<f64>, ticks: Option<(Vec<f64>, Vec<String>)>) -> Self {
        let (tick_values, tick_text) = ticks.unzip();
        Dimension { label: truncated(name), values, tick_values, tick_text }
    }
}

/// A label that leaves room for the next one: Optuna's `_truncate_label`.
fn truncated(label: &str) -> String {
    if label.chars().count() < 20 {
        return label.to_owned();
    }
    label.chars().take(17).chain("...".chars()).collect()
}

/// For each place the number of trials that are before it by rank.
fn ranks(completed: &Completed) -> Vec<usize> {
    let mut ranks = vec![0; completed.trials.len()];
    for (rank, &place) in completed.by_rank.iter().enumerate() {
        ranks[place] = rank;
    }
    ranks
}

fn caption(completed: &Completed, axes: &[&ParamAxis], left_out: &[&ParamAxis]) -> String {
    let common = in_common(completed, axes).map_or(String::new(), |common| format!(" {common}"));
    let left_out = match left_out {
        [] => String::new(),
        axes => {
            let names: Vec<&str> = axes.iter().map(|axis| axis.name.as_str()).collect();
            format!(" Not every trial has {}: see the slices.", names.join(", "))
        }
    };
    format!(
        "Each line is a trial, from its {} through its parameters; the more it stands out, the better.{common} Drag \
         along an axis to pick trials.{left_out}{}",
        completed.metric,
        completed.thinning(MOST_LINES)
    )
}

/// In which parameter the best trials are closest to each other, where they are close at all.
fn in_common(completed: &Completed, axes: &[&ParamAxis]) -> Option<String> {
    if completed.trials.len() < 4 * BEST || completed.all_equal() {
        return None;
    }
    let best = &completed.by_rank[..BEST];
    let ends = |axis: &ParamAxis| {
        let positions = best.iter().map(|&place| axis.positions[place]);
        let low = positions.clone().fold(f64::INFINITY, f64::min);
        (low, positions.fold(f64::NEG_INFINITY, f64::max))
    };
    let width = |axis: &ParamAxis| axis.scaled(ends(axis).1) - axis.scaled(ends(axis).0);
    let has_order = |axis: &&ParamAxis| {
        !matches!(axis.scale, Scale::Categories { ordered: false, .. }) || width(axis) == 0.0
    };
    let axis =
        axes.iter().copied().filter(has_order).min_by(|a, b| width(a).total_cmp(&width(b)))?;
    let (low, high) = ends(axis);
    let values = match [low, high].map(|end| axis.text(end)) {
        [low, high] if low == high => low,
        [low, high] => format!("from {low} to {high}"),
    };
    (width(axis) <= 0.5).then(|| format!("The best {BEST} agree most in {}: {values}.", axis.name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures::{figure_of, plot_of, small};
    use super::*;

    fn trace(direction: &str) -> serde_json::Value {
        plot_of(&figure_of(&small(direction), "parallel_coordinate").unwrap(), 0)["data"][0].take()
    }

    #[test]
    fn the_first_axis_is_the_score_and_the_best_line_is_drawn_last() {
        let trace = trace("maximize");
        assert_eq!(trace["type"], "parcoords");
        let [score, activation, lr] = &trace["dimensions"].as_array().unwrap()[..] else {
            panic!("epochs is the same in all trials: {trace}")
        };
        assert_eq!(score["values"], json!([0.3, 0.5, 0.6, 0.7]));
        assert_eq!(lr["values"], json!([-3.0, -2.0, -1.30103, -1.0]));
        assert_eq!(lr["ticktext"], json!(["0.001", "0.01", "0.1"]));
        assert_eq!(activation["values"], json!([0.0, 1.0, 1.0, 0.0]));
        assert_eq!(activation["ticktext"], json!(["relu", "gelu"]));
        assert_eq!(trace["line"]["reversescale"], false);
    }

    #[test]
    fn where_less_is_better_less_is_darker_and_drawn_last() {
        let trace = trace("minimize");
        assert_eq!(trace["line"]["color"], json!([0.7, 0.6, 0.5, 0.3]));
        assert_eq!(trace["line"]["reversescale"], true);
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(truncated("hidden_size"), "hidden_size");
        assert_eq!(truncated("number_of_hidden_units"), "number_of_hidden_...");
    }
}
