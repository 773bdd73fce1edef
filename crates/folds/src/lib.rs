//! Stratified and plain folds for cross-validation, index for index those of scikit-learn's `StratifiedKFold` and
//! `KFold` without shuffling.

use std::fmt;

use thiserror::Error;

/// How many folds the holdout of one fifth is the first of.
const HOLDOUT_FOLDS: usize = 5;

/// One split of the examples: train on `train`, score on `test`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// The indices of the examples to train on, ascending.
    pub train: Vec<u32>,
    /// The indices of the examples to score on, ascending.
    pub test: Vec<u32>,
}

/// What [`stratified_folds`] makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StratifiedFolds {
    /// The folds; every example is in the `test` of exactly one, unless a fifth is held out.
    pub folds: Vec<Fold>,
    /// Where scikit-learn warns: a class that some folds lack.
    pub warning: Option<SmallClass>,
}

/// The warning that a class has fewer members than there are folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmallClass {
    /// The smallest class (its index); the first in the data among equals.
    pub class: u8,
    /// How many examples it has.
    pub members: usize,
    /// How many folds the data was split into: 5 where a fifth is held out.
    pub folds: usize,
}

impl fmt::Display for SmallClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, members, folds } = self;
        let plural = if *members == 1 { "" } else { "s" };
        write!(
            f,
            "class {class} has only {members} example{plural} for {folds} folds: \
             some folds are tested without it"
        )
    }
}

/// Why the data cannot be split into so many folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("folds: {folds} is not possible with these examples; {}", allowed(*.largest_class))]
pub struct FoldsError {
    /// How many folds were asked for.
    pub folds: usize,
    /// How many examples the largest class has, which is the most folds possible.
    pub largest_class: usize,
}

/// The numbers of folds that are possible, in words.
fn allowed(largest_class: usize) -> String {
    if largest_class < 2 {
        "no number is, for no class has two examples".to_owned()
    } else if largest_class < HOLDOUT_FOLDS {
        format!("allowed are 2 to {largest_class}, the size of the largest class")
    } else {
        format!(
            "allowed are 1 (which holds out a fifth) to {largest_class}, \
             the size of the largest class"
        )
    }
}

/// Splits examples into folds that each have every class in its proportion.
///
/// `labels` are class indices in data order. `folds` = 1 holds out a fifth: it gives the first of
/// five folds.
///
/// # Errors
///
/// When `folds` is 0, or there are more folds (five, to hold out a fifth) than every class has
/// examples.
///
/// ```
/// let folds = burn_tune_folds::stratified_folds(&[0, 1, 0, 1, 0, 1], 3)?.folds;
/// assert_eq!(folds[0].test, [0, 1]);
/// assert_eq!(folds[0].train, [2, 3, 4, 5]);
/// # Ok::<(), burn_tune_folds::FoldsError>(())
/// ```
pub fn stratified_folds(labels: &[u8], folds: usize) -> Result<StratifiedFolds, FoldsError> {
    let classes = count_classes(labels);
    let largest_class = classes.iter().map(|class| class.members).max();
    let largest_class = largest_class.unwrap_or(0);
    let split = if folds == 1 { HOLDOUT_FOLDS } else { folds };
    if split == 0 || split > largest_class {
        return Err(FoldsError { folds, largest_class });
    }
    let smallest = classes.iter().min_by_key(|class| class.members);
    let warning = smallest.filter(|class| class.members < split).map(|class| SmallClass {
        class: class.label,
        members: class.members,
        folds: split,
    });

    let fold_of = assign(labels, &classes, split);
    let made = if folds == 1 { 1 } else { split };
    let folds = (0..made)
        .map(|fold| {
            let (test, train) = (0..labels.len() as u32)
                .partition(|&index| fold_of[index as usize] as usize == fold);
            Fold { train, test }
        })
        .collect();
    Ok(StratifiedFolds { folds, warning })
}

/// Splits rows that have no classes into folds of consecutive rows, as scikit-learn's `KFold` without
/// shuffling: the first `rows % folds` of them have one row more. `folds` = 1 holds out a fifth.
///
/// # Errors
///
/// When `folds` is 0, or there are more folds (five, to hold out a fifth) than rows.
///
/// ```
/// let folds = burn_tune_folds::k_folds(5, 2)?;
/// assert_eq!((&folds[0].test[..], &folds[0].train[..]), (&[0, 1, 2][..], &[3, 4][..]));
/// # Ok::<(), burn_tune_folds::RowsError>(())
/// ```
pub fn k_folds(rows: usize, folds: usize) -> Result<Vec<Fold>, RowsError> {
    let split = if folds == 1 { HOLDOUT_FOLDS } else { folds };
    if split == 0 || split > rows {
        return Err(RowsError { folds, rows });
    }
    let begin = |fold: usize| fold * (rows / split) + fold.min(rows % split);
    let made = if folds == 1 { 1 } else { split };
    let fold = |fold: usize| {
        let held_out = begin(fold)..begin(fold + 1);
        let (test, train) = (0..rows as u32).partition(|&row| held_out.contains(&(row as usize)));
        Fold { train, test }
    };
    Ok((0..made).map(fold).collect())
}

