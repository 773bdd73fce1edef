//! Up to which difference two scores of different studies are the same: the one place that decides it.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::leaderboard::{Leaderboard, State};
use crate::noise::SIGNIFICANCE;
use crate::statistics::{mean, sum};

/// The larger of what the two studies call noise; `None` where neither tells.
pub fn noise(old: &Leaderboard, new: &Leaderboard) -> Option<f64> {
    [old, new].into_iter().filter_map(noise_of).max_by(f64::total_cmp)
}

/// The difference from which on the corrected resampled t-test (see [`crate::noise`]) no longer calls two
/// trials equal, with the variance that folds have once trials and folds are accounted for.
///
/// It is that of the better half of the trials: noise is another one for poor and erratic trials, and what is
/// compared is the best. A single trial does not tell folds that are hard from noise: then all of its
/// variance counts, which is more rather than less.
fn noise_of(leaderboard: &Leaderboard) -> Option<f64> {
    let complete = leaderboard.trials.iter().filter(|trial| trial.state == State::Complete);
    let scored = complete.filter_map(|trial| {
        let scores: Option<Vec<f64>> = trial.split_test_scores.iter().copied().collect();
        scores.filter(|scores| scores.len() == leaderboard.evaluation.folds)
    });
    let mut rows: Vec<Vec<f64>> = scored.collect();
    let loss = |row: &Vec<f64>| leaderboard.direction.loss(mean(row));
    rows.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
    rows.truncate(rows.len().div_ceil(2).max(2));
    let folds = leaderboard.evaluation.folds as f64;
    if rows.is_empty() || folds < 2.0 {
        return None;
    }
    let freedom = (rows.len() as f64 - 1.0).max(1.0) * (folds - 1.0);
    let variance = sum(&squares(&rows)) / freedom;
    let quantile = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(1.0 - SIGNIFICANCE / 2.0);
    let noise = quantile * (2.0 * (1.0 / folds + 1.0 / (folds - 1.0)) * variance).sqrt();
    noise.is_finite().then_some(noise)
}

/// The square of what trial and fold do not account for, of each score.
fn squares(rows: &[Vec<f64>]) -> Vec<f64> {
    let of_all = mean(&rows.concat());
    let of_fold = |fold: usize| match rows {
        [_] => of_all,
        rows => mean(&rows.iter().map(|row| row[fold]).collect::<Vec<f64>>()),
    };
    let of_folds: Vec<f64> = (0..rows[0].len()).map(of_fold).collect();
    let residuals = rows.iter().flat_map(|row| {
        let of_trial = mean(row);
        row.iter().zip(&of_folds).map(move |(score, of_fold)| score - of_trial - of_fold + of_all)
    });
    residuals.map(|residual| residual * residual).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::tests::board;

    #[test]
    fn noise_is_that_of_the_better_half() {
        // With two degrees of freedom, whose quantile is 4.3027.
        let best = [0.971, 0.970, 0.972];
        let near = [0.971, 0.974, 0.972];
        let noise = noise_of(&board(&[(0.1, best), (0.2, near)])).unwrap();
        let variance = 2.0 * (1.0 / 3.0 + 0.5) * expected_variance(&[best, near]);
        assert!((noise - 4.302_652_729_9 * variance.sqrt()).abs() < 1e-9, "{noise}");
        let poor = [[0.1, 0.5, 0.9], [0.9, 0.1, 0.5]];
        let with_poor = board(&[(0.1, best), (0.2, near), (0.3, poor[0]), (0.4, poor[1])]);
        assert_eq!(noise_of(&with_poor), Some(noise));
    }

    /// Half the variance of the differences, which folds do not enter.
    fn expected_variance([a, b]: &[[f64; 3]; 2]) -> f64 {
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        let mean = differences.iter().sum::<f64>() / 3.0;
        differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 2.0 / 2.0
    }

    #[test]
    fn a_single_trial_tells_something_and_none_tells_nothing() {
        let noise = noise_of(&board(&[(0.1, [0.97, 0.98, 0.96])])).unwrap();
        let expected = 4.302_652_729_9 * (2.0 * (1.0 / 3.0 + 0.5) * 1e-4_f64).sqrt();
        assert!((noise - expected).abs() < 1e-9, "{noise} instead of {expected}");
        assert_eq!(noise_of(&board(&[])), None);
    }
}
