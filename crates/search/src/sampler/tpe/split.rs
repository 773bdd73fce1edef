//! Which trials are the good ones.

use crate::pareto;
use crate::sampler::history::{Outcome, SamplerHistory};

/// The `count` best trials, or all that have a value, if those are fewer; the best first.
///
/// Complete trials come before pruned ones, and of these the one that was pruned later first. Several
/// objectives are ordered by front, and within a front by how alone a trial is. Ties go to the earlier trial.
pub(super) fn best(past: &SamplerHistory, count: impl Fn(usize) -> usize) -> Vec<usize> {
    let valued =
        |trial: &usize| matches!(past.outcome(*trial), Outcome::Complete | Outcome::Pruned { .. });
    let valued: Vec<usize> = (0..past.len()).filter(valued).collect();
    let count = count(valued.len()).min(valued.len());
    let ranks = complete_ranks(past, count);
    let ranked = |trial| Some((rank(past, trial, ranks.as_deref())?, trial));
    let mut ordered: Vec<(Rank, usize)> = valued.into_iter().filter_map(ranked).collect();
    let compare = |(a, a_trial): &(Rank, usize), (b, b_trial): &(Rank, usize)| {
        a.class
            .cmp(&b.class)
            .then(a.first.total_cmp(&b.first))
            .then(a.second.total_cmp(&b.second))
            .then(a_trial.cmp(b_trial))
    };
    if count < ordered.len() && count > 0 {
        ordered.select_nth_unstable_by(count - 1, compare);
    }
    ordered.truncate(count);
    ordered.sort_unstable_by(compare);
    ordered.into_iter().map(|(_, trial)| trial).collect()
}

/// Smaller is better: first in `class`, which is 0 for complete trials and 1 for pruned ones.
struct Rank {
    class: u8,
    first: f64,
    second: f64,
}

/// `None` for what has no value.
fn rank(past: &SamplerHistory, trial: usize, ranks: Option<&[(f64, f64)]>) -> Option<Rank> {
    match past.outcome(trial) {
        Outcome::Running | Outcome::Failed => None,
        Outcome::Complete => {
            let alone = || (nan_last(past.losses(trial)[0]), 0.0);
            let (first, second) = ranks.map_or_else(alone, |ranks| ranks[trial]);
            Some(Rank { class: 0, first, second })
        }
        Outcome::Pruned { step, loss } => {
            Some(Rank { class: 1, first: -(step as f64), second: nan_last(loss) })
        }
    }
}

/// A NaN with a sign would come before all numbers.
fn nan_last(loss: f64) -> f64 {
    if loss.is_nan() { f64::INFINITY } else { loss }
}

/// With several objectives: for each trial its front and, in the fronts that the `count` best come from, how
/// crowded it is.
fn complete_ranks(past: &SamplerHistory, count: usize) -> Option<Vec<(f64, f64)>> {
    if past.objectives() < 2 {
        return None;
    }
    let complete: Vec<usize> =
        (0..past.len()).filter(|trial| past.outcome(*trial) == Outcome::Complete).collect();
    let losses: Vec<&[f64]> = complete.iter().map(|trial| past.losses(*trial)).collect();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (index, front) in pareto::fronts(&losses).into_iter().enumerate() {
        members.resize_with(members.len().max(front + 1), Vec::new);
        members[front].push(index);
    }
    let mut ranks = vec![(f64::NAN, f64::NAN); past.len()];
    let mut before = 0;
    for (front, members) in members.iter().enumerate() {
        let distances = if before < count {
            let losses: Vec<&[f64]> = members.iter().map(|index| losses[*index]).collect();
            pareto::crowding(&losses)
        } else {
            vec![0.0; members.len()]
        };
        before += members.len();
        for (index, distance) in members.iter().zip(distances) {
            ranks[complete[*index]] = (front as f64, -distance);
        }
    }
    Some(ranks)
}
