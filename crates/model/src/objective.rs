//! The objective of the main job: an MLP's accuracy, size and speed under stratified cross-validation.

use std::sync::Arc;

use burn::module::Module;
use burn_tune_data::{DataSource, Dataset, Examples};
use burn_tune_folds::Fold;
use burn_tune_search::bind::bind;
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::objective::Verdict;
use burn_tune_search::{
    Flag, FoldScore, Identity, KnownFlag, Metric, Objective, ObjectiveError, Params, RefitScore,
    Refitter, Rejection, TaskHandle,
};

use crate::backend::Backend;
use crate::config::MlpConfig;
use crate::flags::{self, DIVERGED, SOFTMAX_BEFORE_CROSS_ENTROPY};
use crate::health::{Confusion, Losses, flags};
use crate::identity::{ExampleFacts, MlpIdentity};
use crate::metric::MlpMetric;
use crate::mlp::Mlp;
use crate::predict::predict;
use crate::recorder::Probe;
use crate::saved::SavedMlp;
use crate::train::{Trained, TrainingSet, to_the_end, train};

/// What one trained number costs in a step besides the matrix products (Adam reads and writes four
/// arrays), in floating-point operations that take as long. Measured: 784-500-10 at batches of 100
/// and 600.
const UPDATE_FLOPS: f64 = 60.0;

/// Scores a fresh [`Mlp`] on each fold of `folds`, and a refit on the test set: by accuracy, and whatever else
/// is asked for.
pub struct MlpObjective {
    /// Where the data set comes from.
    pub source: DataSource,
    /// What is trained and tested on; shared by all workers.
    pub dataset: Dataset,
    /// The splits of the training data.
    pub folds: Vec<Fold>,
    /// Where it is computed.
    pub backend: Backend,
    /// Whether to record curves while models train.
    pub curves: bool,
    /// What a fold and a refit are scored by: first their score, then what else there is of a fold. The
    /// accuracy, where it is empty.
    pub metrics: Vec<MlpMetric>,
    /// What is done with each trained model whose trial a pruner has not stopped, where trainings leave files
    /// behind: see [`TaskHandle::files`].
    pub keep: Option<KeepModel>,
}

/// Keeps a trained model, and says what is wrong where it cannot.
pub type KeepModel = Arc<dyn Fn(&SavedMlp, &TaskHandle) -> Vec<Flag> + Send + Sync>;

/// What metrics are computed from.
struct Measurement<'a> {
    config: &'a MlpConfig,
    confusion: &'a Confusion,
    epochs: usize,
    fit_s: f64,
}

impl MlpObjective {
    /// How many numbers the model of these params trains; `None` where they do not fit.
    pub fn parameters(&self, params: &Params) -> Option<u64> {
        let config = bind(self, params).ok()?;
        Some(config.parameters(self.dataset.train.features(), self.dataset.classes.len()))
    }

    /// The work of one training on all of the training data, in floating-point operations.
    pub fn refit_flops(&self, config: &MlpConfig) -> f64 {
        self.training_flops(config, self.dataset.train.len())
    }

    fn training_flops(&self, config: &MlpConfig, examples: usize) -> f64 {
        let (features, classes) = (self.dataset.train.features(), self.dataset.classes.len());
        let steps = examples.div_ceil(config.batch_size);
        let products = examples as f64 * config.training_flops(features, classes) as f64;
        let updates = steps as f64 * config.parameters(features, classes) as f64 * UPDATE_FLOPS;
        config.epochs as f64 * (products + updates)
    }

    /// Trains on the training examples at `indices`, and probes with `held_out` ones.
    fn fit(
        &self,
        config: &MlpConfig,
        indices: &[u32],
        held_out: (&Examples, &[u32]),
        handle: &TaskHandle,
        after_epoch: impl FnMut(usize, &Mlp) -> Result<Verdict, ObjectiveError>,
    ) -> Result<Trained, ObjectiveError> {
        let Dataset { train: examples, classes, .. } = &self.dataset;
        let training = TrainingSet { examples, indices, classes: classes.len() };
        let probe = Probe { examples: held_out.0, indices: held_out.1, curves: self.curves };
        let trained = train(config, training, probe, self.backend, handle, after_epoch)?;
        match trained.epoch_losses.last() {
            Some(loss) if !loss.is_finite() => {
                let epoch = trained.epoch_losses.len();
                let mut flags = vec![DIVERGED.flag()];
                flags.extend(config.softmax.then(|| SOFTMAX_BEFORE_CROSS_ENTROPY.flag()));
                Err(ObjectiveError::Failed {
                    reason: format!("the loss is {loss} in epoch {epoch}"),
                    flags,
                })
            }
            _ => Ok(trained),
        }
    }

    /// The score, and the values of the further metrics.
    fn values(&self, measurement: &Measurement) -> (f64, Vec<f64>) {
        let Dataset { train, classes, .. } = &self.dataset;
        let value = |metric: &MlpMetric| match metric {
            MlpMetric::Accuracy => measurement.confusion.accuracy(),
            MlpMetric::Parameters => {
                measurement.config.parameters(train.features(), classes.len()) as f64
            }
            MlpMetric::SecondsPerEpoch => measurement.fit_s / measurement.epochs as f64,
        };
        let first = self.metrics.first().unwrap_or(&MlpMetric::Accuracy);
        (value(first), self.metrics.iter().skip(1).map(value).collect())
    }

