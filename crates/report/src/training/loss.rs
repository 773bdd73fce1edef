//! How the loss of each model fell.

use std::f64::consts::E;

use burn_tune_ranking::TrainingReport;
use burn_tune_ranking::convergence::WINDOW;
use plotly::layout::Axis;

use super::inactive_units::SOFTMAX_SATURATED;
use super::line_plots::{CHOICE, HEIGHT, LinePlot, missing, variants};
use super::models::Model;
use crate::figure::Figure;

/// The figure; `None` where no loss was recorded.
pub fn figure(report: &TrainingReport, models: &[Model]) -> Option<Figure> {
    let lines: Vec<LinePlot> = models
        .iter()
        .filter_map(|model| {
            Some(LinePlot { model, band: model.loss()?, mark: model.entry.convergence_step })
        })
        .collect();
    Some(Figure {
        id: "loss",
        title: "Loss while training".into(),
        caption: caption(report, &lines)? + &missing(models, &lines, report.seeds),
        height: HEIGHT,
        choice: CHOICE,
        variants: variants(&lines, &Axis::new().title("loss"), "%{y}"),
    })
}

/// `None` where there are no courses.
fn caption(report: &TrainingReport, lines: &[LinePlot]) -> Option<String> {
    let (name, end) = lines
        .iter()
        .filter_map(|course| Some((&course.model.entry.name, course.band.end()?)))
        .min_by(|one, other| one.1.total_cmp(&other.1))?;
    let mut text = format!(
        "The loss of a batch, smoothed over {:.0}% of the steps: the mean of the seeds, their range as \
         a band, and a diamond where it has become flat (median). {name} ends lowest, at {end:.3}",
        WINDOW * 100.0
    );
    let through_softmax = |course: &LinePlot| {
        course.model.recorded.iter().any(|(_, curves)| !curves.get(SOFTMAX_SATURATED).is_empty())
    };
    if lines.iter().any(through_softmax) {
        let floor = lowest_through_softmax(report.evaluation.classes.len());
        text += &format!(
            "; with a softmax in front of the loss, which applies softmax itself, none can fall below \
             {floor:.3}"
        );
    }
    Some(text + ".")
}

/// The cross-entropy of a certain and right prediction that goes through softmax once more: the largest
/// share that softmax makes of numbers from 0 to 1 is e / (e + classes - 1).
fn lowest_through_softmax(classes: usize) -> f64 {
    (E + classes as f64 - 1.0).ln() - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_through_two_softmaxes_has_a_floor() {
        // From PyTorch: cross_entropy of the one-hot vector of ten classes.
        assert!((lowest_through_softmax(10) - 1.461_150_2).abs() < 1e-6);
    }
}
