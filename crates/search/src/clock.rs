//! The one place that reads the clock. Times are recorded and shown; nothing is decided by them
//! but time limits.

use std::time::{Duration, Instant, SystemTime};

/// Measures how long something takes.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// A stopwatch that runs from now on.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The time of day at which something began that had gone on for `before_s` seconds when the
    /// stopwatch was started.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn began(&self, before_s: f64) -> SystemTime {
        SystemTime::now() - self.elapsed() - Duration::from_secs_f64(before_s.max(0.0))
    }

    /// The time since the start, in seconds.
    pub fn elapsed_s(&self) -> f64 {
        self.elapsed().as_secs_f64()
    }
}
