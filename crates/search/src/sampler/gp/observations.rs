//! The past as the model sees it: rows, and a loss for each trial that has ended.

use super::kernel::Columns;
use crate::sampler::history::{Outcome, SamplerHistory};

/// What the model learns from.
#[derive(Debug, Clone, PartialEq)]
pub struct Observations {
    /// The rows of trials that have ended, in the order of their numbers.
    pub rows: Vec<Vec<f64>>,
    /// Their losses, in deviations from the mean of all.
    pub losses: Vec<f64>,
    /// The rows of trials that have not.
    pub running: Vec<Vec<f64>>,
    /// The trial with the lowest loss.
    pub best: usize,
}

/// Losses so many times further from the best one than the median is count as no worse: beside a trial that
/// diverged, all others would have one value. As many trials soon lie near the best, smaller limits lose what
/// the model needs: with 20, searches on Rosenbrock's function ended less close.
const CLIP: f64 = 100.0;

impl Observations {
    /// All trials of `past`, of which one has ended. Of more than `most` the best and the newest, half and half.
    pub fn new(past: &SamplerHistory, columns: &Columns, most: usize) -> Self {
        let (running, ended): (Vec<usize>, Vec<usize>) =
            (0..past.len()).partition(|trial| past.outcome(*trial) == Outcome::Running);
        let losses = standardised(&plausible(past, &ended));
        let mut ranking: Vec<usize> = (0..ended.len()).collect();
        ranking.sort_by(|a, b| losses[*a].total_cmp(&losses[*b]));
        let best = ended[ranking[0]];

        let mut kept = ranking;
        if kept.len() > most {
            let mut others = kept.split_off(most / 2);
            others.sort_unstable();
            kept.extend(others.iter().rev().take(most - most / 2));
        }
        kept.sort_unstable();
        let row = |trial: usize| columns.row(past.point(trial));
        Observations {
            rows: kept.iter().map(|index| row(ended[*index])).collect(),
            losses: kept.iter().map(|index| losses[*index]).collect(),
            running: running.into_iter().map(row).collect(),
            best,
        }
    }
}

/// A loss for each trial that has ended. One that was pruned was worse than half of the others when it was
/// stopped, so it counts as their median, or as what it reported where that is worse. One that failed has
/// the worst loss of all.
fn plausible(past: &SamplerHistory, ended: &[usize]) -> Vec<f64> {
    let complete = ended.iter().map(|trial| past.losses(*trial)[0]);
    let median = median(complete.filter(|loss| loss.is_finite()).collect());
    let known = ended.iter().map(|trial| match past.outcome(*trial) {
        Outcome::Pruned { loss, .. } if loss.is_finite() => {
            median.map_or(loss, |median| loss.max(median))
        }
        _ => past.losses(*trial)[0],
    });
    let known: Vec<Option<f64>> =
        known.map(|loss| Some(loss).filter(|loss| loss.is_finite())).collect();
    let worst = known.iter().flatten().copied().reduce(f64::max).unwrap_or(0.0);
    known.into_iter().map(|loss| loss.unwrap_or(worst)).collect()
}

/// In units of the distance from best to median first, so that nothing overflows.
fn standardised(losses: &[f64]) -> Vec<f64> {
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let worst = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let to_median = median(losses.to_vec()).map_or(0.0, |median| median - best);
    let (unit, highest) = if to_median > 0.0 { (to_median, CLIP) } else { (worst - best, 1.0) };
    if !(unit > 0.0 && unit.is_finite()) {
        return vec![0.0; losses.len()];
    }
    let clipped: Vec<f64> = losses.iter().map(|loss| ((loss - best) / unit).min(highest)).collect();
    let count = losses.len() as f64;
    let mean = clipped.iter().sum::<f64>() / count;
    let variance = clipped.iter().map(|loss| (loss - mean) * (loss - mean)).sum::<f64>() / count;
    clipped.iter().map(|loss| (loss - mean) / variance.sqrt()).collect()
}

/// The upper one of two that are in the middle.
fn median(mut losses: Vec<f64>) -> Option<f64> {
    losses.sort_by(f64::total_cmp);
    losses.get(losses.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(outcomes: &[(Outcome, f64)]) -> Vec<f64> {
        let mut past = SamplerHistory::new(1, 1);
        for (trial, (outcome, loss)) in outcomes.iter().enumerate() {
            past.begin(&[0.1 * trial as f64]);
            past.end(
                trial,
                *outcome,
                if *outcome == Outcome::Complete { std::slice::from_ref(loss) } else { &[] },
            );
        }
        let ended: Vec<usize> = (0..past.len()).collect();
        plausible(&past, &ended)
    }

    #[test]
    fn what_was_pruned_is_no_better_than_the_median_and_what_failed_is_the_worst() {
        let pruned = |loss| (Outcome::Pruned { step: 3, loss }, 0.0);
        let complete = |loss| (Outcome::Complete, loss);
        let outcomes = [
            complete(1.0),
            complete(2.0),
            complete(3.0),
            pruned(0.5),
            pruned(7.0),
            pruned(f64::NAN),
            (Outcome::Failed, 0.0),
        ];
        assert_eq!(losses(&outcomes), [1.0, 2.0, 3.0, 2.0, 7.0, 7.0, 7.0]);
        assert_eq!(losses(&[(Outcome::Failed, 0.0), complete(f64::INFINITY)]), [0.0, 0.0]);
    }

    #[test]
    fn a_trial_that_diverged_leaves_the_others_apart() {
        let apart = standardised(&[0.1, 0.2, 0.3, 0.4, 1e300]);
        assert!(apart[1] - apart[0] > 0.01 && apart[4] < 3.0, "{apart:?}");
        assert!(standardised(&[5.0; 4]).iter().all(|loss| *loss == 0.0));
        let sum: f64 = apart.iter().sum();
        assert!(sum.abs() < 1e-12);
    }
}
