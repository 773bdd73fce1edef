//! How a training function speaks with the search while it works.

use std::fmt;
use std::io::{self, Write};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn_tune_search::objective::Verdict;

use crate::message::{FromWorker, encoded};

/// Reports to the search, from any thread. Clones speak for the same task; once that has ended, they are told to
/// stop and nobody hears them.
#[derive(Clone)]
pub struct Channel {
    connection: Arc<Connection>,
    /// The number of the task, from 1.
    task: u64,
    /// Whether reports are answered.
    asks: bool,
}

impl Channel {
    /// Says what the score would be after `step`, such as an epoch, from 1; steps ascend. A task that is told
    /// to stop and returns a score was pruned.
    pub fn report(&self, step: u64, value: f64) -> Verdict {
        let mut line = self.connection.line();
        if line.task != self.task || line.send(&FromWorker::Report { step, value }).is_err() {
            return Verdict::Stop;
        }
        match self.asks.then(|| line.verdicts.recv()) {
            None | Some(Ok(false)) => Verdict::Continue,
            Some(_) => Verdict::Stop,
        }
    }

    /// Whether anybody decides by what is reported.
    pub fn wants_reports(&self) -> bool {
        self.asks
    }

    /// Puts a line into the log of whoever runs the search. What a worker logs itself is stored with the trial.
    pub fn log(&self, is_warning: bool, text: &str) {
        let mut line = self.connection.line();
        if line.task == self.task {
            // Where nobody listens any more, this process is about to end.
            let _ = line.send(&FromWorker::Log { is_warning, text: text.to_owned() });
        }
    }

    /// Shows whoever watches what there is after `step` of `steps`; nothing is decided by it.
    pub fn show(&self, step: u64, steps: Option<u64>, value: f64) {
        let mut line = self.connection.line();
        if line.task == self.task {
            // Where nobody listens any more, this process is about to end.
            let _ = line.send(&FromWorker::Show { step, steps, value });
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("task", &self.task).finish_non_exhaustive()
    }
}

/// The way to the search, which all channels share.
pub(crate) struct Connection(Mutex<Line>);

struct Line {
    to_search: Box<dyn Write + Send>,
    /// Whether to stop, for each report.
    verdicts: Receiver<bool>,
    /// The task that is under way; 0 where none is.
    task: u64,
}

impl Line {
    fn send(&mut self, message: &FromWorker) -> io::Result<()> {
        self.to_search.write_all(&encoded(message)?)
    }
}

#[cfg_attr(not(unix), expect(dead_code, reason = "there are no workers"))]
impl Connection {
    pub(crate) fn new(to_search: Box<dyn Write + Send>, verdicts: Receiver<bool>) -> Arc<Self> {
        Arc::new(Connection(Mutex::new(Line { to_search, verdicts, task: 0 })))
    }

    /// The channel of the task with this number, which begins.
    pub(crate) fn begin(self: &Arc<Self>, task: u64, asks: bool) -> Channel {
        self.line().task = task;
        Channel { connection: self.clone(), task, asks }
    }

    /// From now on nobody speaks but the worker itself.
    pub(crate) fn end_task(&self) {
        self.line().task = 0;
    }

    pub(crate) fn send(&self, message: &FromWorker) -> io::Result<()> {
        self.line().send(message)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
