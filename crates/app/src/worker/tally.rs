//! What a worker has done so far, counted for its log and for Prometheus.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use burn_tune_storage::Statistics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Counts that the worker's threads share.
pub struct Tally {
    trials: Family<Vec<(String, String)>, Counter>,
    folds: Counter,
    refits: Counter,
    running: Gauge,
    leases_lost: Counter,
    waited: Counter<f64, std::sync::atomic::AtomicU64>,
    reconnections: Counter,
    /// Since when nothing runs.
    idle: Mutex<Option<Stopwatch>>,
    database: Statistics,
}

impl Tally {
    /// Nothing has been done; `database` knows how the database fares.
    pub fn new(database: Statistics) -> Self {
        Tally {
            trials: Family::default(),
            folds: Counter::default(),
            refits: Counter::default(),
            running: Gauge::default(),
            leases_lost: Counter::default(),
            waited: Counter::default(),
            reconnections: Counter::default(),
            idle: Mutex::new(Some(Stopwatch::start())),
            database,
        }
    }

    /// All counts, with what they mean.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("burn_tune");
        registry.register("trials", "Trials that this worker has ended", self.trials.clone());
        registry.register("folds", "Folds that this worker has ended", self.folds.clone());
        registry.register("refits", "Refits that this worker has ended", self.refits.clone());
        let help = "Folds and refits that run now";
        registry.register("running", help, self.running.clone());
        let help = "Trials that this worker was at and others have taken over";
        registry.register("leases_lost", help, self.leases_lost.clone());
        let help = "Time spent waiting for the database";
        let waited = self.waited.clone();
        registry.register_with_unit("database_wait", help, Unit::Seconds, waited);
        let help = "Connections to the database that were made again because they were lost";
        registry.register("database_reconnections", help, self.reconnections.clone());
        registry
    }

    /// A task begins.
    pub fn began(&self) {
        self.running.inc();
        self.set_idle(None);
    }

    /// A task has ended, well or not.
    pub fn ended(&self) {
        if self.running.dec() <= 1 {
            self.set_idle(Some(Stopwatch::start()));
        }
    }

    /// A fold has come to something.
    pub fn fold_ended(&self) {
        self.folds.inc();
    }

    /// A refit has come to something.
    pub fn refit_ended(&self) {
        self.refits.inc();
    }

    /// A trial has ended as `outcome`.
    pub fn trial_ended(&self, outcome: &'static str) {
        self.trials.get_or_create(&vec![("outcome".to_owned(), outcome.to_owned())]).inc();
    }

    /// Another process has taken over a trial.
    pub fn lease_lost(&self) {
        self.leases_lost.inc();
    }

    /// For how long there was nothing to do; while the database is out, nobody knows whether there is.
    pub fn idle_for(&self) -> Duration {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.is_some() && self.database.is_out() {
            *idle = Some(Stopwatch::start());
        }
        idle.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Takes up how the database fares. Answers how many connections were made again since the last time.
    pub fn look_at_database(&self) -> u64 {
        let waited_s = self.database.waited().as_secs_f64();
        self.waited.inc_by((waited_s - self.waited.get()).max(0.0));
        let more = self.database.reconnections().saturating_sub(self.reconnections.get());
        self.reconnections.inc_by(more);
        more
    }

    /// How many trials it has ended, and how long it has waited for the database.
    pub fn summary(&self) -> (u64, Duration) {
        let of = |outcome: &str| {
            self.trials.get_or_create(&vec![("outcome".to_owned(), outcome.to_owned())]).get()
        };
        let ended = ["complete", "failed", "pruned"].into_iter().map(of).sum();
        (ended, self.database.waited())
    }

    fn set_idle(&self, idle: Option<Stopwatch>) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = idle;
    }
}
