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
    Flag, FoldScore, Identity, KnownFlag, Metric, Objective, ObjectiveError, Params, RefitScore,
    Refitter, Rejection, TaskHandle, did_you_mean,
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

/// What follows from params.
type OfParams<S, T> = Arc<dyn Fn(&S) -> T + Send + Sync>;

/// What a study says of its function besides.
pub(crate) struct Properties<S> {
    /// How often a training reports.
    pub steps: Option<OfParams<S, u64>>,
    /// What the folds of a trial cost.
    pub cost: Option<OfParams<S, f64>>,
    pub check_values: Option<OfParams<S, Result<(), Rejection>>>,
    /// Those of any function are behind the study's own.
    pub known_flags: Vec<KnownFlag>,
    /// Whether it reports only where somebody decides by it.
    pub reports_on_demand: bool,
}

impl<S> Clone for Properties<S> {
    fn clone(&self) -> Self {
        Properties {
            steps: self.steps.clone(),
            cost: self.cost.clone(),
            check_values: self.check_values.clone(),
            known_flags: self.known_flags.clone(),
            reports_on_demand: self.reports_on_demand,
        }
    }
}

/// The function of a study as an objective of the engine, for a program with a command line of its own: see
/// [`Study::objective`](crate::Study::objective).
///
#[doc = study_example!("use burn_tune::engine::{FunctionObjective, Objective, StudySettings};\n\nlet objective: FunctionObjective<Net> = study.folds(5).objective(&StudySettings::default());\nassert_eq!(objective.folds(), StudySettings::default().folds); // the settings may be those of a file")]
pub struct FunctionObjective<S> {
    pub(crate) train: Arc<Train<S>>,
    pub(crate) properties: Properties<S>,
    pub(crate) folds: usize,
    /// All that the function measures, the score first.
    pub(crate) measured: Vec<Metric>,
    /// What of it the study is after, in its order.
    pub(crate) wanted: Vec<Metric>,
    /// Where there is but one metric, it has its name here.
    pub(crate) identity: Identity,
    /// Where trainings keep their checkpoints, if anywhere.
    pub(crate) checkpoints: Arc<OnceLock<CheckpointPlace>>,
}

/// Params in the user's type, and as the engine has them.
///
#[doc = study_example!("use burn_tune::engine::FunctionConfig;\n\nlet config: FunctionConfig<Net> = serde_json::from_str(r#\"{ \"depth\": 3, \"lr\": 0.1 }\"#).map_err(Error::new)?;\nassert_eq!(config.value().depth, 3);")]
#[derive(Debug)]
pub struct FunctionConfig<S> {
    value: S,
    params: Params,
}

impl<S> FunctionConfig<S> {
    /// The params in their own type.
    ///
    #[doc = study_example!("# use burn_tune::engine::FunctionConfig;\n# let config: FunctionConfig<Net> = serde_json::from_str(r#\"{ \"depth\": 3, \"lr\": 0.1 }\"#).map_err(Error::new)?;\nlet Net { depth, lr } = config.value();\nassert_eq!((*depth, *lr), (3, 0.1));")]
    pub fn value(&self) -> &S {
        &self.value
    }
}

impl<'de, S: Space> Deserialize<'de> for FunctionConfig<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bound(value) = Bound::<S>::deserialize(deserializer)?;
        let params = value.to_params();
        Ok(FunctionConfig { value, params })
    }
}

impl<S> Borrow<Params> for FunctionConfig<S> {
    fn borrow(&self) -> &Params {
        &self.params
    }
}

/// Which call it is.
pub(crate) struct Call<'a> {
    pub number: usize,
    pub task: Task,
    pub folds: usize,
    /// What the study is after, the score first.
    pub metrics: &'a [Metric],
    pub study_seed: u64,
    pub seed: u64,
    pub device: Option<usize>,
    pub files: Option<&'a Path>,
    pub checkpoints: Option<&'a CheckpointPlace>,
    pub link: &'a dyn Link,
}

