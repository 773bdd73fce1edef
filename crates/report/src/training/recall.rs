//! Which classes each model recognises, and which it never names.

use burn_tune_ranking::{ModelEntry, TrainingReport};
use plotly::common::{
    ColorBar, ColorScale, ColorScaleElement, HoverInfo, Marker, MarkerSymbol, Mode,
};
use plotly::layout::{Axis, AxisRange};
use plotly::{HeatMap, Plot, Scatter, Trace};
use serde::Serialize;

use super::captions::{listed, percent};
use super::downsample::Rounded;
use super::line_plots::CHOICE;
use super::plot::plot;
use super::row_axis;
use crate::figure::{Figure, Variant};

/// From nothing to everything, with a step at nine tenths, below which something is wrong with a model of
/// digits. So the text in the cells, which is black or white by the cell, is on light or on dark ones,
/// and hardly ever on one between; for that, the colours are the same on a light and on a dark page.
const SCALE: [(f64, &str); 4] =
    [(0.0, "#f0f9ff"), (0.9, "#93c5fd"), (0.92, "#2563eb"), (1.0, "#1e3a8a")];

/// The figure; `None` where no training came to an end.
pub fn figure(report: &TrainingReport) -> Option<Figure> {
    let lists = || report.models.iter().flat_map(|model| &model.per_class_recall);
    if report.evaluation.classes.is_empty() || lists().all(Vec::is_empty) {
        return None;
    }
    let variants = vec![
        Variant { label: "mean over seeds".into(), plot: means(report) },
        Variant { label: "each seed".into(), plot: seeds(report) },
    ];
    Some(Figure {
        id: "recall",
        title: "Recall of each class".into(),
        caption: caption(report),
        height: height(report),
        choice: CHOICE,
        variants,
    })
}

/// A heatmap with text in its cells; plotly.js finds the size and the colour of it by the cell. The
/// crate's own has no such field.
#[derive(Clone, Serialize)]
struct LabelledHeatMap {
    #[serde(flatten)]
    cells: HeatMap<usize, usize, Vec<Option<Rounded>>>,
    texttemplate: &'static str,
}

impl Trace for LabelledHeatMap {
    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A row of a heatmap.
#[derive(Default)]
struct Row {
    recall: Vec<Option<Rounded>>,
    texts: Vec<String>,
    hover: Vec<String>,
}

fn means(report: &TrainingReport) -> Plot {
    let rows: Vec<Row> = report.models.iter().map(|model| mean_row(report, model)).collect();
    let texts: Vec<Vec<String>> = rows.iter().map(|row| row.texts.clone()).collect();
    let cells = *cells(rows, report.evaluation.classes.len()).text_matrix(texts).show_scale(false);
    let trace: Box<dyn Trace> = Box::new(LabelledHeatMap { cells, texttemplate: "%{text}" });
    let names: Vec<&str> = report.models.iter().map(|model| model.name.as_str()).collect();
    plot([trace], class_axis(report), row_axis::axis(&names).show_grid(false), height(report))
}

fn mean_row(report: &TrainingReport, model: &ModelEntry) -> Row {
    let mut row = Row::default();
    for (place, class) in report.evaluation.classes.iter().enumerate() {
        let seeds: Vec<f64> =
            model.per_class_recall.iter().filter_map(|seed| *seed.get(place)?).collect();
        let mean = (!seeds.is_empty()).then(|| seeds.iter().sum::<f64>() / seeds.len() as f64);
        let never = model.never_predicted.iter().filter(|classes| classes.contains(class)).count();
        let text = mean.map_or(String::new(), |mean| format!("{:.0}", mean * 100.0));
        let mark = format!("{text}<br>✕{never}");
        row.hover.push(format!(
            "{}, class {class}: {} over {} seeds<br>never predicted by {never} of them",
            model.name,
            mean.map_or("unknown".into(), percent),
            seeds.len(),
        ));
        row.texts.push(if never > 0 { mark } else { text });
        row.recall.push(mean.map(Rounded::from));
    }
    row
}

fn seeds(report: &TrainingReport) -> Plot {
    let classes = report.evaluation.classes.len();
    let mut rows = Vec::new();
    let (mut middles, mut names) = (Vec::new(), Vec::new());
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for model in &report.models {
        middles.push(rows.len() as f64 + (report.seeds as f64 - 1.0) / 2.0);
        names.push(model.name.as_str());
        for seed in 0..report.seeds {
            let never = model.never_predicted.get(seed).map_or(&[][..], Vec::as_slice);
            for (place, _) in never_places(report, never) {
                x.push(place);
                y.push(rows.len());
            }
            rows.push(seed_row(report, model, seed, never));
        }
        // An empty row sets a model apart from the next.
        rows.push(Row { recall: vec![None; classes], ..Row::default() });
    }
    let bottom = rows.len() as f64 - 1.5;
    let y_axis = Axis::new()
        .range(AxisRange::new(bottom, -0.5))
        .tick_values(middles)
        .tick_text(names)
        .show_grid(false);
    let traces = [cells(rows, classes).color_bar(color_bar()), never_marks(x, y)];
    plot(traces, class_axis(report), y_axis, height(report))
}

fn seed_row(report: &TrainingReport, model: &ModelEntry, seed: usize, never: &[u8]) -> Row {
    let recall = model.per_class_recall.get(seed).map_or(&[][..], Vec::as_slice);
    let mut row = Row::default();
    for (place, class) in report.evaluation.classes.iter().enumerate() {
        let value = recall.get(place).copied().flatten();
        row.hover.push(format!(
            "{}, seed {seed}, class {class}: {}{}",
            model.name,
            value.map_or("unknown".into(), percent),
            if never.contains(class) { ", never predicted" } else { "" }
        ));
        row.recall.push(value.map(Rounded::from));
    }
    row
}

/// The columns of the classes that are `never` predicted.
fn never_places<'a>(
    report: &'a TrainingReport,
    never: &'a [u8],
) -> impl Iterator<Item = (usize, &'a u8)> {
    report.evaluation.classes.iter().enumerate().filter(|(_, class)| never.contains(class))
}

