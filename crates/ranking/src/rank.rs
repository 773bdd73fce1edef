//! Ranks of mean scores, ties and missing scores included, as scikit-learn's `rank_test_score`; and where
//! there is more than one score, of Pareto fronts.

use burn_tune_search::Direction;
use burn_tune_search::pareto::fronts;

/// The rank of each mean, from 1 for the best.
///
/// Means that are exactly equal share the smallest of their ranks (1, 1, 3). NaN, the mean of a trial
/// that failed, ranks last, and all NaN share a rank; where all are NaN, all have rank 1.
///
/// These are the rules of `BaseSearchCV._format_results` in scikit-learn 1.9.1, its corners included:
/// NaN is replaced by the worst mean less 1, so that it ties with the worst where the mean is as large
/// as 1e17; and infinite means are replaced by the largest finite number. scikit-learn only maximizes:
/// to minimize is to rank the negated means.
///
/// ```
/// use burn_tune_ranking::rank;
/// use burn_tune_search::Direction;
///
/// assert_eq!(rank(&[0.5, 0.9, f64::NAN, 0.9], Direction::Maximize), [3, 1, 4, 1]);
/// assert_eq!(rank(&[0.5, 0.9, f64::NAN, 0.9], Direction::Minimize), [1, 2, 4, 2]);
/// ```
pub fn rank(means: &[f64], direction: Direction) -> Vec<usize> {
    let gains: Vec<f64> = match direction {
        Direction::Maximize => means.to_vec(),
        Direction::Minimize => means.iter().map(|mean| -mean).collect(),
    };
    // `f64::min` passes over NaN: this is NaN only where all are.
    let worst = gains.iter().copied().fold(f64::NAN, f64::min);
    if worst.is_nan() {
        return vec![1; means.len()];
    }
    let filled = gains.iter().map(|gain| match gain {
        gain if gain.is_nan() => worst - 1.0,
        gain => gain.clamp(f64::MIN, f64::MAX),
    });
    let filled: Vec<f64> = filled.collect();
    let mut descending = filled.clone();
    descending.sort_by(|a, b| b.total_cmp(a));
    filled.iter().map(|gain| 1 + descending.partition_point(|other| other > gain)).collect()
}

/// The rank of each row of losses, one loss for each of several objectives: 1 for the Pareto front, the rows
/// that no other dominates. Take those away, and the rows that none of the rest dominates come next, and so
/// on. All rows of a front share the smallest of their ranks, as equal means do (1, 1, 1, 4, 4, 6). Rows with
/// a NaN come last.
///
/// ```
/// use burn_tune_ranking::rank::rank_by_fronts;
///
/// let losses = [[0.1, 9.0], [0.2, 3.0], [0.3, 4.0], [f64::NAN, 1.0]];
/// assert_eq!(rank_by_fronts(&losses), [1, 1, 3, 4]);
/// ```
pub fn rank_by_fronts(losses: &[impl AsRef<[f64]>]) -> Vec<usize> {
    let fronts = fronts(losses);
    let mut ascending = fronts.clone();
    ascending.sort_unstable();
    fronts.iter().map(|front| 1 + ascending.partition_point(|other| other < front)).collect()
}

#[cfg(test)]
mod tests {
    use burn_tune_search::pareto::dominates;
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::recorded_cases;

    #[test]
    fn ranks_are_those_of_scikit_learn() {
        let mut ties = 0;
        for case in recorded_cases() {
            assert_eq!(rank(&case.mean, Direction::Maximize), case.rank, "{}", case.name);
            ties += case.rank.iter().filter(|&&r| r == 1).count() - 1;
        }
        assert!(ties > 5, "the recorded cases have ties for the first rank");
    }

    #[test]
    fn the_best_is_the_first_of_rank_one() {
        for case in recorded_cases() {
            let ranks = rank(&case.mean, Direction::Maximize);
            assert_eq!(ranks.iter().position(|&r| r == 1), Some(case.best_index), "{}", case.name);
        }
    }

    #[test]
    fn to_minimize_is_to_maximize_the_negated_means() {
        for case in recorded_cases() {
            let negated: Vec<f64> = case.mean.iter().map(|mean| -mean).collect();
            assert_eq!(rank(&negated, Direction::Minimize), case.rank, "{}", case.name);
        }
    }

