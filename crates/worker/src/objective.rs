//! An objective whose tasks are done by worker processes.

use std::borrow::Borrow;

use burn_tune_search::flag::KnownFlag;
use burn_tune_search::metric::Metric;
use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::{
    Flag, FoldScore, Identity, Objective, ObjectiveError, Params, RefitScore, Refitter, Rejection,
    TaskHandle,
};

use crate::task::TaskScore;
use crate::workers::Workers;

/// Has each fold and refit done by a worker process. Whatever else there is to know, such as metrics, folds and
/// checks, is that of the objective that it wraps, of which nothing is evaluated here.
///
/// The configuration of that is [`Params`], or has them.
#[derive(Debug)]
pub struct WorkerObjective<O> {
    objective: O,
    workers: Workers,
}

impl<O: Objective<Config: Borrow<Params>>> WorkerObjective<O> {
    /// What `objective` says of itself, done by `workers`.
    pub fn new(objective: O, workers: Workers) -> Self {
        WorkerObjective { objective, workers }
    }

    /// Its workers.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// The objective that it wraps.
    pub fn objective(&self) -> &O {
        &self.objective
    }

    fn run(&self, config: &O::Config, handle: &TaskHandle) -> Result<TaskScore, ObjectiveError> {
        let mut result = self.workers.run(config.borrow(), self.objective.folds(), handle);
        if let Ok(TaskScore { flags, .. }) | Err(ObjectiveError::Failed { flags, .. }) = &mut result
        {
            Flag::look_up(flags, self.objective.known_flags());
        }
        result
    }
}

impl<O: Objective<Config: Borrow<Params>>> Objective for WorkerObjective<O> {
    type Config = O::Config;

    fn evaluate(
        &self,
        config: &O::Config,
        _: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        self.run(config, handle).map(FoldScore::from)
    }

    fn check(&self, config: &O::Config) -> Result<(), Rejection> {
        self.objective.check(config)
    }

    fn metrics(&self) -> Vec<Metric> {
        self.objective.metrics()
    }

    fn known_flags(&self) -> &[KnownFlag] {
        self.objective.known_flags()
    }

    fn folds(&self) -> usize {
        self.objective.folds()
    }

    fn steps(&self, config: &O::Config) -> Option<u64> {
        self.objective.steps(config)
    }

    fn cost(&self, config: &O::Config) -> f64 {
        self.objective.cost(config)
    }

    fn report_unit(&self) -> ReportUnit {
        self.objective.report_unit()
    }

    fn identity(&self) -> Identity {
        self.objective.identity()
    }

    fn refitter(&self) -> Option<&dyn Refitter<O::Config>> {
        self.objective.refitter().map(|_| self as &dyn Refitter<O::Config>)
    }
}

impl<O: Objective<Config: Borrow<Params>>> Refitter<O::Config> for WorkerObjective<O> {
    fn refit(&self, config: &O::Config, handle: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
        self.run(config, handle).map(RefitScore::from)
    }

    fn cost(&self) -> f64 {
        self.objective.refitter().map_or(1.0, Refitter::cost)
    }
}
