//! Trainings of one fold or refit, as a search has them done.

use std::sync::{Arc, Mutex};

use burn_tune::engine::FunctionObjective;
use burn_tune::{Result, Space, Study, Trial};
use burn_tune_model::{MlpConfig, MlpTraining};
use burn_tune_search::bind::bind;
use burn_tune_search::settings::StudySettings;
use burn_tune_search::{FoldScore, Objective, ObjectiveError, RefitScore, TaskHandle};

/// Of three folds.
pub fn objective(training: MlpTraining) -> FunctionObjective<MlpConfig> {
    let settings = StudySettings { folds: 3, ..StudySettings::default() };
    Arc::new(training).study("mlp").objective(&settings)
}

/// What the fold of `handle` comes to.
pub fn fold(
    objective: &FunctionObjective<MlpConfig>,
    config: &MlpConfig,
    handle: &TaskHandle,
) -> Result<FoldScore, ObjectiveError> {
    let config = bind(objective, &config.to_params()).expect("it fits");
    objective.evaluate(&config, 0, handle)
}

/// What the refit of `handle` comes to.
pub fn refit(
    objective: &FunctionObjective<MlpConfig>,
    config: &MlpConfig,
    handle: &TaskHandle,
) -> Result<RefitScore, ObjectiveError> {
    let config = bind(objective, &config.to_params()).expect("it fits");
    objective.refitter().expect("functions are refitted").refit(&config, handle)
}

/// What `work` comes to as the training of `handle`.
pub fn as_training<T: Send + 'static>(
    handle: &TaskHandle,
    work: impl Fn(&Trial) -> Result<T> + Send + Sync + 'static,
) -> Result<T, ObjectiveError> {
    scored(handle, work).map(|(_, done)| done)
}

/// The same, with all that it has said.
pub fn scored<T: Send + 'static>(
    handle: &TaskHandle,
    work: impl Fn(&Trial) -> Result<T> + Send + Sync + 'static,
) -> Result<(FoldScore, T), ObjectiveError> {
    let done = Arc::new(Mutex::new(None));
    let own = done.clone();
    let study = Study::new("training", move |_: &MlpConfig, trial: &Trial| {
        *own.lock().expect("nobody panics") = Some(work(trial)?);
        trial.finish(0.0)
    });
    let score = fold(&study.objective(&StudySettings::default()), &MlpConfig::default(), handle)?;
    let done = done.lock().expect("nobody panics").take();
    Ok((score, done.expect("it has come to its end")))
}
