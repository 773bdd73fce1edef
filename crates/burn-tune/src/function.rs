//! A user's function as an objective.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::trial::Failure;
use burn_tune_search::{
    Flag, FoldScore, Identity, Metric, Objective, ObjectiveError, Params, RefitScore, Refitter,
    TaskHandle, did_you_mean,
};
use burn_tune_study::TrainingFolder;
use burn_tune_worker::{Channel, CheckpointPlace, Request, Response, TaskScore};
use serde::{Deserialize, Deserializer};

use crate::bound::Bound;
use crate::checkpoint_folder::CheckpointFolder;
use crate::error::{Error, Result};
use crate::space::Space;
use crate::trial::{Kept, Link, Score, Trial};

/// What trains: the function that a study is made of.
pub(crate) type Train<S> = dyn Fn(&S, &Trial) -> Result<Score> + Send + Sync;
/// How often a training reports.
pub(crate) type Steps<S> = dyn Fn(&S) -> u64 + Send + Sync;

/// Trains by calling a function.
pub(crate) struct Function<S> {
    pub train: Arc<Train<S>>,
    pub steps: Option<Arc<Steps<S>>>,
    pub folds: usize,
    /// The score first. Where there is but one, it has its name in the identity.
    pub metrics: Vec<Metric>,
    pub identity: Identity,
    /// Where trainings keep their checkpoints, if anywhere.
    pub checkpoints: Arc<OnceLock<CheckpointPlace>>,
}

/// Params in the user's type, and as the engine has them.
pub(crate) struct Config<S> {
    value: S,
    params: Params,
}

impl<'de, S: Space> Deserialize<'de> for Config<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bound(value) = Bound::<S>::deserialize(deserializer)?;
        let params = value.to_params();
        Ok(Config { value, params })
    }
}

impl<S> Borrow<Params> for Config<S> {
    fn borrow(&self) -> &Params {
        &self.params
    }
}

/// Which call it is.
pub(crate) struct Call<'a> {
    pub number: usize,
    pub task: Task,
    pub folds: usize,
    pub seed: u64,
    pub device: Option<usize>,
    pub files: Option<&'a Path>,
    pub checkpoints: Option<&'a CheckpointPlace>,
    pub link: &'a dyn Link,
}

impl<S: Space> Function<S> {
    /// Calls the function for a fold or a refit of a trial.
    pub fn call(&self, params: &S, call: Call) -> Result<TaskScore, ObjectiveError> {
        let Call { number, task, folds, seed, device, files, checkpoints, link } = call;
        let folder = TrainingFolder::new(files, number, task);
        let checkpoints =
            CheckpointFolder::new(checkpoints, number, task, seed, params.to_params());
        let since = Stopwatch::start();
        let kept = Mutex::new(Kept::default());
        let direction = self.metrics[0].direction;
        let trial = Trial {
            number,
            task,
            folds,
            seed,
            device,
            direction,
            link,
            kept,
            folder,
            checkpoints,
            since,
        };
        let result = (self.train)(params, &trial);
        let seconds = since.elapsed_s();
        let kept = std::mem::take(&mut *trial.kept());
        let seconds = kept.earlier_s + seconds;
        match result.and_then(|score| self.checked(score, &kept)) {
            Ok((score, extra_values)) => {
                trial.folder.keep();
                Ok(TaskScore {
                    score,
                    extra_values,
                    flags: Flag::union(kept.flags),
                    fit_s: seconds,
                    curves: Some(kept.curves).filter(|curves| curves.series().next().is_some()),
                    ..TaskScore::default()
                })
            }
            Err(Error(ObjectiveError::Failed { reason, .. })) => {
                Err(ObjectiveError::Failed { reason, flags: Flag::union(kept.flags) })
            }
            Err(Error(interrupted)) => Err(interrupted),
        }
    }

