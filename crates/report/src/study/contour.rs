//! `contour`: the score over pairs of parameters, as a surface between the trials.

use burn_tune_search::Direction;
use plotly::common::{HoverInfo, Line, Marker};
use plotly::contour::{Coloring, Contours};
use plotly::{Contour, Plot, Trace};

use super::axis::ParamAxis;
use super::color_scale;
use super::completed::Completed;
use super::layout;
use super::pair_points::{MOST_POINTS, drawn_places, points};
use super::pairs::Pair;
use crate::figure::{Figure, Variant, plot};
use crate::numbers::short;

const HEIGHT: usize = 500;

/// The figure of all pairs; `None` where there is none, or all scores are equal.
pub fn figure(completed: &Completed, pairs: &[Pair]) -> Option<Figure> {
    let first = pairs.first().filter(|_| !completed.all_equal())?;
    let variant =
        |pair: &Pair| Variant { label: pair.label(), plot: surface_and_points(completed, pair) };
    let caption = format!(
        "The {} over two parameters, whatever the others are, {} first. The surface is a guess between the \
         points, which are trials: inverse distance weighting (Shepard 1968).{}",
        completed.metric,
        first.label(),
        completed.thinning(MOST_POINTS)
    );
    Some(Figure {
        id: "contour",
        title: "Contour".to_owned(),
        caption,
        height: HEIGHT,
        choice: "Parameters",
        variants: pairs.iter().map(variant).collect(),
    })
}

fn surface_and_points(completed: &Completed, pair: &Pair) -> Plot {
    let (x, y) = (pair.x.grid(), pair.y.grid());
    let scores = surface(completed, pair, &x, &y);
    let contour = Contour::new(x, y, scores)
        .color_scale(color_scale::good())
        .reverse_scale(completed.direction == Direction::Minimize)
        .color_bar(layout::color_bar(completed.metric, HEIGHT, 1))
        .contours(Contours::new().coloring(Coloring::HeatMap))
        .line(Line::new().smoothing(1.3).width(0.5))
        .hover_info(HoverInfo::Skip);
    let marker = Marker::new().color("black").size(7).line(Line::new().width(1.0).color("#d4d4d4"));
    let points = points(completed, pair, &drawn_places(completed, pair), marker);
    plot([contour as Box<dyn Trace>, points], layout::layout(pair.x.layout(), pair.y.layout()))
}

/// For each `y`, for each `x`: the mean of all trials that have both parameters, each weighted by the third
/// power of its inverse distance.
///
/// D. Shepard, "A two-dimensional interpolation function for irregularly-spaced data", ACM 1968,
/// <https://doi.org/10.1145/800186.810616>. With the second power, which he prefers, all trials far away
/// weigh as much as the near ones, since there are more of them the farther one looks, and the surface
/// is flat between the trials. Distances are taken on the axes as they are drawn, so that both
/// parameters count alike. At the place of trials the surface is their mean.
fn surface(completed: &Completed, pair: &Pair, x: &[f64], y: &[f64]) -> Vec<Vec<f64>> {
    let places = pair.places();
    let scores: Vec<f64> = places.iter().map(|&place| completed.trials[place].score).collect();
    let distances = |axis: &ParamAxis, at: f64| -> Vec<f64> {
        places.iter().map(|&place| axis.distance(axis.positions[place], at).powi(2)).collect()
    };
    let columns: Vec<Vec<f64>> = x.iter().map(|&x| distances(pair.x, x)).collect();
    let row = |&y: &f64| {
        let upwards = distances(pair.y, y);
        let score = |along: &Vec<f64>| short(weighted_mean(&scores, along, &upwards));
        columns.iter().map(score).collect()
    };
    y.iter().map(row).collect()
}

/// `along` and `upwards` are the squares of the distances to each trial.
fn weighted_mean(scores: &[f64], along: &[f64], upwards: &[f64]) -> f64 {
    let (mut total, mut weights) = (0.0, 0.0);
    for (score, (along, upwards)) in scores.iter().zip(along.iter().zip(upwards)) {
        // Far below what can be seen, and so near to a trial that it outweighs all others.
        let square = (along + upwards).max(1e-12);
        let weight = 1.0 / (square * square.sqrt());
        total += weight * score;
        weights += weight;
    }
    total / weights
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures::{figure_of, leaderboard, plot_of, small};

    #[test]
    fn the_surface_meets_the_trials() {
        let figure = figure_of(&small("maximize"), "contour").unwrap();
        assert_eq!(figure.variants[0].label, "lr × activation");
        let plot = plot_of(&figure, 0);
        let surface = &plot["data"][0];
        // A position beyond each end, and the four learning rates and two activations in between.
        assert_eq!(surface["x"].as_array().unwrap().len(), 6);
        assert_eq!(surface["y"], json!([-0.4, 0.0, 1.0, 1.4]));
        let score = |x: usize, y: usize| surface["z"][y][x].as_f64().unwrap();
        assert_eq!([score(1, 1), score(4, 1)], [0.3, 0.7]);
        assert_eq!([score(2, 2), score(3, 2)], [0.5, 0.6]);
        assert!((0.5..0.7).contains(&score(3, 1)), "{}", score(3, 1));
        assert_eq!(surface["reversescale"], false);
        assert_eq!(plot["data"][1]["x"], json!([0.01, 0.001, 0.1, 0.05]));
    }

    #[test]
    fn at_trials_in_one_place_the_surface_is_their_mean() {
        let trial = |a: i64, b: &str, score| (json!({ "a": a, "b": b }), Some(score));
        let trials =
            [trial(1, "x", 0.25), trial(1, "x", 0.75), trial(2, "x", 0.1), trial(2, "y", 0.9)];
        let space = json!({ "a": [1, 2], "b": ["x", "y"] });
        let plot = |direction| {
            let board = leaderboard(direction, space.clone(), &trials);
            plot_of(&figure_of(&board, "contour").unwrap(), 0)
        };
        let plot = plot("minimize");
        let surface = &plot["data"][0];
        assert_eq!(surface["reversescale"], true);
        assert_eq!(surface["z"][1][1], json!(0.5));
    }
}
