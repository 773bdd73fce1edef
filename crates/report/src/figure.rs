//! A figure as the page has it: one plot or several to choose from, with a sentence that says what to
//! see.

use plotly::{Layout, Plot, Trace};
use serde::Serialize;

/// The colour of text, as a name that the page replaces by that of its scheme, light or dark.
pub const INK: &str = "--ink";

/// Colours of series, told apart on a light and on a dark page, also by those who see fewer colours; with [`INK`] for the first series where
/// the others are compared with it.
pub const COLORS: [&str; 8] =
    ["#1e6990", "#d8b62d", "#b1344a", "#34c8e7", "#772df0", "#96c38f", "#827703", "#c36bfc"];

/// One figure of a page.
pub struct Figure {
    /// What a link to it ends with, such as `optimization_history`: the name of the function of
    /// `optuna.visualization` without its `plot_`, where it has one.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// One or two sentences that say what to see.
    pub caption: String,
    /// Its height on a wide screen, in pixels.
    pub height: usize,
    /// What is chosen among the variants, such as `Parameters`; not shown where there is one.
    pub choice: &'static str,
    /// The plots; at least one.
    pub variants: Vec<Variant>,
}

/// One of the plots of a figure.
#[derive(Serialize)]
pub struct Variant {
    /// What the choice of it is called.
    pub label: String,
    /// The plot itself, without colours of text, axes and background: the page sets those.
    pub plot: Plot,
}

impl Figure {
    /// A figure with a single plot.
    pub fn single(
        id: &'static str,
        title: impl Into<String>,
        caption: impl Into<String>,
        height: usize,
        plot: Plot,
    ) -> Self {
        let variants = vec![Variant { label: String::new(), plot }];
        Figure { id, title: title.into(), caption: caption.into(), height, choice: "", variants }
    }
}

/// The plot of these traces.
///
/// A plot carries the text of plotly.js, 7 MB of it, in case that it is to be a page of its own: here it
/// is not, and that text goes.
pub fn plot(traces: impl IntoIterator<Item = Box<dyn Trace>>, layout: Layout) -> Plot {
    let mut plot = Plot::new();
    plot.use_cdn_js();
    plot.add_traces(traces.into_iter().collect());
    plot.set_layout(layout);
    plot
}
