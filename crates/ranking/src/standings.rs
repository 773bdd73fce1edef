//! The finished trials of a study in the order of their ranks.

use std::cmp::Ordering;

use burn_tune_search::metric::{Metric, deterministic, losses};
use burn_tune_search::pareto::crowding;
use burn_tune_search::{Direction, FoldScore, History, Trial, TrialState};

use crate::rank::{rank, rank_by_fronts};
use crate::statistics::{mean, std};

/// Where a finished trial stands among the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'a> {
    /// From 1 for the best; equal means share a rank. With several objectives, all trials of the Pareto front
    /// have rank 1, and all of a later front share the rank behind those before it.
    pub rank: usize,
    /// The mean of `scores`, NaN for a trial that failed or was pruned; another program's trial has its value.
    pub mean: f64,
    /// The population's standard deviation of `scores`, NaN where there is no mean of them.
    pub std: f64,
    /// The score of each fold; NaN from the fold that failed, or was not trained to its end; none for another program's trial.
    pub scores: Vec<f64>,
    /// The mean of each of the study's metrics, of which the first is the score; none for a trial without.
    pub values: Vec<f64>,
    /// The means of those that no clock decides, so that smaller is better; none where one is missing.
    pub losses: Vec<f64>,
    /// The trial itself.
    pub trial: &'a Trial,
}

/// Ranks the finished trials of a study with `folds` folds that is after these metrics, in order of (rank,
/// first metric, number). Trials that are still running, because the study was interrupted, are left out.
///
/// What a clock decides has no part in it. Of what is left, a single metric ranks as in scikit-learn
/// ([`rank()`]), and several by fronts ([`rank_by_fronts`]).
pub fn standings<'a>(history: &'a History, metrics: &[Metric], folds: usize) -> Vec<Standing<'a>> {
    let deterministic = deterministic(metrics);
    let direction = deterministic.first().map(|(_, direction)| *direction).unwrap_or_default();
    let finished = history.trials().iter().filter(|trial| trial.is_finished());
    let mut standings: Vec<Standing> =
        finished.map(|trial| unranked(trial, &deterministic, folds)).collect();
    let ranks = if deterministic.len() > 1 {
        let row = |standing: &Standing| match standing.losses.as_slice() {
            [] => vec![f64::NAN; deterministic.len()],
            losses => losses.to_vec(),
        };
        rank_by_fronts(&standings.iter().map(row).collect::<Vec<Vec<f64>>>())
    } else {
        rank(&standings.iter().map(|standing| standing.mean).collect::<Vec<f64>>(), direction)
    };
    for (standing, rank) in standings.iter_mut().zip(ranks) {
        standing.rank = rank;
    }
    rank_without_mean(&mut standings);
    standings.sort_by(|a, b| {
        let order = a.rank.cmp(&b.rank).then_with(|| by_first_loss(a, b));
        let order = order.then_with(|| longest(a, b, direction));
        order.then(a.trial.number.cmp(&b.trial.number))
    });
    standings
}

fn unranked<'a>(
    trial: &'a Trial,
    deterministic: &[(usize, Direction)],
    folds: usize,
) -> Standing<'a> {
    let values = trial.values();
    let losses = losses(&values, deterministic).unwrap_or_default();
    let (scores, mean, std) = if trial.is_foreign() {
        (Vec::new(), trial.value().unwrap_or(f64::NAN), f64::NAN)
    } else {
        let scores = fold_values(trial, folds, |fold| fold.score);
        let (mean, std) = (mean(&scores), std(&scores));
        (scores, mean, std)
    };
    Standing { rank: 0, mean, std, scores, values, losses, trial }
}

/// Within a front, the better one in the first objective. Where there is a single one, equal ranks are equal
/// means.
fn by_first_loss(a: &Standing, b: &Standing) -> Ordering {
    match (a.losses.as_slice(), b.losses.as_slice()) {
        ([a, _, ..], [b, _, ..]) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        _ => Ordering::Equal,
    }
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

/// The complete trials of ours that are refitted, `top` at most, in the order of the standings.
///
/// With one objective the first ones. With several, those of the first front alone: no other is the best
/// choice for anybody. Where it has more than `top`, those that differ most from their neighbours on it, its
/// ends before all others (by the crowding distance of NSGA-II, and of equals the better one in the first
/// objective): so that the whole of the front is represented.
pub fn top<'s, 'a>(standings: &'s [Standing<'a>], top: usize) -> Vec<&'s Standing<'a>> {
    let mut ours: Vec<&Standing> = standings.iter().filter(|s| s.is_complete()).collect();
    let several = ours.first().filter(|first| first.losses.len() > 1);
    if let Some(first) = several.copied() {
        ours.retain(|standing| standing.rank == first.rank);
        let losses: Vec<&[f64]> = ours.iter().map(|standing| standing.losses.as_slice()).collect();
        let alone = crowding(&losses);
        let mut places: Vec<usize> = (0..ours.len()).collect();
        places.sort_by(|a, b| alone[*b].total_cmp(&alone[*a]).then(a.cmp(b)));
        places.truncate(top);
        places.sort_unstable();
        ours = places.into_iter().map(|place| ours[place]).collect();
    }
    ours.truncate(top);
    ours
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
pub(crate) fn fold_values(
    trial: &Trial,
    folds: usize,
    value: impl Fn(&FoldScore) -> f64,
) -> Vec<f64> {
    let known = trial.folds();
    let whole = |fold: &&FoldScore| !fold.stopped || fold.intermediate_values.is_empty();
    (0..folds).map(|fold| known.get(fold).filter(whole).map_or(f64::NAN, &value)).collect()
}
