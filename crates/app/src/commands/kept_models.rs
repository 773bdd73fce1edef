//! The models that searches have kept: where they are, and what is said where there is none.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use burn_tune_storage::{StorageUrl, StudyRecord};
use burn_tune_study::TrialView;
use burn_tune_study::best_trials::best_trials;
use burn_tune_study::models::model_folder;
use burn_tune_study::study_folder::{CHECKPOINTS, models_of};

use crate::about::program_name;
use crate::args::StudyArgs;
use crate::commands::open_study::open_study;
use crate::exit::WorkFailed;

/// Where results are unless somebody says otherwise.
const RESULTS: &str = "results";

/// Where the models of a study may be.
pub struct KeptModels {
    folders: Vec<PathBuf>,
}

impl KeptModels {
    /// Those of a study of the database `storage`, with the files of the folder `out`. Where that is not said, they
    /// are beside the database, or in `results`.
    pub fn of(study: &StudyRecord, storage: &str, out: Option<&Path>) -> Self {
        let all = match out {
            Some(out) => vec![out.to_owned()],
            None => default_folders(storage),
        };
        let models = |all: &PathBuf| models_of(all, &study.name, study.created_s());
        KeptModels { folders: all.iter().flat_map(models).collect() }
    }

    /// The folder with the model of a trial, where it is kept.
    pub fn of_trial(&self, trial: &TrialView) -> Option<PathBuf> {
        self.folders.iter().find_map(|models| model_folder(models, trial))
    }

    /// The folders in which trainings of the study that were broken off have left checkpoints.
    pub fn checkpoints(&self) -> impl Iterator<Item = PathBuf> {
        let beside = |models: &PathBuf| Some(models.parent()?.join(CHECKPOINTS));
        self.folders.iter().filter_map(beside).filter(|checkpoints| checkpoints.is_dir())
    }

    /// The folders in which there are models.
    pub fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.folders.iter().filter(|models| models.is_dir())
    }
}

fn default_folders(storage: &str) -> Vec<PathBuf> {
    let results = PathBuf::from(RESULTS);
    match storage.parse() {
        Ok(StorageUrl::Sqlite(path)) => {
            let beside = path.parent().map(Path::to_owned).unwrap_or_default();
            let beside = if beside.as_os_str().is_empty() { PathBuf::from(".") } else { beside };
            if beside == results { vec![results] } else { vec![beside, results] }
        }
        _ => vec![results],
    }
}

/// What is said where no model of these trials is kept.
pub fn no_model(study: &StudyRecord, trials: &[&TrialView]) -> WorkFailed {
    let numbers: Vec<String> = trials.iter().map(|trial| trial.number.to_string()).collect();
    let trials = match numbers.as_slice() {
        [number] => format!("trial {number}"),
        _ => format!("the trials {}", numbers.join(", ")),
    };
    WorkFailed(format!(
        "no model of {trials} of `{}` is kept here: `{} search --keep-models 1` keeps that of the best trial while it runs; if the search had --out, name its folder with --out here, too",
        study.name,
        program_name()
    ))
}

/// The study of these arguments, and the folder with the model of its best trial.
///
/// # Errors
///
/// Where there is no such study or no model, or no single trial is the best.
pub fn best_model(args: &StudyArgs, out: Option<&Path>) -> Result<(StudyRecord, PathBuf)> {
    let mut opened = open_study(args)?;
    let trials = opened.trials()?;
    let study = opened.study;
    let models = KeptModels::of(&study, &args.database.storage, out);
    let front = best_trials(&trials, &study.directions);
    let kept: Vec<PathBuf> = front.iter().filter_map(|trial| models.of_trial(trial)).collect();
    match (front.as_slice(), kept.as_slice()) {
        ([], _) => bail!(WorkFailed(format!("the study `{}` has no complete trial", study.name))),
        (front, []) => bail!(no_model(&study, front)),
        ([_], [model]) => Ok((study, model.clone())),
        (_, kept) => bail!(
            "`{}` has several objectives and not one best trial: name one of these models with --model:\n{}",
            study.name,
            kept.iter().map(|model| model.display().to_string()).collect::<Vec<_>>().join("\n")
        ),
    }
}
