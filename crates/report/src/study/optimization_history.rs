//! `optimization_history`: the score of each trial, and the best one so far.

use burn_tune_ranking::format::value_text;
use plotly::common::{Anchor, ErrorData, ErrorType, Line, LineShape, Marker, MarkerSymbol, Mode};
use plotly::layout::Annotation;
use plotly::{Scatter, Trace};

use super::completed::{CompleteTrial, Completed};
use super::layout;
use crate::figure::{COLORS, Figure, plot};
use crate::numbers::{all_short, short};

const MOST_POINTS: usize = 1000;
/// Up to how many trials a point's hover has the trial's parameters.
const MOST_FULL_HOVERS: usize = 300;
/// How many names there is room for where the named trials come one after the other.
const MOST_NAMES: usize = 5;
/// How wide an upright name is, in pixels.
const NAME_WIDTH: u32 = 14;

/// The figure of all complete trials.
pub fn figure(completed: &Completed) -> Figure {
    let layout = layout::layout(layout::axis("Trial"), layout::axis(completed.metric))
        .show_legend(true)
        .legend(layout::legend_above())
        .annotations(names(completed));
    let (unnamed, named): (Vec<usize>, Vec<usize>) = completed
        .thinned(MOST_POINTS)
        .into_iter()
        .partition(|&place| completed.trials[place].entry.name.is_none());
    let mut series = vec![
        (unnamed, completed.metric, MarkerSymbol::Circle, COLORS[0]),
        (named, "named trials", MarkerSymbol::Diamond, COLORS[1]),
    ];
    series.retain(|(places, ..)| !places.is_empty());
    let points = series
        .into_iter()
        .map(|(places, name, symbol, color)| points(completed, &places, name, symbol, color));
    let plot = plot(points.chain([best_so_far(completed)]), layout);
    Figure::single("optimization_history", "Optimization history", caption(completed), 420, plot)
}

fn points(
    completed: &Completed,
    places: &[usize],
    name: &str,
    symbol: MarkerSymbol,
    color: &'static str,
) -> Box<dyn Trace> {
    let trials = || places.iter().map(|&place| &completed.trials[place]);
    let numbers: Vec<usize> = trials().map(|trial| trial.entry.trial).collect();
    let hover = |trial: &CompleteTrial| {
        if completed.trials.len() <= MOST_FULL_HOVERS {
            trial.hover(completed.metric)
        } else {
            format!("{}<br><b>{}</b>", trial.label(), value_text(trial.score))
        }
    };
    let mut points = Scatter::new(numbers, all_short(trials().map(|trial| trial.score)))
        .mode(Mode::Markers)
        .name(name)
        .marker(Marker::new().color(color).symbol(symbol).size(7))
        .hover_text_array(trials().map(hover).collect())
        .hover_template("%{hovertext}<extra></extra>");
    if completed.folds > 1 {
        let std = trials().map(|trial| trial.entry.std_test_score.unwrap_or_default());
        let error = ErrorData::new(ErrorType::Data).array(all_short(std)).thickness(1.0).width(0);
        points = points.error_y(error.visible(true));
    }
    points
}

/// The best score so far: a step at each trial that is better than all before it, up to the last trial.
fn best_so_far(completed: &Completed) -> Box<dyn Trace> {
    let mut steps: Vec<(usize, f64)> = Vec::new();
    for trial in &completed.trials {
        if steps.last().is_none_or(|&(_, best)| completed.is_better(trial.score, best)) {
            steps.push((trial.entry.trial, trial.score));
        }
    }
    let best = completed.best().score;
    let ends = steps.iter().copied().chain([(completed.last_number, best)]);
    let (numbers, scores): (Vec<usize>, Vec<f64>) =
        ends.map(|(number, score)| (number, short(score))).unzip();
    Scatter::new(numbers, scores)
        .mode(Mode::Lines)
        .name("best so far")
        .line(Line::new().shape(LineShape::Hv).color(COLORS[3]).width(2.0))
        .hover_template("best up to trial %{x}: %{y}<extra></extra>")
}

/// The names of the named trials; of the best ones where there are many.
///
/// They stand upright and fan out to the right, each with a line to its point: explicit trials come one
/// after the other, and on a phone they are narrower than a letter.
fn names(completed: &Completed) -> Vec<Annotation> {
    let is_named = |place: &usize| completed.trials[*place].entry.name.is_some();
    let mut places: Vec<usize> = completed.by_rank.iter().copied().filter(is_named).collect();
    places.truncate(MOST_NAMES);
    places.sort_unstable();
    let near = completed.last_number / 25;
    let mut last: Option<usize> = None;
    let mut crowded: u32 = 0;
    let name = |place: usize| {
        let trial = &completed.trials[place];
        let is_near = last.is_some_and(|last| trial.entry.trial - last <= near + 1);
        crowded = if is_near { crowded + 1 } else { 0 };
        last = Some(trial.entry.trial);
        Annotation::new()
            .text(trial.entry.name.as_deref().unwrap_or_default())
            .x(trial.entry.trial)
            .y(short(trial.score))
            .text_angle(-90.0)
            .ax(f64::from(crowded * NAME_WIDTH))
            .ay(-22.0)
            .y_anchor(Anchor::Bottom)
            .arrow_head(0)
            .arrow_width(1.0)
            .arrow_color("grey")
            .stand_off(4.0)
    };
    places.into_iter().map(name).collect()
}