    #[test]
    fn nothing_has_no_ranks() {
        assert!(rank(&[], Direction::Minimize).is_empty());
    }

    /// Few distinct values, so that there are ties, and some NaN.
    fn means() -> impl Strategy<Value = Vec<f64>> {
        let mean = prop_oneof![8 => (-5..5i32).prop_map(f64::from), 1 => Just(f64::NAN)];
        prop::collection::vec(mean, 1..40)
    }

    fn direction() -> impl Strategy<Value = Direction> {
        prop_oneof![Just(Direction::Maximize), Just(Direction::Minimize)]
    }

    /// Rows of two or three losses, few of them distinct, and some NaN.
    fn losses() -> impl Strategy<Value = Vec<Vec<f64>>> {
        let loss = prop_oneof![8 => (-3..4i32).prop_map(f64::from), 1 => Just(f64::NAN)];
        (2..4usize).prop_flat_map(move |objectives| {
            prop::collection::vec(prop::collection::vec(loss.clone(), objectives), 1..40)
        })
    }

    proptest! {
        #[test]
        fn no_row_is_dominated_by_one_of_a_worse_or_equal_rank(losses in losses()) {
            let ranks = rank_by_fronts(&losses);
            let is_missing = |row: &Vec<f64>| row.iter().any(|loss| loss.is_nan());
            for (row, rank) in losses.iter().zip(&ranks) {
                for (other, of_other) in losses.iter().zip(&ranks) {
                    if is_missing(other) {
                        prop_assert!(of_other >= rank);
                    } else if dominates(other, row) {
                        prop_assert!(of_other < rank);
                    }
                }
                // Each rank is the number of those before it, and one more.
                prop_assert_eq!(*rank, 1 + ranks.iter().filter(|other| *other < rank).count());
            }
        }

        #[test]
        fn a_rank_of_fronts_does_not_depend_on_the_order_of_the_rows(
            (losses, permuted) in losses().prop_flat_map(|losses| {
                let indexed: Vec<(usize, Vec<f64>)> = losses.iter().cloned().enumerate().collect();
                (Just(losses), Just(indexed).prop_shuffle())
            }),
        ) {
            let ranks = rank_by_fronts(&losses);
            let rows: Vec<&Vec<f64>> = permuted.iter().map(|(_, row)| row).collect();
            for ((index, _), rank) in permuted.iter().zip(rank_by_fronts(&rows)) {
                prop_assert_eq!(rank, ranks[*index]);
            }
        }

        #[test]
        fn a_rank_is_one_more_than_the_number_of_those_strictly_better(
            means in means(), direction in direction(),
        ) {
            let better = |a: f64, b: f64| match direction {
                _ if a.is_nan() => false,
                _ if b.is_nan() => true,
                Direction::Maximize => a > b,
                Direction::Minimize => a < b,
            };
            for (&mean, rank) in means.iter().zip(rank(&means, direction)) {
                let before = means.iter().filter(|&&other| better(other, mean)).count();
                prop_assert_eq!(rank, 1 + before);
            }
        }

        #[test]
        fn a_rank_does_not_depend_on_the_order_of_the_trials(
            (means, permuted) in means().prop_flat_map(|means| {
                let indexed: Vec<(usize, f64)> = means.iter().copied().enumerate().collect();
                (Just(means), Just(indexed).prop_shuffle())
            }),
            direction in direction(),
        ) {
            let ranks = rank(&means, direction);
            let permuted_means: Vec<f64> = permuted.iter().map(|(_, mean)| *mean).collect();
            for ((index, _), rank) in permuted.iter().zip(rank(&permuted_means, direction)) {
                prop_assert_eq!(rank, ranks[*index]);
            }
        }

        #[test]
        fn a_missing_score_ranks_behind_every_other(means in means(), direction in direction()) {
            let scored = means.iter().filter(|mean| !mean.is_nan()).count();
            for (mean, rank) in means.iter().zip(rank(&means, direction)) {
                if mean.is_nan() {
                    prop_assert_eq!(rank, 1 + scored);
                } else {
                    prop_assert!(rank <= scored);
                }
            }
        }
    }
}
