//! A row for each model, the first on top, for plots in which a model is a few points rather than a
//! line.

use plotly::layout::{Axis, AxisRange};

use super::models::Model;

/// The share of a row's height over which the dots of its seeds are spread, so that none hides another.
const SPREAD: f64 = 0.6;

/// The axis of the rows, labelled with `names`.
pub fn axis(names: &[&str]) -> Axis {
    let rows = names.len() as f64;
    Axis::new()
        .range(AxisRange::new(rows - 0.5, -0.5))
        .tick_values((0..names.len()).map(|row| row as f64).collect())
        .tick_text(names.to_vec())
}

/// The names of `models`.
pub fn names<'a>(models: &[Model<'a>]) -> Vec<&'a str> {
    models.iter().map(|model| model.entry.name.as_str()).collect()
}

/// Where in its row the dot of `seed` is, one of `seeds`.
pub fn place(row: usize, seed: usize, seeds: usize) -> f64 {
    let share = (seed as f64 + 0.5) / seeds.max(1) as f64 - 0.5;
    row as f64 + share * SPREAD
}

/// How high a plot of `rows` is, in pixels, with its legend.
pub fn height(rows: usize) -> usize {
    130 + 44 * rows.max(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_stay_within_their_row() {
        assert_eq!(place(3, 0, 1), 3.0);
        assert!(place(3, 0, 8) > 2.7 && place(3, 7, 8) < 3.3 && place(3, 0, 8) < place(3, 1, 8));
    }
}
