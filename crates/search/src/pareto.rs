//! Which rows of losses are better than which, where there is more than one objective.

use std::cmp::Ordering;

/// The front of each row, from 0: rows of front 0 are dominated by none, those of front 1 by rows of
/// front 0 alone, and so on. A row dominates another if no loss of it is larger and one is smaller; so
/// equal rows share a front. Rows with a NaN share the last one.
///
/// Takes O(n log n) for two objectives: in lexicographic order a row is dominated by a front if and only
/// if it is by the row that the front got last (Jensen 2003). For more, each front's rows are gone through
/// (the efficient non-dominated sort of Zhang et al. 2015).
pub fn fronts(losses: &[impl AsRef<[f64]>]) -> Vec<usize> {
    let row = |index: usize| losses[index].as_ref();
    let mut order: Vec<usize> =
        (0..losses.len()).filter(|index| !row(*index).iter().any(|loss| loss.is_nan())).collect();
    order.sort_by(|a, b| lexicographic(row(*a), row(*b)).then(a.cmp(b)));
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut front_of = vec![usize::MAX; losses.len()];
    for &index in &order {
        let is_above = |front: &Vec<usize>| {
            let looked_at = if row(index).len() <= 2 { 1 } else { front.len() };
            front.iter().rev().take(looked_at).any(|other| dominates(row(*other), row(index)))
        };
        // A row that one front dominates is dominated by each front before it.
        let front = members.partition_point(is_above);
        match members.get_mut(front) {
            Some(members) => members.push(index),
            None => members.push(vec![index]),
        }
        front_of[index] = front;
    }
    front_of
        .iter_mut()
        .filter(|front| **front == usize::MAX)
        .for_each(|front| *front = members.len());
    front_of
}

/// Whether `a` is nowhere worse than `b`, and somewhere better.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a.iter().zip(b).any(|(a, b)| a < b)
}

/// How alone each row of one front is: the sum, over the objectives, of the distance between its two
/// neighbours, as a part of the front's extent; infinite at the ends.
///
/// Source: the crowding distance of Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic
/// Algorithm: NSGA-II".
pub fn crowding(front: &[impl AsRef<[f64]>]) -> Vec<f64> {
    let objectives = front.first().map_or(0, |row| row.as_ref().len());
    let mut distances = vec![0.0; front.len()];
    for objective in 0..objectives {
        let loss = |index: usize| front[index].as_ref()[objective];
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|a, b| loss(*a).total_cmp(&loss(*b)).then(a.cmp(b)));
        let (first, last) = (order[0], order[front.len() - 1]);
        let extent = loss(last) - loss(first);
        distances[first] = f64::INFINITY;
        distances[last] = f64::INFINITY;
        if extent > 0.0 && extent.is_finite() {
            for neighbours in order.windows(3) {
                distances[neighbours[1]] += (loss(neighbours[2]) - loss(neighbours[0])) / extent;
            }
        }
    }
    distances
}

/// Signed zeros are equal here as they are for [`dominates`]; there is no NaN.
fn lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes away, again and again, the rows that none of the others dominates.
    fn by_definition(losses: &[Vec<f64>]) -> Vec<usize> {
        let mut front_of: Vec<Option<usize>> = vec![None; losses.len()];
        let is_number = |index: &usize| !losses[*index].iter().any(|loss| loss.is_nan());
        let mut left: Vec<usize> = (0..losses.len()).filter(is_number).collect();
        let mut front = 0;
        while !left.is_empty() {
            let is_free = |index: &usize| {
                !left.iter().any(|other| dominates(&losses[*other], &losses[*index]))
            };
            let (free, rest): (Vec<usize>, Vec<usize>) = left.iter().copied().partition(is_free);
            free.iter().for_each(|index| front_of[*index] = Some(front));
            left = rest;
            front += 1;
        }
        front_of.into_iter().map(|known| known.unwrap_or(front)).collect()
    }

    fn rows() -> impl Strategy<Value = Vec<Vec<f64>>> {
        // Few different numbers, so that many are equal.
        let loss = prop_oneof![
            8 => (-3i32..4).prop_map(f64::from),
            1 => Just(f64::NAN),
            1 => Just(f64::INFINITY),
            1 => Just(-0.0),
        ];
        (1usize..5).prop_flat_map(move |objectives| {
            prop::collection::vec(prop::collection::vec(loss.clone(), objectives), 0..40)
        })
    }

    proptest! {
        #[test]
        fn fronts_are_what_the_definition_says(losses in rows()) {
            prop_assert_eq!(fronts(&losses), by_definition(&losses));
        }

        #[test]
        fn fronts_do_not_depend_on_the_order_of_the_rows(losses in rows()) {
            let reversed: Vec<Vec<f64>> = losses.iter().rev().cloned().collect();
            let mut back = fronts(&reversed);
            back.reverse();
            prop_assert_eq!(fronts(&losses), back);
        }
    }

    #[test]
    fn the_fronts_of_ten_thousand_rows_are_found_where_all_are_in_one_and_where_each_has_its_own() {
        let falling: Vec<[f64; 2]> = (0..10_000).map(|i| [f64::from(i), -f64::from(i)]).collect();
        assert!(fronts(&falling).iter().all(|front| *front == 0));
        let rising: Vec<[f64; 2]> = (0..10_000).map(|i| [f64::from(i), f64::from(i)]).collect();
        assert!(fronts(&rising).into_iter().eq(0..10_000));
    }

    #[test]
    fn the_ends_of_a_front_are_alone_and_what_lies_close_is_crowded() {
        let front = [[0.0, 4.0], [1.0, 3.0], [1.5, 2.5], [4.0, 0.0]];
        assert_eq!(crowding(&front), [f64::INFINITY, 0.375 + 0.375, 0.75 + 0.75, f64::INFINITY]);
    }
}
