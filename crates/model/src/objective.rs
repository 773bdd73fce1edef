//! The objective of the main job: an MLP's accuracy under stratified cross-validation.

use burn_tune_data::{Dataset, Fold};
use burn_tune_search::bind::bind;
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::{
    Flag, FoldScore, Objective, ObjectiveError, Params, RefitScore, Rejection, TaskHandle,
};

use crate::backend::Backend;
use crate::config::MlpConfig;
use crate::health::{Confusion, flags};
use crate::mlp::Mlp;
use crate::train::{Trained, predict, train};

/// Accuracy of a fresh [`Mlp`] on each fold of `folds`, and of a refit on the test set.
pub struct MlpObjective {
    /// What is trained and tested on; shared by all workers.
    pub dataset: Dataset,
    /// The splits of the training data.
    pub folds: Vec<Fold>,
    /// Where it is computed.
    pub backend: Backend,
}

impl MlpObjective {
    /// How many numbers the model of these params trains; `None` where they do not fit.
    pub fn parameters(&self, params: &Params) -> Option<u64> {
        let config = bind(self, params).ok()?;
        Some(config.parameters(self.dataset.train.features(), self.dataset.classes.len()))
    }

    fn fit(
        &self,
        config: &MlpConfig,
        indices: &[u32],
        handle: &TaskHandle,
    ) -> Result<Trained, ObjectiveError> {
        let Dataset { train: examples, classes, .. } = &self.dataset;
        let trained = train(config, examples, classes.len(), indices, self.backend, handle)?;
        match trained.epoch_losses.last() {
            Some(loss) if !loss.is_finite() => {
                let epoch = trained.epoch_losses.len();
                let mut flags = vec![Flag::Diverged];
                flags.extend(config.softmax.then_some(Flag::SoftmaxBeforeCrossEntropy));
                Err(ObjectiveError::Failed {
                    reason: format!("the loss is {loss} in epoch {epoch}"),
                    flags,
                })
            }
            _ => Ok(trained),
        }
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

    fn evaluate(
        &self,
        config: &MlpConfig,
        fold: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        let Fold { train, test } = &self.folds[fold];
        let stopwatch = Stopwatch::start();
        let trained = self.fit(config, train, handle)?;
        let fit_s = stopwatch.elapsed_s();
        let stopwatch = Stopwatch::start();
        let confusion = self.score(&trained.model, false, test, handle)?;
        Ok(FoldScore {
            score: confusion.accuracy(),
            flags: flags(config, &trained.epoch_losses, &confusion, &self.dataset.classes),
            fit_s,
            score_s: stopwatch.elapsed_s(),
        })
    }

    fn refit(&self, config: &MlpConfig, handle: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
        let all = |len: usize| -> Vec<u32> { (0..len as u32).collect() };
        let trained = self.fit(config, &all(self.dataset.train.len()), handle)?;
        let confusion = self.score(&trained.model, true, &all(self.dataset.test.len()), handle)?;
        Ok(RefitScore {
            score: confusion.accuracy(),
            per_class_recall: confusion.recall(),
            flags: flags(config, &trained.epoch_losses, &confusion, &self.dataset.classes),
        })
    }
}
