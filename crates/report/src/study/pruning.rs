//! `pruning`: what the trials reported after each epoch of their first fold, and where they were stopped.

use burn_tune_ranking::Leaderboard;
use burn_tune_ranking::format::{grouped, step_word};
use burn_tune_ranking::leaderboard::{State, TrialEntry};
use plotly::common::{Line, Marker, MarkerSymbol, Mode};
use plotly::{Scatter, Trace};

use super::layout;
use crate::figure::{COLORS, Figure, plot};
use crate::numbers::count;

/// Beyond, the first ones of the ranking are drawn.
const MOST_LINES: usize = 200;
const FAINT: &str = "#94a3b8";

/// The figure of the trials that reported; `None` where none did.
pub fn figure(leaderboard: &Leaderboard) -> Option<Figure> {
    let reporting: Vec<&TrialEntry> =
        leaderboard.trials.iter().filter(|trial| !trial.reports.is_empty()).collect();
    if reporting.is_empty() {
        return None;
    }
    let shown = &reporting[..reporting.len().min(MOST_LINES)];
    let step = step_word(&leaderboard.evaluation);
    // What is drawn last lies on top: the best.
    let traces = shown.iter().rev().flat_map(|trial| traces(trial, step));
    let y_title = format!("{} on the first fold", leaderboard.evaluation.metric);
    let layout = layout::layout(layout::axis(&capitalized(step)), layout::axis(&y_title));
    let complete = shown.iter().filter(|trial| trial.state == State::Complete).count();
    let saved = leaderboard.pruning.as_ref().map_or(String::new(), |pruning| {
        let saved = pruning.steps_without - pruning.steps;
        format!(" {} of {} {step}s were saved.", grouped(saved), grouped(pruning.steps_without))
    });
    let drawn = match reporting.len() - shown.len() {
        0 => String::new(),
        _ => format!(" The first {MOST_LINES} of the ranking are drawn."),
    };
    let nobody_prunes =
        leaderboard.pruning.is_none() && shown.iter().all(|trial| trial.state != State::Pruned);
    let scored = format!("What each trial scored after the {step}s of its first fold.");
    let plot = plot(traces, layout);
    if nobody_prunes {
        let caption = format!("{scored}{drawn}");
        return Some(Figure::single("pruning", "Intermediate values", caption, 420, plot));
    }
    let caption = format!(
        "{scored} {} in colour went on to the other folds; a grey line ends where its trial was stopped (×).{saved}{drawn}",
        count(complete, "trial"),
    );
    Some(Figure::single("pruning", "Pruning", caption, 420, plot))
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The line of a trial, and its end where it was stopped.
fn traces(trial: &TrialEntry, step: &str) -> Vec<Box<dyn Trace>> {
    let points = trial.reports.iter().filter_map(|report| Some((report.step, report.score?)));
    let (steps, scores): (Vec<u64>, Vec<f64>) = points.unzip();
    let stopped = trial.state == State::Pruned;
    let color = if stopped { FAINT } else { COLORS[0] };
    let hover = format!("trial {}<br>{step} %{{x}}: %{{y}}<extra></extra>", trial.trial);
    let end = (steps.last().copied(), scores.last().copied());
    let line = Scatter::new(steps, scores)
        .mode(Mode::Lines)
        .line(Line::new().color(color).width(1.0))
        .opacity(if stopped { 0.6 } else { 0.8 })
        .show_legend(false)
        .hover_template(hover.clone());
    let mut all: Vec<Box<dyn Trace>> = vec![line];
    if let (true, (Some(step), Some(score))) = (stopped, end) {
        let marker = Marker::new().color(FAINT).size(6).symbol(MarkerSymbol::X);
        all.push(
            Scatter::new(vec![step], vec![score])
                .mode(Mode::Markers)
                .marker(marker)
                .show_legend(false)
                .hover_template(hover),
        );
    }
    all
}
