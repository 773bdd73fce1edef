//! Plots of a single model with a line for each of its layers. All plots of a figure have the same
//! vertical axis, so that one model can be compared with the next.

use plotly::Plot;
use plotly::layout::Axis;

use super::band::Band;
use super::downsample::Rounded;
use super::models::Model;
use super::palette;
use super::plot::plot;
use super::progress::Progress;
use crate::figure::Variant;

/// What the choice between models is called.
pub const CHOICE: &str = "Model";

/// The height of a figure of them.
pub const HEIGHT: usize = 460;

/// A layer of a model, or what is in front of its loss.
pub struct LayerLine {
    /// What the legend calls it.
    pub name: String,
    /// The number of the layer from the input, from 0: it has the colour of that.
    pub number: usize,
    /// The seeds.
    pub band: Band,
}

/// The lines of one model.
pub struct LayerLines<'a> {
    /// Which model.
    pub model: &'a Model<'a>,
    /// From input to output.
    pub lines: Vec<LayerLine>,
}

impl LayerLines<'_> {
    /// How many seeds all of the lines have.
    pub fn seeds(&self) -> usize {
        self.lines.iter().map(|line| line.band.seeds).min().unwrap_or(0)
    }

    /// A plot of the lines. `y` is the axis, `hover` what is shown of the value at a point, as a
    /// template of plotly's.
    pub fn variant(&self, y: &Axis, hover: &str) -> Variant {
        Variant { label: self.model.entry.name.clone(), plot: self.plot(y, hover) }
    }

    fn plot(&self, y: &Axis, hover: &str) -> Plot {
        let progress = Progress::Step;
        let hover = format!("{}: {hover}", progress.hover());
        let mut traces = Vec::new();
        let mut front = Vec::new();
        for LayerLine { name, number, band } in &self.lines {
            let color = palette::of_layer(*number);
            let x: Vec<Rounded> =
                band.steps.iter().map(|&step| progress.x(step, self.model.steps)).collect();
            traces.extend(band.shade(&x, name, color));
            front.push(band.line(&x, name, color, &hover));
        }
        traces.extend(front);
        plot(traces, progress.axis(), y.clone(), HEIGHT)
    }
}

/// What layer `number` of `layers` is called.
pub fn layer_name(number: usize, layers: usize) -> String {
    if number + 1 == layers { "output layer".to_owned() } else { format!("layer {}", number + 1) }
}

/// The lowest and the highest value of all bands.
pub fn range(models: &[LayerLines]) -> (f64, f64) {
    let bands = || models.iter().flat_map(|model| &model.lines).map(|line| &line.band);
    let low = bands().flat_map(|band| &band.low).copied().fold(f64::INFINITY, f64::min);
    let high = bands().flat_map(|band| &band.high).copied().fold(f64::NEG_INFINITY, f64::max);
    (low, high)
}
