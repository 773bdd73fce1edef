//! The main job: an MLP's accuracy, size and speed under stratified cross-validation, as a user of `burn-tune` has a
//! training of their own.

use std::sync::Arc;

use burn_tune::{Direction, Error, Flag, Progress, Result, Score, Study, Trial, Workers};
use burn_tune_data::{DataSource, Dataset, Examples};

use crate::config::MlpConfig;
use crate::flags::{self, DIVERGED, SOFTMAX_BEFORE_CROSS_ENTROPY};
use crate::fused::bank::BankShape;
use crate::health::{Confusion, Losses, flags};
use crate::identity::{ExampleFacts, MlpIdentity};
use crate::lanes::Lanes;
use crate::mlp::Mlp;
use crate::predict::predict;
use crate::recorder::Probe;
use crate::saved::SavedMlp;
use crate::train::{Trained, TrainingSet, train};

/// What one trained number costs in a step besides the matrix products (Adam reads and writes four
/// arrays), in floating-point operations that take as long. Measured: 784-500-10 at batches of 100
/// and 600.
const UPDATE_FLOPS: f64 = 60.0;

/// The score: the share of the held-out examples that the model recognises.
pub const ACCURACY: &str = "accuracy";
/// How many numbers the model trains.
const PARAMETERS: &str = "parameters";
/// How long the training took, by the number of epochs: without scoring. A clock decides it, and whatever
/// else runs on the machine.
const SECONDS_PER_EPOCH: &str = "seconds_per_epoch";

/// What all trainings of a study have: the data, and what computes.
///
/// ```
/// use std::sync::Arc;
///
/// use burn_tune_data::{DataSource, Dataset};
/// use burn_tune_model::{Backend, Lanes, MlpConfig, MlpTraining};
///
/// let training = Arc::new(MlpTraining {
///     source: DataSource { limit: Some(200), ..DataSource::default() },
///     dataset: Dataset::mnist()?.limited(200),
///     lanes: Lanes::solo(Backend::Flex),
///     curves: false,
/// });
/// let small = MlpConfig { epochs: 1, hidden_size: 16, ..MlpConfig::default() };
/// let study = training.study("digits").try_first("small", &small).run(1)?;
/// assert!(study.best().is_some());
/// # Ok::<(), burn_tune::Error>(())
/// ```
#[derive(Debug)]
pub struct MlpTraining {
    /// Where the data set comes from.
    pub source: DataSource,
    /// What is trained and tested on; shared by all workers.
    pub dataset: Dataset,
    /// Where it is computed, each training by itself or several together.
    pub lanes: Lanes,
    /// Whether to record curves while models train.
    pub curves: bool,
}

/// Examples that a training is scored on.
struct HeldOut<'a> {
    examples: &'a Examples,
    indices: Vec<u32>,
}

impl MlpTraining {
    /// Trains a fresh model on the trial's part of the training data, and scores it on the rest; in a refit on all of
    /// it, and on the test data.
    ///
    /// # Errors
    ///
    /// Where the loss is no number any more, or the trial is to be abandoned.
    pub fn train(&self, config: &MlpConfig, trial: &Trial) -> Result<Score> {
        let Dataset { train, test, .. } = &self.dataset;
        let split = trial.split(train.labels())?;
        let indices = |rows: &[usize]| rows.iter().map(|&row| row as u32).collect();
        let held_out = match trial.is_refit() {
            true => HeldOut { examples: test, indices: (0..test.len() as u32).collect() },
            false => HeldOut { examples: train, indices: indices(&split.valid) },
        };
        trial.metric(PARAMETERS, self.parameters(config) as f64);
        let (mut last, mut is_pruned) = (None, false);
        let trained =
            self.fit(config, &indices(&split.train), &held_out, trial, |epoch, model| {
                if !trial.wants_reports() {
                    return Ok(Progress::Continue);
                }
                trial.scoring(|| {
                    let confusion = self.score(model, &held_out, trial)?;
                    let progress = trial.report(epoch as u64, confusion.accuracy());
                    last = Some(confusion);
                    is_pruned = progress.is_stop();
                    Ok(progress)
                })
            })?;
        let epochs = trained.epoch_losses.len();
        trial.metric(SECONDS_PER_EPOCH, trial.training_seconds() / epochs as f64);
        trial.scoring(|| {
            let confusion = match last {
                Some(confusion) => confusion,
                None => self.score(&trained.model, &held_out, trial)?,
            };
            self.flags(config, &trained, &confusion).into_iter().for_each(|flag| trial.raise(flag));
            trial.per_class_recall(confusion.recall());
            if let Some(curves) = &trained.recorded.curves {
                curves.give(trial);
            }
            if !is_pruned {
                trial.save_with(|folder| self.saved(config, &trained.model).save(folder));
            }
            trial.finish(confusion.accuracy())
        })
    }

