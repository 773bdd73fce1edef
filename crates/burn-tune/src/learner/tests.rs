//! The traps of burn-train, each a test: small trainings, with a link to the study that answers as it is told.

mod resuming;
mod training;

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use burn::data::dataloader::Progress as Done;
use burn_train::logger::{FileMetricLogger, MetricLogger};
use burn_train::metric::store::{
    Aggregate, Direction as Better, EpochSummary, MetricsUpdate, Split,
};
use burn_train::metric::{AccuracyMetric, LossMetric, MetricDefinition, NumericEntry};
use burn_train::{
    EventProcessorTraining, InferenceStep, Interrupter, LearnerEvent, MetricEarlyStoppingStrategy,
    StoppingCondition, SupervisedLearningStrategy, SupervisedTrainingEventProcessor, TrainLoader,
    TrainingComponents, TrainingItem, TrainingStrategy, ValidLoader,
};

use self::training::*;
use super::*;

#[test]
fn each_epoch_is_reported_once_and_the_score_is_that_of_the_last_or_the_best() {
    let metric = Scripted::new(&[0.1, 0.4, 0.3]);
    let link = Script::default();
    let trained = link.train(3, &metric, |tuned| tuned).unwrap();
    assert_eq!(link.reports(), [(1, 0.1), (2, 0.4), (3, 0.3)]);
    assert_eq!((trained.score, trained.epoch), (0.3, 3));
    let best = link.train(3, &metric, |tuned| tuned.score_of_best_epoch()).unwrap();
    assert_eq!((best.score, best.epoch), (0.4, 2));
}

#[test]
fn percentages_are_shares() {
    let link = Script::default();
    let half = Scripted { unit: Some("%"), ..Scripted::new(&[50.0]) };
    assert_eq!(link.train(1, &half, |tuned| tuned).unwrap().score, 0.5);
    assert_eq!(link.reports(), [(1, 0.5)]);
    assert_eq!(link.curve("valid_scripted"), [0.5]);

    let rows = Rows::new(8);
    let training = training(&rows, &Rows::new(6), 2).metrics((AccuracyMetric::new(),));
    let trained = training.tune(&link.trial(), &AccuracyMetric::new()).launch(learner()).unwrap();
    // A percentage is rounded on its way.
    let share = share_recognised(&trained.model, 6);
    assert!((trained.score - share).abs() < 1e-12, "{} and {share}", trained.score);
}

#[test]
fn a_metric_that_contradicts_the_study_is_told_before_anything_is_trained() {
    let rows = Rows::new(8);
    let problem = |direction, higher_is_better| {
        let metric = Scripted { higher_is_better, ..Scripted::new(&[0.5]) };
        let link = Script::default();
        let trial = Trial { direction, ..link.trial() };
        let training = training(&rows, &rows, 1).metrics((metric.clone(),));
        training.tune(&trial, &metric).launch(learner()).unwrap_err().to_string()
    };
    insta::assert_snapshot!(problem(Direction::Minimize, true), @"of `Scripted`, larger values are better, but this study is after smaller scores: give it `.maximize()`");
    insta::assert_snapshot!(problem(Direction::Maximize, false), @"of `Scripted`, smaller values are better, but this study is after larger scores: give it `.minimize()`");
    assert_eq!(rows.batches(), 0);
}

#[test]
fn a_training_that_is_pruned_ends_with_its_score_so_far_and_leaves_no_model() {
    let folder = tempfile::tempdir().unwrap();
    for (stop_after, epochs) in [(Some(2), 2), (None, 4)] {
        let link = Script { stop_after, ..Script::default() };
        let (rows, metric) = (Rows::new(8), Scripted::new(&[0.1, 0.2, 0.3, 0.4]));
        let trial = Trial { folder: kept_in(folder.path()), ..link.trial() };
        let training = training(&rows, &Rows::new(4), 4).metrics((metric.clone(),));
        let trained = training.tune(&trial, &metric).launch(learner()).unwrap();
        assert_eq!((trained.epoch, rows.batches()), (epochs, 2 * epochs));
        let weights = weights(&trained.model);
        let _score = trial.finish(trained).unwrap();
        let model = trial.dir().unwrap().join("model.bpk");
        assert_eq!(model.exists(), stop_after.is_none());
        if model.exists() {
            assert_eq!(self::weights(&loaded(&model)), weights);
        }
    }
}

