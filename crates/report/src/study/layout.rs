//! The frame of the plots: margins as small as a phone needs them, and axes and colour bars that say
//! what they show.

use plotly::Layout;
use plotly::common::{Anchor, ColorBar, Orientation, Side, ThicknessMode, Title};
use plotly::layout::{Axis, HoverMode, Legend, Margin};

/// A layout with the two axes.
pub fn layout(x: Axis, y: Axis) -> Layout {
    bare_layout().x_axis(x).y_axis(y)
}

/// A layout whose axes are set elsewhere. It has no legend and no title: the page has the title.
pub fn bare_layout() -> Layout {
    Layout::new()
        .margin(Margin::new().left(60).right(20).top(24).bottom(50))
        .hover_mode(HoverMode::Closest)
        .show_legend(false)
}

/// A legend in one line above the plot, where it takes no width from it.
pub fn legend_above() -> Legend {
    Legend::new().orientation(Orientation::Horizontal).x(0.0).y(1.02).y_anchor(Anchor::Bottom)
}

/// An axis with this title, and room for its labels.
pub fn axis(title: &str) -> Axis {
    Axis::new().title(title).auto_margin(true).zero_line(false)
}

/// A colour bar above the plot of a figure of this height: beside it, it would take a quarter of a
/// phone's width. `lines` is how many lines of text its ticks have.
pub fn color_bar(title: &str, figure_height: usize, lines: u32) -> ColorBar {
    // Its place is a share of the plot's height, whatever of the figure's the margins leave to that.
    // With the anchor at its bottom instead, plotly.js 3.0.1 moves the titles of all axes as well.
    let top = 1.0 + f64::from(50 + 17 * lines) / (figure_height as f64 - 130.0);
    ColorBar::new()
        .title(Title::with_text(title).side(Side::Top))
        .orientation(Orientation::Horizontal)
        .thickness(10)
        .len_mode(ThicknessMode::Pixels)
        .len(280)
        .x(0.0)
        .x_anchor(Anchor::Left)
        .x_pad(0.0)
        .y(top)
        .y_anchor(Anchor::Top)
}
