//! One training of a trial, as the function that trains sees it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::flag::MODEL_NOT_SAVED;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::objective::Verdict;
use burn_tune_search::{Curves, Direction, Flag, KnownFlag, ObjectiveError, TaskHandle};
use burn_tune_study::TrainingFolder;
use burn_tune_worker::Channel;

use crate::checkpoint_folder::CheckpointFolder;
use crate::error::{Error, Result};
use crate::flags::{REPORTS_NO_NUMBER, REPORTS_OUT_OF_ORDER};

/// One training: of a trial on one fold, or of one of the best trials on all of the data.
///
/// Everything that is random in it has to come from [`Trial::seed`]: then the same study gives the same
/// leaderboard, whatever the number of workers.
///
#[doc = trial_example!("let rows = trial.split_rows(300)?;\neprintln!(\"trial {}, fold {}: {} rows\", trial.number(), trial.fold(), rows.train.len());")]
pub struct Trial<'a> {
    pub(crate) number: usize,
    pub(crate) task: Task,
    pub(crate) folds: usize,
    pub(crate) study_seed: u64,
    pub(crate) seed: u64,
    pub(crate) device: Option<usize>,
    /// Which scores are the better ones.
    pub(crate) direction: Direction,
    /// The metric by which trials are ranked, where that is not the score.
    pub(crate) ranked_by: Option<&'a str>,
    pub(crate) known_flags: &'a [KnownFlag],
    pub(crate) link: &'a dyn Link,
    pub(crate) kept: Mutex<Kept>,
    pub(crate) folder: TrainingFolder,
    pub(crate) checkpoints: CheckpointFolder,
    /// Runs since it began here.
    pub(crate) since: Stopwatch,
}

/// The way from a training to the study.
pub(crate) trait Link: Sync {
    /// What the score would be after a step; whether to go on.
    fn report(&self, step: u64, value: f64) -> Verdict;

    /// Whether the training is to be abandoned.
    fn check(&self) -> Result<(), ObjectiveError>;

    /// Whether anybody decides by reports.
    fn wants_reports(&self) -> bool;

    /// A value for a display.
    fn show(&self, step: u64, steps: Option<u64>, value: f64);

    /// Tells whoever runs the study, or warns.
    fn log(&self, is_warning: bool, text: &str);
}

impl Link for TaskHandle<'_> {
    fn report(&self, step: u64, value: f64) -> Verdict {
        TaskHandle::report(self, step, value)
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        self.check_stop()
    }

    fn wants_reports(&self) -> bool {
        TaskHandle::wants_reports(self)
    }

    fn show(&self, step: u64, steps: Option<u64>, value: f64) {
        TaskHandle::show(self, step, steps, value);
    }

    fn log(&self, is_warning: bool, text: &str) {
        match is_warning {
            true => tracing::warn!("{text}"),
            false => tracing::info!("{text}"),
        }
    }
}

/// A worker is killed where its task is to be abandoned, so there is nothing to ask.
impl Link for Channel {
    fn report(&self, step: u64, value: f64) -> Verdict {
        Channel::report(self, step, value)
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        Ok(())
    }

    fn wants_reports(&self) -> bool {
        Channel::wants_reports(self)
    }

    fn show(&self, step: u64, steps: Option<u64>, value: f64) {
        Channel::show(self, step, steps, value);
    }

    fn log(&self, is_warning: bool, text: &str) {
        Channel::log(self, is_warning, text);
    }
}

/// What a training has said of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    pub flags: Vec<Flag>,
    pub curves: Curves,
    pub metrics: BTreeMap<String, f64>,
    /// All that it has reported, in this order.
    pub reports: Vec<(u64, f64)>,
    /// The largest of the steps.
    pub last_step: Option<u64>,
    /// Of a training that can go on at its epoch.
    #[cfg(feature = "train")]
    pub epochs_done: Option<std::sync::Arc<std::sync::atomic::AtomicUsize>>,
    /// Whether a report was answered with a stop.
    pub is_stopped: bool,
    /// What it has said that cannot be, if anything.
    pub fault: Option<String>,
    /// For each class, the share of its examples that were recognised.
    pub per_class_recall: Vec<f64>,
    /// How long it has taken before it was broken off, in seconds.
    pub earlier_s: f64,
    /// How long it has scored, also before it was broken off.
    pub score_s: f64,
}

/// Whether a training is to go on.
///
#[doc = trial_example!("for epoch in 1..=10 {\n    let progress = trial.report(epoch, accuracy);\n    if progress == Progress::Stop {\n        break;\n    }\n}")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a training that is told to stop ends, with its score so far"]
pub enum Progress {
    /// It is.
    Continue,
    /// It is hopeless, or to be abandoned: it ends now, with [`Trial::finish`].
    Stop,
}

