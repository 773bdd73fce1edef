//! What trainings leave behind, above all their models: a folder for each, of which those of the best trials stay.
//!
//! ```text
//! results/STUDY/models/trial-7/fold-0/     what the training of fold 0 has written, and params.json
//!                             /refit-0/    likewise the first refit
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use burn_tune_ranking::{standings, top};
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::runner::RefitEvent;
use burn_tune_search::settings::StudySettings;
use burn_tune_search::trial::Refit;
use burn_tune_search::{Event, FoldScore, History, Metric, Params, Trial, TrialState};
use serde::Serialize;
use tempfile::TempDir;

use crate::output_folder::replace_with;
use crate::trial_view::TrialView;

/// What the folder of a trial begins with; its number follows.
const TRIAL: &str = "trial-";
/// What stands beside a model: which trial it is of, and what that has tried.
pub const PARAMS: &str = "params.json";

/// The folder of one training. Unless [`TrainingFolder::keep`] is called before it is dropped, nothing of it stays.
#[derive(Debug)]
pub struct TrainingFolder {
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
    /// That of a fold or refit of a trial, below the folder of all models; a temporary one, where there is none.
    pub fn new(models: Option<&Path>, trial: usize, task: Task) -> Self {
        let path = models.map(|models| folder_of(models, trial, task));
        TrainingFolder { path, opened: Mutex::default() }
    }

    /// Whether it may stay: else nobody will see what is written there.
    pub fn may_stay(&self) -> bool {
        self.path.is_some()
    }

    /// Makes it, empty, unless this training has done so before.
    ///
    /// # Errors
    ///
    /// What the system says.
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

    /// Removes it with what is in it.
    pub fn discard(&self) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Opened::Kept(path) = std::mem::take(&mut *opened)
            && let Err(error) = remove(&path)
        {
            tracing::warn!("cannot remove {}: {error}", path.display());
        }
    }
}

/// Of a training that failed or panicked, nothing stays.
impl Drop for TrainingFolder {
    fn drop(&mut self) {
        self.discard();
    }
}

fn trial_folder(models: &Path, trial: usize) -> PathBuf {
    models.join(format!("{TRIAL}{trial}"))
}

/// The folder of a fold or refit of a trial, below `all`.
pub fn folder_of(all: &Path, trial: usize, task: Task) -> PathBuf {
    let name = match task {
        Task::Fold(fold) => format!("fold-{fold}"),
        Task::Refit(seed) => format!("refit-{seed}"),
    };
    trial_folder(all, trial).join(name)
}

/// The folder with the model of a trial, below the folder of all models: that of the refit of the smallest seed, or
/// else of the first fold. `None` where neither is kept.
pub fn model_folder(models: &Path, trial: &TrialView) -> Option<PathBuf> {
    let refits = trial.refits.iter().filter(|(_, refit)| refit.finite().is_some());
    let refits = refits.map(|(seed, _)| Task::Refit(*seed));
    let folds = trial.folds.keys().map(|fold| Task::Fold(*fold));
    let folder = |task| folder_of(models, trial.number, task);
    refits.chain(folds).map(folder).find(|folder| folder.is_dir())
}

/// What stands in [`PARAMS`].
#[derive(Debug, Serialize)]
struct ModelFacts<'a> {
    study: &'a str,
    trial: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(flatten)]
    task: BTreeMap<&'static str, usize>,
    params: &'a Params,
    /// What this model has come to.
    metrics: BTreeMap<&'a str, f64>,
}

/// Keeps what the best trials of a study leave behind, and removes what all others do.
#[derive(Debug)]
pub(crate) struct ModelKeeper {
    models: PathBuf,
    study: String,
    best: usize,
    refitted: usize,
    metrics: Vec<Metric>,
    folds: usize,
    /// The tasks that this process has begun, and whether they are under way.
    tasks: BTreeMap<(usize, Task), bool>,
    /// Whether a fault was told: it is likely to be one of all that follows.
    has_warned: bool,
}

impl ModelKeeper {
    /// Keeps those of the `best` trials of a study in the folder `models`.
    pub fn new(
        models: PathBuf,
        study: &str,
        best: usize,
        metrics: &[Metric],
        settings: &StudySettings,
    ) -> Self {
        ModelKeeper {
            models,
            study: study.to_owned(),
            best,
            refitted: settings.top,
            metrics: metrics.to_vec(),
            folds: settings.folds,
            tasks: BTreeMap::new(),
            has_warned: false,
        }
    }

