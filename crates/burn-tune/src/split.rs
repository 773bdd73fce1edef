//! Which rows of a table a training uses.

use burn_tune_folds::{Fold, k_folds, stratified_folds};

use crate::error::{Error, Result};
use crate::trial::Trial;

/// The rows of a table that a training uses.
///
#[doc = trial_example!("let split = trial.split_rows(30)?;\nassert!(split.train.iter().all(|row| !split.valid.contains(row)));")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// To train on, ascending.
    pub train: Vec<usize>,
    /// To score on, ascending. Empty in a refit, which trains on all and is scored on data of its own.
    pub valid: Vec<usize>,
}

impl Trial<'_> {
    /// The rows to train and to score on, so that every class has its share in each: those of scikit-learn's
    /// `StratifiedKFold`, index for index. With a single fold, a fifth is held out. A refit trains on all.
    ///
    /// # Errors
    ///
    /// Where there are more folds than any class has rows, or more than 256 classes.
    ///
    #[doc = trial_example!("let labels = [\"cat\", \"dog\", \"cat\", \"dog\", \"dog\", \"cat\"];\nlet split = trial.split(&labels)?;\nlet rows = split.train.len() + split.valid.len();\nassert_eq!(rows, labels.len());")]
    pub fn split<L: Ord>(&self, labels: &[L]) -> Result<Split> {
        let mut classes: Vec<&L> = labels.iter().collect();
        classes.sort();
        classes.dedup();
        let class = |label: &L| {
            let place = classes.binary_search(&label).unwrap_or_default();
            u8::try_from(place).map_err(|_| {
                Error::new("there are more than 256 classes: take `split_rows`, or split by `fold`")
            })
        };
        let labels: Vec<u8> = labels.iter().map(class).collect::<Result<_>>()?;
        if self.is_refit() {
            return Ok(Split::all(labels.len()));
        }
        let folds = stratified_folds(&labels, self.folds)?.folds;
        self.of_folds(&folds)
    }

    /// The same for rows that have no classes, such as those of a regression: scikit-learn's `KFold` without
    /// shuffling.
    ///
    /// # Errors
    ///
    /// Where there are more folds than rows.
    ///
    #[doc = trial_example!("let split = trial.split_rows(300)?;\nassert_eq!(split.valid.len(), if trial.is_refit() { 0 } else { 100 });")]
    pub fn split_rows(&self, rows: usize) -> Result<Split> {
        if self.is_refit() {
            return Ok(Split::all(rows));
        }
        self.of_folds(&k_folds(rows, self.folds)?)
    }

    fn of_folds(&self, folds: &[Fold]) -> Result<Split> {
        let problem = || format!("there is no fold {} among {}", self.fold(), folds.len());
        let fold = folds.get(self.fold()).ok_or_else(|| Error::new(problem()))?;
        let rows = |rows: &[u32]| rows.iter().map(|&row| row as usize).collect();
        Ok(Split { train: rows(&fold.train), valid: rows(&fold.test) })
    }
}

impl Split {
    fn all(rows: usize) -> Self {
        Split { train: (0..rows).collect(), valid: Vec::new() }
    }
}
