//! The worker processes of a search: started as they are needed, and kept for the next task.

use std::path::Path;
use std::sync::OnceLock;

use burn_tune_search::{ObjectiveError, Params, TaskHandle};
use thiserror::Error;

use crate::task::{CheckpointPlace, Request, TaskScore};

/// Processes of this program that do tasks; at most as many as threads ask at once.
///
/// Dropped, all of them end.
#[derive(Debug)]
pub struct Workers {
    study: String,
    checkpoints: OnceLock<CheckpointPlace>,
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
        let checkpoints = OnceLock::new();
        Ok(Workers { study: study.to_owned(), checkpoints, pool: pool::Pool::new()? })
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
            seed: handle.seed(),
            params: params.clone(),
            files: handle.files().map(Path::to_owned),
            checkpoints: self.checkpoints.get().cloned(),
            wants_reports: handle.wants_reports(),
            worker: 0,
        };
        self.pool.run(request, handle)
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

        pub fn run(&self, _: Request, _: &TaskHandle) -> Result<TaskScore, ObjectiveError> {
            match *self {}
        }
    }
}
