//! The colour scales of the figures: Optuna's, as far as they can be read on a light and on a dark page.

use plotly::common::{ColorScale, ColorScaleElement};

/// From the first to the last trial: the middle of ColorBrewer's `Blues`, which is Optuna's scale. Its ends, nearly white and nearly
/// black, are left out: the one cannot be seen on a light page, the other on a dark one.
pub fn blues() -> ColorScale {
    evenly(&["#bdd7e7", "#85bbdf", "#4f9bcb", "#2b7bba", "#1c62a6"])
}

/// How many colours the scale of [`good`] has.
pub const GOOD: usize = 7;

/// From bad to good, in every figure that shows by colour how good something is. The page puts its colours in the
/// place of these names, for its scheme: what is good stands out from it, so it is dark on a light page and bright on
/// a dark one. One hue, so that lightness alone tells the colours apart.
pub fn good() -> ColorScale {
    let names: Vec<String> = (0..GOOD).map(|place| format!("--good-{place}")).collect();
    evenly(&names.iter().map(String::as_str).collect::<Vec<&str>>())
}

fn evenly(colors: &[&str]) -> ColorScale {
    let last = (colors.len() - 1) as f64;
    let element = |(place, color): (usize, &&str)| {
        ColorScaleElement(place as f64 / last, (*color).to_owned())
    };
    ColorScale::Vector(colors.iter().enumerate().map(element).collect())
}
