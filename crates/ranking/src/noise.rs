//! Which trials cannot be told from the best: one band of noise for the whole study, estimated from the scores of
//! all folds together.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};

use crate::statistics::{mean, sum};

/// How probable it is that a trial which is as good as the best one falls out of the band.
pub const SIGNIFICANCE: f64 = 0.05;
/// The trials that are pooled: the better half, and no fewer than these, if there are as many. What is noise
/// among hopeless trials says nothing about that among the best.
const FEWEST_POOLED: usize = 3;
/// A trial whose residuals vary more than those of so many among a hundred like it is erratic, and not pooled.
const TYPICAL: f64 = 0.99;
/// Significant digits that are kept of the width. Quantiles come from the system's mathematics, whose last digits
/// are not the same everywhere.
const DIGITS: usize = 6;

/// How far a trial may be behind the best one of its study before that is more than noise.
///
/// Each score is the worth of its trial, plus an effect of its fold that all trials share, plus a residual. The
/// variance of the residuals is pooled over the better half of the trials, without those that vary far more than
/// the others. The difference of two means over k folds then has the variance 2 · (1/k + test/train) · residual
/// variance: the term test/train corrects for folds that share training data (C. Nadeau and Y. Bengio, "Inference
/// for the Generalization Error", Machine Learning 52 (2003), 239–281). The width is this standard deviation times
/// the one-sided 95% quantile of Student's t, whose degrees of freedom are those of the pool.
///
/// One width for all makes the band monotone: of two trials, the better one is never outside while the other is
/// inside. `bench/noise` measures how often the best of many really is inside.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NoiseBand {
    /// Trials whose mean score is behind the best by no more than this cannot be told from it.
    pub width: f64,
    /// The standard deviation of one fold's score that neither its trial nor its fold explains.
    pub residual_std: f64,
    /// How many independent residuals that was estimated from.
    pub degrees_of_freedom: usize,
    /// How many trials were pooled for it.
    pub pooled_trials: usize,
}

impl NoiseBand {
    /// The band of a study whose complete trials have these scores, one for each fold, the best trial first.
    /// `test_to_train` is the size of a fold's test part over that of its training part: `1 / (k - 1)` for k-fold
    /// cross-validation.
    ///
    /// `None` where there are fewer than two folds or two trials: then nothing is known about noise. A trial
    /// without a finite score for every fold is left out.
    pub fn of(scores: &[&[f64]], test_to_train: f64) -> Option<NoiseBand> {
        let folds = scores.iter().map(|scores| scores.len()).max().filter(|folds| *folds >= 2)?;
        let is_whole = |scores: &&&[f64]| {
            scores.len() == folds && scores.iter().all(|score| score.is_finite())
        };
        let whole: Vec<&[f64]> = scores.iter().filter(is_whole).copied().collect();
        if whole.len() < 2 {
            return None;
        }
        let pool = &whole[..whole.len().div_ceil(2).max(FEWEST_POOLED).min(whole.len())];
        let squares = squared_residuals(pool, folds);
        let freedom = (folds - 1) as f64;
        let chi = ChiSquared::new(freedom).ok()?;
        // What a typical trial has, from the median, which erratic ones do not move.
        let typical = median(squares.clone()) / chi.inverse_cdf(0.5);
        let most = typical * chi.inverse_cdf(TYPICAL);
        let kept: Vec<f64> = squares.into_iter().filter(|square| *square <= most).collect();
        // The effects of the folds cost as many degrees of freedom as one trial has.
        let degrees_of_freedom = (kept.len() - 1).max(1) * (folds - 1);
        let variance = sum(&kept) / degrees_of_freedom as f64;
        let student = StudentsT::new(0.0, 1.0, degrees_of_freedom as f64).ok()?;
        let quantile = student.inverse_cdf(1.0 - SIGNIFICANCE);
        let of_difference = 2.0 * (1.0 / folds as f64 + test_to_train) * variance;
        Some(NoiseBand {
            width: significant(quantile * of_difference.sqrt()),
            residual_std: significant(variance.sqrt()),
            degrees_of_freedom,
            pooled_trials: kept.len(),
        })
    }

    /// Whether a mean that is worse than the best by `behind` cannot be told from it.
    pub fn holds(&self, behind: f64) -> bool {
        // The subtraction of two scores leaves a hair where the width is nothing.
        behind <= self.width + 1e-12
    }
}

