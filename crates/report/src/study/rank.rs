//! `rank`: the trials between pairs of parameters, coloured by their rank rather than by their score, so
//! that a few bad ones do not make all others look alike.

use burn_tune_ranking::format::value_text;
use burn_tune_search::Direction;
use plotly::Plot;
use plotly::common::{ColorBar, Line, Marker};

use super::color_scale;
use super::completed::Completed;
use super::layout;
use super::pair_points::{MOST_POINTS, drawn_places, points};
use super::pairs::Pair;
use crate::figure::{Figure, Variant, plot};
use crate::numbers::all_short;

const HEIGHT: usize = 500;

/// The figure of all pairs; `None` where there is none, or all scores are equal.
pub fn figure(completed: &Completed, pairs: &[Pair]) -> Option<Figure> {
    if pairs.is_empty() || completed.all_equal() {
        return None;
    }
    let quantiles = quantiles(completed);
    let variant =
        |pair: &Pair| Variant { label: pair.label(), plot: ranked(completed, pair, &quantiles) };
    let caption = format!(
        "The better a trial's rank, the more it stands out from the page. A region of one colour tells that the pair matters; colours that are mixed, that \
         other parameters decide.{}",
        completed.thinning(MOST_POINTS)
    );
    Some(Figure {
        id: "rank",
        title: "Rank".to_owned(),
        caption,
        height: HEIGHT,
        choice: "Parameters",
        variants: pairs.iter().map(variant).collect(),
    })
}

fn ranked(completed: &Completed, pair: &Pair, quantiles: &[f64]) -> Plot {
    let places = drawn_places(completed, pair);
    let marker = Marker::new()
        .size(9)
        .line(Line::new().width(0.5).color("grey"))
        .color_array(all_short(places.iter().map(|&place| quantiles[place])))
        .color_scale(color_scale::good())
        .reverse_scale(completed.direction == Direction::Minimize)
        .cmin(0.0)
        .cmax(1.0)
        .show_scale(true)
        .color_bar(color_bar(completed));
    let points = points(completed, pair, &places, marker);
    plot([points as _], layout::layout(pair.x.layout(), pair.y.layout()))
}

/// For each trial the share of the others whose score is smaller: from 0 to 1, the mean for equal ones.
fn quantiles(completed: &Completed) -> Vec<f64> {
    let sorted = sorted_scores(completed);
    let quantile = |score: f64| {
        let smaller = sorted.partition_point(|&other| other < score);
        let not_larger = sorted.partition_point(|&other| other <= score);
        (smaller + not_larger - 1) as f64 / 2.0 / (sorted.len() - 1) as f64
    };
    completed.trials.iter().map(|trial| quantile(trial.score)).collect()
}

/// A colour bar that says which score each quarter ends at, as numpy's `quantile` has it.
fn color_bar(completed: &Completed) -> ColorBar {
    let sorted = sorted_scores(completed);
    let quantile = |share: f64| {
        let place = share * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        value_text(low + (high - low) * place.fract())
    };
    let ticks = [("min.", 0.0), ("25%", 0.25), ("50%", 0.5), ("75%", 0.75), ("max.", 1.0)];
    layout::color_bar(completed.metric, HEIGHT, 2)
        .tick_vals(ticks.map(|(_, share)| share).to_vec())
        .tick_text(ticks.map(|(name, share)| format!("{name}<br>{}", quantile(share))).to_vec())
}

fn sorted_scores(completed: &Completed) -> Vec<f64> {
    let mut scores: Vec<f64> = completed.trials.iter().map(|trial| trial.score).collect();
    scores.sort_by(f64::total_cmp);
    scores
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures::{figure_of, leaderboard, plot_of, small};

    #[test]
    fn the_colour_is_the_rank_among_the_scores() {
        let plot = plot_of(&figure_of(&small("maximize"), "rank").unwrap(), 0);
        let marker = &plot["data"][0]["marker"];
        assert_eq!(marker["color"], json!([0.333333, 0.0, 1.0, 0.666667]));
        let ticks = &marker["colorbar"]["ticktext"];
        assert_eq!(ticks[0], "min.<br>0.3000");
        assert_eq!(ticks[2], "50%<br>0.5500");
        let hover = plot["data"][0]["hovertext"][1].as_str().unwrap();
        assert_eq!(
            hover,
            "Trial 1 (second)<br>activation: relu<br>epochs: 3<br>lr: 0.001<br><b>accuracy: 0.3000</b>"
        );
    }

    #[test]
    fn equal_scores_share_their_rank() {
        let trial = |a: i64, score| (json!({ "a": a, "b": a }), Some(score));
        let trials = [trial(1, 0.5), trial(2, 0.5), trial(3, 0.75)];
        let board = leaderboard("minimize", json!({ "a": [1, 2, 3], "b": [1, 2, 3] }), &trials);
        let figure = figure_of(&board, "rank").unwrap();
        let plot = plot_of(&figure, 0);
        assert_eq!(plot["data"][0]["marker"]["color"], json!([0.25, 0.25, 1.0]));
        assert!(figure.caption.starts_with("The better a trial's rank"));
    }
}