/// Why rows cannot be split into so many folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("folds: {folds} is not possible with {rows} rows; 1 holds out a fifth, which needs 5")]
pub struct RowsError {
    /// How many folds were asked for.
    pub folds: usize,
    /// How many rows there are.
    pub rows: usize,
}

struct Class {
    label: u8,
    members: usize,
}

/// The classes in the order in which they appear, which is the order that scikit-learn deals in.
fn count_classes(labels: &[u8]) -> Vec<Class> {
    let mut members = [0_usize; 256];
    let mut order = Vec::new();
    for &label in labels {
        if members[usize::from(label)] == 0 {
            order.push(label);
        }
        members[usize::from(label)] += 1;
    }
    let class = |label: u8| Class { label, members: members[usize::from(label)] };
    order.into_iter().map(class).collect()
}

/// The fold in which each example is tested.
///
/// Imagine the examples sorted by class. Dealing them to the folds in turn says how many of each
/// class a fold gets, so that the counts differ by at most one, over each class and in total.
/// A fold's share of a class is then a block of that class's examples, in data order.
fn assign(labels: &[u8], classes: &[Class], folds: usize) -> Vec<u32> {
    // Where each class goes on: the fold that is being filled, and how many it still takes.
    let mut shares = vec![Vec::new(); 256];
    let mut start = 0;
    for class in classes {
        let end = start + class.members;
        // The positions below `p` that are dealt to `fold` are `fold`, `fold + folds`, and so on.
        let dealt = |p: usize, fold: usize| (p + folds - 1 - fold) / folds;
        shares[usize::from(class.label)] = (0..folds)
            .flat_map(|fold| vec![fold as u32; dealt(end, fold) - dealt(start, fold)])
            .collect();
        start = end;
    }
    let mut next = [0; 256];
    labels
        .iter()
        .map(|&label| {
            let class = usize::from(label);
            next[class] += 1;
            shares[class][next[class] - 1]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use burn_tune_data::Dataset;
    use proptest::prelude::*;
    use serde::Deserialize;
    use sha2::{Digest, Sha256};

    use super::*;

    /// What scikit-learn does, as `stratified_kfold.py` recorded it.
    #[derive(Deserialize)]
    struct Recorded {
        small: Vec<SmallCase>,
        mnist: Vec<MnistCase>,
    }

    #[derive(Deserialize)]
    struct SmallCase {
        name: String,
        labels: Vec<u8>,
        folds: usize,
        /// None where scikit-learn refuses.
        splits: Option<Vec<Split>>,
        smallest_class: Option<usize>,
    }

    #[derive(Deserialize)]
    struct Split {
        train: Vec<u32>,
        test: Vec<u32>,
    }

    #[derive(Deserialize)]
    struct MnistCase {
        folds: usize,
        splits: Vec<MnistSplit>,
    }

    /// What scikit-learn's documentation of `KFold` says of sizes, and that each row is held out once.
    #[test]
    fn plain_folds_are_blocks_that_hold_out_each_row_once() {
        for rows in 2..40 {
            for folds in 2..=rows {
                let made = k_folds(rows, folds).unwrap();
                let held_out: Vec<u32> = made.iter().flat_map(|fold| fold.test.clone()).collect();
                assert_eq!(held_out, (0..rows as u32).collect::<Vec<u32>>(), "{rows}, {folds}");
                let sizes: Vec<usize> = made.iter().map(|fold| fold.test.len()).collect();
                let larger = |fold: usize| rows / folds + usize::from(fold < rows % folds);
                assert_eq!(sizes, (0..folds).map(larger).collect::<Vec<usize>>());
                assert!(made.iter().all(|fold| fold.train.len() + fold.test.len() == rows));
            }
        }
        assert_eq!(k_folds(10, 1).unwrap(), k_folds(10, 5).unwrap()[..1]);
        assert_eq!(k_folds(4, 1), Err(RowsError { folds: 1, rows: 4 }));
        assert!(k_folds(3, 4).is_err() && k_folds(3, 0).is_err());
    }

    #[derive(Deserialize)]
    struct MnistSplit {
        train_len: usize,
        train_sha256: String,
        test_len: usize,
        test_sha256: String,
        test_first: Vec<u32>,
        test_last: Vec<u32>,
    }

    fn recorded() -> Recorded {
        let json = include_str!("../tests/fixtures/stratified_kfold.json");
        serde_json::from_str(json).unwrap()
    }

    fn sha256(indices: &[u32]) -> String {
        let bytes: Vec<u8> = indices.iter().flat_map(|i| i.to_le_bytes()).collect();
        let mut hex = String::new();
        for byte in Sha256::digest(bytes) {
            write!(hex, "{byte:02x}").unwrap();
        }
        hex
    }

    #[test]
    fn small_sets_are_split_as_scikit_learn_splits_them() {
        let cases = recorded().small;
        assert!(cases.len() > 100);
        for case in cases {
            let name = format!("{}, {} folds", case.name, case.folds);
            let found = stratified_folds(&case.labels, case.folds);
            let Some(splits) = case.splits else {
                let largest_class = found.expect_err(&name).largest_class;
                assert!(largest_class < case.folds, "{name}");
                continue;
            };
            let found = found.expect(&name);
            let members = found.warning.map(|warning| warning.members);
            assert_eq!(members, case.smallest_class, "{name}");
            let splits: Vec<Fold> =
                splits.into_iter().map(|Split { train, test }| Fold { train, test }).collect();
            assert_eq!(found.folds, splits, "{name}");
        }
    }

    #[test]
    fn mnist_is_split_as_scikit_learn_splits_it() {
        let mnist = Dataset::mnist().unwrap();
        for case in recorded().mnist {
            let found = stratified_folds(mnist.train.labels(), case.folds).unwrap();
            assert_eq!(found.warning, None);
            assert_eq!(found.folds.len(), case.folds);
            for (fold, split) in found.folds.iter().zip(&case.splits) {
                assert_eq!(fold.test[..5], split.test_first);
                assert_eq!(fold.test[fold.test.len() - 5..], split.test_last);
                assert_eq!(fold.train.len(), split.train_len);
                assert_eq!(fold.test.len(), split.test_len);
                assert_eq!(sha256(&fold.train), split.train_sha256);
                assert_eq!(sha256(&fold.test), split.test_sha256);
            }
        }
    }

    #[test]
    fn one_fold_holds_out_the_first_of_five() {
        let labels = [0, 1, 1, 0, 1].repeat(6);
        let five = stratified_folds(&labels, 5).unwrap();
        let one = stratified_folds(&labels, 1).unwrap();
        assert_eq!(one.folds, five.folds[..1]);
        assert_eq!(one.folds[0].test.len(), 6);
    }

    #[test]
    fn an_impossible_number_of_folds_is_refused_with_what_is_allowed() {
        let check = |labels: &[u8], folds: usize, message: &str| {
            let error = stratified_folds(labels, folds).unwrap_err();
            assert_eq!(error.to_string(), message);
        };
        let six = [0, 1, 0, 0, 0, 0, 0, 1];
        let to_six = "allowed are 1 (which holds out a fifth) to 6, the size of the largest class";
        for folds in [0, 7, usize::MAX] {
            let message = format!("folds: {folds} is not possible with these examples; {to_six}");
            check(&six, folds, &message);
        }
        check(
            &six[..5],
            1,
            "folds: 1 is not possible with these examples; \
             allowed are 2 to 4, the size of the largest class",
        );
        for labels in [&[0, 1, 2][..], &[]] {
            check(
                labels,
                2,
                "folds: 2 is not possible with these examples; \
                 no number is, for no class has two examples",
            );
        }
    }

    #[test]
    fn a_small_class_is_a_warning() {
        let labels = [3, 0, 3, 3, 3, 3, 3, 0, 7];
        let warning = |folds| {
            let warning = stratified_folds(&labels, folds).unwrap().warning.unwrap();
            warning.to_string()
        };
        assert_eq!(
            warning(2),
            "class 7 has only 1 example for 2 folds: some folds are tested without it"
        );
        assert_eq!(
            warning(1),
            "class 7 has only 1 example for 5 folds: some folds are tested without it"
        );
        assert_eq!(stratified_folds(&labels[..8], 2).unwrap().warning, None);
    }

    fn count(indices: &[u32], labels: &[u8], class: u8) -> usize {
        let of_class = |index: &&u32| labels[**index as usize] == class;
        indices.iter().filter(of_class).count()
    }

    proptest! {
        #[test]
        fn folds_partition_the_data_evenly(
            labels in prop::collection::vec(0..6_u8, 1..200),
            folds in 2..12_usize,
        ) {
            let Ok(made) = stratified_folds(&labels, folds) else {
                return Ok(());
            };
            let all: Vec<u32> = (0..labels.len() as u32).collect();
            let mut tested: Vec<u32> = made.folds.iter().flat_map(|f| f.test.clone()).collect();
            tested.sort_unstable();
            prop_assert_eq!(&tested, &all);
            for fold in &made.folds {
                prop_assert!(fold.test.is_sorted() && fold.train.is_sorted());
                let mut both = [fold.train.as_slice(), &fold.test].concat();
                both.sort_unstable();
                prop_assert_eq!(&both, &all);
            }
            let spread = |counts: Vec<usize>| counts.iter().max().unwrap() - counts.iter().min().unwrap();
            prop_assert!(spread(made.folds.iter().map(|f| f.test.len()).collect()) <= 1);
            for class in 0..6 {
                let counts = made.folds.iter().map(|f| count(&f.test, &labels, class));
                prop_assert!(spread(counts.collect()) <= 1);
            }
        }
    }
}
