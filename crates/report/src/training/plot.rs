//! What all plots of the page have in common: the legend below the axis.

use plotly::common::{Anchor, Orientation};
use plotly::layout::{Axis, HoverMode, Legend};
use plotly::{Layout, Plot, Trace};

use crate::figure;

/// How much of a figure's height is margins and legend, in pixels, about.
const AROUND: usize = 150;

/// How far the legend is below the axis, in pixels: as far as labels and a title need.
const LEGEND_GAP: f64 = 60.0;

/// A plot of `traces` in a figure of this `height`.
pub fn plot(
    traces: impl IntoIterator<Item = Box<dyn Trace>>,
    x: Axis,
    y: Axis,
    height: usize,
) -> Plot {
    let legend = Legend::new()
        .orientation(Orientation::Horizontal)
        .x(0.0)
        .x_anchor(Anchor::Left)
        .y(-LEGEND_GAP / height.saturating_sub(AROUND).max(AROUND) as f64)
        .y_anchor(Anchor::Top);
    let layout = Layout::new().x_axis(x).y_axis(y).legend(legend).hover_mode(HoverMode::Closest);
    figure::plot(traces, layout)
}

/// An axis of shares, labelled in percent.
pub fn percent_axis(title: &str) -> Axis {
    Axis::new().title(title).tick_format("~%")
}
