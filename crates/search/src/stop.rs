//! The wish to stop: set by a signal, asked by whoever works.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// How much of the work is still wanted. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicU8>);

impl Stop {
    /// One more request to stop: the first lets running trials finish, the second abandons them.
    /// Returns how many requests there have been.
    pub fn request(&self) -> u8 {
        self.0.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    /// Whether no further trial is to begin.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 1
    }

    /// Whether running trials are to be abandoned as well.
    pub fn is_urgent(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 2
    }
}
