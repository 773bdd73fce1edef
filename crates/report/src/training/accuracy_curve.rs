//! How the accuracy of each model rose.

use burn_tune_ranking::TrainingReport;
use burn_tune_search::curves::ACCURACY;

use super::band::Middle;
use super::captions::percent;
use super::line_plots::{CHOICE, HEIGHT, LinePlot, missing, variants};
use super::models::Model;
use super::plot::percent_axis;
use crate::figure::Figure;

/// The figure; `None` where no accuracy was recorded.
pub fn figure(report: &TrainingReport, models: &[Model]) -> Option<Figure> {
    let lines: Vec<LinePlot> = models
        .iter()
        .filter_map(|model| {
            let band = model.probed(Middle::Arithmetic, ACCURACY)?;
            Some(LinePlot { model, band, mark: None })
        })
        .collect();
    Some(Figure {
        id: "accuracy_curve",
        title: "Accuracy while training".into(),
        caption: caption(&lines)? + &missing(models, &lines, report.seeds),
        height: HEIGHT,
        choice: CHOICE,
        variants: variants(&lines, &percent_axis("accuracy on the sample"), "%{y:.2%}"),
    })
}

/// `None` where there are no courses.
fn caption(lines: &[LinePlot]) -> Option<String> {
    let ends: Vec<(&str, f64)> = lines
        .iter()
        .filter_map(|course| Some((course.model.entry.name.as_str(), course.band.end()?)))
        .collect();
    let (best, high) = ends.iter().max_by(|one, other| one.1.total_cmp(&other.1))?;
    let (worst, low) = ends.iter().min_by(|one, other| one.1.total_cmp(&other.1))?;
    let range = if ends.len() == 1 {
        format!("{best} ends at {}.", percent(*high))
    } else {
        format!(
            "The means end between {} ({worst}) and {} ({best}).",
            percent(*low),
            percent(*high)
        )
    };
    Some(format!(
        "Measured every few steps on a fixed sample of the test examples, so that it ends close to the \
         test accuracy, not at it: the mean of the seeds, and their range as a band. {range}"
    ))
}
