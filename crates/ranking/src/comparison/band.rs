//! Up to which difference two scores of different studies are the same: the one place that decides it.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::leaderboard::{Leaderboard, State};
use crate::noise::{SIGNIFICANCE, typical_variance};

/// The larger of what the two studies call noise; `None` where neither tells.
pub fn noise(old: &Leaderboard, new: &Leaderboard) -> Option<f64> {
    [old, new].into_iter().filter_map(noise_of).max_by(f64::total_cmp)
}

/// The difference from which on the corrected resampled t-test no longer calls two trials equal, with the
/// variance that is typical of the study.
fn noise_of(leaderboard: &Leaderboard) -> Option<f64> {
    let complete = leaderboard.trials.iter().filter(|trial| trial.state == State::Complete);
    let mut scores = complete.filter_map(|trial| {
        let scores: Option<Vec<f64>> = trial.split_test_scores.iter().copied().collect();
        scores.filter(|scores| scores.len() > 1)
    });
    let best = scores.next()?;
    let others: Vec<Vec<f64>> = scores.filter(|scores| scores.len() == best.len()).collect();
    let variance = typical_variance(&best, others.iter().map(Vec::as_slice));
    let folds = best.len() as f64;
    let quantile =
        StudentsT::new(0.0, 1.0, folds - 1.0).ok()?.inverse_cdf(1.0 - SIGNIFICANCE / 2.0);
    let noise = quantile * ((1.0 / folds + 1.0 / (folds - 1.0)) * variance).sqrt();
    noise.is_finite().then_some(noise)
}