fn cells(rows: Vec<Row>, classes: usize) -> Box<HeatMap<usize, usize, Vec<Option<Rounded>>>> {
    let scale = SCALE.map(|(place, color)| ColorScaleElement(place, color.to_owned()));
    let hover: Vec<Vec<String>> = rows.iter().map(|row| row.hover.clone()).collect();
    let places = (0..rows.len()).collect();
    let recall = rows.into_iter().map(|row| row.recall).collect();
    HeatMap::new((0..classes).collect(), places, recall)
        .color_scale(ColorScale::Vector(scale.into()))
        .zmin(0.0)
        .zmax(1.0)
        .x_gap(1.0)
        .y_gap(1.0)
        .hover_text_matrix(hover)
        .hover_info(HoverInfo::Text)
        .hover_on_gaps(false)
}

fn never_marks(x: Vec<usize>, y: Vec<usize>) -> Box<dyn Trace> {
    let marker = Marker::new().symbol(MarkerSymbol::X).size(6).color("#dc2626");
    Scatter::new(x, y)
        .name("never predicted")
        .mode(Mode::Markers)
        .marker(marker)
        .show_legend(true)
        .hover_info(HoverInfo::Skip)
}

fn color_bar() -> ColorBar {
    ColorBar::new().thickness(10).tick_format("~%").outline_width(0)
}

fn class_axis(report: &TrainingReport) -> Axis {
    let classes = &report.evaluation.classes;
    Axis::new()
        .title("class")
        .tick_values((0..classes.len()).map(|place| place as f64).collect())
        .tick_text(classes.iter().map(u8::to_string).collect::<Vec<String>>())
        .show_grid(false)
}

/// Enough for a row for each seed, and an empty one between models.
fn height(report: &TrainingReport) -> usize {
    let models = report.models.len();
    row_axis::height(models).max(150 + 6 * models * (report.seeds + 1))
}

fn caption(report: &TrainingReport) -> String {
    let what = "The share of the test examples of each class that was recognised, in percent";
    let trainings = || report.models.iter().flat_map(|model| &model.never_predicted);
    let sick = trainings().filter(|classes| !classes.is_empty()).count();
    if sick == 0 {
        return format!("{what}. Every training names every class.");
    }
    let names: Vec<String> = report
        .models
        .iter()
        .filter_map(|model| {
            let sick = model.never_predicted.iter().filter(|classes| !classes.is_empty()).count();
            (sick > 0).then(|| format!("{} ({sick} of {})", model.name, report.seeds))
        })
        .collect();
    let lead = if sick == 1 {
        "One training never names at least one class".to_owned()
    } else {
        format!("{sick} trainings never name at least one class")
    };
    format!(
        "{what}; ✕ marks a class that no prediction names, with the number of such seeds. {lead}: {}.",
        listed(&names)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::fixtures::{entry, report};

    #[test]
    fn a_class_that_is_never_predicted_is_marked_in_both_variants() {
        let mut sick = entry("sick", 1, &[0.5, 0.9]);
        sick.per_class_recall = vec![vec![Some(1.0), Some(0.0)], vec![Some(0.5), Some(0.5)]];
        sick.never_predicted = vec![vec![1], vec![]];
        let figure = figure(&report(vec![entry("well", 0, &[0.9, 0.9]), sick])).unwrap();
        let plots =
            figure.variants.iter().map(|variant| serde_json::to_value(&variant.plot).unwrap());
        let [means, seeds] = plots.collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(means["data"][0]["text"][1][0], "75");
        assert_eq!(means["data"][0]["text"][1][1], "25<br>✕1");
        // Two rows of the first model and an empty one are above.
        assert_eq!(seeds["data"][1]["x"], serde_json::json!([1]));
        assert_eq!(seeds["data"][1]["y"], serde_json::json!([3]));
        assert_eq!(
            figure.caption,
            "The share of the test examples of each class that was recognised, in percent; ✕ marks a \
             class that no prediction names, with the number of such seeds. One training never names at least one class: sick (1 of 2)."
        );
    }

    #[test]
    fn a_training_that_failed_is_an_empty_row() {
        let mut model = entry("a", 0, &[0.5, 0.9]);
        model.per_class_recall = vec![vec![], vec![Some(0.5), None]];
        let figure = figure(&report(vec![model])).unwrap();
        let seeds = serde_json::to_value(&figure.variants[1].plot).unwrap();
        let z = &seeds["data"][0]["z"];
        assert_eq!(
            (&z[0], &z[1]),
            (&serde_json::json!([null, null]), &serde_json::json!([0.5, null]))
        );
        let means = serde_json::to_value(&figure.variants[0].plot).unwrap();
        assert_eq!(means["data"][0]["z"][0], serde_json::json!([0.5, null]));
    }
}
