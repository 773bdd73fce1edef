//! Sum, mean and standard deviation of the scores of a trial, to the last bit those of numpy.

/// The sum in the order in which numpy adds the elements of a contiguous row: pairwise.
///
/// Ranks compare means by exact equality, so the last bit decides what is a tie. The order is that of
/// `pairwise_sum` in numpy's `loops_utils.h.src`: below 8 values one after the other, up to 128 in
/// eight accumulators, above that as the sum of two halves.
pub fn sum(values: &[f64]) -> f64 {
    match values.len() {
        0..8 => values.iter().fold(0.0, |sum, value| sum + value),
        8..=128 => {
            let (blocks, rest) = values.as_chunks::<8>();
            let mut r = [0.0; 8];
            for block in blocks {
                for (accumulator, value) in r.iter_mut().zip(block) {
                    *accumulator += value;
                }
            }
            let blocks_sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
            rest.iter().fold(blocks_sum, |sum, value| sum + value)
        }
        len => {
            let half = len / 2;
            let (left, right) = values.split_at(half - half % 8);
            sum(left) + sum(right)
        }
    }
}

/// The mean, unweighted; NaN where there are no values, or one of them is NaN.
pub fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}

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
