//! Who has nothing to do, and who gets the next task.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::trial::Failure;
use burn_tune_search::{ObjectiveError, TaskHandle};

use super::NoWorkers;
use crate::serving::is_idle_worker;
use crate::task::{Request, TaskScore};
use crate::worker_process::{Ending, WorkerProcess};

/// How long workers have between the end of the search and being killed.
const GRACE: Duration = Duration::from_secs(1);
/// How often their end is looked for meanwhile.
const LOOK: Duration = Duration::from_millis(1);

/// The processes without a task.
#[derive(Debug, Default)]
pub struct Pool(Mutex<Idle>);

#[derive(Debug, Default)]
struct Idle {
    processes: Vec<WorkerProcess>,
    /// The numbers of all that live, at work or not.
    numbers: BTreeSet<usize>,
}

impl Idle {
    fn pop(&mut self, device: Option<usize>) -> Option<WorkerProcess> {
        let at = self.processes.iter().rposition(|process| process.device() == device)?;
        Some(self.processes.remove(at))
    }
}

impl Pool {
    pub fn new() -> Result<Self, NoWorkers> {
        if is_idle_worker() {
            return Err(NoWorkers {
                problem: "this process is itself a worker of a search, and must not begin one"
                    .into(),
                help: "have `main` call `serve` first of all where `is_worker()` is true".into(),
            });
        }
        Ok(Pool::default())
    }

    pub fn run(
        &self,
        request: Request,
        handle: &TaskHandle,
        memory_limit: Option<u64>,
    ) -> Result<TaskScore, ObjectiveError> {
        let device = request.device;
        let mut process = self.take(device)?;
        let run = |process: &mut WorkerProcess| {
            let request = Request { worker: process.number(), ..request.clone() };
            process.run(request, handle, memory_limit)
        };
        let mut ending = run(&mut process);
        // What it had too much may be of earlier tasks, on which this one is not to depend.
        if matches!(ending, Ending::TooLarge(_)) && process.tasks() > 1 {
            self.bury(process);
            handle.begin_again();
            process = self.start(device)?;
            ending = run(&mut process);
        }
        handle.keep_stderr(process.printed());
        match ending {
            Ending::Answered(response) => {
                self.idle().processes.push(process);
                Ok(response?)
            }
            Ending::Failed(reason) | Ending::TooLarge(reason) => {
                self.bury(process);
                Err(Failure::new(reason).into())
            }
            Ending::Abandoned(error) => {
                self.bury(process);
                Err(error)
            }
        }
    }

    /// A process without a task, on this device: the one that had one last, or a new one.
    fn take(&self, device: Option<usize>) -> Result<WorkerProcess, ObjectiveError> {
        loop {
            let process = self.idle().pop(device);
            let Some(process) = process else { break };
            if !process.has_ended() {
                return Ok(process);
            }
            self.bury(process);
        }
        self.start(device)
    }

    fn start(&self, device: Option<usize>) -> Result<WorkerProcess, ObjectiveError> {
        let number = self.free_number();
        WorkerProcess::start(number, device).map_err(|error| {
            self.idle().numbers.remove(&number);
            Failure::new(format!("no worker could be started: {error}")).into()
        })
    }

    /// The lowest number that none has.
    fn free_number(&self) -> usize {
        let mut idle = self.idle();
        let number = (0..).zip(&idle.numbers).find(|(free, taken)| free != *taken);
        let number = number.map_or(idle.numbers.len(), |(free, _)| free);
        idle.numbers.insert(number);
        number
    }

    /// Ends a process for good. Its number is free once it is gone, with what it held of a device.
    fn bury(&self, process: WorkerProcess) {
        let number = process.number();
        drop(process);
        self.idle().numbers.remove(&number);
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All are told at once, and have the same time.
impl Drop for Pool {
    fn drop(&mut self) {
        let Idle { processes, .. } = &mut *self.idle();
        processes.iter_mut().for_each(WorkerProcess::hang_up);
        let told = Stopwatch::start();
        while processes.iter().any(|process| !process.has_ended()) && told.elapsed() < GRACE {
            thread::sleep(LOOK);
        }
    }
}
