//! How a process fares with its database: counted for whoever watches it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How a process fares with its database, since it was opened. Clones share one state, also over threads.
#[derive(Debug, Clone, Default)]
pub struct Statistics(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    transactions: AtomicU64,
    waited_us: AtomicU64,
    reconnections: AtomicU64,
    is_out: AtomicBool,
}

impl Statistics {
    /// How many transactions have ended.
    pub fn transactions(&self) -> u64 {
        self.0.transactions.load(Ordering::Relaxed)
    }

    /// How long the process has waited for the database, in all.
    pub fn waited(&self) -> Duration {
        Duration::from_micros(self.0.waited_us.load(Ordering::Relaxed))
    }

    /// How often a connection was made again because it was lost.
    pub fn reconnections(&self) -> u64 {
        self.0.reconnections.load(Ordering::Relaxed)
    }

    /// Whether the database does not do what it is asked right now, and is asked again and again.
    pub fn is_out(&self) -> bool {
        self.0.is_out.load(Ordering::Relaxed)
    }

    pub(crate) fn set_out(&self, is_out: bool) {
        self.0.is_out.store(is_out, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self, took: Duration, reconnections: u64) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.transactions.fetch_add(1, Ordering::Relaxed);
        self.0.waited_us.fetch_add(took_us, Ordering::Relaxed);
        self.0.reconnections.store(reconnections, Ordering::Relaxed);
    }
}
