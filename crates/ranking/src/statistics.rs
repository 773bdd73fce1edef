//! Standard deviation of the scores of a trial, to the last bit that of numpy, as are sum and mean.

pub use burn_tune_search::mean::{mean, sum};

/// The standard deviation of the population, as scikit-learn's `std_test_score`: the squares are
/// divided by `n`, not by `n - 1`.
pub fn std(values: &[f64]) -> f64 {
    let mean_value = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - mean_value).powi(2)).collect();
    mean(&squares).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{number, numbers, recorded_cases};

    fn check(got: f64, want: f64, place: &str) {
        let same = got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan());
        assert!(same, "{place}: {got:?}, but scikit-learn has {want:?}");
    }

    #[test]
    fn means_and_deviations_are_those_of_scikit_learn_to_the_bit() {
        let mut compared = 0;
        for case in recorded_cases() {
            for (index, scores) in case.scores.iter().enumerate() {
                let place = format!("{}, candidate {index}", case.name);
                check(mean(scores), case.mean[index], &place);
                check(std(scores), case.std[index], &place);
                compared += 1;
            }
        }
        assert!(compared > 700, "only {compared} rows were recorded");
    }

    #[test]
    fn times_of_the_recorded_searches_have_the_same_means() {
        let recorded = crate::fixtures::recorded();
        let mut compared = 0;
        for table in recorded["tables"].as_array().unwrap() {
            let text = table["csv"].as_str().unwrap();
            let mut rows = csv::Reader::from_reader(text.as_bytes());
            for (row, clock) in rows.records().zip(table["clock"].as_array().unwrap()) {
                let row = row.unwrap();
                let fit_times: Vec<f64> =
                    clock.as_array().unwrap().iter().map(|split| number(&split[0])).collect();
                check(mean(&fit_times), row[0].parse().unwrap(), text);
                check(std(&fit_times), row[1].parse().unwrap(), text);
                compared += 1;
            }
        }
        assert!(compared > 20);
    }

    #[test]
    fn nothing_has_no_mean() {
        assert!(mean(&[]).is_nan());
        assert!(std(&numbers(&serde_json::json!([]))).is_nan());
    }
}