impl<S: Space> FunctionObjective<S> {
    /// The same, by which studies are told apart otherwise: where a program says by itself what stored studies are of,
    /// with an `ObjectiveReader` of its own.
    ///
    #[doc = study_example!("use burn_tune::engine::{Objective, StudySettings};\n\nlet identity = [(\"data\".to_owned(), \"v2\".into())].into_iter().collect();\nlet objective = study.objective(&StudySettings::default()).with_identity(identity);\nassert_eq!(objective.identity()[\"data\"], \"v2\");")]
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        FunctionObjective { identity, ..self }
    }

    /// Calls the function for a fold or a refit of a trial.
    pub(crate) fn call(&self, params: &S, call: Call) -> Result<TaskScore, ObjectiveError> {
        let Call { number, task, folds, metrics, study_seed, seed, device, link, .. } = call;
        let score = &self.measured[0];
        let first = &metrics[0];
        let trial = Trial {
            number,
            task,
            folds,
            study_seed,
            seed,
            device,
            direction: metrics.iter().find(|own| own.name == score.name).unwrap_or(score).direction,
            ranked_by: (first.name != score.name).then_some(first.name.as_str()),
            known_flags: &self.properties.known_flags,
            link,
            kept: Mutex::new(Kept::default()),
            folder: TrainingFolder::new(call.files, number, task),
            checkpoints: CheckpointFolder::new(
                call.checkpoints,
                number,
                task,
                seed,
                params.to_params(),
            ),
            since: Stopwatch::start(),
        };
        let result = (self.train)(params, &trial);
        let fit_s = trial.training_seconds();
        let kept = std::mem::take(&mut *trial.kept());
        match result.and_then(|score| self.checked(score, metrics, &kept)) {
            Ok((score, extra_values)) => {
                trial.folder.keep();
                Ok(TaskScore {
                    score,
                    extra_values,
                    per_class_recall: kept.per_class_recall,
                    flags: Flag::union(kept.flags),
                    fit_s,
                    score_s: kept.score_s,
                    curves: Some(kept.curves).filter(|curves| curves.series().next().is_some()),
                })
            }
            Err(Error(ObjectiveError::Failed { reason, .. })) => {
                Err(ObjectiveError::Failed { reason, flags: Flag::union(kept.flags) })
            }
            Err(Error(interrupted)) => Err(interrupted),
        }
    }

    /// The value of the first metric that the study is after and those of the others, if a trial can have them.
    fn checked(
        &self,
        Score(score): Score,
        wanted: &[Metric],
        kept: &Kept,
    ) -> Result<(f64, Vec<f64>)> {
        if let Some(fault) = &kept.fault {
            return Err(Error::new(fault));
        }
        self.check_names(&kept.metrics)?;
        let name_of_score = &self.measured[0].name;
        let value = |Metric { name, .. }: &Metric| match name == name_of_score {
            true => Ok(score),
            false => given(&kept.metrics, name),
        };
        let mut values: Vec<f64> = wanted.iter().map(value).collect::<Result<_>>()?;
        // A training that a pruner has stopped may have come to anything.
        let score = Some(("the score", score)).filter(|_| !kept.is_stopped);
        let named = wanted.iter().map(|metric| metric.name.as_str()).zip(values.iter().copied());
        let others = named.filter(|(name, _)| name != name_of_score);
        match score.into_iter().chain(others).find(|(_, value)| !value.is_finite()) {
            None => Ok((values.remove(0), values)),
            Some((name, value)) => Err(Error::new(format!(
                "{name} is {value}, which is not a finite number: look at the loss, and at what is divided by; a training that has no value ends with an error that says why, `Err(Error::new(\"…\"))`"
            ))),
        }
    }

    /// Whether the study knows all metrics of which a training has given a value.
    fn check_names(&self, given: &BTreeMap<String, f64>) -> Result<()> {
        let (score, further) = (&self.measured[0].name, &self.measured[1..]);
        let known: Vec<&str> = further.iter().map(|metric| metric.name.as_str()).collect();
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

    /// Calls it here, in a thread.
    fn call_here(
        &self,
        config: &FunctionConfig<S>,
        handle: &TaskHandle,
    ) -> Result<TaskScore, ObjectiveError> {
        let call = Call {
            number: handle.trial(),
            task: handle.task(),
            folds: self.folds,
            metrics: &self.wanted,
            study_seed: handle.study_seed(),
            seed: handle.seed(),
            device: handle.device(),
            files: handle.files(),
            checkpoints: self.checkpoints.get(),
            link: handle,
        };
        self.call(&config.value, call)
    }

    /// Answers what a worker is asked.
    pub(crate) fn answer(&self, request: &Request, channel: &Channel) -> Response {
        let call = Call {
            number: request.trial,
            task: request.task,
            folds: request.folds,
            metrics: if request.metrics.is_empty() { &self.wanted } else { &request.metrics },
            study_seed: request.study_seed,
            seed: request.seed,
            device: request.device,
            files: request.files.as_deref(),
            checkpoints: request.checkpoints.as_ref(),
            link: channel,
        };
        let params = S::from_params(&request.params);
        let params = params.map_err(|error| Failure::new(error.to_string()))?;
        self.call(&params, call).map_err(|error| match error {
            ObjectiveError::Failed { reason, flags } => Failure { reason, flags },
            ObjectiveError::Interrupted => Failure::new("abandoned"),
        })
    }

    /// All that trials are trained on together, in trainings on all of the data.
    fn training_share(&self) -> f64 {
        match self.folds {
            // A fifth is held out.
            0 | 1 => 0.8,
            folds => folds as f64 - 1.0,
        }
    }
}

