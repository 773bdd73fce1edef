//! What a search asks of an engine, and what it is told.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

/// Starts workers somewhere, and tells how they are. It owns no trial: the database does.
pub trait Engine: Send {
    /// Submits all workers.
    ///
    /// # Errors
    ///
    /// What the engine says, and what to do.
    fn submit(&mut self, workers: &Workers) -> Result<Job>;

    /// How the workers are. It does not take long: an engine that does not answer is a notice, and the counts are those
    /// from before.
    fn poll(&mut self) -> Look;

    /// Has workers end, or not begin at all. What has ended already is no error.
    ///
    /// # Errors
    ///
    /// What the engine says: then they go on.
    fn cancel(&mut self, which: Cancel) -> Result<()>;
}

/// What to run, and how often.
#[derive(Debug, Clone)]
pub struct Workers {
    /// The study, by its name in the database.
    pub study: String,
    /// How many there are to be.
    pub count: usize,
    /// The program, `worker` and its arguments, without the database.
    pub command: Vec<String>,
    /// What has to stand in its environment, by name: the database, without a password.
    pub environment: Vec<(String, String)>,
    /// How many cores each needs.
    pub cpus: usize,
    /// How long one that is asked to end may take for it.
    pub grace: Duration,
    /// Where the engine may write what its user can read: scripts and logs. An absolute path; the folder is there.
    pub folder: PathBuf,
    /// The folder that the paths of the search start from.
    pub directory: PathBuf,
}

/// What an engine has been given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What it is called, in the middle of a sentence: `job 12 of Slurm`.
    pub name: String,
    /// What its user types to end it.
    pub how_to_cancel: String,
    /// What else is worth knowing, such as where logs are, as the end of a sentence.
    pub whereabouts: String,
}

/// How the workers are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// How many run.
    pub running: usize,
    /// How many wait to begin.
    pub waiting: usize,
    /// Why most of those wait, in the engine's words.
    pub why: Option<String>,
    /// What has changed since it was last asked.
    pub notices: Vec<Notice>,
}

/// Something that the user of a search is to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A worker has ended otherwise than well. Those that are alike are told together, once.
    Failed(FailedWorker),
    /// Anything else, as a sentence.
    Said(String),
}

/// A worker that could not start, or died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedWorker {
    /// What the engine calls it, such as its number.
    pub worker: String,
    /// The machine that it was on, if it was on any.
    pub machine: Option<String>,
    /// What has become of it, in the engine's words: `FAILED`.
    pub state: String,
    /// The end of its log.
    pub log: String,
}

/// Which workers are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// Those that have not begun: there is nothing left to do.
    Waiting,
    /// All: those that run finish what they can in [`Workers::grace`], and leave the rest to others.
    InOrder,
    /// All, at once.
    AtOnce,
}
