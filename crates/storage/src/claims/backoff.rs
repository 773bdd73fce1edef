//! When a process that waits for others asks again.

use std::time::Duration;

use burn_tune_search::clock::Stopwatch;

/// The first pause after an answer that was to wait, and the longest. Nobody is told when a lease expires or
/// another program ends a trial, so even who is told of changes asks again after the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// When to ask again: at once after a change, else after growing pauses.
pub struct Backoff {
    asked: Stopwatch,
    pause: Duration,
}

impl Backoff {
    pub fn new() -> Self {
        Backoff { asked: Stopwatch::start(), pause: FIRST_PAUSE }
    }

    /// The database was asked, and the answer was to wait, or there was work.
    pub fn asked(&mut self, waits: bool) {
        self.asked = Stopwatch::start();
        if !waits {
            self.pause = FIRST_PAUSE;
        }
    }

    /// Whether to ask again, after a change or without one.
    pub fn is_due(&mut self, changed: bool) -> bool {
        if changed {
            self.pause = FIRST_PAUSE;
            return true;
        }
        let due = self.asked.elapsed() >= self.pause;
        if due {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        due
    }
}
