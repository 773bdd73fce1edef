//! The page of a study: its figures, named and arranged as in `optuna.visualization`.

mod completed;

mod axis;
pub(crate) mod color_scale;
mod layout;
mod pair_points;
mod pairs;

mod pareto_front;

mod optimization_history;

mod intermediate_values;

mod parallel_coordinate;

mod slice;

mod contour;

mod pruning;

mod rank;

mod param_importances;

mod edf;

mod timeline;

use burn_tune_ranking::curves_file::CurvesByTask;
use burn_tune_ranking::timeline::TimelineEntry;
use burn_tune_ranking::{FitTimes, Leaderboard, ObjectiveMeans};

use crate::figure::Figure;
use crate::importance;
use completed::Completed;

/// What a search came to.
#[derive(Debug, Clone, Copy)]
pub struct StudyResults<'a> {
    /// The trials by rank.
    pub leaderboard: &'a Leaderboard,
    /// Who worked when; may be empty.
    pub timeline: &'a [TimelineEntry],
    /// What was recorded while the models trained; may be empty.
    pub curves: &'a CurvesByTask,
    /// What a clock has measured that the study is after; may be empty.
    pub measured: &'a [ObjectiveMeans],
    /// How long the trials trained, where that is known.
    pub fit_times: &'a FitTimes,
}

/// The figures of the page, in their order. One that would show nothing is left out: without a complete
/// trial all but the timeline are.
pub fn figures(results: StudyResults) -> Vec<Figure> {
    let timeline = timeline::figure(results.timeline);
    let Some(completed) = Completed::of(results.leaderboard) else {
        return timeline.into_iter().collect();
    };
    let space = &results.leaderboard.space;
    let scored: Vec<_> =
        completed.trials.iter().map(|trial| (&trial.entry.params, trial.score)).collect();
    let importances = importance::param_importances(space, &scored, completed.direction);
    let axes = axis::varying(space, &completed);
    let pairs = pairs::most_important(&axes, &importances);
    let objectives = ObjectiveMeans::all(results.leaderboard, results.measured);
    let ranked = objectives.len() - results.measured.len();
    let figures = [
        pareto_front::figure(&completed, &objectives, ranked),
        Some(optimization_history::figure(&completed)),
        intermediate_values::figure(&completed, results.curves),
        pruning::figure(results.leaderboard),
        parallel_coordinate::figure(&completed, &axes),
        slice::figure(&completed, &axes, &importances),
        contour::figure(&completed, &pairs),
        rank::figure(&completed, &pairs),
        param_importances::figure(&completed, space, &importances),
        edf::figure(&completed),
        timeline,
    ];
    figures.into_iter().flatten().collect()
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
