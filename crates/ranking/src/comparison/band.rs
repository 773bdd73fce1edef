//! Up to which difference two scores of different studies are the same: the one place that decides it.

use crate::leaderboard::{Leaderboard, State};
use crate::noise::NoiseBand;

/// The wider of the two studies' bands of noise; `None` where neither has one.
pub fn noise(old: &Leaderboard, new: &Leaderboard) -> Option<f64> {
    let bands = [old, new].into_iter().filter_map(|side| side.noise_band.or_else(|| band_of(side)));
    bands.map(|band| band.width).max_by(f64::total_cmp)
}

/// The band of a file that was written before there were any.
fn band_of(leaderboard: &Leaderboard) -> Option<NoiseBand> {
    if !leaderboard.objectives.is_empty() {
        return None;
    }
    let complete = leaderboard.trials.iter().filter(|trial| trial.state == State::Complete);
    let scores: Vec<Vec<f64>> =
        complete.filter_map(|trial| trial.split_test_scores.iter().copied().collect()).collect();
    let rows: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
    let folds = rows.iter().map(|scores| scores.len()).max()?;
    NoiseBand::of(&rows, 1.0 / (folds as f64 - 1.0))
}
