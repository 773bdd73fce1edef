//! How the trainings of a study are run: by whom, how many at once, and what each may take. Results do not depend on
//! it, but for the limits.

use std::time::Duration;

use burn_tune_worker::NoWorkers;

use super::Study;
use crate::space::Space;

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
#[derive(Debug, Clone, Default)]
pub(crate) struct Execution {
    pub workers: Option<Workers>,
    pub jobs: Option<usize>,
    /// By number; empty where none is named.
    pub devices: Vec<usize>,
    pub trial_timeout: Option<Duration>,
    /// In bytes.
    pub memory_limit: Option<u64>,
}

/// What somebody is told who wants a limit for threads.
pub(crate) const NO_MEMORY_LIMIT: &str =
    "a memory limit ends the process that takes too much, and threads are all in one";

impl<S: Space> Study<S> {
    /// What runs the trainings: by default processes in [`Study::main`], and threads in [`Study::run`].
    ///
    #[doc = study_example!("let study = study.workers(Workers::Threads);")]
    pub fn workers(mut self, workers: Workers) -> Self {
        self.execution.workers = Some(workers);
        self
    }

    /// How many trainings run at once; by default one on each of the [devices](Study::devices), or else one a core. The
    /// results do not depend on it.
    ///
    #[doc = study_example!("let study = study.jobs(2);")]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.execution.jobs = Some(jobs);
        self
    }

    /// Fails a trial that takes longer than this, from the start of its first fold. `--trial-timeout` says otherwise.
    ///
    /// A worker process is killed then. A thread cannot be: there, the training ends when it next reports, or asks
    /// [`Trial::is_stopped`](crate::Trial::is_stopped).
    ///
    #[doc = study_example!("let study = study.trial_timeout(std::time::Duration::from_secs(600));")]
    pub fn trial_timeout(mut self, limit: Duration) -> Self {
        self.execution.trial_timeout = Some(limit);
        self
    }

    /// Fails a trial whose worker process has more than so many bytes of memory, with all that it has started: it is
    /// killed, and the others go on. `--memory-limit` says otherwise. Workers have to be [`Workers::Processes`].
    ///
    /// Memory is what is resident, without that of graphics cards. Of the worker itself, Linux knows what it had at
    /// most, so that a short peak counts, too; of its children, and on other systems, it is looked now and then. A
    /// worker that had kept memory of earlier trainings does not fail this one: it is done once more by a new process,
    /// and fails only there.
    ///
    /// How much memory a training takes can all the same not be repeated to the byte: one that comes close to the
    /// limit may fail in one run and be complete in another. So let the limit be far above what is usual.
    ///
    #[doc = study_example!("let study = study.workers(Workers::Processes).memory_limit(4 << 30); // 4 GiB")]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.execution.memory_limit = Some(bytes);
        self
    }

    /// The devices to compute on, by number: each worker has one of them, in turn, and
    /// [`Trial::device_index`](crate::Trial::device_index) and, with the feature `burn`, `Trial::device` give it to its
    /// trainings. Then there are as many jobs as devices, unless [`Study::jobs`] says otherwise: with twice as many,
    /// two share each device. `--device` says otherwise. The results do not depend on it, as long as the devices are
    /// of one kind.
    ///
    #[doc = study_example!("let study = study.devices([0]).jobs(2);")]
    pub fn devices(mut self, devices: impl IntoIterator<Item = usize>) -> Self {
        self.execution.devices = devices.into_iter().collect();
        self
    }
}

impl Execution {
    /// How many trainings run at once: where nobody says it, one a device, or one a core.
    pub fn jobs(&self) -> usize {
        self.jobs.unwrap_or_else(|| match self.devices.len() {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            devices => devices,
        })
    }

    /// The processes that work for the study of this name.
    pub fn processes(&self, study: &str) -> Result<burn_tune_worker::Workers, NoWorkers> {
        Ok(burn_tune_worker::Workers::new(study)?.memory_limit(self.memory_limit))
    }
}
