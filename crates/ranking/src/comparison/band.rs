//! Up to which difference two scores of different studies are the same: the one place that decides it.

use crate::leaderboard::{Leaderboard, State};
use crate::noise::NoiseBand;
use crate::statistics::mean;

/// The wider of the two studies' bands of noise; `None` where neither has one.
pub fn noise(old: &Leaderboard, new: &Leaderboard) -> Option<f64> {
    let bands = [old, new].into_iter().filter_map(|side| side.noise_band.or_else(|| band_of(side)));
    bands.map(|band| band.width).max_by(f64::total_cmp)
}

/// The band of a file that was written before there were any, and that of the first of several objectives, of
/// which a leaderboard has none because no trial of a Pareto front is the best.
fn band_of(leaderboard: &Leaderboard) -> Option<NoiseBand> {
    let complete = leaderboard.trials.iter().filter(|trial| trial.state == State::Complete);
    let mut scores: Vec<Vec<f64>> =
        complete.filter_map(|trial| trial.split_test_scores.iter().copied().collect()).collect();
    // Fronts are not in the order of the first objective. Of equals, the order of the file stays.
    let loss = |scores: &Vec<f64>| leaderboard.direction.loss(mean(scores));
    scores.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
    let rows: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
    let folds = rows.iter().map(|scores| scores.len()).max()?;
    NoiseBand::of(&rows, 1.0 / (folds as f64 - 1.0))
}

#[cfg(test)]
mod tests {
    use burn_tune_search::Direction;

    use super::*;
    use crate::comparison::tests::board;
    use crate::leaderboard::ObjectiveEntry;

    const TRIALS: [(f64, [f64; 3]); 5] = [
        (0.1, [0.970, 0.972, 0.974]),
        (0.2, [0.969, 0.973, 0.971]),
        (0.3, [0.966, 0.969, 0.971]),
        (0.4, [0.960, 0.961, 0.965]),
        (0.5, [0.1, 0.9, 0.4]),
    ];

    #[test]
    fn a_file_without_a_band_has_the_one_that_would_be_written_today() {
        let today = board(&TRIALS);
        let mut before = today.clone();
        assert!(before.noise_band.take().is_some());
        assert_eq!(band_of(&before), today.noise_band);
        assert_eq!(noise(&before, &before), today.noise_band.map(|band| band.width));
    }

    #[test]
    fn the_wider_band_counts_and_one_is_enough() {
        let (narrow, none) = (board(&TRIALS[..2]), board(&[]));
        let mut wide = narrow.clone();
        wide.noise_band.as_mut().unwrap().width = 0.5;
        assert_eq!(noise(&narrow, &wide), Some(0.5));
        assert_eq!(noise(&wide, &none), Some(0.5));
        assert_eq!(noise(&none, &none), None);
    }

    #[test]
    fn of_several_objectives_it_is_the_noise_of_the_first() {
        let single = board(&TRIALS);
        let mut several = single.clone();
        several.noise_band = None;
        several.objectives =
            vec![ObjectiveEntry { name: "size".into(), direction: Direction::Minimize }];
        // On the fronts, trials stand in another order.
        several.trials.reverse();
        assert_eq!(band_of(&several), single.noise_band);
    }
}