    /// Something happened to a trial.
    pub fn event(&mut self, event: &Event, history: &History) {
        let number = match event {
            Event::FoldStarted { trial, fold } => {
                self.tasks.insert((*trial, Task::Fold(*fold)), true);
                return;
            }
            Event::FoldFinished { trial, fold, .. } => {
                self.tasks.insert((*trial, Task::Fold(*fold)), false);
                *trial
            }
            Event::TrialFound { found } => found.trial.number,
            Event::TrialStarted { .. }
            | Event::FoldOverdue { .. }
            | Event::StopRequested
            | Event::GivenUp => return,
        };
        let has_ended = history.trials().get(number).is_some_and(Trial::is_finished);
        if has_ended && trial_folder(&self.models, number).is_dir() {
            self.tidy(history);
        }
    }

    /// Something happened to a refit.
    pub fn refit(&mut self, event: &RefitEvent, history: &History) {
        let RefitEvent::Finished(Refit { trial, seed, result: Ok(score), .. }) = event else {
            return;
        };
        if let (Some(trial), Some(metric)) = (history.trials().get(*trial), self.metrics.first()) {
            let metrics = BTreeMap::from([(metric.name.as_str(), score.score)]);
            let described = self.describe(trial, Task::Refit(*seed), metrics);
            self.warn(described);
        }
    }

    /// Removes what has ended and is none of the best, and says beside the others what they are. What may be under
    /// way stays, here or elsewhere, as does what is going to be refitted.
    fn tidy(&mut self, history: &History) {
        let tidied = self.tidy_to(history, self.best.max(self.refitted), false);
        self.warn(tidied);
    }

    /// The work of this process on the study has ended; `is_last` says whether nobody else works on it.
    pub fn end(&mut self, history: &History, is_last: bool) {
        self.tasks.values_mut().for_each(|under_way| *under_way = false);
        match is_last {
            true => {
                let tidied = self.tidy_to(history, self.best, true);
                self.warn(tidied);
            }
            false => self.tidy(history),
        }
        // Where there is nothing in it.
        let _ = fs::remove_dir(&self.models);
    }

    fn tidy_to(&self, history: &History, best: usize, is_last: bool) -> io::Result<()> {
        let standings = standings(history, &self.metrics, self.folds);
        let best = top(&standings, best);
        let best: BTreeSet<usize> = best.iter().map(|best| best.trial.number).collect();
        for folder in entries(&self.models)? {
            let name = folder.file_name().into_string().unwrap_or_default();
            let number = name.strip_prefix(TRIAL).and_then(|number| number.parse().ok());
            let trial = number.and_then(|number: usize| history.trials().get(number));
            match trial.filter(|trial| trial.is_finished()) {
                Some(trial) if best.contains(&trial.number) => self.describe_folds(trial)?,
                Some(trial) if is_last || !self.may_be_under_way(trial) => remove(&folder.path())?,
                _ => {}
            }
        }
        Ok(())
    }

    /// A fold that fails ends its trial, while others of the trial may go on.
    fn may_be_under_way(&self, trial: &Trial) -> bool {
        let all = (trial.number, Task::Fold(0))..=(trial.number, Task::Refit(usize::MAX));
        let mut here = self.tasks.range(all).peekable();
        let is_elsewhere = here.peek().is_none();
        let has_failed = matches!(trial.state, TrialState::Failed { .. });
        here.any(|(_, under_way)| *under_way) || (is_elsewhere && has_failed)
    }

    fn describe_folds(&self, trial: &Trial) -> io::Result<()> {
        let TrialState::Complete { folds } = &trial.state else { return Ok(()) };
        for (fold, FoldScore { score, extra_values, .. }) in folds.iter().enumerate() {
            let values = std::iter::once(score).chain(extra_values).copied();
            let metrics = self.metrics.iter().map(|metric| metric.name.as_str()).zip(values);
            self.describe(trial, Task::Fold(fold), metrics.collect())?;
        }
        Ok(())
    }

    /// Says which model it is, unless something does so already.
    fn describe(&self, trial: &Trial, task: Task, metrics: BTreeMap<&str, f64>) -> io::Result<()> {
        let folder = folder_of(&self.models, trial.number, task);
        let path = folder.join(PARAMS);
        if !folder.is_dir() || path.exists() {
            return Ok(());
        }
        let task = match task {
            Task::Fold(fold) => ("fold", fold),
            Task::Refit(seed) => ("refit", seed),
        };
        let facts = ModelFacts {
            study: &self.study,
            trial: trial.number,
            name: trial.name.as_deref(),
            task: BTreeMap::from([task]),
            params: &trial.params,
            metrics,
        };
        let json = serde_json::to_string_pretty(&facts)?;
        replace_with(&path, |file| writeln!(file, "{json}"))
    }

    fn warn(&mut self, result: io::Result<()>) {
        if let Err(error) = result
            && !self.has_warned
        {
            tracing::warn!("cannot tidy {}: {error}", self.models.display());
            self.has_warned = true;
        }
    }
}

/// What is in a folder; nothing, where it is not there.
///
/// # Errors
///
/// What the system says.
pub fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.collect(),
    }
}

/// Removes a folder with all that is in it, where it is there.
///
/// # Errors
///
/// What the system says.
pub fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
