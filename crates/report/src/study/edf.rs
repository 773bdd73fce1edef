//! `edf`: which share of the trials comes up to each score.

use burn_tune_ranking::format::value_text;
use burn_tune_search::Direction;
use plotly::Scatter;
use plotly::common::{Line, LineShape, Mode};

use super::completed::Completed;
use super::layout;
use crate::figure::{COLORS, Figure, plot};
use crate::numbers::short;

const MOST_STEPS: usize = 500;

/// The figure of all complete trials; `None` where all scores are equal.
pub fn figure(completed: &Completed) -> Option<Figure> {
    if completed.all_equal() {
        return None;
    }
    let mut scores: Vec<f64> = completed.trials.iter().map(|trial| trial.score).collect();
    scores.sort_by(f64::total_cmp);
    let (x, y): (Vec<f64>, Vec<f64>) = steps(&scores).into_iter().unzip();
    let metric = completed.metric;
    let trace = Scatter::new(x, y)
        .mode(Mode::Lines)
        .line(Line::new().shape(LineShape::Hv).color(COLORS[0]).width(2.0))
        .hover_template(format!("%{{y:.1%}} of the trials have {metric} ≤ %{{x}}<extra></extra>"));
    let y = layout::axis("Cumulative probability").range(vec![0.0, 1.02]);
    let (low, high) = completed.extremes();
    let room = 0.03 * (high - low);
    let x = layout::axis(metric).range(vec![short(low - room), short(high + room)]);
    let plot = plot([trace as _], layout::layout(x, y));
    let title = "Empirical distribution of scores";
    Some(Figure::single("edf", title, caption(completed), 380, plot))
}

/// For each score the share of the trials that have no larger one. Where there are too many for a
/// figure, evenly picked ones, with the first and the last.
fn steps(sorted: &[f64]) -> Vec<(f64, f64)> {
    let trials = sorted.len();
    let mut steps = vec![(short(sorted[0]), 0.0)];
    let ends = (0..trials).filter(|&place| sorted.get(place + 1) != Some(&sorted[place]));
    steps.extend(
        ends.map(|place| (short(sorted[place]), short((place + 1) as f64 / trials as f64))),
    );
    let every = steps.len().div_ceil(MOST_STEPS);
    let last = steps.len() - 1;
    let mut place = 0;
    steps.retain(|_| {
        place += 1;
        place == 1 || (last + 1 - place).is_multiple_of(every)
    });
    steps
}

fn caption(completed: &Completed) -> String {
    let of_rank = |share: f64| {
        let place = (share * completed.trials.len() as f64).ceil() as usize;
        value_text(completed.trials[completed.by_rank[place - 1]].score)
    };
    let (reaches, steep) = match completed.direction {
        Direction::Maximize => ("or more", "right"),
        Direction::Minimize => ("or less", "left"),
    };
    format!(
        "Half of the trials have {} {reaches}, and one in ten {} {reaches}. A curve that is steep at its \
         {steep} end tells that much of the space is good.",
        of_rank(0.5),
        of_rank(0.1)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures::{figure_of, plot_of, small};
    use super::*;

    #[test]
    fn it_rises_by_a_share_at_each_score() {
        let plot = plot_of(&figure_of(&small("maximize"), "edf").unwrap(), 0);
        assert_eq!(plot["data"][0]["x"], json!([0.3, 0.3, 0.5, 0.6, 0.7]));
        assert_eq!(plot["data"][0]["y"], json!([0.0, 0.25, 0.5, 0.75, 1.0]));
    }

    #[test]
    fn equal_scores_are_one_step() {
        assert_eq!(steps(&[0.5, 0.5, 0.75, 0.75]), [(0.5, 0.0), (0.5, 0.5), (0.75, 1.0)]);
    }

    #[test]
    fn a_large_study_is_thinned_and_keeps_its_ends() {
        let scores: Vec<f64> = (0..5003).map(f64::from).collect();
        let steps = steps(&scores);
        assert!(steps.len() <= MOST_STEPS + 1, "{}", steps.len());
        assert_eq!((steps[0], steps[steps.len() - 1]), ((0.0, 0.0), (5002.0, 1.0)));
    }

    #[test]
    fn the_caption_counts_from_the_better_end() {
        let caption = |direction| figure_of(&small(direction), "edf").unwrap().caption;
        assert!(
            caption("maximize")
                .starts_with("Half of the trials have 0.6000 or more, and one in ten 0.7000")
        );
        assert!(
            caption("minimize")
                .starts_with("Half of the trials have 0.5000 or less, and one in ten 0.3000")
        );
    }
}
