//! Who worked when: for people to look at. No result depends on it.

use crate::clock::Stopwatch;

/// The time that one worker spent on one task.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Span {
    /// The worker's number, from 0.
    pub worker: usize,
    /// When it began, in seconds from the start of the study.
    pub start_s: f64,
    /// When it ended, likewise.
    pub end_s: f64,
}

impl Span {
    /// Does `work`, and says when `worker` did it on the clock `since`.
    pub fn of<T>(worker: usize, since: &Stopwatch, work: impl FnOnce() -> T) -> (T, Self) {
        let start_s = since.elapsed_s();
        let answer = work();
        (answer, Span { worker, start_s, end_s: since.elapsed_s() })
    }
}
