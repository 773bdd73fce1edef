//! The worker processes of a search: started as they are needed, and kept for the next task.

use std::path::Path;
use std::sync::OnceLock;

use burn_tune_search::{Metric, ObjectiveError, Params, TaskHandle};
use thiserror::Error;

use crate::task::{CheckpointPlace, Request, TaskScore};

/// Processes of this program that do tasks; at most as many as threads ask at once.
///
/// Dropped, all of them end.
#[derive(Debug)]
pub struct Workers {
    study: String,
    metrics: Vec<Metric>,
    checkpoints: OnceLock<CheckpointPlace>,
    memory_limit: Option<u64>,
    pool: pool::Pool,
}

/// Why there are no workers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct NoWorkers {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub help: String,
}

impl Workers {
    /// Workers for the study of this name. None is started yet.
    ///
    /// # Errors
    ///
    /// Where there are no process groups, which is on all systems but Unix; and in a worker that does not
    /// [serve](crate::serve), since it would start workers that start workers.
    pub fn new(study: &str) -> Result<Self, NoWorkers> {
        let (study, pool) = (study.to_owned(), pool::Pool::new()?);
        let (metrics, checkpoints) = (Vec::new(), OnceLock::new());
        Ok(Workers { study, metrics, checkpoints, memory_limit: None, pool })
    }

    /// Tells each task what the study is after, the score first: a file may have chosen it, of which a worker knows
    /// nothing.
    pub fn metrics(self, metrics: &[Metric]) -> Self {
        Workers { metrics: metrics.to_vec(), ..self }
    }

    /// Kills a worker that has more than so many bytes of memory while it does a task, with all that it has
    /// started: that fails its task and no other.
    ///
    /// Memory is what is resident, of the worker and its children; see
    /// [`MemoryLimit`](burn_tune_process::MemoryLimit) for what is found on which system. A worker that has done
    /// other tasks before may have kept something of them, so its task is then done once more by a new one, and fails
    /// only there: what a task comes to depends on no other. How much memory a program takes is all the same no
    /// number that can be repeated: a task near the limit may fail in one run and be complete in another.
    pub fn memory_limit(self, bytes: Option<u64>) -> Self {
        Workers { memory_limit: bytes, ..self }
    }

    /// Tells each task from now on where it keeps its checkpoints. A second time changes nothing.
    pub fn keep_checkpoints(&self, place: CheckpointPlace) {
        let _ = self.checkpoints.set(place);
    }

    /// Has a worker do the task of `handle`, with these params, one of `folds` folds or a refit, and passes on
    /// what it reports. The end of what it prints is kept with the trial.
    ///
    /// # Errors
    ///
    /// What the task answers; how the process ended, where it did; and, after the process was killed, why the
    /// task is to be abandoned.
    pub fn run(
        &self,
        params: &Params,
        folds: usize,
        handle: &TaskHandle,
    ) -> Result<TaskScore, ObjectiveError> {
        let request = Request {
            study: self.study.clone(),
            trial: handle.trial(),
            task: handle.task(),
            folds,
            metrics: self.metrics.clone(),
            study_seed: handle.study_seed(),
            seed: handle.seed(),
            params: params.clone(),
            files: handle.files().map(Path::to_owned),
            checkpoints: self.checkpoints.get().cloned(),
            wants_reports: handle.wants_reports(),
            device: handle.device(),
            worker: 0,
        };
        self.pool.run(request, handle, self.memory_limit)
    }
}

#[cfg(unix)]
mod pool;

#[cfg(not(unix))]
mod pool {
    //! There are none.

    use super::*;

    #[derive(Debug)]
    pub enum Pool {}

    impl Pool {
        pub fn new() -> Result<Self, NoWorkers> {
            Err(NoWorkers {
                problem: "workers are processes in process groups, which this system does not have"
                    .into(),
                help: "have the trials done by threads".into(),
            })
        }

        pub fn run(
            &self,
            _: Request,
            _: &TaskHandle,
            _: Option<u64>,
        ) -> Result<TaskScore, ObjectiveError> {
            match *self {}
        }
    }
}