/// The value that a training has given of a metric.
fn given(metrics: &BTreeMap<String, f64>, name: &str) -> Result<f64> {
    metrics.get(name).copied().ok_or_else(|| {
        Error::new(format!(
            "the training has given no `{name}`: call `trial.metric(\"{name}\", …)`"
        ))
    })
}

impl<S: Space> Objective for FunctionObjective<S> {
    type Config = FunctionConfig<S>;

    fn evaluate(
        &self,
        config: &FunctionConfig<S>,
        _: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        self.call_here(config, handle).map(FoldScore::from)
    }

    fn check(&self, config: &FunctionConfig<S>) -> Result<(), Rejection> {
        self.properties.check_values.as_ref().map_or(Ok(()), |check| check(&config.value))
    }

    fn metrics(&self) -> Vec<Metric> {
        if self.measured.len() > 1 { self.measured.clone() } else { Vec::new() }
    }

    fn known_flags(&self) -> &[KnownFlag] {
        &self.properties.known_flags
    }

    fn folds(&self) -> usize {
        self.folds
    }

    fn steps(&self, config: &FunctionConfig<S>) -> Option<u64> {
        self.properties.steps.as_ref().map(|steps| steps(&config.value))
    }

    fn cost(&self, config: &FunctionConfig<S>) -> f64 {
        self.properties.cost.as_ref().map_or(1.0, |cost| cost(&config.value))
    }

    /// What a training reports is kept, whether anybody decides by it or not, unless it asks that itself.
    fn report_unit(&self) -> ReportUnit {
        match self.properties.reports_on_demand {
            true => ReportUnit::default(),
            false => ReportUnit::Steps,
        }
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    fn refitter(&self) -> Option<&dyn Refitter<FunctionConfig<S>>> {
        Some(self)
    }
}

impl<S: Space> Refitter<FunctionConfig<S>> for FunctionObjective<S> {
    fn refit(
        &self,
        config: &FunctionConfig<S>,
        handle: &TaskHandle,
    ) -> Result<RefitScore, ObjectiveError> {
        self.call_here(config, handle).map(RefitScore::from)
    }

    /// As for a cost that grows with the data.
    fn cost(&self) -> f64 {
        1.0 / self.training_share()
    }
}
