//! `timeline`: which worker did what, and when. A `bar` of plotly.js that starts elsewhere than at 0,
//! which the plotly crate has not, is confined to this file.

use std::collections::BTreeSet;

use burn_tune_ranking::format::trimmed_text;
use burn_tune_ranking::timeline::TimelineEntry;
use burn_tune_search::keyed_rng::Task;
use plotly::Trace;
use plotly::common::{Line, Marker};
use plotly::layout::BarMode;
use serde::Serialize;

use super::layout;
use crate::figure::{COLORS, Figure, plot};
use crate::numbers::short;

const MOST_BARS: usize = 3000;

/// The figure of all tasks; `None` where there is none.
pub fn figure(timeline: &[TimelineEntry]) -> Option<Figure> {
    let mut entries: Vec<&TimelineEntry> =
        timeline.iter().filter(|entry| has_times(entry)).collect();
    entries.sort_by(|a, b| a.span.start_s.total_cmp(&b.span.start_s));
    if entries.is_empty() {
        return None;
    }
    let caption = caption(&entries);
    entries.drain(..entries.len().saturating_sub(MOST_BARS));
    let workers: BTreeSet<usize> = entries.iter().map(|entry| entry.span.worker).collect();
    let workers: Vec<usize> = workers.into_iter().collect();
    let bars = |end: &End| bars(&entries, &workers, *end);
    let traces = [End::Complete, End::Refit, End::Failed].iter().filter_map(bars);
    let rows = (0..workers.len()).map(|row| row as f64).collect();
    let names = workers.iter().map(|worker| format!("worker {worker}")).collect();
    let y = layout::axis("")
        .tick_values(rows)
        .tick_text(names)
        .range(vec![workers.len() as f64 - 0.5, -0.5])
        .show_grid(false);
    let layout = layout::layout(layout::axis("Seconds from the start"), y)
        .bar_mode(BarMode::Overlay)
        .bar_gap(0.25)
        .show_legend(true)
        .legend(layout::legend_above());
    let height = 130 + 36 * workers.len().min(20);
    Some(Figure::single("timeline", "Timeline", caption, height, plot(traces, layout)))
}

/// What a bar's colour stands for.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Complete,
    Refit,
    Failed,
}

impl End {
    fn of(entry: &TimelineEntry) -> Self {
        match (entry.succeeded, entry.task) {
            (false, _) => End::Failed,
            (true, Task::Fold(_)) => End::Complete,
            (true, Task::Refit(_)) => End::Refit,
        }
    }

    fn name_and_color(self) -> (&'static str, &'static str) {
        match self {
            End::Complete => ("fold", COLORS[0]),
            End::Refit => ("refit", COLORS[2]),
            End::Failed => ("failed", COLORS[3]),
        }
    }
}

/// Bars from a start to an end, each in the row of a worker.
#[derive(Clone, Serialize)]
struct Bars {
    r#type: &'static str,
    orientation: &'static str,
    name: &'static str,
    base: Vec<f64>,
    x: Vec<f64>,
    y: Vec<usize>,
    #[serde(rename = "hovertext")]
    hover_text: Vec<String>,
    #[serde(rename = "hovertemplate")]
    hover_template: &'static str,
    marker: Marker,
}

impl Trace for Bars {
    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts have a JSON")
    }
}

fn bars(entries: &[&TimelineEntry], workers: &[usize], end: End) -> Option<Box<dyn Trace>> {
    let (name, color) = end.name_and_color();
    let of_end = || entries.iter().filter(|entry| End::of(entry) == end);
    let row = |worker| workers.iter().position(|other| *other == worker).unwrap_or_default();
    // Edges tell neighbours apart, but where there are many, nothing else would be seen.
    let edge = if entries.len() > 500 { 0.0 } else { 0.5 };
    let bars = Bars {
        r#type: "bar",
        orientation: "h",
        name,
        base: of_end().map(|entry| short(entry.span.start_s)).collect(),
        x: of_end().map(|entry| short(entry.span.end_s - entry.span.start_s)).collect(),
        y: of_end().map(|entry| row(entry.span.worker)).collect(),
        hover_text: of_end().map(|entry| hover(entry)).collect(),
        hover_template: "%{hovertext}<extra></extra>",
        marker: Marker::new().color(color).line(Line::new().width(edge).color("grey")),
    };
    (!bars.base.is_empty()).then(|| Box::new(bars) as Box<dyn Trace>)
}

