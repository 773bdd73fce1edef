//! The colour scales of the figures: Optuna's, as far as they can be read on a light and on a dark page.

use plotly::common::{ColorScale, ColorScaleElement};

/// The middle of ColorBrewer's `Blues`, which is Optuna's scale. Its ends, nearly white and nearly
/// black, are left out: the one cannot be seen on a light page, the other on a dark one.
pub fn blues() -> ColorScale {
    evenly(&["#bdd7e7", "#85bbdf", "#4f9bcb", "#2b7bba", "#1c62a6"])
}

/// All of ColorBrewer's `Blues`, for areas: those can be seen whatever lies around them.
pub fn all_blues() -> ColorScale {
    evenly(&[
        "#f7fbff", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c",
        "#08306b",
    ])
}

/// ColorBrewer's `RdYlBu` from blue to red: the `RdYlBu_r` of Optuna's `plot_rank`.
pub fn blue_to_red() -> ColorScale {
    evenly(&[
        "#313695", "#4575b4", "#74add1", "#abd9e9", "#e0f3f8", "#ffffbf", "#fee090", "#fdae61",
        "#f46d43", "#d73027", "#a50026",
    ])
}

fn evenly(colors: &[&str]) -> ColorScale {
    let last = (colors.len() - 1) as f64;
    let element = |(place, color): (usize, &&str)| {
        ColorScaleElement(place as f64 / last, (*color).to_owned())
    };
    ColorScale::Vector(colors.iter().enumerate().map(element).collect())
}