#[test]
fn a_strategy_of_the_users_own_is_asked_too_and_ends_a_training_that_is_complete() {
    let metric = Scripted::new(&[0.5, 0.4, 0.6]);
    let patience = StoppingCondition::NoImprovementSince { n_epochs: 1 };
    let strategy = |better| {
        MetricEarlyStoppingStrategy::new(
            &metric,
            Aggregate::Mean,
            better,
            Split::Valid,
            patience.clone(),
        )
    };
    let link = Script::default();
    let trained =
        link.train(3, &metric, |tuned| tuned.early_stopping(strategy(Better::Highest))).unwrap();
    assert_eq!((trained.score, trained.is_pruned), (0.4, false));
    assert_eq!(link.reports(), [(1, 0.5), (2, 0.4)]);
}

/// A logger of a tracker: it answers that it has nothing.
struct Deaf;

impl MetricLogger for Deaf {
    fn log(&mut self, _: MetricsUpdate, _: usize, _: &Split) {}
    fn read_numeric(&mut self, _: &str, _: usize, _: &Split) -> Result<Vec<NumericEntry>, String> {
        Ok(Vec::new())
    }
    fn log_metric_definition(&mut self, _: MetricDefinition) {}
    fn log_epoch_summary(&mut self, _: EpochSummary) {}
}

#[test]
fn loggers_that_answer_nothing_hide_nothing_from_reports_and_later_ones_nothing_from_strategies() {
    let metric = Scripted::new(&[0.5, 0.4]);
    let patience = StoppingCondition::NoImprovementSince { n_epochs: 1 };
    let strategy = MetricEarlyStoppingStrategy::new(
        &metric,
        Aggregate::Mean,
        Better::Lowest,
        Split::Valid,
        patience,
    );
    let link = Script::default();
    let trial = link.trial();
    let rows = Rows::new(4);
    let training = training(&rows, &rows, 2).metrics((metric.clone(),)).with_metric_logger(Deaf);
    let trained = training.tune(&trial, &metric).launch(learner()).unwrap();
    assert_eq!((trained.score, link.reports()), (0.4, vec![(1, 0.5), (2, 0.4)]));

    let metric = Scripted::new(&[0.4, 0.5, 0.6]);
    let link = Script::default();
    let trained =
        link.train(3, &metric, |tuned| tuned.early_stopping(strategy).with_metric_logger(Deaf));
    assert_eq!(trained.unwrap().epoch, 2);
    assert_eq!(link.reports(), [(1, 0.4), (2, 0.5)]);
}

#[test]
fn a_trial_that_is_to_be_abandoned_ends_in_the_middle_of_an_epoch() {
    let link = Script::default();
    let (abandoned, rows) = (link.abandoned.clone(), Rows::new(40_000));
    let rows = rows.each_batch(move |batch| {
        abandoned.store(batch >= 5, Ordering::Relaxed);
        std::thread::sleep(std::time::Duration::from_millis(2));
    });
    let metric = Scripted::new(&[0.5]);
    let trial = link.trial();
    let training = training(&rows, &Rows::new(4), 1).metrics((metric.clone(),));
    let error = training.tune(&trial, &metric).launch(learner()).unwrap_err();
    assert_eq!(error.to_string(), "timed out");
    assert!(rows.batches() < 10_000, "{} batches", rows.batches());
    assert_eq!(link.reports(), []);
}

#[test]
fn an_interrupter_of_the_users_own_fails_the_trial_with_its_reason() {
    let interrupter = Interrupter::new();
    let stop = interrupter.clone();
    let rows = Rows::new(40).each_batch(move |_| stop.stop(Some("the loss explodes")));
    let (link, metric) = (Script::default(), Scripted::new(&[0.5]));
    let training = training(&rows, &Rows::new(4), 1).metrics((metric.clone(),));
    let training = training.with_interrupter(interrupter);
    let error = training.tune(&link.trial(), &metric).launch(learner()).unwrap_err();
    assert_eq!(error.to_string(), "the training was interrupted: the loss explodes");
}

