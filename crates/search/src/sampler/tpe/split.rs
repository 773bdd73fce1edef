//! Which trials are the good ones.

use crate::pareto;
use crate::sampler::past::{Outcome, Past};

/// The `count` best trials, or all that have a value, if those are fewer; the best first.
///
/// Complete trials come before pruned ones, and of these the one that was pruned later first. Several
/// objectives are ordered by front, and within the front that does not fit as a whole by how alone a trial
/// is. Ties go to the earlier trial.
pub(super) fn best(past: &Past, count: impl Fn(usize) -> usize) -> Vec<usize> {
    let ranks = complete_ranks(past);
    let mut ordered: Vec<(Rank, usize)> = (0..past.len())
        .filter_map(|trial| Some((rank(past, trial, ranks.as_deref())?, trial)))
        .collect();
    let count = count(ordered.len()).min(ordered.len());
    let compare = |a: &(Rank, usize), b: &(Rank, usize)| {
        let (left, right) = (&a.0, &b.0);
        left.class
            .cmp(&right.class)
            .then(left.first.total_cmp(&right.first))
            .then(left.second.total_cmp(&right.second))
            .then(a.1.cmp(&b.1))
    };
    if count < ordered.len() && count > 0 {
        ordered.select_nth_unstable_by(count - 1, compare);
    }
    ordered.truncate(count);
    ordered.sort_unstable_by(compare);
    ordered.into_iter().map(|(_, trial)| trial).collect()
}

/// Smaller is better, class before first before second.
struct Rank {
    class: u8,
    first: f64,
    second: f64,
}

/// `None` for what has no value.
fn rank(past: &Past, trial: usize, ranks: Option<&[(f64, f64)]>) -> Option<Rank> {
    match past.outcome(trial) {
        Outcome::Running | Outcome::Failed => None,
        Outcome::Complete => {
            let (first, second) = ranks.map_or((past.losses(trial)[0], 0.0), |ranks| ranks[trial]);
            Some(Rank { class: 0, first: first + 0.0, second })
        }
        Outcome::Pruned { step, loss } => Some(Rank {
            class: 1,
            first: -(step as f64),
            second: if loss.is_nan() { f64::INFINITY } else { loss },
        }),
    }
}

/// With several objectives: for each trial its front and how crowded it is there.
fn complete_ranks(past: &Past) -> Option<Vec<(f64, f64)>> {
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
    for (front, members) in members.iter().enumerate() {
        let losses: Vec<&[f64]> = members.iter().map(|index| losses[*index]).collect();
        for (index, distance) in members.iter().zip(pareto::crowding(&losses)) {
            ranks[complete[*index]] = (front as f64, -distance);
        }
    }
    Some(ranks)
}
