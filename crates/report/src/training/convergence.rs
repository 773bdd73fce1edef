//! When the loss of each training became flat.

use burn_tune_ranking::convergence::BAND;
use plotly::common::{HoverInfo, Marker, MarkerSymbol, Mode};
use plotly::{Scatter, Trace};

use super::downsample::Rounded;
use super::models::Model;
use super::plot::{percent_axis, plot};
use super::row_axis;
use crate::figure::{Figure, INK};

/// A training of which it is known whether its loss became flat.
struct Training<'a> {
    model: &'a Model<'a>,
    row: usize,
    seed: usize,
    flat_step: Option<usize>,
}

/// The figure; `None` where no curve was recorded.
pub fn figure(models: &[Model]) -> Option<Figure> {
    let trainings: Vec<Training> =
        models.iter().enumerate().flat_map(|(row, model)| trainings(row, model)).collect();
    if trainings.is_empty() {
        return None;
    }
    let (flat, moving): (Vec<&Training>, Vec<&Training>) =
        trainings.iter().partition(|training| training.flat_step.is_some());
    let traces = [
        dots(&flat, "flat from here", MarkerSymbol::Circle),
        dots(&moving, "not within the training", MarkerSymbol::CircleOpen),
    ];
    // A little more than the training, so that the open dots on its edge are whole.
    let x = percent_axis("share of the training").range(vec![0.0, 1.02]);
    let height = row_axis::height(models.len());
    Some(Figure::single(
        "convergence",
        "When the loss became flat",
        caption(models, &trainings, moving.len()),
        height,
        plot(traces, x, row_axis::axis(&row_axis::names(models)), height),
    ))
}

fn trainings<'a>(row: usize, model: &'a Model<'a>) -> impl Iterator<Item = Training<'a>> {
    model.recorded.iter().map(move |&(seed, _)| Training {
        model,
        row,
        seed,
        flat_step: model.entry.convergence_steps.get(seed).copied().flatten(),
    })
}

fn dots(trainings: &[&Training], name: &str, symbol: MarkerSymbol) -> Box<dyn Trace> {
    let x: Vec<Rounded> = trainings.iter().map(|training| training.share().into()).collect();
    let y: Vec<Rounded> = trainings.iter().map(|training| training.height().into()).collect();
    let colors = trainings.iter().map(|training| training.model.color);
    // The legend takes the first colour; where there is no dot, that of the text.
    let marker = Marker::new().symbol(symbol).size(9).opacity(0.8);
    let marker =
        if trainings.is_empty() { marker.color(INK) } else { marker.color_array(colors.collect()) };
    Scatter::new(x, y)
        .name(name)
        .mode(Mode::Markers)
        .marker(marker)
        .hover_text_array(trainings.iter().map(|training| training.text()).collect())
        .hover_info(HoverInfo::Text)
}

impl Training<'_> {
    fn share(&self) -> f64 {
        self.flat_step.map_or(1.0, |step| step as f64 / self.model.steps.max(1) as f64)
    }

    fn height(&self) -> f64 {
        row_axis::place(self.row, self.seed, self.model.entry.test_scores.len())
    }

    fn text(&self) -> String {
        let (name, seed, steps) = (&self.model.entry.name, self.seed, self.model.steps);
        match self.flat_step {
            Some(step) => format!("{name}, seed {seed}: flat from step {step} of {steps}"),
            None => format!("{name}, seed {seed}: not within its {steps} steps"),
        }
    }
}

fn caption(models: &[Model], trainings: &[Training], moving: usize) -> String {
    let mut text = format!(
        "The step from which the smoothed loss stays within {:.0}% of its fall around its end value, as \
         a share of the model's training; not within the training in {moving} of {} trainings.",
        BAND * 100.0,
        trainings.len()
    );
    let earliest = models
        .iter()
        .filter(|model| model.steps > 0)
        .filter_map(|model| Some((model, model.entry.convergence_step?)))
        .min_by_key(|(model, step)| step * 1_000_000 / model.steps);
    if let Some((model, step)) = earliest {
        text += &format!(
            " Earliest in its training is {}: at the median from step {step} of {}.",
            model.entry.name, model.steps
        );
    }
    text
}
