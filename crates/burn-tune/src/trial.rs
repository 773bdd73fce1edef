//! One training of a trial, as the function that trains sees it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn_tune_folds::{k_folds, stratified_folds};
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::objective::Verdict;
use burn_tune_search::{Curves, Direction, Flag, ObjectiveError, TaskHandle};
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
    pub(crate) seed: u64,
    /// Which scores are the better ones.
    pub(crate) direction: Direction,
    pub(crate) device: Option<usize>,
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
    /// How long it has trained before it was broken off, in seconds.
    pub earlier_s: f64,
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

/// The rows of a table that a training uses.
///
#[doc = trial_example!("let split = trial.split_rows(30)?;\nassert!(split.train.iter().all(|row| !split.valid.contains(row)));")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// To train on, ascending.
    pub train: Vec<usize>,
    /// To score on, ascending. Empty in a refit, which trains on all and is scored on data of its own.
    pub valid: Vec<usize>,
}

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

    /// The rows to train and to score on, so that every class has its share in each: those of scikit-learn's
    /// `StratifiedKFold`, index for index. With a single fold, a fifth is held out. A refit trains on all.
    ///
    /// # Errors
    ///
    /// Where there are more folds than any class has rows, or more than 256 classes.
    ///
    #[doc = trial_example!("let labels = [\"cat\", \"dog\", \"cat\", \"dog\", \"dog\", \"cat\"];\nlet split = trial.split(&labels)?;\nlet rows = split.train.len() + split.valid.len();\nassert_eq!(rows, labels.len());")]
    pub fn split<L: Ord>(&self, labels: &[L]) -> Result<Split> {
        let mut classes: Vec<&L> = labels.iter().collect();
        classes.sort();
        classes.dedup();
        let class = |label: &L| {
            let place = classes.binary_search(&label).unwrap_or_default();
            u8::try_from(place).map_err(|_| {
                Error::new("there are more than 256 classes: take `split_rows`, or split by `fold`")
            })
        };
        let labels: Vec<u8> = labels.iter().map(class).collect::<Result<_>>()?;
        if self.is_refit() {
            return Ok(Split::all(labels.len()));
        }
        let folds = stratified_folds(&labels, self.folds)?.folds;
        self.of_folds(&folds)
    }

    /// The same for rows that have no classes, such as those of a regression: scikit-learn's `KFold` without
    /// shuffling.
    ///
    /// # Errors
    ///
    /// Where there are more folds than rows.
    ///
    #[doc = trial_example!("let split = trial.split_rows(300)?;\nassert_eq!(split.valid.len(), if trial.is_refit() { 0 } else { 100 });")]
    pub fn split_rows(&self, rows: usize) -> Result<Split> {
        if self.is_refit() {
            return Ok(Split::all(rows));
        }
        self.of_folds(&k_folds(rows, self.folds)?)
    }

    fn of_folds(&self, folds: &[burn_tune_folds::Fold]) -> Result<Split> {
        let problem = || format!("there is no fold {} among {}", self.fold(), folds.len());
        let fold = folds.get(self.fold()).ok_or_else(|| Error::new(problem()))?;
        let rows = |rows: &[u32]| rows.iter().map(|&row| row as usize).collect();
        Ok(Split { train: rows(&fold.train), valid: rows(&fold.test) })
    }

    /// Says what the score would be after `step`, such as an epoch. Pruners decide by it: a training that is told to
    /// stop ends at once, and gives [`Trial::finish`] its score so far. Steps ascend: a report that does not come
    /// after the last one is not looked at, but flagged.
    ///
    #[doc = trial_example!("for epoch in 1..=10 {\n    if trial.report(epoch, accuracy / (11 - epoch) as f64).is_stop() {\n        break;\n    }\n}")]
    pub fn report(&self, step: u64, value: f64) -> Progress {
        self.note_report(step, value);
        match (self.link.check(), self.link.report(step, value)) {
            (Ok(()), Verdict::Continue) => Progress::Continue,
            _ => {
                self.kept().is_stopped = true;
                Progress::Stop
            }
        }
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

    /// Notes that the model is sick, whatever its score: `id`, in `snake_case`, stands beside the trial in tables
    /// and files, and `advice` says what it means and what to try. With an id that is none, the training fails.
    ///
    #[doc = trial_example!("trial.flag(\"dead_units\", \"units that learn no more: try a smaller learning rate\");")]
    pub fn flag(&self, id: &str, advice: &str) {
        match Flag::new(id, advice) {
            Ok(flag) => self.kept().flags.push(flag),
            Err(_) => {
                self.kept().fault = Some(format!(
                    "`{id}` cannot be the id of a flag: write one of a-z, 0-9 and _, such as `dead_units`"
                ));
            }
        }
    }

    /// Adds a point to the curve called `name`; steps ascend. All are kept in `curves.npz`, and the page draws the
    /// one called `loss` beside its trial.
    ///
    #[doc = trial_example!("for step in 1..=100 {\n    trial.curve(\"loss\", step, 1.0 / step as f64);\n}")]
    pub fn curve(&self, name: &str, step: u64, value: f64) {
        let step = u32::try_from(step).unwrap_or(u32::MAX);
        self.kept().curves.push_probe(name, step, value as f32);
    }

    /// Gives the value of another metric than the score. Of several values the last one counts, so it may be given
    /// after each epoch. With a name that the study does not know, the training fails, and says which there are.
    ///
    /// ```
    /// # use burn_tune::prelude::*;
    /// # #[derive(Space)]
    /// # struct Net {
    /// #     #[space(0.0..=1.0)]
    /// #     lr: f64,
    /// # }
    /// fn train(net: &Net, trial: &Trial) -> Result<Score> {
    ///     trial.metric("parameters", 7_850.0);
    ///     trial.finish(net.lr)
    /// }
    ///
    /// let study = Study::new("net", train).also("parameters", Direction::Minimize).run(1)?;
    /// assert!(study.best().is_some());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn metric(&self, name: &str, value: f64) {
        self.kept().metrics.insert(name.to_owned(), value);
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
        self.check()?;
        result.end(self).map(Score)
    }

    /// Fails where the training is to be abandoned.
    pub(crate) fn check(&self) -> Result<()> {
        match self.link.check() {
            Ok(()) => Ok(()),
            Err(ObjectiveError::Interrupted) => Err(Error::interrupted()),
            Err(error) => Err(Error(error)),
        }
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

impl Split {
    fn all(rows: usize) -> Self {
        Split { train: (0..rows).collect(), valid: Vec::new() }
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
