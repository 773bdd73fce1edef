//! Burn's `Learner` in a trial: what it measures is reported, and it hears when it is to stop.

mod epoch_values;
mod reporting;
mod resuming;
mod silent;

use std::sync::mpsc;
use std::thread;

use burn_train::logger::MetricLogger;
use burn_train::metric::{Metric, MetricAttributes, Numeric};
use burn_train::{
    EarlyStoppingStrategy, Interrupter, Learner, LearnerModel, LearningResult, SupervisedTraining,
};
use burn_tune_search::Direction;

use crate::error::{Error, Result};
use crate::trial::Trial;
use crate::trial::sealed::End;
use epoch_values::{EpochValues, in_shares};
use reporting::{Call, HangUp, Reporting, answer};
use resuming::Checkpoints;
use silent::Silent;

/// Trains for a trial: the one method, `tune`, that a training with burn-train's `Learner` needs more than without
/// a search.
///
#[doc = learner_example!("let training = trial\n    .supervised_training(train, valid)?\n    .metrics((AccuracyMetric::new(), LossMetric::new()))\n    .num_epochs(2)\n    .tune(trial, &AccuracyMetric::new());\nlet trained = training.launch(learner)?;")]
pub trait Tune<M: LearnerModel>: Sized {
    /// Makes the value of `metric` on the validation data the score of `trial`. It is reported after each epoch, and
    /// the training ends where it is pruned, takes too long, or the user wants to stop.
    ///
    /// `metric` has to be among the `metrics` of the training. Where its unit is `%`, as with burn-train's
    /// `AccuracyMetric`, the score is the share, from 0 to 1. All numeric metrics become curves of the trial, one
    /// point an epoch: `loss` of the training data, `valid_loss` of the validation data, and so on.
    ///
    /// To be called last, because it also takes away what a search has no use for, and what is one for a whole
    /// process: the terminal display, the subscriber for logs with its `experiment.log` and its panic hook, and
    /// the files of metrics. A strategy for early stopping that the training has got before is lost, since
    /// burn-train has but one: give it to [`TunedTraining::early_stopping`].
    ///
    #[doc = learner_example!(training, "let training = training.tune(trial, &AccuracyMetric::new());\nlet trained = training.launch(learner)?;")]
    fn tune<'t>(
        self,
        trial: &'t Trial<'t>,
        metric: &(impl Metric + Numeric),
    ) -> TunedTraining<'t, M>;
}

impl<M: LearnerModel> Tune<M> for SupervisedTraining<M> {
    fn tune<'t>(
        self,
        trial: &'t Trial<'t>,
        metric: &(impl Metric + Numeric),
    ) -> TunedTraining<'t, M> {
        let values = EpochValues::default();
        let training = self
            .with_metric_logger(values.clone())
            .renderer(Box::new(Silent))
            .with_application_logger(None);
        TunedTraining {
            training,
            trial,
            metric: ScoreMetric::of(metric),
            values,
            early_stopping: None,
            score_epoch: ScoreEpoch::Last,
            has_checkpoints: false,
        }
    }
}

/// A training of burn-train that belongs to a trial: [`Tune::tune`] makes it.
///
#[doc = learner_example!(training, "let training = training.tune(trial, &AccuracyMetric::new()).score_of_best_epoch().checkpoints();\nlet trained = training.launch(learner)?;")]
#[must_use = "a training does nothing until it is launched"]
pub struct TunedTraining<'t, M: LearnerModel> {
    training: SupervisedTraining<M>,
    trial: &'t Trial<'t>,
    metric: ScoreMetric,
    values: EpochValues,
    early_stopping: Option<Box<dyn EarlyStoppingStrategy>>,
    score_epoch: ScoreEpoch,
    has_checkpoints: bool,
}

/// What the score is.
#[derive(Debug)]
struct ScoreMetric {
    name: String,
    attributes: MetricAttributes,
}

/// Which epoch the score is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScoreEpoch {
    Last,
    Best,
}

