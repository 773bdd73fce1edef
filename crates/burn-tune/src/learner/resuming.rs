//! A training of a `Learner` that goes on at its epoch: what is kept after each one, and what every epoch begins with.
//!
//! burn-train's checkpoints have the model, the optimizer and the scheduler. They have neither how far the loaders
//! have shuffled nor the generator of the device, nor what was measured before. So each epoch begins with a generator
//! seeded for it, in a training that was never broken off as well; loaders are asked for the epochs that have
//! been, so that they shuffle on; and what was measured is kept beside the checkpoints, and reported again.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::data::dataloader::{DataLoader, DataLoaderIterator};
use burn::tensor::Device;
use burn_train::checkpoint::{
    Checkpoint, Checkpointer, CheckpointerError, FileCheckpointer, KeepLastNCheckpoints,
};
use burn_train::{InferenceStep, LearnerModel, SupervisedTraining, TrainStep};
use serde::{Deserialize, Serialize};

use super::epoch_values::MetricValues;
use crate::checkpoint::seed_of_epoch;
use crate::checkpoint_folder::write;
use crate::error::{Error, Result};
use crate::trial::Trial;

/// The parts of a checkpoint, which burn-train saves side by side.
const PARTS: [&str; 3] = ["model", "optim", "scheduler"];
/// What was measured in each epoch.
const EPOCHS: &str = "epochs.json";
/// Two, because the newest may be broken off in the middle.
const KEPT: usize = 2;

/// An epoch that has ended. Numbers are stored as their bits: JSON has none that are not finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PastEpoch {
    pub epoch: usize,
    score: u64,
    curves: Vec<(String, u64)>,
    /// Each metric's value as it says it, of the training data and of the validation data.
    metrics: Vec<(String, [Option<u64>; 2])>,
    /// Whether the training was to end with it.
    pub is_last: bool,
}

impl PastEpoch {
    pub fn new(
        epoch: usize,
        score: f64,
        curves: &[(String, f64)],
        metrics: Vec<MetricValues>,
        is_last: bool,
    ) -> Self {
        let bits = |values: [Option<f64>; 2]| values.map(|value| value.map(f64::to_bits));
        PastEpoch {
            epoch,
            score: score.to_bits(),
            curves: curves.iter().map(|(name, value)| (name.clone(), value.to_bits())).collect(),
            metrics: metrics.into_iter().map(|(name, values)| (name, bits(values))).collect(),
            is_last,
        }
    }

    pub fn score(&self) -> f64 {
        f64::from_bits(self.score)
    }

    pub fn curves(&self) -> impl Iterator<Item = (&str, f64)> {
        self.curves.iter().map(|(name, value)| (name.as_str(), f64::from_bits(*value)))
    }

    pub fn metrics(&self) -> impl Iterator<Item = (&str, [Option<f64>; 2])> {
        let number = |values: [Option<u64>; 2]| values.map(|bits| bits.map(f64::from_bits));
        self.metrics.iter().map(move |(name, values)| (name.as_str(), number(*values)))
    }
}

/// The checkpoints of a training.
#[derive(Debug, Clone)]
pub(super) struct Checkpoints {
    folder: PathBuf,
    /// The epochs that it need not train again.
    past: Vec<PastEpoch>,
}

impl Checkpoints {
    /// Those of a training that has [`EpochLoader`]s; none where nobody would find them again.
    ///
    /// # Errors
    ///
    /// Where it has other loaders, or there can be no folder.
    pub fn of_trial(trial: &Trial) -> Result<Option<Self>> {
        let done = trial.kept().epochs_done.clone().ok_or_else(|| {
            Error::new(
                "only a training of `trial.supervised_training(train, valid)?` can go on from checkpoints: make it so, instead of with `SupervisedTraining::new`",
            )
        })?;
        if !trial.checkpoints.is_kept() {
            return Ok(None);
        }
        let checkpoints = Self::find(trial.checkpoint_dir()?);
        done.store(checkpoints.last().unwrap_or(0), Ordering::Relaxed);
        Ok(Some(checkpoints))
    }

    /// What an attempt before has left in `folder`: up to the last epoch of which everything is there.
    fn find(folder: PathBuf) -> Self {
        let text = fs::read(folder.join(EPOCHS)).unwrap_or_default();
        let mut past: Vec<PastEpoch> = serde_json::from_slice(&text).unwrap_or_default();
        let is_whole = |epoch: usize| {
            PARTS.iter().all(|part| folder.join(format!("{part}-{epoch}.bpk")).exists())
        };
        while past.pop_if(|last| !is_whole(last.epoch)).is_some() {}
        Checkpoints { folder, past }
    }

    /// The last of these epochs.
    pub fn last(&self) -> Option<usize> {
        self.past.last().map(|last| last.epoch)
    }

    pub fn past(&self) -> &[PastEpoch] {
        &self.past
    }

    /// Keeps what was measured in the next epoch.
    pub fn add(&mut self, epoch: PastEpoch) -> Result<()> {
        self.past.push(epoch);
        let text = serde_json::to_vec(&self.past)?;
        Ok(write(&self.folder.join(EPOCHS), &[&text])?)
    }

