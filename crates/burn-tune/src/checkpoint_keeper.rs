//! Removes the checkpoints of trainings that have ended.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use burn_tune_search::keyed_rng::Task;
use burn_tune_search::runner::RefitEvent;
use burn_tune_search::trial::Refit;
use burn_tune_search::{Event, History, Objective, ObjectiveError, Trial};
use burn_tune_storage::StudyRecord;
use burn_tune_study::models::{entries, folder_of, remove};
use burn_tune_study::observer::RunningStudy;
use burn_tune_study::study_folder::file_name;
use burn_tune_study::{Observer, StudyPlan};
use burn_tune_worker::{CheckpointPlace, WorkerObjective};

use crate::function::FunctionObjective;
use crate::space::Space;

/// An objective whose trainings can go on where they were broken off.
pub(crate) trait KeepsCheckpoints {
    /// From now on they keep their checkpoints in this place.
    fn keep_checkpoints(&self, place: CheckpointPlace);
}

impl<S> KeepsCheckpoints for FunctionObjective<S> {
    fn keep_checkpoints(&self, place: CheckpointPlace) {
        let _ = self.checkpoints.set(place);
    }
}

impl<S: Space> KeepsCheckpoints for WorkerObjective<FunctionObjective<S>> {
    fn keep_checkpoints(&self, place: CheckpointPlace) {
        self.workers().keep_checkpoints(place);
    }
}

/// Removes the checkpoints of a training once what it came to is stored: what is broken off between the two goes on
/// at its last epoch.
pub(crate) struct CheckpointKeeper {
    folder: PathBuf,
    folds: usize,
    /// Folds that are under way here. Some may no longer count, and still write.
    running: BTreeSet<(usize, usize)>,
    /// How many refits have ended.
    refitted: usize,
}

impl CheckpointKeeper {
    /// Has the objective of a study, of this name and from this time on, keep its checkpoints in `folder`.
    ///
    /// # Errors
    ///
    /// Where nobody knows the folder in which this process is.
    pub fn new<O: Objective + KeepsCheckpoints>(
        plan: &StudyPlan<O>,
        folder: &Path,
        (name, created_s): (&str, Option<f64>),
    ) -> io::Result<Self> {
        // A training may go elsewhere.
        let folder = std::path::absolute(folder)?;
        let study = format!("{name} {created_s:?}");
        plan.objective.keep_checkpoints(CheckpointPlace { folder: folder.clone(), study });
        let folds = plan.settings().folds;
        Ok(CheckpointKeeper { folder, folds, running: BTreeSet::new(), refitted: 0 })
    }

    /// Removes those of the folds of a trial that have ended, or no longer count.
    fn tidy(&self, trial: &Trial) {
        let is_over =
            |fold: &usize| !trial.wants(*fold) && !self.running.contains(&(trial.number, *fold));
        for fold in (0..self.folds).filter(is_over) {
            self.remove(trial.number, Task::Fold(fold));
        }
    }

    fn remove(&self, trial: usize, task: Task) {
        let folder = folder_of(&self.folder, trial, task);
        if let Err(error) = remove(&folder) {
            tracing::warn!("cannot remove {}: {error}", folder.display());
        }
        // It stays where there is anything else in it.
        if let Some(of_trial) = folder.parent() {
            let _ = fs::remove_dir(of_trial);
        }
    }

    /// Takes up what has happened.
    fn heard(&mut self, event: &Event, history: &History) {
        let number = match event {
            Event::FoldStarted { trial, fold } => {
                self.running.insert((*trial, *fold));
                return;
            }
            Event::FoldFinished { trial, fold, .. } => {
                self.running.remove(&(*trial, *fold));
                *trial
            }
            Event::TrialFound { found } => found.trial.number,
            Event::TrialStarted { .. }
            | Event::FoldOverdue { .. }
            | Event::StopRequested
            | Event::GivenUp => return,
        };
        if let Some(trial) = history.trials().get(number) {
            self.tidy(trial);
        }
    }

    fn refitted(&mut self, refit: &Refit, total: usize) {
        if refit.result == Err(ObjectiveError::Interrupted) {
            return;
        }
        self.remove(refit.trial, Task::Refit(refit.seed));
        self.refitted += 1;
        // Others were broken off before there were more trials, and better ones.
        if self.refitted == total
            && let Err(error) = remove(&self.folder)
        {
            tracing::warn!("cannot remove {}: {error}", self.folder.display());
        }
    }
}

impl Observer for CheckpointKeeper {
    fn event(&mut self, event: &Event, study: &mut RunningStudy) {
        self.heard(event, study.history);
    }

    fn refit(&mut self, event: RefitEvent, total: usize) {
        if let RefitEvent::Finished(refit) | RefitEvent::Found(refit) = event {
            self.refitted(refit, total);
        }
    }
}

/// The folder for checkpoints of a study in a database. Names that differ may be one as names of files; numbers
/// are not.
pub(crate) fn checkpoints_beside(database: &Path, study: &StudyRecord) -> PathBuf {
    let mut all = database.as_os_str().to_owned();
    all.push(".checkpoints");
    PathBuf::from(all).join(format!("{}-{}", file_name(&study.name), study.id))
}

/// Where nothing is left, no folder is left.
impl Drop for CheckpointKeeper {
    fn drop(&mut self) {
        for of_trial in entries(&self.folder).unwrap_or_default() {
            let _ = fs::remove_dir(of_trial.path());
        }
        let _ = fs::remove_dir(&self.folder);
        // That of a database, where all of its studies have ended; that of a program's study is never empty.
        if let Some(all) = self.folder.parent() {
            let _ = fs::remove_dir(all);
        }
    }
}
