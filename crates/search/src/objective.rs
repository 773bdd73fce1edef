//! What is searched: the trait that a model implements, and what it answers.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::clock::Stopwatch;
use crate::curves::Curves;
pub use crate::flag::Flag;
use crate::flag::KnownFlag;
use crate::identity::Identity;
use crate::keyed_rng::{Purpose, Task, keyed_rng};
use crate::live::{LiveValue, LiveWatch};
use crate::metric::Metric;
use crate::pruner::{IntermediateValue, ReportUnit, TrialPruner};
use crate::stop::Stop;

/// How often it is looked whether the search is to end where a process of it was asked to, and after what pause.
const LOOKS: usize = 50;
const LOOK: Duration = Duration::from_millis(20);

/// Turns params into scores. One method is needed, [`Objective::evaluate`]; the others say more of what is
/// searched, and have defaults.
///
/// One value serves all worker threads at once. It must answer equal questions with equal numbers:
/// whatever is random has to come from [`TaskHandle::rng`].
///
/// ```
/// use burn_tune_search::{FoldScore, Objective, ObjectiveError, TaskHandle};
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Config {
///     x: f64,
/// }
///
/// struct Parabola;
///
/// impl Objective for Parabola {
///     type Config = Config;
///
///     fn evaluate(
///         &self,
///         config: &Config,
///         _fold: usize,
///         _handle: &TaskHandle,
///     ) -> Result<FoldScore, ObjectiveError> {
///         Ok(FoldScore { score: -(config.x - 2.0).powi(2), ..FoldScore::default() })
///     }
/// }
/// ```
pub trait Objective: Sync {
    /// What one trial is configured by. Its fields are the parameters of the space; derive
    /// `Deserialize` with `deny_unknown_fields`.
    type Config: DeserializeOwned + Send + Sync;

    /// Trains and scores one fold.
    ///
    /// # Errors
    ///
    /// [`ObjectiveError::Failed`] makes this trial failed, and no other.
    fn evaluate(
        &self,
        config: &Self::Config,
        fold: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError>;

    /// Refuses values that fit the types but not the model, before any trial runs. By default none.
    ///
    /// Each value of a list and both ends of a range are tried here, beside any values of the others, and one
    /// that is refused is a fault of the space. So it is for values that are wrong by themselves; what may not
    /// be combined is left out of a search by a [`Constraint`](crate::Constraint).
    ///
    /// # Errors
    ///
    /// The first parameter whose value is not allowed.
    fn check(&self, _config: &Self::Config) -> Result<(), Rejection> {
        Ok(())
    }

    /// What it can measure of a model, by the names that `[[objective]]` has for it. Empty where it gives one
    /// score, which has no other name.
    fn metrics(&self) -> Vec<Metric> {
        Vec::new()
    }

    /// The flags that it may raise, as far as they are known before. What is read of earlier trials is looked
    /// up among them.
    fn known_flags(&self) -> &[KnownFlag] {
        &[]
    }

    /// How many folds a trial is scored on; by default one.
    fn folds(&self) -> usize {
        1
    }

    /// How many times a fold with this configuration reports, such as its epochs; `None` where nobody
    /// knows, or it does not report.
    fn steps(&self, _config: &Self::Config) -> Option<u64> {
        None
    }

    /// What all folds of a trial with this configuration cost, in any unit that is the same for all: so that it
    /// can be said how long a search will take. By default each costs the same.
    fn cost(&self, _config: &Self::Config) -> f64 {
        1.0
    }

    /// What its intermediate values are where no pruner says which it needs.
    fn report_unit(&self) -> ReportUnit {
        ReportUnit::default()
    }

    /// How it scores, as it is kept with the study: a study goes on only where this is as it was when it began.
    /// By default nothing is kept.
    fn identity(&self) -> Identity {
        Identity::new()
    }

    /// Who refits the best trials; by default nobody does.
    fn refitter(&self) -> Option<&dyn Refitter<Self::Config>> {
        None
    }
}

/// Trains the best trials of a study again, on all of the training data.
pub trait Refitter<C>: Sync {
    /// Trains on all of the training data, and scores on the held-out test data.
    ///
    /// # Errors
    ///
    /// As for [`Objective::evaluate`].
    fn refit(&self, config: &C, handle: &TaskHandle) -> Result<RefitScore, ObjectiveError>;

    /// What a refit costs, in trials of the same configuration.
    fn cost(&self) -> f64 {
        1.0
    }
}

/// A parameter whose value an objective does not allow.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// The parameter.
    pub param: String,
    /// What is wrong with it.
    pub problem: String,
    /// What is allowed.
    pub allowed: String,
}

impl Rejection {
    /// Passes where `allowed_here` holds, else rejects `param` for being `value`.
    ///
    /// # Errors
    ///
    /// The rejection.
    pub fn unless(
        allowed_here: bool,
        param: &str,
        value: impl fmt::Display,
        allowed: &str,
    ) -> Result<(), Self> {
        if allowed_here {
            return Ok(());
        }
        Err(Rejection {
            param: param.to_owned(),
            problem: format!("`{param}` is {value}"),
            allowed: allowed.to_owned(),
        })
    }
}

/// What an objective is given besides its configuration.
#[derive(Debug)]
pub struct TaskHandle<'a> {
    study_seed: u64,
    trial: usize,
    task: Task,
    stop: &'a Stop,
    deadline: Option<Deadline>,
    pruner: Option<TrialPruner>,
    live: Option<LiveWatch>,
    device: Option<usize>,
    files: Option<&'a Path>,
    reporting: Mutex<Reporting>,
    stderr: Mutex<Option<String>>,
}