    /// A study called `name` of this training.
    pub fn study(self: &Arc<Self>, name: &str) -> Study<MlpConfig> {
        let training = self.clone();
        Study::new(name, move |config, trial| training.train(config, trial))
            .score(ACCURACY)
            .offers(PARAMETERS, Direction::Minimize)
            .offers_wall_clock(SECONDS_PER_EPOCH, Direction::Minimize)
            .steps(|config| config.epochs as u64)
            .reports_on_demand()
            .known_flags(flags::ALL)
            .check_values(MlpConfig::check)
            .workers(Workers::Threads)
    }

    /// What tells studies of this training from those of others.
    pub fn identity(&self) -> MlpIdentity {
        MlpIdentity {
            source: self.source.clone(),
            backend: self.lanes.backend().name().to_owned(),
            curves: self.curves,
            examples: ExampleFacts::of(&self.dataset),
        }
    }

    /// How many trainings of models such as these are to run at once on the device with this number, where trainings are
    /// computed together: as many as the device has memory for. `None` where each is computed by itself.
    pub fn fused_at_once(&self, configs: &[MlpConfig], number: Option<usize>) -> Option<usize> {
        let (features, classes) = (self.dataset.train.features(), self.dataset.classes.len());
        let shape = |config: &MlpConfig| BankShape {
            widths: config.widths(features, classes),
            batch_size: config.batch_size.min(self.dataset.train.len()),
        };
        self.lanes.fitting(number, &configs.iter().map(shape).collect::<Vec<_>>())
    }

    /// How many numbers the model of this configuration trains.
    pub fn parameters(&self, config: &MlpConfig) -> u64 {
        config.parameters(self.dataset.train.features(), self.dataset.classes.len())
    }

    /// The work of a training on so many examples, in floating-point operations.
    pub fn flops(&self, config: &MlpConfig, examples: usize) -> f64 {
        let (features, classes) = (self.dataset.train.features(), self.dataset.classes.len());
        let steps = examples.div_ceil(config.batch_size);
        let products = examples as f64 * config.training_flops(features, classes) as f64;
        let updates = steps as f64 * config.parameters(features, classes) as f64 * UPDATE_FLOPS;
        config.epochs as f64 * (products + updates)
    }

    /// Trains on the training examples at `indices`, and probes with the ones held out.
    fn fit(
        &self,
        config: &MlpConfig,
        indices: &[u32],
        held_out: &HeldOut,
        trial: &Trial,
        after_epoch: impl FnMut(usize, &Mlp) -> Result<Progress>,
    ) -> Result<Trained> {
        let Dataset { train: examples, classes, .. } = &self.dataset;
        let training = TrainingSet { examples, indices, classes: classes.len() };
        let HeldOut { examples, indices } = held_out;
        let probe = Probe { examples, indices, curves: self.curves };
        let trained = train(config, training, probe, &self.lanes, trial, after_epoch)?;
        match trained.epoch_losses.last() {
            Some(loss) if !loss.is_finite() => {
                trial.raise(DIVERGED.flag());
                if config.softmax {
                    trial.raise(SOFTMAX_BEFORE_CROSS_ENTROPY.flag());
                }
                let epoch = trained.epoch_losses.len();
                Err(Error::new(format!("the loss is {loss} in epoch {epoch}")))
            }
            _ => Ok(trained),
        }
    }

    fn flags(&self, config: &MlpConfig, trained: &Trained, confusion: &Confusion) -> Vec<Flag> {
        let seen = &trained.recorded.at_epoch_ends;
        let losses = Losses { first: trained.first_loss, epochs: &trained.epoch_losses };
        flags(config, losses, seen, confusion, &self.dataset.classes)
    }

    fn saved(&self, config: &MlpConfig, model: &Mlp) -> SavedMlp {
        SavedMlp {
            model: model.clone(),
            config: config.clone(),
            features: self.dataset.train.features(),
            classes: self.dataset.classes.clone(),
            backend: self.lanes.backend(),
        }
    }

    fn score(&self, model: &Mlp, held_out: &HeldOut, trial: &Trial) -> Result<Confusion> {
        let HeldOut { examples, indices } = held_out;
        let device = self.lanes.backend().device();
        let predicted = predict(model, examples, indices, &device, trial)?;
        Ok(Confusion::count(examples, indices, &predicted, self.dataset.classes.len()))
    }
}