    /// The score with the values of the further metrics, if a trial can have them.
    fn checked(&self, Score(score): Score, kept: &Kept) -> Result<(f64, Vec<f64>)> {
        if let Some(fault) = &kept.fault {
            return Err(Error::new(fault));
        }
        self.check_names(&kept.metrics)?;
        let extra_values = self.extra_values(&kept.metrics)?;
        // A training that a pruner has stopped may have come to anything.
        let odd = Some(("the score", score)).filter(|_| !kept.is_stopped);
        let extra = self.metrics.iter().skip(1).zip(&extra_values);
        let extra = extra.map(|(metric, value)| (metric.name.as_str(), *value));
        match odd.into_iter().chain(extra).find(|(_, value)| !value.is_finite()) {
            None => Ok((score, extra_values)),
            Some((name, value)) => Err(Error::new(format!(
                "{name} is {value}, which is not a finite number: look at the loss, and at what is divided by; a training that has no value ends with an error that says why, `Err(Error::new(\"…\"))`"
            ))),
        }
    }

    /// Whether the study knows all metrics of which a training has given a value.
    fn check_names(&self, given: &BTreeMap<String, f64>) -> Result<()> {
        let (score, extra) = (&self.metrics[0].name, &self.metrics[1..]);
        let known: Vec<&str> = extra.iter().map(|metric| metric.name.as_str()).collect();
        let Some(name) = given.keys().find(|name| !known.contains(&name.as_str())) else {
            return Ok(());
        };
        let help = match known.is_empty() {
            _ if name == score => "it is the score: give it to `trial.finish`".to_owned(),
            true => format!("name it in the study, `.also(\"{name}\", Direction::Minimize)`"),
            false => did_you_mean::help(name, &known),
        };
        Err(Error::new(format!("the study has no further metric `{name}`: {help}")))
    }

    /// The values of the metrics behind the first, in their order.
    fn extra_values(&self, given: &BTreeMap<String, f64>) -> Result<Vec<f64>> {
        let extra = self.metrics.iter().skip(1);
        let value = |metric: &Metric| {
            given.get(&metric.name).copied().ok_or_else(|| {
                Error::new(format!(
                    "the training has given no `{name}`: call `trial.metric(\"{name}\", …)`",
                    name = metric.name
                ))
            })
        };
        extra.map(value).collect()
    }

    /// Calls it here, in a thread.
    fn call_here(
        &self,
        config: &Config<S>,
        handle: &TaskHandle,
    ) -> Result<TaskScore, ObjectiveError> {
        let (number, task, seed) = (handle.trial(), handle.task(), handle.seed());
        let (folds, files, device) = (self.folds, handle.files(), handle.device());
        let checkpoints = self.checkpoints.get();
        let call = Call { number, task, folds, seed, device, files, checkpoints, link: handle };
        self.call(&config.value, call)
    }

    /// Answers what a worker is asked.
    pub fn answer(&self, request: &Request, channel: &Channel) -> Response {
        let Request { trial, task, folds, seed, device, params, files, checkpoints, .. } = request;
        let call = Call {
            number: *trial,
            task: *task,
            folds: *folds,
            seed: *seed,
            device: *device,
            files: files.as_deref(),
            checkpoints: checkpoints.as_ref(),
            link: channel,
        };
        let params = S::from_params(params).map_err(|error| Failure::new(error.to_string()))?;
        self.call(&params, call).map_err(|error| match error {
            ObjectiveError::Failed { reason, flags } => Failure { reason, flags },
            ObjectiveError::Interrupted => Failure::new("abandoned"),
        })
    }
}

impl<S: Space> Objective for Function<S> {
    type Config = Config<S>;

    fn evaluate(
        &self,
        config: &Config<S>,
        _: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        self.call_here(config, handle).map(FoldScore::from)
    }

    fn metrics(&self) -> Vec<Metric> {
        if self.metrics.len() > 1 { self.metrics.clone() } else { Vec::new() }
    }

    fn folds(&self) -> usize {
        self.folds
    }

    fn steps(&self, config: &Config<S>) -> Option<u64> {
        self.steps.as_ref().map(|steps| steps(&config.value))
    }

    /// What a training reports is kept, whether anybody decides by it or not.
    fn report_unit(&self) -> ReportUnit {
        ReportUnit::Steps
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    fn refitter(&self) -> Option<&dyn Refitter<Config<S>>> {
        Some(self)
    }
}

impl<S: Space> Refitter<Config<S>> for Function<S> {
    fn refit(&self, config: &Config<S>, handle: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
        self.call_here(config, handle).map(RefitScore::from)
    }
}