#[test]
fn a_training_that_fails_fails_the_trial_with_its_reason() {
    let rows = Rows { broken: Some(6), ..Rows::new(8) };
    let (link, metric) = (Script::default(), Scripted::new(&[0.5]));
    let training = training(&rows, &Rows::new(4), 1).metrics((metric.clone(),));
    let error = training.tune(&link.trial(), &metric).launch(learner()).unwrap_err().to_string();
    assert!(error.starts_with("the training has failed: Dataset error: "), "{error}");
    assert!(error.ends_with("row 6 is gone"), "{error}");
}

#[test]
fn a_metric_that_the_training_has_not_ends_it_with_the_first_batches() {
    let rows = Rows::new(40_000);
    let link = Script::default();
    let training = training(&rows, &rows, 1).metrics((LossMetric::new(),));
    let metric = Scripted::new(&[0.5]);
    let error = training.tune(&link.trial(), &metric).launch(learner()).unwrap_err();
    insta::assert_snapshot!(error, @"the training has no metric `Scripted` on its validation data: give it to the training with `.metrics((…,))`");
    assert!(rows.batches() < 1_000, "{} batches", rows.batches());

    let only_train = self::training(&Rows::new(4), &Rows::new(4), 1);
    let only_train = only_train.metric_train_numeric(metric.clone());
    let error = only_train.tune(&link.trial(), &metric).launch(learner()).unwrap_err();
    assert!(error.to_string().starts_with("the training has no metric `Scripted` on its valid"));
}

#[test]
fn a_training_without_validation_data_or_epochs_says_so() {
    let (link, metric) = (Script::default(), Scripted::new(&[0.5]));
    let problem = |valid: usize, epochs: usize| {
        let training = training(&Rows::new(4), &Rows::new(valid), epochs);
        let training = training.metrics((metric.clone(),));
        training.tune(&link.trial(), &metric).launch(learner()).unwrap_err().to_string()
    };
    insta::assert_snapshot!(problem(0, 1), @"there is no validation data: score on the rows of `trial.split(…)?.valid`, and in a refit, where these are none, on test data");
    insta::assert_snapshot!(problem(4, 0), @"the training has no epoch: give it some with `num_epochs`");
    assert_eq!(link.reports(), []);
}

#[test]
fn all_numeric_metrics_become_curves_of_both_splits() {
    let (link, metric) = (Script::default(), Scripted::new(&[0.5, 0.25]));
    let rows = Rows::new(8);
    let trial = link.trial();
    let training = training(&rows, &Rows::new(4), 2);
    let training = training.metrics((LossMetric::new(), metric.clone()));
    let trained = training.tune(&trial, &metric).launch(learner()).unwrap();
    let curves = std::mem::take(&mut trial.kept().curves);
    let names: Vec<&str> = curves.series().map(|(name, _)| name).collect();
    assert_eq!(names, ["loss", "valid_loss", "scripted", "valid_scripted"]);
    assert_eq!(
        (curves.probe_steps(), curves.get("valid_scripted")),
        (&[1, 2][..], &[0.5, 0.25][..])
    );
    let loss = trained.value(&LossMetric::new()).unwrap();
    assert_eq!(loss as f32, curves.get("valid_loss")[1]);
    assert!(trained.value(&AccuracyMetric::new()).is_err());
}

/// As where several devices train: each worker asks its own clone of the strategy.
struct TwoWorkers;