    /// The training with these checkpoints, which goes on behind the last.
    pub fn of<M: LearnerModel>(&self, training: SupervisedTraining<M>) -> SupervisedTraining<M> {
        let [model, optimizer, scheduler] = PARTS.map(|part| WholeFiles {
            files: FileCheckpointer::new(&self.folder, part),
            folder: self.folder.clone(),
            part,
        });
        let training = training
            .with_custom_checkpointers(model, optimizer, scheduler)
            .with_checkpointing_strategy(KeepLastNCheckpoints::new(KEPT));
        match self.past.last() {
            None => training,
            Some(last) if last.is_last => training.checkpoint(last.epoch).num_epochs(last.epoch),
            Some(last) => training.checkpoint(last.epoch),
        }
    }
}

/// burn-train's files, each there whole or not at all.
struct WholeFiles {
    files: FileCheckpointer,
    folder: PathBuf,
    part: &'static str,
}

impl<R: Checkpoint> Checkpointer<R> for WholeFiles {
    fn save(&self, epoch: usize, record: R) -> Result<(), CheckpointerError> {
        let bytes = record.checkpoint_into_bytes().map_err(CheckpointerError::Record)?;
        let path = self.folder.join(format!("{}-{epoch}.bpk", self.part));
        write(&path, &[&bytes]).map_err(CheckpointerError::IOError)
    }

    fn delete(&self, epoch: usize) -> Result<(), CheckpointerError> {
        Checkpointer::<R>::delete(&self.files, epoch)
    }

    fn restore(&self, epoch: usize) -> Result<R, CheckpointerError> {
        self.files.restore(epoch)
    }
}

/// How many epochs an attempt before has done, as soon as that is known.
type EpochsDone = Arc<AtomicUsize>;

/// A loader each of whose passes depends on its epoch alone, and not on whether this process has seen the epochs
/// before.
struct EpochLoader<B> {
    loader: Arc<dyn DataLoader<B>>,
    /// What the device is seeded with, for the loader that an epoch begins with.
    seed: Option<u64>,
    device: Option<Device>,
    done: EpochsDone,
    passes: AtomicUsize,
}

impl Trial<'_> {
    /// A training with burn-train's `Learner` in [`Trial::dir`]: as `SupervisedTraining::new`, but each epoch begins
    /// with a device that is seeded for it, from [`Trial::seed`]. So dropout draws the same in an epoch whether the
    /// training was broken off before it or not, and [`TunedTraining::checkpoints`](crate::TunedTraining::checkpoints)
    /// can go on there.
    ///
    /// # Errors
    ///
    /// Where there can be no folder.
    ///
    #[doc = learner_example!("let training = trial\n    .supervised_training(train, valid)?\n    .metrics((AccuracyMetric::new(),))\n    .num_epochs(2)\n    .tune(trial, &AccuracyMetric::new())\n    .checkpoints();\n# let trained = training.launch(learner)?;")]
    pub fn supervised_training<M: LearnerModel>(
        &self,
        train: Arc<dyn DataLoader<<M as TrainStep>::Input>>,
        valid: Arc<dyn DataLoader<<M as InferenceStep>::Input>>,
    ) -> Result<SupervisedTraining<M>> {
        let done = EpochsDone::default();
        self.kept().epochs_done = Some(done.clone());
        let train = EpochLoader::new(train, Some(self.seed()), done.clone());
        let valid = EpochLoader::new(valid, None, done);
        Ok(SupervisedTraining::new(self.dir()?, Arc::new(train), Arc::new(valid)))
    }
}

impl<B: 'static> EpochLoader<B> {
    fn new(loader: Arc<dyn DataLoader<B>>, seed: Option<u64>, done: EpochsDone) -> Self {
        EpochLoader { loader, seed, device: None, done, passes: AtomicUsize::new(0) }
    }

    fn with(&self, loader: Arc<dyn DataLoader<B>>, device: Option<Device>) -> Arc<Self> {
        Arc::new(EpochLoader { device, ..EpochLoader::new(loader, self.seed, self.done.clone()) })
    }
}

impl<B: 'static> DataLoader<B> for EpochLoader<B> {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<B> + 'a> {
        let pass = self.passes.fetch_add(1, Ordering::Relaxed);
        let done = self.done.load(Ordering::Relaxed);
        if pass == 0 {
            // A loader shuffles with the beginning of a pass, and from where it was.
            (0..done).for_each(|_| drop(self.loader.iter()));
        }
        if let (Some(seed), Some(device)) = (self.seed, &self.device) {
            device.seed(seed_of_epoch(seed, (done + pass + 1) as u64));
        }
        self.loader.iter()
    }

    fn num_items(&self) -> usize {
        self.loader.num_items()
    }

    fn to_device(&self, device: &Device) -> Arc<dyn DataLoader<B>> {
        self.with(self.loader.to_device(device), Some(device.clone()))
    }

    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<B>> {
        self.with(self.loader.slice(start, end), self.device.clone())
    }
}