/// What was reported of a task.
#[derive(Debug, Default)]
struct Reporting {
    intermediate_values: Vec<IntermediateValue>,
    stopped: bool,
}

/// Whether a training is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It is.
    Continue,
    /// It is hopeless: to be scored as it is, and returned.
    Stop,
}

/// When a trial has taken too long.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    /// Runs since the trial began.
    pub since: Stopwatch,
    /// What it may take.
    pub limit: Duration,
}

impl<'a> TaskHandle<'a> {
    /// A handle for one task of one trial.
    pub fn new(study_seed: u64, trial: usize, task: Task, stop: &'a Stop) -> Self {
        let (reporting, stderr) = (Mutex::default(), Mutex::default());
        TaskHandle {
            study_seed,
            trial,
            task,
            stop,
            deadline: None,
            pruner: None,
            live: None,
            device: None,
            files: None,
            reporting,
            stderr,
        }
    }

    /// The handle of a task that somebody watches.
    pub fn with_live(self, live: Option<LiveWatch>) -> Self {
        TaskHandle { live, ..self }
    }

    /// The handle of a task that may leave files behind.
    pub fn with_files(self, files: Option<&'a Path>) -> Self {
        TaskHandle { files, ..self }
    }

    /// The folder in which what trainings leave behind is kept, such as models: of all trials of the study. `None`
    /// where nothing is kept.
    pub fn files(&self) -> Option<&'a Path> {
        self.files
    }

    /// Shows whoever watches what there is after `step` of `steps`; nothing is decided by it.
    pub fn show(&self, step: u64, steps: Option<u64>, value: f64) {
        if let Some(live) = &self.live {
            live.show(LiveValue { trial: self.trial, task: self.task, step, steps, value });
        }
    }

    /// The handle of a task that is to compute on the device of this number.
    pub fn with_device(self, device: Option<usize>) -> Self {
        TaskHandle { device, ..self }
    }

    /// The number of the device to compute on, where the user has named some. It follows from who does the task, so
    /// nothing but the place of the work may depend on it.
    pub fn device(&self) -> Option<usize> {
        self.device
    }

    /// The number of the trial.
    pub fn trial(&self) -> usize {
        self.trial
    }

    /// Which fold or refit of the trial it is.
    pub fn task(&self) -> Task {
        self.task
    }

    /// The seed of the study, of which the keys of all generators are made.
    pub fn study_seed(&self) -> u64 {
        self.study_seed
    }

    /// The seed that a training function is given which seeds generators of its own, such as Burn's: the same
    /// for every run of the study, and another one for each task.
    pub fn seed(&self) -> u64 {
        self.rng(Purpose::Function).random()
    }

    /// The seed that a program is given which has a generator of its own: the same for every run of the study.
    pub fn program_seed(&self) -> u32 {
        self.rng(Purpose::Program).random()
    }

    /// The handle of a task that a pruner looks at.
    pub fn with_pruner(self, pruner: Option<TrialPruner>) -> Self {
        TaskHandle { pruner, ..self }
    }

    /// Whether anybody decides by what is reported: else a value that costs something need not be computed.
    pub fn wants_reports(&self) -> bool {
        self.pruner.is_some()
    }

    /// Says what the score would be after `step`, such as an epoch, from 1; steps ascend. A task that is told
    /// to stop and returns a score was pruned. What it reports after that is not looked at.
    pub fn report(&self, step: u64, value: f64) -> Verdict {
        let planned = self.pruner.as_ref().and_then(TrialPruner::planned_steps);
        self.show(step, planned, value);
        let mut reporting = self.reporting.lock().unwrap_or_else(PoisonError::into_inner);
        let ascends = reporting.intermediate_values.last().is_none_or(|last| last.step < step);
        if !reporting.stopped && ascends {
            reporting.intermediate_values.push(IntermediateValue { step, value });
            let pruner = self.pruner.as_ref();
            reporting.stopped =
                pruner.is_some_and(|pruner| pruner.prunes(&reporting.intermediate_values));
        }
        if reporting.stopped { Verdict::Stop } else { Verdict::Continue }
    }

    /// Forgets what was reported: the task is done once more, from its beginning.
    pub fn begin_again(&self) {
        *self.reporting.lock().unwrap_or_else(PoisonError::into_inner) = Reporting::default();
    }

    /// Keeps with the trial what a program has written to stderr, whatever the trial comes to.
    pub fn keep_stderr(&self, text: String) {
        let text = Some(text).filter(|text| !text.is_empty());
        *self.stderr.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// What was kept so.
    pub(crate) fn take_stderr(&self) -> Option<String> {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Adds to a score what was reported on the way to it.
    pub(crate) fn with_intermediate_values(self, score: FoldScore) -> FoldScore {
        let Reporting { intermediate_values, stopped } =
            self.reporting.into_inner().unwrap_or_else(PoisonError::into_inner);
        let planned_steps = self.pruner.and_then(|pruner| pruner.planned_steps());
        FoldScore { intermediate_values, planned_steps, stopped, ..score }
    }

    /// The handle of a task that fails after the deadline.
    pub fn with_deadline(self, deadline: Option<Deadline>) -> Self {
        TaskHandle { deadline, ..self }
    }

    /// The generator of this task for `purpose`: the same for every run of the study.
    pub fn rng(&self, purpose: Purpose) -> ChaCha8Rng {
        keyed_rng(self.study_seed, self.trial, self.task, purpose)
    }

    /// To be asked where a process that was at this task has ended without a score: whether somebody ends all of the
    /// search. The scheduler of a cluster sends a signal to all processes of a job at once, and what ends by it is no
    /// failure of the trial. Where the process says that it was asked to end, this waits a moment, since the search may
    /// hear of it later.
    ///
    /// # Errors
    ///
    /// [`ObjectiveError::Interrupted`], to be passed on: others do the task again.
    pub fn check_ended_together(&self, was_asked_to_end: bool) -> Result<(), ObjectiveError> {
        let looks = if was_asked_to_end { LOOKS } else { 1 };
        for look in 0..looks {
            if look > 0 {
                thread::sleep(LOOK);
            }
            if self.stop.is_requested() {
                return Err(ObjectiveError::Interrupted);
            }
        }
        Ok(())
    }

    /// To be called often (each batch): fails where the task is to be abandoned, or has taken too long.
    ///
    /// # Errors
    ///
    /// [`ObjectiveError::Interrupted`], or the failure of a trial after its deadline: to be passed on.
    pub fn check_stop(&self) -> Result<(), ObjectiveError> {
        if self.stop.is_urgent() {
            return Err(ObjectiveError::Interrupted);
        }
        match self.deadline {
            Some(Deadline { since, limit }) if since.elapsed() >= limit => {
                let reason = format!("timed out: the trial took longer than {limit:?}");
                Err(ObjectiveError::Failed { reason, flags: Vec::new() })
            }
            _ => Ok(()),
        }
    }
}

/// What one fold came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoldScore {
    /// The score on the fold's test part: the value of the study's first objective.
    pub score: f64,
    /// The values of the study's further objectives, in their order.
    pub extra_values: Vec<f64>,
    /// What is wrong with the model that was trained.
    pub flags: Vec<Flag>,
    /// How long the training took, in seconds.
    pub fit_s: f64,
    /// How long the scoring took, in seconds.
    pub score_s: f64,
    /// What was recorded while the model trained, where that was asked for.
    pub curves: Option<Arc<Curves>>,
    /// What was reported on the way. Filled in by the loop, as are the fields below.
    pub intermediate_values: Vec<IntermediateValue>,
    /// How many reports it would have been, where that is known.
    pub planned_steps: Option<u64>,
    /// Whether a pruner has stopped the trial here.
    pub stopped: bool,
}

/// What one refit came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RefitScore {
    /// The score on the held-out test data.
    pub score: f64,
    /// For each class, the share of its test examples that were recognised. Empty, as by default, where what
    /// is searched tells no classes apart.
    pub per_class_recall: Vec<f64>,
    /// What is wrong with the model that was trained.
    pub flags: Vec<Flag>,
    /// What was recorded while the model trained, where that was asked for.
    pub curves: Option<Arc<Curves>>,
}

/// Why there is no score.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ObjectiveError {
    /// The trial has failed.
    #[error("{reason}")]
    Failed {
        /// What happened, in one sentence.
        reason: String,
        /// What was found wrong with the model.
        flags: Vec<Flag>,
    },
    /// The task was abandoned, as [`TaskHandle::check_stop`] asked for.
    #[error("abandoned")]
    Interrupted,
}