impl SupervisedLearningStrategy<Net> for TwoWorkers {
    fn fit(
        &self,
        components: TrainingComponents<Net>,
        learner: Learner<Net>,
        _: TrainLoader<Net>,
        valid: ValidLoader<Net>,
        starting_epoch: usize,
    ) -> (Net, SupervisedTrainingEventProcessor<Net>) {
        let mut processor = components.event_processor;
        let mut first = components.early_stopping.unwrap();
        let mut second = first.clone();
        for epoch_number in starting_epoch..=components.num_epochs {
            let start = LearnerEvent::StartSplit { epoch_number, total_items: 1 };
            processor.process_valid(start).unwrap();
            for batch in valid.iter() {
                let output = InferenceStep::step(&learner.model(), batch.unwrap());
                let item = TrainingItem::new(output, Done::new(1, 1, None), None, None);
                processor.process_valid(LearnerEvent::ProcessedItem(item)).unwrap();
            }
            processor.process_valid(LearnerEvent::EndSplit(epoch_number)).unwrap();
            processor.flush().unwrap();
            let one = first.should_stop(epoch_number, &components.event_store);
            let other = second.should_stop(epoch_number, &components.event_store);
            assert_eq!(one, other);
            if one {
                break;
            }
        }
        (learner.model(), processor)
    }
}

#[test]
fn workers_on_several_devices_share_one_report_and_one_verdict_an_epoch() {
    let link = Script { stop_after: Some(2), ..Script::default() };
    let metric = Scripted::new(&[0.1, 0.2, 0.3]);
    let strategy = TrainingStrategy::Custom(Arc::new(TwoWorkers));
    let training = training(&Rows::new(4), &Rows::new(4), 3).with_training_strategy(strategy);
    let training = training.metrics((metric.clone(),));
    let trained = training.tune(&link.trial(), &metric).launch(learner()).unwrap();
    assert_eq!(link.reports(), [(1, 0.1), (2, 0.2)]);
    assert!(trained.is_pruned);
}

#[test]
fn a_training_leaves_no_files_but_those_of_loggers_of_the_users_own() {
    let (link, metric) = (Script::default(), Scripted::new(&[0.5]));
    let trial = link.trial();
    let dir = trial.dir().unwrap();
    let in_dir = || {
        let rows = Rows::new(4);
        let device = device();
        SupervisedTraining::<Net>::new(&dir, rows.loader(&device), rows.loader(&device))
            .metrics((metric.clone(),))
    };
    let _trained = in_dir().tune(&trial, &metric).launch(learner()).unwrap();
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    assert!(!tracing::dispatcher::has_been_set());

    let training = in_dir().with_metric_logger(FileMetricLogger::new(&dir));
    let _trained = training.tune(&trial, &metric).launch(learner()).unwrap();
    assert!(dir.join("valid/epoch-1/Scripted.log").exists());
}

/// burn-train's display prints lines to stdout, which is the search's.
#[test]
fn a_training_prints_nothing() {
    let other =
        "learner::tests::each_epoch_is_reported_once_and_the_score_is_that_of_the_last_or_the_best";
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(["--exact", other, "--nocapture"]).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let said: Vec<&str> = stdout.lines().filter(|line| !line.is_empty()).collect();
    assert!(said.len() == 3 && said[1].ends_with("... ok"), "{stdout}");
}

#[test]
fn a_panic_of_the_model_reaches_the_search_and_leaves_no_thread_behind() {
    let rows = Rows::new(8).each_batch(|batch| assert!(batch < 1, "out of cheese"));
    let (link, metric) = (Script::default(), Scripted::new(&[0.5]));
    let trial = link.trial();
    let training = training(&rows, &Rows::new(4), 1).metrics((metric.clone(),));
    let tuned = training.tune(&trial, &metric);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tuned.launch(learner())));
    let panic = panic.err().and_then(|panic| panic.downcast::<&str>().ok());
    assert_eq!(panic.as_deref(), Some(&"out of cheese"));
}

#[test]
fn the_best_epoch_is_the_first_of_the_best_in_the_studys_direction() {
    let epochs = [(1, 0.5), (2, f64::NAN), (3, 0.75), (4, 0.75), (5, 0.25)];
    assert_eq!(best(&epochs, Direction::Maximize), Some((3, 0.75)));
    assert_eq!(best(&epochs, Direction::Minimize), Some((5, 0.25)));
    assert_eq!(best(&[], Direction::Minimize), None);
    let nothing = best(&[(1, f64::NAN), (2, f64::NAN)], Direction::Maximize);
    assert!(nothing.is_some_and(|(epoch, score)| epoch == 2 && score.is_nan()));
}