/// For each trial the sum over its folds of the squared residuals.
fn squared_residuals(pool: &[&[f64]], folds: usize) -> Vec<f64> {
    let centred: Vec<Vec<f64>> = pool
        .iter()
        .map(|scores| {
            let mean = mean(scores);
            scores.iter().map(|score| score - mean).collect()
        })
        .collect();
    let effects: Vec<f64> = (0..folds)
        .map(|fold| median(centred.iter().map(|scores| scores[fold]).collect()))
        .collect();
    let mean_effect = mean(&effects);
    let residual = |(score, effect): (&f64, &f64)| (score - (effect - mean_effect)).powi(2);
    let of_trial = |scores: &Vec<f64>| {
        let squares: Vec<f64> = scores.iter().zip(&effects).map(residual).collect();
        sum(&squares)
    };
    centred.iter().map(of_trial).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

fn significant(value: f64) -> f64 {
    format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::{number, numbers};

    fn band(scores: &[Vec<f64>], test_to_train: f64) -> Option<NoiseBand> {
        let scores: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
        NoiseBand::of(&scores, test_to_train)
    }

    #[test]
    fn bands_are_those_of_numpy_and_scipy() {
        let text = include_str!("../tests/fixtures/noise.json");
        let recorded: serde_json::Value = serde_json::from_str(text).unwrap();
        let cases = recorded["cases"].as_array().unwrap();
        assert!(cases.len() >= 40);
        for case in cases {
            let scores: Vec<Vec<f64>> =
                case["scores"].as_array().unwrap().iter().map(numbers).collect();
            let got = band(&scores, number(&case["test_to_train"])).unwrap();
            let want = number(&case["width"]);
            assert!((got.width - want).abs() <= 1e-5 * want, "{} instead of {want}", got.width);
            let freedom = number(&case["degrees_of_freedom"]);
            assert_eq!(got.degrees_of_freedom as f64, freedom, "{case}");
        }
    }

    #[test]
    fn nothing_is_known_of_one_fold_or_of_one_trial() {
        assert_eq!(band(&[vec![0.9], vec![0.8], vec![0.7]], 0.25), None);
        assert_eq!(band(&[vec![0.9, 0.8]], 1.0), None);
        assert_eq!(band(&[vec![0.9, 0.8], vec![0.9, f64::NAN]], 1.0), None);
        assert_eq!(band(&[], 1.0), None);
    }

    #[test]
    fn an_effect_that_all_trials_share_is_no_noise() {
        let shared = band(&[vec![0.75, 0.5, 1.0], vec![0.5, 0.25, 0.75]], 0.5).unwrap();
        assert_eq!(shared.width, 0.0);
        assert!(shared.holds(0.0) && !shared.holds(0.25));
    }

    #[test]
    fn an_erratic_trial_does_not_widen_the_band() {
        let deterministic: Vec<Vec<f64>> = (0..8)
            .map(|trial| {
                let worth = 0.95 - f64::from(trial) * 0.01;
                let noise = |fold: i32| f64::from((trial * 7 + fold * 5) % 4) * 0.001;
                (0..3).map(|fold| worth + noise(fold)).collect()
            })
            .collect();
        let before = band(&deterministic, 0.5).unwrap();
        let mut with_erratic = deterministic;
        with_erratic.insert(1, vec![0.99, 0.86, 0.97]);
        let after = band(&with_erratic, 0.5).unwrap();
        assert!(after.width < 1.5 * before.width, "{before:?} {after:?}");
    }

    fn studies() -> impl Strategy<Value = Vec<Vec<f64>>> {
        (2..6_usize, 2..12_usize).prop_flat_map(|(folds, trials)| {
            let scores = prop::collection::vec(0.0..1.0_f64, folds);
            prop::collection::vec(scores, trials).prop_map(|mut scores| {
                scores.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
                scores
            })
        })
    }

    proptest! {
        #[test]
        fn the_band_scales_with_the_scores_and_does_not_shift_with_them(
            scores in studies(), shift in -5.0..5.0_f64, scale in 0.1..100.0_f64,
        ) {
            let changed: Vec<Vec<f64>> = scores
                .iter()
                .map(|trial| trial.iter().map(|score| score * scale + shift).collect())
                .collect();
            let (band, of_changed) = (band(&scores, 0.5).unwrap(), band(&changed, 0.5).unwrap());
            prop_assert!((of_changed.width - band.width * scale).abs() <= 1e-4 * band.width * scale);
        }

        #[test]
        fn neither_the_order_of_folds_nor_a_hopeless_trial_matters(scores in studies()) {
            let band_before = band(&scores, 0.5).unwrap();
            let reversed: Vec<Vec<f64>> =
                scores.iter().map(|trial| trial.iter().rev().copied().collect()).collect();
            let of_reversed = band(&reversed, 0.5).unwrap();
            prop_assert!((of_reversed.width - band_before.width).abs() <= 1e-5 * band_before.width);
            if scores.len() % 2 == 1 && scores.len() > 5 {
                let mut more = scores.clone();
                more.push(vec![-9.0; scores[0].len()]);
                prop_assert_eq!(band(&more, 0.5).unwrap(), band_before);
            }
        }
    }
}
