//! What a worker is asked, and what it answers.

use std::path::PathBuf;
use std::sync::Arc;

use burn_tune_search::keyed_rng::Task;
use burn_tune_search::trial::Failure;
use burn_tune_search::{Curves, Flag, FoldScore, Metric, Params, RefitScore};
use serde::{Deserialize, Serialize};

use crate::wire;

/// Where the trainings of a study keep their checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointPlace {
    /// The folder of all of them.
    pub folder: PathBuf,
    /// What tells the study from all others, also from those of its name.
    pub study: String,
}

/// One task: a fold or a refit of one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The name of the study.
    pub study: String,
    /// The number of the trial.
    pub trial: usize,
    /// Which fold or refit of it.
    pub task: Task,
    /// How many folds a trial has.
    pub folds: usize,
    /// What the study is after, the score first; empty where that is what the program says by itself.
    pub metrics: Vec<Metric>,
    /// The seed of the study, of which the keys of generators are made.
    pub study_seed: u64,
    /// What generators are to be seeded with before the task begins: it follows from the seed of the study,
    /// trial and task, so it is the same in every run of the study, and another one for each task.
    pub seed: u64,
    /// The point of the space that the trial tries.
    pub params: Params,
    /// The folder in which what trainings leave behind is kept, where it is.
    pub files: Option<PathBuf>,
    /// Where the trainings of the study keep their checkpoints, if anywhere.
    pub checkpoints: Option<CheckpointPlace>,
    /// Whether anybody decides by what is reported: else a value that costs something need not be computed.
    pub wants_reports: bool,
    /// The number of the device to compute on, where the user has named some; the same in all tasks of a worker.
    pub device: Option<usize>,
    /// The number of the worker, from 0: no two that live at once have the same, and it stays below the
    /// number of jobs.
    pub worker: usize,
}

/// What a task came to, or why it has no score.
pub type Response = Result<TaskScore, Failure>;

/// What one fold or refit came to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskScore {
    /// The score: the value of the study's first objective.
    pub score: f64,
    /// The values of the study's further objectives, in their order. Of folds.
    pub extra_values: Vec<f64>,
    /// For each class, the share of its test examples that were recognised. Of refits.
    pub per_class_recall: Vec<f64>,
    /// What is wrong with the model that was trained.
    #[serde(with = "wire::flags")]
    pub flags: Vec<Flag>,
    /// How long the training took, in seconds. Of folds.
    pub fit_s: f64,
    /// How long the scoring took, in seconds. Of folds.
    pub score_s: f64,
    /// What was recorded while the model trained.
    #[serde(with = "wire::curves")]
    pub curves: Option<Curves>,
}

impl From<TaskScore> for FoldScore {
    fn from(score: TaskScore) -> Self {
        let TaskScore { score, extra_values, flags, fit_s, score_s, curves, .. } = score;
        let curves = curves.map(Arc::new);
        FoldScore { score, extra_values, flags, fit_s, score_s, curves, ..FoldScore::default() }
    }
}

impl From<TaskScore> for RefitScore {
    fn from(score: TaskScore) -> Self {
        let TaskScore { score, per_class_recall, flags, curves, .. } = score;
        RefitScore { score, per_class_recall, flags, curves: curves.map(Arc::new) }
    }
}
