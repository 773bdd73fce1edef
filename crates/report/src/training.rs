//! The page of models that were trained from several seeds: what their trainings came to, and how they
//! went. Seeds that failed, or were not recorded to the end, are left out, and the captions say so.

mod captions;
mod downsample;
mod models;
mod palette;

mod band;
mod plot;
mod progress;
mod row_axis;

mod layers;
mod line_plots;

mod accuracy;
mod accuracy_curve;
mod convergence;
mod gradient_norm;
mod inactive_units;
mod loss;
mod recall;

#[cfg(test)]
mod fixtures;

use burn_tune_ranking::TrainingReport;
use burn_tune_ranking::curves_file::CurvesByTask;

use crate::figure::Figure;

/// What the trainings of the models came to.
#[derive(Debug, Clone, Copy)]
pub struct TrainingResults<'a> {
    /// The models with their scores.
    pub report: &'a TrainingReport,
    /// What was recorded while they trained, by (model's number, `Task::Refit(seed)`); may be empty.
    pub curves: &'a CurvesByTask,
}

/// The figures of the page, in their order. One that has nothing to show is left out.
pub fn figures(results: TrainingResults) -> Vec<Figure> {
    let report = results.report;
    let models = models::models(results);
    let figures = [
        accuracy::figure(report, &models),
        loss::figure(report, &models),
        accuracy_curve::figure(report, &models),
        recall::figure(report),
        gradient_norm::figure(report, &models),
        inactive_units::figure(report, &models),
        convergence::figure(&models),
    ];
    figures.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
