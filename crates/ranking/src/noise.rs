//! Which trials differ from the best by no more than noise: a test on the paired scores of the folds.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::statistics::mean;

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
/// k-fold cross-validation.
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
pub fn p_value(scores: &[f64], other_scores: &[f64], test_to_train: f64) -> Option<f64> {
    assert_eq!(scores.len(), other_scores.len(), "the scores are paired fold by fold");
    let folds = scores.len() as f64;
    let freedom = folds - 1.0;
    if freedom < 1.0 {
        return None;
    }
    let differences: Vec<f64> = scores.iter().zip(other_scores).map(|(a, b)| a - b).collect();
    let mean_difference = mean(&differences);
    let squares: Vec<f64> = differences.iter().map(|d| (d - mean_difference).powi(2)).collect();
    let variance = crate::statistics::sum(&squares) / freedom;
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

/// Whether two models differ by no more than noise: [`p_value`] is not below [`SIGNIFICANCE`].
///
/// # Panics
///
/// As [`p_value`].
pub fn within_noise(scores: &[f64], other_scores: &[f64], test_to_train: f64) -> Option<bool> {
    p_value(scores, other_scores, test_to_train).map(|p| p >= SIGNIFICANCE)
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
            let got = p_value(&a, &b, number(&case["test_to_train"])).unwrap();
            let want = number(&case["p"]);
            assert!((got - want).abs() <= 1e-9 * want, "{got} instead of {want}: {case}");
            assert_eq!(p_value(&b, &a, number(&case["test_to_train"])), Some(got), "{case}");
        }
    }

    #[test]
    fn a_model_is_within_noise_of_itself() {
        assert_eq!(within_noise(&[0.9, 0.8, 0.85], &[0.9, 0.8, 0.85], 0.5), Some(true));
    }

    #[test]
    fn the_same_difference_on_every_fold_is_no_noise() {
        assert_eq!(within_noise(&[0.75, 0.5, 1.0], &[0.5, 0.25, 0.75], 0.5), Some(false));
    }

    #[test]
    fn one_fold_says_nothing_about_noise() {
        assert_eq!(within_noise(&[0.9], &[0.1], 0.25), None);
    }
}
