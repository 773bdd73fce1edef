//! How large the gradient of each layer was: where it vanishes on its way back to the input.

use burn_tune_ranking::TrainingReport;
use plotly::layout::{Axis, AxisType};

use super::band::Middle;
use super::captions::left_out;
use super::layers::{CHOICE, HEIGHT, LayerLine, LayerLines, layer_name, range};
use super::models::{GRADIENT_NORM, Model, layer_series};
use crate::figure::Figure;

/// The figure; `None` where no gradient was recorded.
pub fn figure(report: &TrainingReport, models: &[Model]) -> Option<Figure> {
    let all: Vec<LayerLines> =
        models.iter().map(lines).filter(|model| !model.lines.is_empty()).collect();
    if all.is_empty() {
        return None;
    }
    let (low, high) = range(&all);
    let y = Axis::new()
        .title("gradient norm")
        .type_(AxisType::Log)
        .tick_format("~g")
        .range(vec![low.log10() - 0.1, high.log10() + 0.1]);
    let drawn = all.iter().map(|model| (model.model.entry.name.as_str(), model.seeds()));
    Some(Figure {
        id: "gradient_norm",
        title: "Gradient of each layer".into(),
        caption: caption(&all) + &left_out(drawn, report.seeds),
        height: HEIGHT,
        choice: CHOICE,
        variants: all.iter().map(|model| model.variant(&y, "%{y}")).collect(),
    })
}

fn lines<'a>(model: &'a Model<'a>) -> LayerLines<'a> {
    let layers = model.layers();
    let line = |number: usize| {
        let band = model.probed(Middle::Geometric, &layer_series(number, GRADIENT_NORM))?;
        Some(LayerLine { name: layer_name(number, layers), number, band })
    };
    LayerLines { model, lines: (0..layers).filter_map(line).collect() }
}

fn caption(all: &[LayerLines]) -> String {
    let mut text = "The Euclidean norm of the gradient of each layer's weights, on an axis that is \
                    logarithmic and the same for all models: the geometric mean of the seeds, and their \
                    range as a band."
        .to_owned();
    let smallest = all
        .iter()
        .filter_map(|model| Some((&model.model.entry.name, first_to_last(model)?)))
        .min_by(|one, other| one.1.total_cmp(&other.1));
    if let Some((name, ratio)) = smallest {
        text += &format!(
            " That of layer 1 is smallest, compared with the output layer's, in {name}: {} of it, over \
             the whole training.",
            if ratio >= 0.1 { format!("{ratio:.2}") } else { format!("{ratio:.1e}") }
        );
    }
    text
}

/// The gradient of the first layer through that of the last, as a geometric mean over the training;
/// `None` where there is a single layer.
fn first_to_last(model: &LayerLines) -> Option<f64> {
    let [first, .., last] = model.lines.as_slice() else { return None };
    let log = |line: &LayerLine| {
        line.band.middle.iter().map(|norm| norm.ln()).sum::<f64>() / line.band.middle.len() as f64
    };
    Some((log(first) - log(last)).exp())
}