impl<M: LearnerModel> TunedTraining<'_, M> {
    /// Ends the training early by a strategy of one's own, beside pruning, such as burn-train's
    /// `MetricEarlyStoppingStrategy`. A training that ends so is complete, and not pruned.
    ///
    #[doc = learner_example!(training, "use burn_train::metric::store::{Aggregate, Direction, Split};\nuse burn_train::{MetricEarlyStoppingStrategy, StoppingCondition};\n\nlet patience = MetricEarlyStoppingStrategy::new(\n    &LossMetric::new(),\n    Aggregate::Mean,\n    Direction::Lowest,\n    Split::Valid,\n    StoppingCondition::NoImprovementSince { n_epochs: 3 },\n);\nlet training = training.tune(trial, &AccuracyMetric::new()).early_stopping(patience);\n# let trained = training.launch(learner)?;")]
    pub fn early_stopping(mut self, strategy: impl EarlyStoppingStrategy + 'static) -> Self {
        self.early_stopping = Some(Box::new(strategy));
        self
    }

    /// Also gives everything that is measured to this logger, such as one of an experiment tracker.
    ///
    /// burn-train asks the first logger that answers what strategies want to know, even if it answers nothing.
    /// Loggers that the training has got before [`Tune::tune`] are asked before ours; those of here are not.
    ///
    #[doc = learner_example!(training, "use burn_train::logger::FileMetricLogger;\n\nlet training = training.tune(trial, &AccuracyMetric::new());\nlet training = training.with_metric_logger(FileMetricLogger::new(trial.dir()?));\n# let trained = training.launch(learner)?;")]
    pub fn with_metric_logger(mut self, logger: impl MetricLogger + 'static) -> Self {
        self.training = self.training.with_metric_logger(logger);
        self
    }

    /// Scores by the best epoch; by default it is the last. The model is that of the last epoch all the same.
    ///
    /// The best of many epochs is better than what the model will do on other data: compare such scores only with
    /// their like, and have enough validation data.
    ///
    #[doc = learner_example!(training, "let training = training.tune(trial, &AccuracyMetric::new()).score_of_best_epoch();\nlet trained = training.launch(learner)?;\nprintln!(\"epoch {} was the best\", trained.epoch);")]
    pub fn score_of_best_epoch(mut self) -> Self {
        self.score_epoch = ScoreEpoch::Best;
        self
    }

    /// Keeps a checkpoint of each epoch in [`Trial::checkpoint_dir`]. A training that is broken off, by a crash or by
    /// Ctrl-C, then goes on at its epoch when the study is resumed, and ends with the same model, score and curves
    /// as if it had never been.
    ///
    /// It needs a training of [`Trial::supervised_training`], and loaders without worker threads or with one: several
    /// give batches in any order, in any training. Checkpoints of the training's own are replaced.
    ///
    #[doc = learner_example!(training, "let training = training.tune(trial, &AccuracyMetric::new()).checkpoints();\n# let trained = training.launch(learner)?;")]
    pub fn checkpoints(mut self) -> Self {
        self.has_checkpoints = true;
        self
    }

    /// Trains, to an outcome for [`Trial::finish`]. It runs on this thread, as burn-train's own `launch`.
    ///
    /// # Errors
    ///
    /// Before anything is trained, where the metric's better values are not the study's better scores. Else what has
    /// ended the training before it was done, be it an error of the data or a device, or an interrupter of one's
    /// own; where the trial is to be abandoned; and where the metric has no value, since it is none of the
    /// training's, or there is no validation data.
    ///
    #[doc = learner_example!(training, "# let training = training.tune(trial, &AccuracyMetric::new());\nlet trained = training.launch(learner)?;\nassert!((0.0..=1.0).contains(&trained.score));")]
    pub fn launch(self, learner: Learner<M>) -> Result<Trained<M>> {
        self.metric.check_direction(self.trial.direction)?;
        let TunedTraining { mut training, trial, metric, values, .. } = self;
        let interrupter = training.interrupter();
        values.require(&metric.name, interrupter.clone());
        let checkpoints = match self.has_checkpoints {
            true => Checkpoints::of_trial(trial)?,
            false => None,
        };
        if let Some(checkpoints) = &checkpoints {
            training = checkpoints.of(training);
        }
        let (calls, receiver) = mpsc::channel();
        let last = checkpoints.as_ref().and_then(Checkpoints::last);
        let reporting =
            Reporting::new(metric, values.clone(), self.early_stopping, checkpoints, calls.clone());
        if reporting.report_past(trial)
            && let Some(last) = last
        {
            training = training.num_epochs(last);
        }
        let training = training.early_stopping(reporting.clone());
        let result = with_trial(trial, &interrupter, calls, receiver, || training.launch(learner));
        let ended = Ended { trial, result, reporting, values };
        ended.trained(self.score_epoch)
    }
}

/// A training that has ended, however it has.
struct Ended<'t, M> {
    trial: &'t Trial<'t>,
    result: LearningResult<M>,
    reporting: Reporting,
    values: EpochValues,
}