impl Progress {
    /// Whether the training is to end now.
    ///
    #[doc = trial_example!("if trial.report(1, accuracy).is_stop() {\n    return trial.finish(accuracy);\n}")]
    pub fn is_stop(self) -> bool {
        self == Progress::Stop
    }
}

/// What a training came to: [`Trial::finish`] makes it.
///
#[doc = trial_example!("let score: Score = trial.finish(0.97)?;")]
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use = "a training returns its score"]
pub struct Score(pub(crate) f64);

impl Trial<'_> {
    /// The number of the trial in its study, from 0.
    ///
    #[doc = trial_example!("eprintln!(\"trial {}\", trial.number());")]
    pub fn number(&self) -> usize {
        self.number
    }

    /// The fold that is held out, from 0; 0 in a refit.
    ///
    #[doc = trial_example!("assert!(trial.fold() < trial.folds());")]
    pub fn fold(&self) -> usize {
        match self.task {
            Task::Fold(fold) => fold,
            Task::Refit(_) => 0,
        }
    }

    /// How many folds each trial is scored on.
    ///
    #[doc = trial_example!("assert_eq!(trial.folds(), 3); // of `Study::folds(3)`")]
    pub fn folds(&self) -> usize {
        self.folds
    }

    /// Whether one of the best trials is trained once more: on all of the data, and to be scored on data that no
    /// fold has seen.
    ///
    #[doc = trial_example!("let data = if trial.is_refit() { \"test data\" } else { \"the fold that is held out\" };\neprintln!(\"scored on {data}\");")]
    pub fn is_refit(&self) -> bool {
        matches!(self.task, Task::Refit(_))
    }

    /// The seed of everything that is random in this training: the same in every run of the study, and another
    /// one for each trial, fold and refit.
    ///
    #[doc = trial_example!("let mut generator = trial.seed(); // `ChaCha8Rng::seed_from_u64(trial.seed())` with the crate `rand_chacha`")]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The number of the device to compute on, where some were named with [`Study::devices`](crate::Study::devices) or
    /// `--device`: for functions that do not compute with Burn. Worker processes also have it in their environment, as
    /// `BURN_TUNE_DEVICE`, before they do anything. It hangs on which worker does the training, so no score may depend
    /// on it.
    ///
    #[doc = trial_example!("let gpu = trial.device_index().unwrap_or(0);\neprintln!(\"on GPU {gpu}\");")]
    pub fn device_index(&self) -> Option<usize> {
        self.device
    }

    /// The device to compute on: of Burn's default backend the one with the number of [`Trial::device_index`], or its
    /// default device. Its generator is seeded with [`Trial::seed`]: so Burn's initialisers and dropout draw the same in
    /// every run of the study.
    ///
    /// Which backend is the default follows from Burn's features, and from `--backend` or the variable `BURN_DEVICE`.
    ///
    /// On the CPU, that generator is one for the whole process: trainings side by side in [threads](crate::Workers)
    /// of one process take numbers from each other.
    ///
    /// # Panics
    ///
    /// Where Burn is built without a backend. That there is no such device is told before the first trial.
    ///
    /// ```
    /// # use burn_tune::prelude::*;
    /// fn training_device(trial: &Trial) -> burn::tensor::Device {
    ///     trial.device().autodiff()
    /// }
    /// ```
    #[cfg(feature = "burn")]
    pub fn device(&self) -> burn::tensor::Device {
        let device = crate::devices::numbered(self.device);
        device.seed(self.seed);
        device
    }

    /// Says what the score would be after `step`, such as an epoch. Pruners decide by it: a training that is told to
    /// stop ends at once, and gives [`Trial::finish`] its score so far. Steps ascend: a report that does not come
    /// after the last one is not looked at, but flagged.
    ///
    #[doc = trial_example!("for epoch in 1..=10 {\n    if trial.report(epoch, accuracy / (11 - epoch) as f64).is_stop() {\n        break;\n    }\n}")]
    pub fn report(&self, step: u64, value: f64) -> Progress {
        self.note_report(step, value);
        match (self.link.check(), self.tell(step, value)) {
            (Ok(()), Verdict::Continue) => Progress::Continue,
            _ => {
                self.kept().is_stopped = true;
                Progress::Stop
            }
        }
    }

    /// Tells the study what it ranks by. A file may have chosen another metric than the score for that: then what the
    /// training has last given of it, if anything.
    pub(crate) fn tell(&self, step: u64, value: f64) -> Verdict {
        let value = match self.ranked_by {
            None => Some(value),
            Some(name) => self.kept().metrics.get(name).copied(),
        };
        value.map_or(Verdict::Continue, |value| self.link.report(step, value))
    }

    /// Whether anybody decides by what this training reports. Where nobody does, a value that costs something, such as
    /// that of an epoch on all of the rows held out, need not be computed; what is reported all the same is kept.
    /// A study whose trainings ask this says so by [`Study::reports_on_demand`](crate::Study::reports_on_demand).
    ///
    #[doc = trial_example!("for epoch in 1..=10 {\n    if trial.wants_reports() && trial.report(epoch, accuracy).is_stop() {\n        break;\n    }\n}")]
    pub fn wants_reports(&self) -> bool {
        self.link.wants_reports()
    }

    /// Shows whoever watches the search what there is after `step` of `steps`, such as the accuracy on a few examples;
    /// nothing is decided by it, and nothing of it is kept. What is [reported](Trial::report) is shown anyway.
    ///
    #[doc = trial_example!("for epoch in 1..=10 {\n    trial.show(epoch, Some(10), accuracy);\n}")]
    pub fn show(&self, step: u64, steps: Option<u64>, value: f64) {
        self.link.show(step, steps, value);
    }

    /// The last value that this training has reported, also before it was broken off.
    ///
    #[doc = trial_example!(
        "let _ = trial.report(1, 0.5);\nassert_eq!(trial.last_report(), Some(0.5));"
    )]
    pub fn last_report(&self) -> Option<f64> {
        self.kept().reports.last().map(|(_, value)| *value)
    }

    /// The best of what this training has reported, the largest value or the smallest as the study wants it: its step
    /// and the value. `None` where nothing was reported that is a number. For studies that score a training by its
    /// best epoch, and not by its last one:
    ///
    /// ```
    /// # use burn_tune::prelude::*;
    /// # #[derive(Space)]
    /// # struct Net {
    /// #     #[space(1e-4..=1e-1, log)]
    /// #     lr: f64,
    /// # }
    /// fn train(net: &Net, trial: &Trial) -> Result<Score> {
    ///     for epoch in 1..=5 {
    ///         let accuracy = 1.0 - net.lr * (epoch as f64 - 3.0).abs(); // your training
    ///         if trial.report(epoch, accuracy).is_stop() {
    ///             break;
    ///         }
    ///     }
    ///     let (_epoch, accuracy) = trial.best_report().ok_or(Error::new("no epoch came to a number"))?;
    ///     trial.finish(accuracy)
    /// }
    /// # assert_eq!(Study::new("net", train).run(1)?.best().unwrap().score, Some(1.0));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn best_report(&self) -> Option<(u64, f64)> {
        let loss = |value| self.direction.loss(value);
        let (mut last, mut best) = (None, None);
        for &(step, value) in &self.kept().reports {
            let counts = value.is_finite() && last.is_none_or(|last| last < step);
            let is_better = best.is_none_or(|(_, best)| loss(value) < loss(best));
            best = if counts && is_better { Some((step, value)) } else { best };
            last = last.max(Some(step));
        }
        best
    }

    /// Whether this training is to end now, be it because it has taken too long or because the user wants to
    /// stop. To be asked now and then by trainings that report seldom.
    ///
    #[doc = trial_example!("if trial.is_stopped() {\n    return trial.finish(accuracy);\n}")]
    pub fn is_stopped(&self) -> bool {
        self.link.check().is_err()
    }

    /// Fails where this training is to be abandoned, be it because it has taken too long or because the user wants to
    /// stop: for loops over batches, which then end by `?`. It costs next to nothing.
    ///
    /// # Errors
    ///
    /// Why it is to be abandoned: to be returned as it is.
    ///
    #[doc = trial_example!("for _batch in 0..100 {\n    trial.check_stop()?;\n}")]
    pub fn check_stop(&self) -> Result<()> {
        match self.link.check() {
            Ok(()) => Ok(()),
            Err(ObjectiveError::Interrupted) => Err(Error::interrupted()),
            Err(error) => Err(Error(error)),
        }
    }

    /// A folder for what this training leaves behind: made now, and empty, whatever an attempt before has left. With
    /// [`Study::keep_models`](crate::Study::keep_models) those of the best trials stay; all others are removed, also
    /// where a training fails or is pruned. Without it, it is there while the training is. Models of Burn are saved
    /// there by `save_model`, with the feature `burn`.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    ///
    #[doc = trial_example!("std::fs::write(trial.dir()?.join(\"weights.txt\"), \"0.5 0.25\")?;")]
    pub fn dir(&self) -> Result<PathBuf> {
        Ok(self.folder.open()?)
    }

    /// Saves a model by a function of your own, which gets the folder of [`Trial::dir`]. Where no models are kept, by
    /// [`Study::keep_models`](crate::Study::keep_models) or `search --keep-models`, it does nothing.
    ///
    /// A model that cannot be written costs the trial nothing but that: it is flagged, the reason is logged, and
    /// nothing that this training has left in its folder stays.
    ///
    #[doc = trial_example!("trial.save_with(|folder| std::fs::write(folder.join(\"weights.txt\"), \"0.5 0.25\"));")]
    pub fn save_with<E: fmt::Display>(&self, save: impl FnOnce(&Path) -> Result<(), E>) {
        if !self.folder.may_stay() {
            return;
        }
        let saved = self.folder.open().map_err(|error| error.to_string());
        let saved = saved.and_then(|folder| save(&folder).map_err(|error| format!("{error:#}")));
        if let Err(problem) = saved {
            self.folder.discard();
            self.model_is_lost(&problem);
        }
    }

    /// Says so where the training has a score and its model cannot be written.
    pub(crate) fn model_is_lost(&self, problem: &str) {
        let trial = self.number;
        tracing::warn!("the model of trial {trial} is not kept, but its score is: {problem}");
        self.kept().flags.push(MODEL_NOT_SAVED.flag());
    }

    /// A folder for what this training needs to go on where it was broken off. It outlives the training's process,
    /// the search and the machine, is found again with what is in it when the training is run again, by
    /// `search --resume` or [`Study::run`](crate::Study::run), and is removed once the training has ended: with a
    /// score, pruned, or failed. Then it is empty for the first time, but for a file that says whose it is: what
    /// another study, seed or point of the space has left there is removed.
    ///
    /// In a program it is `results/STUDY/checkpoints/trial-N/fold-K` or `…/refit-S`. [`Study::run`](crate::Study::run)
    /// has it beside the file of its database, in `FILE.checkpoints`; in PostgreSQL, or without a database, no
    /// training is found again by another run.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    ///
    #[doc = trial_example!(
        "let folder = trial.checkpoint_dir()?;\nassert!(folder.join(\"training.json\").exists() && !folder.join(\"epoch-3\").exists());"
    )]
    pub fn checkpoint_dir(&self) -> Result<PathBuf> {
        Ok(self.checkpoints.open(&|problem| self.link.log(true, problem))?)
    }

    /// Ends the training with its score: the value of the study's first metric, on the rows held out, or in a
    /// refit on test data. A score that is NaN or infinite fails the training. With the feature `burn`,
    /// `finish((model, score))` also saves the model, as `save_model` does; a model that cannot be saved costs the
    /// trial nothing but its model, and is flagged.
    ///
    /// Which score that is, you decide: usually that of the last epoch, which is also what was reported last, or that
    /// of the best one ([`Trial::best_report`]), if that is the model you keep. It need not have been reported at all:
    /// a study may prune by the loss and rank by the accuracy. Only be the same in all trials, and say it in the
    /// name of the [score](crate::Study::score), such as `best_accuracy`.
    ///
    /// # Errors
    ///
    /// Where the training is to be abandoned: then its score would be that of half a training.
    ///
    #[doc = trial_example!("let score: Score = trial.finish(accuracy)?;")]
    pub fn finish(&self, result: impl TrainingResult) -> Result<Score> {
        self.check_stop()?;
        result.end(self).map(Score)
    }

    /// Flags a report that says nothing.
    fn note_report(&self, step: u64, value: f64) {
        let mut kept = self.kept();
        if kept.last_step.is_some_and(|last| last >= step) {
            kept.flags.push(REPORTS_OUT_OF_ORDER.flag());
        }
        if !value.is_finite() {
            kept.flags.push(REPORTS_NO_NUMBER.flag());
        }
        kept.last_step = kept.last_step.max(Some(step));
        kept.reports.push((step, value));
    }

    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`Trial::finish`] takes: a score, or, with the feature `burn`, a model and its score, or, with the feature
/// `train`, what a `Learner` has come to.
///
/// It is implemented here alone.
///
#[doc = trial_example!("let score = trial.finish(0.97)?; // an `f64` is one")]
pub trait TrainingResult: sealed::End {}

impl<R: sealed::End> TrainingResult for R {}

pub(crate) mod sealed {
    use super::*;

    /// How each kind of result ends a training.
    pub trait End {
        /// Keeps what is to be kept of it, and gives its score.
        fn end(self, trial: &Trial) -> Result<f64>;
    }
}

impl sealed::End for f64 {
    fn end(self, _: &Trial) -> Result<f64> {
        Ok(self)
    }
}
