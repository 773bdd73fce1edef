//! Plots of how something went while all models trained, a line for each: against the step, and against
//! the share of the training.

use plotly::common::{HoverInfo, Marker, MarkerSymbol, Mode};
use plotly::layout::Axis;
use plotly::{Plot, Scatter, Trace};

use super::band::Band;
use super::captions::left_out;
use super::downsample::Rounded;
use super::models::Model;
use super::plot::plot;
use super::progress::Progress;
use crate::figure::Variant;

/// What the choice between [`variants`] is called.
pub const CHOICE: &str = "Show";

/// The height of a figure of them.
pub const HEIGHT: usize = 480;

/// How one model went.
pub struct LinePlot<'a> {
    /// Which model.
    pub model: &'a Model<'a>,
    /// Its seeds.
    pub band: Band,
    /// A step to be marked on the line.
    pub mark: Option<usize>,
}

/// Both variants of a plot of `lines`. `y` is the axis, `hover` what is shown of the value at a point,
/// as a template of plotly's.
pub fn variants(lines: &[LinePlot], y: &Axis, hover: &str) -> Vec<Variant> {
    Progress::ALL
        .map(|progress| Variant {
            label: progress.label().to_owned(),
            plot: line_plot(lines, progress, y, hover),
        })
        .into()
}

/// A sentence on the seeds of `models` that `lines` has not; empty where it has all.
pub fn missing(models: &[Model], lines: &[LinePlot], seeds: usize) -> String {
    let drawn = models.iter().map(|model| {
        let line = lines.iter().find(|line| std::ptr::eq(line.model, model));
        (model.entry.name.as_str(), line.map_or(0, |line| line.band.seeds))
    });
    left_out(drawn, seeds)
}

fn line_plot(lines: &[LinePlot], progress: Progress, y: &Axis, hover: &str) -> Plot {
    let hover = format!("{}: {hover}", progress.hover());
    let mut traces = Vec::new();
    let (mut means, mut marks) = (Vec::new(), Vec::new());
    for LinePlot { model, band, mark } in lines {
        let (name, color) = (model.entry.name.as_str(), model.color);
        let x: Vec<Rounded> =
            band.steps.iter().map(|&step| progress.x(step, model.steps)).collect();
        traces.extend(band.shade(&x, name, color));
        means.push(band.line(&x, name, color, &hover));
        marks.extend(mark.and_then(|step| mark_at(model, band, step as u32, progress)));
    }
    traces.extend(means.into_iter().chain(marks));
    plot(traces, progress.axis(), y.clone(), HEIGHT)
}

fn mark_at(model: &Model, band: &Band, step: u32, progress: Progress) -> Option<Box<dyn Trace>> {
    let y = Rounded::from(band.at(step)?);
    let text = format!("{}: flat from step {step} of {}", model.entry.name, model.steps);
    let marker = Marker::new().symbol(MarkerSymbol::Diamond).size(10).color(model.color);
    let mark = Scatter::new(vec![progress.x(step, model.steps)], vec![y])
        .mode(Mode::Markers)
        .marker(marker)
        .legend_group(&model.entry.name)
        .show_legend(false)
        .hover_text(text)
        .hover_info(HoverInfo::Text);
    Some(mark)
}
