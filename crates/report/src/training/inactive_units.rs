//! Which units of each model do nothing, or hardly learn: dead ones, saturated ones, and a softmax
//! that lets no gradient through.

use burn_tune_ranking::TrainingReport;

use super::band::Middle;
use super::captions::left_out;
use super::layers::{CHOICE, HEIGHT, LayerLine, LayerLines, layer_name, range};
use super::models::{Model, layer_series};
use super::plot::percent_axis;
use crate::figure::Figure;

/// The least that the top of the axis stands for, so that a plot of zeros is one.
const LOWEST_TOP: f64 = 0.05;

/// The share of the sample on which a softmax in front of the loss is saturated; of a model without one there
/// is no such series.
pub const SOFTMAX_SATURATED: &str = "softmax_saturated";

const WORDS: &str = "Dead: no example of the sample activates the unit. Saturated: the slope of an \
                     activation, or of the largest probability of a softmax in front of the loss, is \
                     less than a twentieth of what it can be. Stuck: a softmax that is saturated for a \
                     wrong class, so that hardly any gradient comes from the mistake.";

/// The figure; `None` where no model has such units.
pub fn figure(report: &TrainingReport, models: &[Model]) -> Option<Figure> {
    let all: Vec<LayerLines> =
        models.iter().map(lines).filter(|model| !model.lines.is_empty()).collect();
    if all.is_empty() {
        return None;
    }
    let top = (range(&all).1 * 1.05).clamp(LOWEST_TOP, 1.0);
    let y = percent_axis("share").range(vec![-0.01 * top, 1.01 * top]);
    let drawn = all.iter().map(|model| (model.model.entry.name.as_str(), model.seeds()));
    Some(Figure {
        id: "inactive_units",
        title: "Dead and saturated units".into(),
        caption: format!("{WORDS}{}{}", highest(&all), left_out(drawn, report.seeds)),
        height: HEIGHT,
        choice: CHOICE,
        variants: all.iter().map(|model| model.variant(&y, "%{y:.2%}")).collect(),
    })
}

fn lines<'a>(model: &'a Model<'a>) -> LayerLines<'a> {
    let layers = model.layers();
    let line = |name: String, number: usize, series: &str| {
        let band = model.probed(Middle::Arithmetic, series)?;
        Some(LayerLine { name, number, band })
    };
    let of_layer = |what: &str, number: usize| {
        let name = format!("{what}, {}", layer_name(number, layers));
        line(name, number, &layer_series(number, what))
    };
    let dead = (0..layers).map(|number| of_layer("dead", number));
    let saturated = (0..layers).map(|number| of_layer("saturated", number));
    let softmax = [
        line("softmax saturated".into(), layers.saturating_sub(1), SOFTMAX_SATURATED),
        line("softmax stuck".into(), layers, "softmax_stuck"),
    ];
    LayerLines { model, lines: dead.chain(saturated).chain(softmax).flatten().collect() }
}

/// A sentence on the highest line at the end of a training.
fn highest(all: &[LayerLines]) -> String {
    let ends = all.iter().flat_map(|model| {
        let name = &model.model.entry.name;
        model.lines.iter().filter_map(move |line| Some((name, &line.name, line.band.end()?)))
    });
    match ends.max_by(|one, other| one.2.total_cmp(&other.2)) {
        Some((model, line, end)) if end > 0.0 => {
            format!(" Highest at the end: {model}, {line}, at {:.1}%.", end * 100.0)
        }
        _ => " At the end there are none.".to_owned(),
    }
}
