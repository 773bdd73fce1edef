//! What running tasks have come to so far: for a display, which decides nothing.

use std::fmt;
use std::sync::Arc;

use crate::keyed_rng::Task;

/// What a running task has come to after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiveValue {
    /// The number of the trial.
    pub trial: usize,
    /// Which fold or refit of it.
    pub task: Task,
    /// The step, such as an epoch, from 1.
    pub step: u64,
    /// How many steps there will be, where that is known.
    pub steps: Option<u64>,
    /// The value after it: what is at hand, which may be of fewer examples than a score.
    pub value: f64,
}

/// Is told of each step, on the thread of the worker: it has to be quick.
#[derive(Clone)]
pub struct LiveWatch(Arc<dyn Fn(LiveValue) + Send + Sync>);

impl LiveWatch {
    /// Calls this function.
    pub fn new(watch: impl Fn(LiveValue) + Send + Sync + 'static) -> Self {
        LiveWatch(Arc::new(watch))
    }

    /// Tells of a step.
    pub fn show(&self, value: LiveValue) {
        (self.0)(value);
    }
}

impl fmt::Debug for LiveWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LiveWatch")
    }
}
