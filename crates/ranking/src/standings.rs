//! The finished trials of a study in the order of their ranks.

use std::cmp::Ordering;

use burn_tune_search::{Direction, FoldScore, History, Trial, TrialState};

use crate::rank::rank;
use crate::statistics::{mean, std};

/// Where a finished trial stands among the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'a> {
    /// From 1 for the best; equal means share a rank.
    pub rank: usize,
    /// The mean of `scores`, NaN for a trial that failed or was pruned; another program's trial has its value.
    pub mean: f64,
    /// The population's standard deviation of `scores`, NaN where there is no mean of them.
    pub std: f64,
    /// The score of each fold; NaN from the fold that failed, or was not trained to its end; none for another program's trial.
    pub scores: Vec<f64>,
    /// The trial itself.
    pub trial: &'a Trial,
}

/// Ranks the finished trials of a study with `folds` folds, in order of (rank, number). Trials that are
/// still running, because the study was interrupted, are left out.
pub fn standings(history: &History, direction: Direction, folds: usize) -> Vec<Standing<'_>> {
    let finished = history.trials().iter().filter(|trial| trial.is_finished());
    let mut standings: Vec<Standing> = finished
        .map(|trial| {
            if trial.is_foreign() {
                let mean = trial.value().unwrap_or(f64::NAN);
                return Standing { rank: 0, mean, std: f64::NAN, scores: Vec::new(), trial };
            }
            let scores = fold_values(trial, folds, |fold| fold.score);
            Standing { rank: 0, mean: mean(&scores), std: std(&scores), scores, trial }
        })
        .collect();
    let means: Vec<f64> = standings.iter().map(|standing| standing.mean).collect();
    for (standing, rank) in standings.iter_mut().zip(rank(&means, direction)) {
        standing.rank = rank;
    }
    rank_without_mean(&mut standings);
    standings.sort_by(|a, b| {
        let order = a.rank.cmp(&b.rank).then_with(|| longest(a, b, direction));
        order.then(a.trial.number.cmp(&b.trial.number))
    });
    standings
}

/// Trials without a mean share the rank behind those that have one, in scikit-learn; here pruned trials do,
/// and failed ones share the rank behind those.
fn rank_without_mean(standings: &mut [Standing]) {
    let pruned = standings.iter().filter(|standing| standing.is_pruned()).count();
    for standing in standings.iter_mut().filter(|standing| standing.has_failed()) {
        standing.rank += pruned;
    }
}

/// Of pruned trials, the one that went on for longer comes first, and of those the better one.
fn longest(a: &Standing, b: &Standing, direction: Direction) -> Ordering {
    let (Some(a), Some(b)) = (a.trial.pruned_at(), b.trial.pruned_at()) else {
        return Ordering::Equal;
    };
    let loss = |value: f64| direction.loss(value);
    b.step.cmp(&a.step).then(loss(a.value).total_cmp(&loss(b.value)))
}

/// The first `top` complete trials of ours: those that are refitted. Fewer where fewer are complete.
pub fn top<'s, 'a>(standings: &'s [Standing<'a>], top: usize) -> Vec<&'s Standing<'a>> {
    standings.iter().filter(|standing| standing.is_complete()).take(top).collect()
}

impl Standing<'_> {
    /// Whether all folds of the trial have a score.
    pub fn is_complete(&self) -> bool {
        matches!(self.trial.state, TrialState::Complete { .. })
    }

    /// Whether a pruner has stopped the trial.
    pub fn is_pruned(&self) -> bool {
        matches!(self.trial.state, TrialState::Pruned { .. })
    }

    /// Whether a fold has failed.
    pub fn has_failed(&self) -> bool {
        matches!(self.trial.state, TrialState::Failed { .. })
    }
}

/// One number of each fold; NaN for those that have none, and for one that was stopped on the way.
pub(crate) fn fold_values(trial: &Trial, folds: usize, value: fn(&FoldScore) -> f64) -> Vec<f64> {
    let known = trial.folds();
    let whole = |fold: &&FoldScore| !fold.stopped || fold.reports.is_empty();
    (0..folds).map(|fold| known.get(fold).filter(whole).map_or(f64::NAN, value)).collect()
}