fn caption(completed: &Completed) -> String {
    let best = completed.best();
    let score = value_text(best.score);
    let mut caption = match completed.trials.len() {
        1 => format!("{} is the only complete one, with {score}.", best.label()),
        trials if completed.all_equal() => format!("All {trials} complete trials have {score}."),
        _ => {
            let after = if best.entry.trial == completed.last_number {
                "it is the last one, so a longer search might find a better one"
            } else {
                "nothing after it got better"
            };
            format!("{} is best at {score}; {after}.", best.label())
        }
    };
    caption.push_str(&noise(completed));
    match completed.failed {
        0 => {}
        1 => caption.push_str(" One trial failed and is not drawn."),
        failed => caption.push_str(&format!(" {failed} trials failed and are not drawn.")),
    }
    caption + &completed.thinning(MOST_POINTS)
}

/// How many trials may be as good as the best: what a reader must know before taking the best seriously.
fn noise(completed: &Completed) -> String {
    if completed.trials.len() < 2 || completed.all_equal() {
        return String::new();
    }
    let [within, beyond] = [true, false].map(|noise| {
        let is =
            |place: &&usize| completed.trials[**place].entry.within_noise_of_best == Some(noise);
        completed.by_rank[1..].iter().filter(is).count()
    });
    match (within, beyond) {
        (0, 0) if completed.folds == 1 => {
            " With a single fold nothing tells how much of a difference is noise.".to_owned()
        }
        (0, 0) => String::new(),
        (0, _) => " It leads by more than noise.".to_owned(),
        (1, _) => " One other trial differs from it by no more than noise.".to_owned(),
        _ => format!(" {within} others differ from it by no more than noise."),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures::{figure_of, leaderboard, plot_of, small};

    fn best_line(direction: &str) -> (serde_json::Value, serde_json::Value) {
        let plot = plot_of(&figure_of(&small(direction), "optimization_history").unwrap(), 0);
        let line = plot["data"].as_array().unwrap().last().unwrap().clone();
        (line["x"].clone(), line["y"].clone())
    }

    #[test]
    fn the_line_steps_where_a_trial_was_better_and_goes_on_to_the_last() {
        assert_eq!(best_line("maximize"), (json!([0, 3, 4]), json!([0.5, 0.7, 0.7])));
        assert_eq!(best_line("minimize"), (json!([0, 1, 4]), json!([0.5, 0.3, 0.3])));
    }

    #[test]
    fn failed_trials_are_not_drawn_and_named_ones_have_their_name() {
        let figure = figure_of(&small("maximize"), "optimization_history").unwrap();
        let plot = plot_of(&figure, 0);
        assert_eq!(plot["data"][0]["x"], json!([0, 3, 4]));
        assert_eq!(plot["data"][0]["error_y"]["array"], json!([0.01, 0.01, 0.01]));
        assert_eq!(plot["data"][1]["x"], json!([1]));
        assert_eq!(plot["layout"]["annotations"][0]["text"], "second");
        assert_eq!(
            figure.caption,
            "Trial 3 is best at 0.7000; nothing after it got better. It leads by more than noise. One \
             trial failed and is not drawn."
        );
    }

    #[test]
    fn captions_of_degenerate_studies_claim_nothing() {
        let caption = |trials: &[(serde_json::Value, Option<f64>)]| {
            let board = leaderboard("maximize", json!({ "a": [1, 2] }), trials);
            figure_of(&board, "optimization_history").unwrap().caption
        };
        let trial = |score| (json!({ "a": 1 }), score);
        let one = caption(&[trial(None), trial(Some(0.5))]);
        assert!(
            one.starts_with("Trial 1 (second) is the only complete one, with 0.5000."),
            "{one}"
        );
        let equal = caption(&[trial(Some(0.5)), trial(Some(0.5))]);
        assert_eq!(equal, "All 2 complete trials have 0.5000.");
        let rising = caption(&[trial(Some(0.5)), trial(Some(0.52))]);
        assert_eq!(
            rising,
            "Trial 1 (second) is best at 0.5200; it is the last one, so a longer search might find a \
             better one. One other trial differs from it by no more than noise."
        );
    }
}