impl<M> Ended<'_, M> {
    fn trained(self, score_epoch: ScoreEpoch) -> Result<Trained<M>> {
        let LearningResult { model, interrupted, error, .. } = self.result;
        if let Some(error) = error {
            return Err(Error::new(format!("the training has failed: {error}")));
        }
        self.trial.check_stop()?;
        let epochs = self.reporting.epochs()?;
        if let Some(problem) = self.values.problem() {
            return Err(Error::new(problem));
        }
        if let Some(interruption) = interrupted {
            let reason = interruption.reason.unwrap_or_else(|| "nobody says why".to_owned());
            return Err(Error::new(format!("the training was interrupted: {reason}")));
        }
        let (epoch, score) = match score_epoch {
            ScoreEpoch::Last => epochs.last().copied(),
            ScoreEpoch::Best => best(&epochs, self.trial.direction),
        }
        .ok_or_else(|| Error::new("the training has no epoch: give it some with `num_epochs`"))?;
        let is_pruned = self.reporting.is_pruned();
        Ok(Trained { model, score, epoch, is_pruned, values: self.values })
    }
}

/// Runs `train` on this thread. Beside it, another one speaks with the trial, which lives no longer than the
/// training, and so cannot be handed to the strategy that burn-train calls.
fn with_trial<T>(
    trial: &Trial,
    interrupter: &Interrupter,
    calls: mpsc::Sender<Call>,
    receiver: mpsc::Receiver<Call>,
    train: impl FnOnce() -> T,
) -> T {
    thread::scope(|scope| {
        let _hang_up = HangUp(calls);
        scope.spawn(move || answer(trial, interrupter, &receiver));
        train()
    })
}

/// The best of epochs with their scores, the first of equals. NaN is none, unless all are.
fn best(epochs: &[(usize, f64)], direction: Direction) -> Option<(usize, f64)> {
    let finite = epochs.iter().copied().filter(|(_, score)| !score.is_nan());
    let better = |a: (usize, f64), b: (usize, f64)| {
        if direction.loss(b.1) < direction.loss(a.1) { b } else { a }
    };
    finite.reduce(better).or(epochs.last().copied())
}

impl ScoreMetric {
    fn of(metric: &impl Metric) -> Self {
        ScoreMetric { name: metric.name().to_string(), attributes: metric.attributes() }
    }

    fn check_direction(&self, study: Direction) -> Result<()> {
        let MetricAttributes::Numeric(numeric) = &self.attributes else { return Ok(()) };
        let (better, sought, method) = match (numeric.higher_is_better, study) {
            (true, Direction::Minimize) => ("larger", "smaller", "maximize"),
            (false, Direction::Maximize) => ("smaller", "larger", "minimize"),
            _ => return Ok(()),
        };
        Err(Error::new(format!(
            "of `{}`, {better} values are better, but this study is after {sought} scores: give it `.{method}()`",
            self.name
        )))
    }
}

/// What a `Learner` has come to: [`Trial::finish`] takes it.
///
#[doc = learner_example!(training, "let trained = training.tune(trial, &AccuracyMetric::new()).launch(learner)?;\nprintln!(\"{} in epoch {}\", trained.score, trained.epoch);")]
#[derive(Debug)]
#[must_use = "a training ends with `trial.finish`"]
pub struct Trained<M> {
    /// The model after the last epoch, as for validation.
    pub model: M,
    /// What the trial is scored by.
    pub score: f64,
    /// The epoch that the score is of, from 1: the last, or with [`TunedTraining::score_of_best_epoch`] the best.
    pub epoch: usize,
    /// Whether a pruner has ended it.
    is_pruned: bool,
    values: EpochValues,
}

impl<M> Trained<M> {
    /// The value of another metric on the validation data in the epoch of the score, for studies with several:
    /// `trial.metric("loss", trained.value(&LossMetric::new())?)`. As the score, it is a share where the metric's
    /// unit is `%`.
    ///
    /// # Errors
    ///
    /// Where it was none of the training's metrics.
    ///
    #[doc = learner_example!(training, "let trained = training.tune(trial, &AccuracyMetric::new()).launch(learner)?;\nlet loss = trained.value(&LossMetric::new())?;\nassert!(loss.is_finite());")]
    pub fn value(&self, metric: &(impl Metric + Numeric)) -> Result<f64> {
        let value = self.values.valid(self.epoch, &metric.name()).map_err(Error::new)?;
        Ok(in_shares(&metric.attributes(), value))
    }
}

/// As a model with its score.
impl<M: LearnerModel> End for Trained<M> {
    fn end(self, trial: &Trial) -> Result<f64> {
        match self.is_pruned {
            // Of a trial that is pruned nothing stays.
            true => Ok(self.score),
            false => (self.model, self.score).end(trial),
        }
    }
}

#[cfg(test)]
mod tests;
