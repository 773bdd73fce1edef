//! What trainings leave behind: a folder for each, of which those of the best trials stay.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use burn_tune_ranking::{standings, top};
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::settings::StudySettings;
use burn_tune_search::{Event, History, Metric};
use burn_tune_study::Observer;
use burn_tune_study::observer::RunningStudy;
use tempfile::TempDir;

/// What the folder of a trial begins with; its number follows.
const TRIAL: &str = "trial-";

/// The folder of a fold or refit of a trial, below `all`.
pub(crate) fn folder_of(all: &Path, trial: usize, task: Task) -> PathBuf {
    let name = match task {
        Task::Fold(fold) => format!("fold-{fold}"),
        Task::Refit(seed) => format!("refit-{seed}"),
    };
    all.join(format!("{TRIAL}{trial}")).join(name)
}

/// The folder of one training.
#[derive(Debug)]
pub(crate) struct TrainingFolder {
    /// Where it is kept; else it is a temporary one.
    path: Option<PathBuf>,
    opened: Mutex<Opened>,
}

#[derive(Debug, Default)]
enum Opened {
    #[default]
    Not,
    Temporary(TempDir),
    Kept(PathBuf),
}

impl TrainingFolder {
    /// That of a fold or refit of a trial, below the folder of all models.
    pub fn new(models: Option<&Path>, trial: usize, task: Task) -> Self {
        let path = models.map(|models| folder_of(models, trial, task));
        TrainingFolder { path, opened: Mutex::default() }
    }

    /// Makes it, empty, unless this training has done so before.
    pub fn open(&self) -> io::Result<PathBuf> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Opened::Not = *opened {
            *opened = match &self.path {
                None => Opened::Temporary(tempfile::Builder::new().prefix("burn-tune-").tempdir()?),
                Some(path) => {
                    remove(path)?;
                    fs::create_dir_all(path)?;
                    Opened::Kept(path.clone())
                }
            };
        }
        Ok(match &*opened {
            Opened::Temporary(folder) => folder.path().to_owned(),
            Opened::Kept(path) => path.clone(),
            Opened::Not => PathBuf::new(),
        })
    }

    /// The training has a score: what it has left stays.
    pub fn keep(&self) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Opened::Not;
    }
}

/// Of a training that failed or panicked, nothing stays.
impl Drop for TrainingFolder {
    fn drop(&mut self) {
        let opened = self.opened.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Opened::Kept(path) = opened
            && let Err(error) = remove(path)
        {
            tracing::warn!("cannot remove {}: {error}", path.display());
        }
    }
}

/// Removes the models of trials that are none of the best.
pub(crate) struct ModelKeeper {
    models: PathBuf,
    keep: usize,
    metrics: Vec<Metric>,
    folds: usize,
    refitted: usize,
}

impl ModelKeeper {
    /// Keeps those of the best `keep` trials of a study in the folder `models`, and of those that are refitted.
    pub fn new(models: PathBuf, keep: usize, metrics: &[Metric], settings: &StudySettings) -> Self {
        let StudySettings { folds, top, .. } = *settings;
        ModelKeeper { models, keep, metrics: metrics.to_vec(), folds, refitted: top }
    }

    /// Removes what has ended and is none of the best. What is under way stays, here or elsewhere.
    fn tidy(&self, history: &History) -> io::Result<()> {
        let standings = standings(history, &self.metrics, self.folds);
        let best = top(&standings, self.keep.max(self.refitted));
        let best: BTreeSet<usize> = best.iter().map(|best| best.trial.number).collect();
        for folder in entries(&self.models)? {
            let name = folder.file_name().into_string().unwrap_or_default();
            let Some(number) = name.strip_prefix(TRIAL).and_then(|n| n.parse::<usize>().ok())
            else {
                continue;
            };
            let ended = history.trials().get(number).is_some_and(|trial| trial.is_finished());
            if ended && !best.contains(&number) {
                remove(&folder.path())?;
            }
        }
        Ok(())
    }
}

impl Observer for ModelKeeper {
    fn event(&mut self, event: &Event, study: &mut RunningStudy) {
        let may_end_a_trial =
            matches!(event, Event::FoldFinished { .. } | Event::TrialFound { .. });
        if may_end_a_trial && let Err(error) = self.tidy(study.history) {
            tracing::warn!("cannot tidy {}: {error}", self.models.display());
        }
    }
}

/// What is in a folder; nothing where it is not there.
pub(crate) fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.collect(),
    }
}

/// Removes a folder with all that is in it, where it is there.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
