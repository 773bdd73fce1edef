//! Searches whose trials the function does.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use burn_tune_search::flag::KnownFlag;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::pruner::{IntermediateValue, LearningCurve, Pruner, Pruning, ReportUnit};
use burn_tune_search::runner::{RunOptions, refit, run};
use burn_tune_search::store::InMemory;
use burn_tune_search::trial::{Candidate, Refit};
use burn_tune_search::{
    Direction, Event, FoldScore, History, Objective, ObjectiveError, ParamValue, Params,
    RefitScore, Refitter, Stop, TaskHandle,
};
use burn_tune_worker::{WorkerObjective, Workers};

/// The variable that has this program search until it is killed.
pub const FOLDER: &str = "TEST_FOLDER";

/// The seed of all searches.
const SEED: u64 = 11;

/// What there is to know of the function.
pub struct Described {
    pub folds: usize,
}

const ODD: KnownFlag = KnownFlag::new("odd", 0, "an even one may help");

impl Objective for Described {
    type Config = Params;

    fn evaluate(&self, _: &Params, _: usize, _: &TaskHandle) -> Result<FoldScore, ObjectiveError> {
        unreachable!("workers do that")
    }

    fn folds(&self) -> usize {
        self.folds
    }

    fn known_flags(&self) -> &'static [KnownFlag] {
        &[ODD]
    }

    fn refitter(&self) -> Option<&dyn Refitter<Params>> {
        Some(self)
    }
}

impl Refitter<Params> for Described {
    fn refit(&self, _: &Params, _: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
        unreachable!("workers do that")
    }
}

/// Stops every trial after its third report.
#[derive(Debug)]
struct AfterThree;

impl Pruner for AfterThree {
    fn prunes(&self, _: usize, _: &[Arc<LearningCurve>], own: &[IntermediateValue]) -> bool {
        own.len() >= 3
    }
}

pub fn objective(folds: usize) -> WorkerObjective<Described> {
    WorkerObjective::new(Described { folds }, Workers::new("study").unwrap())
}

/// Whose workers have 256 MiB.
pub fn small() -> WorkerObjective<Described> {
    let workers = Workers::new("study").unwrap().memory_limit(Some(256 << 20));
    WorkerObjective::new(Described { folds: 1 }, workers)
}

pub fn options(jobs: usize) -> RunOptions {
    RunOptions::new(jobs, SEED)
}

pub fn pruning(jobs: usize) -> RunOptions {
    let pruning = Pruning {
        pruner: Arc::new(AfterThree),
        report_unit: ReportUnit::Steps,
        direction: Direction::Maximize,
    };
    RunOptions { pruning: Some(pruning), ..options(jobs) }
}

pub fn params(does: &str) -> Params {
    Params::from_iter([("does".to_owned(), ParamValue::Str(does.to_owned()))])
}

/// A trial for each of these.
pub fn search(
    objective: &WorkerObjective<Described>,
    trials: &[Params],
    options: &RunOptions,
) -> History {
    search_watched(objective, trials, options, |_| {})
}

pub fn search_watched(
    objective: &WorkerObjective<Described>,
    trials: &[Params],
    options: &RunOptions,
    mut watch: impl FnMut(&Event),
) -> History {
    let mut suggest = |history: &History| {
        let params = trials.get(history.trials().len()).cloned();
        params.map(|params| Candidate { name: None, params }).into()
    };
    let mut store = InMemory::default();
    run(objective, &mut suggest, &mut store, options, |event, _| watch(event)).history
}

pub fn refits(objective: &WorkerObjective<Described>, jobs: usize) -> Vec<Refit> {
    let trials = [(2, params("draw")), (5, params("draw"))];
    refit(objective, &trials, 2, &mut InMemory::default(), &options(jobs), |_| {}).0
}

/// One fold.
pub fn evaluate(objective: &WorkerObjective<Described>, does: &str) -> Result<FoldScore, String> {
    let stop = Stop::default();
    let handle = TaskHandle::new(SEED, 7, Task::Fold(0), &stop);
    objective.evaluate(&params(does), 0, &handle).map_err(|error| error.to_string())
}

/// With the path of a lock.
pub fn params_with_lock(does: &str, path: &Path) -> Params {
    let path = ParamValue::Str(path.to_str().unwrap().to_owned());
    params(does).into_iter().chain([("path".to_owned(), path)]).collect()
}

/// Until it is killed: two trials whose workers hold a lock, one without a task and one that never returns.
pub fn search_for_ever(folder: &Path) -> ExitCode {
    let trials =
        ["keep lock", "hold lock"].map(|does| params_with_lock(does, &folder.join("lock")));
    search(&objective(1), &trials, &options(2));
    ExitCode::FAILURE
}