    fn flags(&self, config: &MlpConfig, trained: &Trained, confusion: &Confusion) -> Vec<Flag> {
        let seen = &trained.recorded.at_epoch_ends;
        let losses = Losses { first: trained.first_loss, epochs: &trained.epoch_losses };
        flags(config, losses, seen, confusion, &self.dataset.classes)
    }

    /// Keeps the model, if it is to be kept.
    fn keep(&self, config: &MlpConfig, model: &Mlp, handle: &TaskHandle) -> Vec<Flag> {
        let Some(keep) = self.keep.as_ref().filter(|_| handle.files().is_some()) else {
            return Vec::new();
        };
        let saved = SavedMlp {
            model: model.clone(),
            config: config.clone(),
            features: self.dataset.train.features(),
            classes: self.dataset.classes.clone(),
            backend: self.backend,
        };
        keep(&saved, handle)
    }

    fn score(
        &self,
        model: &Mlp,
        on_test_set: bool,
        indices: &[u32],
        handle: &TaskHandle,
    ) -> Result<Confusion, ObjectiveError> {
        let Dataset { train, test, classes, .. } = &self.dataset;
        let examples = if on_test_set { test } else { train };
        let predicted = predict(model, examples, indices, self.backend, handle)?;
        Ok(Confusion::count(examples, indices, &predicted, classes.len()))
    }
}

impl Objective for MlpObjective {
    type Config = MlpConfig;

    fn check(&self, config: &MlpConfig) -> Result<(), Rejection> {
        config.check()
    }

    fn folds(&self) -> usize {
        self.folds.len()
    }

    fn metrics(&self) -> Vec<Metric> {
        MlpMetric::ALL.map(MlpMetric::metric).into()
    }

    fn identity(&self) -> Identity {
        let identity = MlpIdentity {
            source: self.source.clone(),
            backend: self.backend.name().to_owned(),
            curves: self.curves,
            examples: ExampleFacts::of(&self.dataset),
        };
        let json = serde_json::to_value(identity).unwrap_or_default();
        json.as_object().cloned().unwrap_or_default()
    }

    fn known_flags(&self) -> &'static [KnownFlag] {
        flags::ALL
    }

    fn steps(&self, config: &MlpConfig) -> Option<u64> {
        Some(config.epochs as u64)
    }

    fn evaluate(
        &self,
        config: &MlpConfig,
        fold: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        let Fold { train, test } = &self.folds[fold];
        let stopwatch = Stopwatch::start();
        let (mut last, mut is_pruned) = (None, false);
        let mut score_s = 0.0;
        let held_out = (&self.dataset.train, test.as_slice());
        let trained = self.fit(config, train, held_out, handle, |epoch, model| {
            if !handle.wants_reports() {
                return Ok(Verdict::Continue);
            }
            let stopwatch = Stopwatch::start();
            let confusion = self.score(&model.valid(), false, test, handle)?;
            let measurement =
                Measurement { config, confusion: &confusion, epochs: epoch, fit_s: 0.0 };
            let verdict = handle.report(epoch as u64, self.values(&measurement).0);
            score_s += stopwatch.elapsed_s();
            last = Some(confusion);
            is_pruned = verdict == Verdict::Stop;
            Ok(verdict)
        })?;
        let fit_s = stopwatch.elapsed_s() - score_s;
        let stopwatch = Stopwatch::start();
        let confusion = match last {
            Some(confusion) => confusion,
            None => self.score(&trained.model, false, test, handle)?,
        };
        let epochs = trained.epoch_losses.len();
        let (score, extra_values) =
            self.values(&Measurement { config, confusion: &confusion, epochs, fit_s });
        let mut flags = self.flags(config, &trained, &confusion);
        if !is_pruned {
            flags.extend(self.keep(config, &trained.model, handle));
        }
        Ok(FoldScore {
            score,
            extra_values,
            flags,
            fit_s,
            score_s: score_s + stopwatch.elapsed_s(),
            curves: trained.recorded.curves.map(|curves| Arc::new(curves.into())),
            ..FoldScore::default()
        })
    }

    /// In floating-point operations.
    fn cost(&self, config: &MlpConfig) -> f64 {
        self.folds.iter().map(|fold| self.training_flops(config, fold.train.len())).sum()
    }

    fn refitter(&self) -> Option<&dyn Refitter<MlpConfig>> {
        Some(self)
    }
}

impl Refitter<MlpConfig> for MlpObjective {
    /// A fold with all of the examples.
    fn cost(&self) -> f64 {
        let examples: usize = self.folds.iter().map(|fold| fold.train.len()).sum();
        self.dataset.train.len() as f64 / examples as f64
    }

    fn refit(&self, config: &MlpConfig, handle: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
        let all = |len: usize| -> Vec<u32> { (0..len as u32).collect() };
        let test = all(self.dataset.test.len());
        let held_out = (&self.dataset.test, test.as_slice());
        let all = all(self.dataset.train.len());
        let stopwatch = Stopwatch::start();
        let trained = self.fit(config, &all, held_out, handle, to_the_end)?;
        let fit_s = stopwatch.elapsed_s();
        let confusion = self.score(&trained.model, true, &test, handle)?;
        let epochs = trained.epoch_losses.len();
        let (score, _) = self.values(&Measurement { config, confusion: &confusion, epochs, fit_s });
        let mut flags = self.flags(config, &trained, &confusion);
        flags.extend(self.keep(config, &trained.model, handle));
        Ok(RefitScore {
            score,
            per_class_recall: confusion.recall(),
            flags,
            curves: trained.recorded.curves.map(|curves| Arc::new(curves.into())),
        })
    }
}
