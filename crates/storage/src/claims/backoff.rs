//! When a process that waits for others asks again.

use std::time::Duration;

use burn_tune_search::clock::Stopwatch;

use crate::storage::jittered;

/// The first pause after an answer that was to wait, and the longest. Nobody is told when a lease expires or
/// another program ends a trial, so even who is told of changes asks again after the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a process lets a change be that was told of one in vain, at first and at most: of many that wait,
/// all are told of each change, and only one gets the work.
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// When to ask again: after a change, at once or somewhat later, else after growing pauses.
pub struct Backoff {
    asked: Stopwatch,
    pause: Duration,
    delay: Duration,
    /// Whether there was a change since the database was asked.
    changed: bool,
}

impl Backoff {
    pub fn new() -> Self {
        Backoff {
            asked: Stopwatch::start(),
            pause: FIRST_PAUSE,
            delay: Duration::ZERO,
            changed: false,
        }
    }

    /// The database was asked, and the answer was to wait, or there was work.
    pub fn asked(&mut self, waits: bool) {
        self.asked = Stopwatch::start();
        self.delay = match (waits, self.changed) {
            (false, _) => Duration::ZERO,
            // Not all at the same time: each some other time, of which no result depends.
            (true, true) => jittered((self.delay * 2).clamp(FIRST_DELAY, LONGEST_DELAY)),
            (true, false) => self.delay,
        };
        self.changed = false;
        if !waits {
            self.pause = FIRST_PAUSE;
        }
    }

    /// What is waited for takes little time, and costs little to ask.
    pub fn soon(&mut self) {
        self.delay = jittered(FIRST_DELAY * 2);
        self.pause = FIRST_PAUSE;
    }

    /// Whether to ask again, after a change or without one.
    pub fn is_due(&mut self, changed: bool) -> bool {
        self.changed |= changed;
        let waited = self.asked.elapsed();
        if self.changed {
            return waited >= self.delay;
        }
        let due = waited >= self.pause;
        if due {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_asked_about_at_once_until_that_was_in_vain_too_often() {
        let mut backoff = Backoff::new();
        backoff.asked(true);
        assert!(backoff.is_due(true));
        let mut delays = Vec::new();
        for _ in 0..12 {
            assert!(backoff.is_due(true) || backoff.delay > Duration::ZERO);
            backoff.asked(true);
            delays.push(backoff.delay);
        }
        assert!(delays[0] >= FIRST_DELAY / 2 && delays.iter().all(|it| *it <= LONGEST_DELAY));
        assert!(delays.last() > delays.first());
        backoff.asked(false);
        assert!(backoff.is_due(true), "who got work is told at once again");
    }
}