fn hover(entry: &TimelineEntry) -> String {
    let seconds = trimmed_text(entry.span.end_s - entry.span.start_s, 3);
    let task = match entry.task {
        Task::Fold(fold) => format!("fold {fold}"),
        Task::Refit(seed) => format!("refit, seed {seed}"),
    };
    format!("Trial {}, {task}: {seconds} s", entry.trial)
}

/// Whether the entry has a place on the axis; a damaged file may have anything.
fn has_times(entry: &TimelineEntry) -> bool {
    let span = &entry.span;
    span.start_s.is_finite() && span.end_s.is_finite() && span.start_s <= span.end_s
}

fn caption(entries: &[&TimelineEntry]) -> String {
    let spans = || entries.iter().map(|entry| &entry.span);
    let start = spans().map(|span| span.start_s).fold(f64::INFINITY, f64::min);
    let end = spans().map(|span| span.end_s).fold(f64::NEG_INFINITY, f64::max);
    let busy: f64 = spans().map(|span| span.end_s - span.start_s).sum();
    let workers = spans().map(|span| span.worker).collect::<BTreeSet<usize>>().len();
    let seconds = trimmed_text(end - start, 3);
    let share = (100.0 * busy / (workers as f64 * (end - start))).round();
    let share =
        if share.is_finite() { format!(" for {share} % of the time") } else { String::new() };
    let workers =
        if workers == 1 { "One worker was".to_owned() } else { format!("{workers} workers were") };
    let mut caption = format!(
        "{workers} busy{share}, from the start to the end {seconds} s later; a bar is a fold or a refit."
    );
    if entries.len() > MOST_BARS {
        caption.push_str(&format!(" Of {} tasks it shows the last {MOST_BARS}.", entries.len()));
    }
    caption
}

#[cfg(test)]
mod tests {
    use burn_tune_search::timeline::Span;
    use serde_json::json;

    use super::super::fixtures::plot_of;
    use super::*;

    fn entry(trial: usize, task: Task, worker: usize, from: f64, to: f64) -> TimelineEntry {
        let span = Span { worker, start_s: from, end_s: to };
        TimelineEntry { trial, task, span, succeeded: trial != 2 }
    }

    #[test]
    fn each_worker_has_a_row_and_each_end_a_colour() {
        let figure = figure(&[
            entry(0, Task::Fold(0), 4, 0.0, 2.5),
            entry(1, Task::Fold(1), 0, 1.0, 3.0),
            entry(2, Task::Fold(0), 4, 2.5, 5.0),
            entry(1, Task::Refit(3), 0, 3.0, 4.0),
        ]);
        let figure = figure.unwrap();
        let plot = plot_of(&figure, 0);
        assert_eq!(plot["layout"]["yaxis"]["ticktext"], json!(["worker 0", "worker 4"]));
        let bars = |place: usize| {
            let bars = &plot["data"][place];
            (
                bars["name"].as_str().unwrap(),
                bars["base"].clone(),
                bars["x"].clone(),
                bars["y"].clone(),
            )
        };
        assert_eq!(bars(0), ("fold", json!([0.0, 1.0]), json!([2.5, 2.0]), json!([1, 0])));
        assert_eq!(bars(1), ("refit", json!([3.0]), json!([1.0]), json!([0])));
        assert_eq!(bars(2), ("failed", json!([2.5]), json!([2.5]), json!([1])));
        assert_eq!(plot["data"][1]["hovertext"][0], "Trial 1, refit, seed 3: 1 s");
        assert!(figure.caption.starts_with("2 workers were busy for 80 % of the time"));
    }

    #[test]
    fn what_has_no_time_is_not_drawn() {
        assert!(figure(&[]).is_none());
        let damaged = |from, to| entry(0, Task::Fold(0), 0, from, to);
        assert!(figure(&[damaged(f64::NAN, 1.0), damaged(2.0, 1.0)]).is_none());
        let figure = figure(&[damaged(1.0, 1.0)]).unwrap();
        assert!(figure.caption.starts_with("One worker was busy, from"), "{}", figure.caption);
    }

    #[test]
    fn of_a_long_search_the_last_tasks_are_shown() {
        let tasks: Vec<_> =
            (0..6000).map(|s| entry(3, Task::Fold(0), 0, f64::from(s), f64::from(s + 1))).collect();
        let figure = figure(&tasks).unwrap();
        assert_eq!(plot_of(&figure, 0)["data"][0]["base"][0], json!(3000.0));
        assert!(figure.caption.ends_with("Of 6000 tasks it shows the last 3000."));
    }
}
