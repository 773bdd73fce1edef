//! The finished trials of a study in the order of their ranks.

use burn_tune_search::{Direction, FoldScore, History, Trial, TrialState};

use crate::rank::rank;
use crate::statistics::{mean, std};

/// Where a finished trial stands among the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'a> {
    /// From 1 for the best; equal means share a rank.
    pub rank: usize,
    /// The mean of `scores`, NaN for a failed trial; another program's trial has its value.
    pub mean: f64,
    /// The population's standard deviation of `scores`, NaN for a failed trial and another program's.
    pub std: f64,
    /// The score of each fold; NaN from the fold that failed on; none for another program's trial.
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
            if let TrialState::Foreign { value, .. } = trial.state {
                let mean = value.unwrap_or(f64::NAN);
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
    standings.sort_by_key(|standing| (standing.rank, standing.trial.number));
    standings
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

    /// Whether a fold has failed.
    pub fn has_failed(&self) -> bool {
        matches!(self.trial.state, TrialState::Failed { .. })
    }
}

/// One number of each fold; NaN for those that have none.
pub(crate) fn fold_values(trial: &Trial, folds: usize, value: fn(&FoldScore) -> f64) -> Vec<f64> {
    let known = trial.folds();
    (0..folds).map(|fold| known.get(fold).map_or(f64::NAN, value)).collect()
}
