//! How the trainings of a study are run: by whom, how many at once, and what each may take. Results do not depend on
//! it, but for the limits.

use std::time::Duration;

use burn_tune_worker::NoWorkers;

/// What runs the trainings of a study, one at a time each.
///
/// Burn's generator on the CPU is one for a whole process, so a training that uses Burn's initialisers or dropout is
/// the same in every run only if it has a process for itself. A process also ends without taking the others along,
/// be it by an abort, a lack of memory or a driver that dies.
///
#[doc = study_example!("let study = study.workers(Workers::Threads).jobs(2);")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// Processes: the program starts itself again, with the same arguments, as often as it has jobs. What it does
    /// before [`Study::main`](crate::Study::main) or [`Study::run`](crate::Study::run) happens in each of them. They need Unix.
    Processes,
    /// Threads of this process: for functions that draw everything from [`Trial::seed`](crate::Trial::seed). A thread
    /// cannot be ended: a training that never reports, nor asks [`Trial::is_stopped`](crate::Trial::is_stopped), goes
    /// on past its time-out, and there is no limit on its memory.
    Threads,
}

/// What the user says of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Execution {
    pub workers: Option<Workers>,
    pub jobs: Option<usize>,
    pub trial_timeout: Option<Duration>,
    /// In bytes.
    pub memory_limit: Option<u64>,
}

/// What somebody is told who wants a limit for threads.
pub(crate) const NO_MEMORY_LIMIT: &str =
    "a memory limit ends the process that takes too much, and threads are all in one";

impl Execution {
    /// The processes that work for the study of this name.
    pub fn processes(&self, study: &str) -> Result<burn_tune_worker::Workers, NoWorkers> {
        Ok(burn_tune_worker::Workers::new(study)?.memory_limit(self.memory_limit))
    }
}

/// How many jobs there are where nobody says it.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
