//! When the folds that run are to end, and which of them have not.

use std::collections::BTreeMap;
use std::time::Duration;

use super::dispatch::GRACE;
use crate::objective::Deadline;

/// The deadlines of folds that run, by (trial, fold), as far as nobody was told that one has not ended.
#[derive(Debug, Default)]
pub struct Deadlines(BTreeMap<(usize, usize), Deadline>);

impl Deadlines {
    /// A fold begins, which may have one.
    pub fn begin(&mut self, trial: usize, fold: usize, deadline: Option<Deadline>) {
        self.0.extend(deadline.map(|deadline| ((trial, fold), deadline)));
    }

    /// It has ended.
    pub fn end(&mut self, trial: usize, fold: usize) {
        self.0.remove(&(trial, fold));
    }

    /// The folds that go on well after theirs, with what their trials may take; each once.
    pub fn overdue(&mut self) -> Vec<(usize, usize, Duration)> {
        let is_over = |_: &_, deadline: &mut Deadline| {
            let Deadline { since, limit } = deadline;
            since.elapsed() >= limit.saturating_add(GRACE)
        };
        let overdue = self.0.extract_if(.., is_over);
        overdue.map(|((trial, fold), deadline)| (trial, fold, deadline.limit)).collect()
    }
}
