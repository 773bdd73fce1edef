//! Which trials differ from the best by no more than noise: a test on the paired scores of the folds.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::statistics::{mean, sum};

/// The probability at which a difference as large as this one no longer passes for chance.
///
/// One in twenty is the convention, also that of Nadeau & Bengio and of scikit-learn's example. It is
/// not lowered for the number of trials that are compared with the best: that would only call more of
/// them noise, and the best of many was lucky anyway.
pub const SIGNIFICANCE: f64 = 0.05;

/// How probable a difference at least this large between two models is where they are equally good,
/// from their scores on the same folds; `None` where fewer than two folds leave that open.
///
/// `test_to_train` is the size of a fold's test part over that of its training part, `1 / (k - 1)` for
/// k-fold cross-validation. The variance of the differences is taken as `most_variance` where it is
/// larger: infinity for the test as it stands in the literature; see [`typical_variance`].
///
/// The corrected resampled t-test of C. Nadeau and Y. Bengio, "Inference for the Generalization Error",
/// Machine Learning 52 (2003), 239–281: t = mean(d) / √((1/k + test/train) · var(d)), for the
/// differences d of the k folds, with k − 1 degrees of freedom, two-sided. The term test/train corrects
/// for folds that share most of their training data, without which nearly everything is significant.
/// As in scikit-learn's example "Statistical comparison of models using grid search"
/// (`examples/model_selection/plot_grid_search_stats.py`), which takes one side.
///
/// Where all folds differ by the same amount, the probability is 1 for no difference, and else 0.
///
/// # Panics
///
/// Where the two do not have equally many scores.
pub fn p_value(
    scores: &[f64],
    other_scores: &[f64],
    test_to_train: f64,
    most_variance: f64,
) -> Option<f64> {
    let folds = scores.len() as f64;
    let freedom = folds - 1.0;
    let (mean_difference, variance) = difference(scores, other_scores)?;
    let variance = variance.min(most_variance);
    if variance == 0.0 {
        return Some(if mean_difference == 0.0 { 1.0 } else { 0.0 });
    }
    let t = mean_difference / ((1.0 / folds + test_to_train) * variance).sqrt();
    if t.is_nan() {
        return None;
    }
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some(2.0 * distribution.sf(t.abs()))
}

/// Mean and variance (divided by n - 1) of the differences of paired scores; `None` for fewer than two.
fn difference(scores: &[f64], other_scores: &[f64]) -> Option<(f64, f64)> {
    assert_eq!(scores.len(), other_scores.len(), "the scores are paired fold by fold");
    if scores.len() < 2 {
        return None;
    }
    let differences: Vec<f64> = scores.iter().zip(other_scores).map(|(a, b)| a - b).collect();
    let mean = mean(&differences);
    let squares: Vec<f64> = differences.iter().map(|d| (d - mean).powi(2)).collect();
    Some((mean, sum(&squares) / (scores.len() as f64 - 1.0)))
}

/// The median variance of the differences between the best and each of the others: what noise is like
/// in this study.
///
/// An erratic trial has differences of large variance, from which the t-test cannot tell even a hopeless
/// one from the best. A reader would take it for one of the best. So no trial is granted more noise than
/// this: it is called noise only where neither its own variance nor the typical one tells a difference.
/// Infinite where there is no other trial.
pub fn typical_variance<'a>(best: &[f64], others: impl Iterator<Item = &'a [f64]>) -> f64 {
    let mut variances: Vec<f64> =
        others.filter_map(|other| difference(best, other)).map(|(_, variance)| variance).collect();
    variances.sort_by(f64::total_cmp);
    variances.get(variances.len() / 2).copied().unwrap_or(f64::INFINITY)
}

/// Whether two models differ by no more than noise: [`p_value`] is not below [`SIGNIFICANCE`].
///
/// # Panics
///
/// As [`p_value`].
pub fn within_noise(
    scores: &[f64],
    other_scores: &[f64],
    test_to_train: f64,
    most_variance: f64,
) -> Option<bool> {
    p_value(scores, other_scores, test_to_train, most_variance).map(|p| p >= SIGNIFICANCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{number, numbers};

    #[test]
    fn probabilities_are_those_of_scipy() {
        let text = include_str!("../tests/fixtures/noise.json");
        let recorded: serde_json::Value = serde_json::from_str(text).unwrap();
        let cases = recorded["cases"].as_array().unwrap();
        assert!(cases.len() >= 20);
        for case in cases {
            let (a, b) = (numbers(&case["scores"]), numbers(&case["other_scores"]));
            let got = p_value(&a, &b, number(&case["test_to_train"]), f64::INFINITY).unwrap();
            let want = number(&case["p"]);
            assert!((got - want).abs() <= 1e-9 * want, "{got} instead of {want}: {case}");
            assert_eq!(
                p_value(&b, &a, number(&case["test_to_train"]), f64::INFINITY),
                Some(got),
                "{case}"
            );
        }
    }

    #[test]
    fn a_model_is_within_noise_of_itself() {
        assert_eq!(
            within_noise(&[0.9, 0.8, 0.85], &[0.9, 0.8, 0.85], 0.5, f64::INFINITY),
            Some(true)
        );
    }

    #[test]
    fn the_same_difference_on_every_fold_is_no_noise() {
        assert_eq!(
            within_noise(&[0.75, 0.5, 1.0], &[0.5, 0.25, 0.75], 0.5, f64::INFINITY),
            Some(false)
        );
    }

    #[test]
    fn one_fold_says_nothing_about_noise() {
        assert_eq!(within_noise(&[0.9], &[0.1], 0.25, f64::INFINITY), None);
    }

    #[test]
    fn an_erratic_trial_is_not_thereby_as_good_as_the_best() {
        let best = [0.914, 0.917, 0.911];
        let others = [[0.912, 0.915, 0.9105], [0.87, 0.865, 0.86], [0.2, 0.6, 0.3]];
        let typical = typical_variance(&best, others.iter().map(|other| other.as_slice()));
        assert_eq!(within_noise(&best, &others[0], 0.5, typical), Some(true));
        assert_eq!(within_noise(&best, &others[2], 0.5, f64::INFINITY), Some(true));
        assert_eq!(within_noise(&best, &others[2], 0.5, typical), Some(false));
    }
}
