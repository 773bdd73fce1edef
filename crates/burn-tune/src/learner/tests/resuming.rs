//! Trainings that are broken off, and go on at their epoch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use burn_train::EarlyStoppingStrategy;
use burn_train::metric::store::EventStoreClient;

use super::*;

/// What a training has come to.
#[derive(Debug, PartialEq)]
struct Came {
    to: Vec<f32>,
    score: f64,
    reports: Vec<(u64, f64)>,
    curves: Vec<(String, Vec<f32>)>,
}

/// A training of 5 epochs with 6 batches each, whose checkpoints are in `folder`. The batch `broken_at` panics.
fn train(folder: &Path, broken_at: Option<usize>) -> (Option<Came>, usize) {
    let link = Script::default();
    let trial = Trial { checkpoints: checkpoints_in(folder), ..link.trial() };
    let rows = Rows { shuffled: true, ..Rows::new(24) };
    let rows = rows.each_batch(move |batch| assert_ne!(Some(batch), broken_at, "broken off"));
    let device = trial.device();
    let training = trial
        .supervised_training(rows.loader(&device), Rows::new(12).loader(&device))
        .unwrap()
        .metrics((AccuracyMetric::new(), LossMetric::new()))
        .num_epochs(5);
    let training = training.tune(&trial, &AccuracyMetric::new()).checkpoints();
    let trained = catch_unwind(AssertUnwindSafe(|| training.launch(learner()).unwrap())).ok();
    let came = trained.map(|trained| {
        let curves = std::mem::take(&mut trial.kept().curves);
        let curves = curves.series().map(|(name, values)| (name.to_owned(), values.to_vec()));
        let (to, score) = (weights(&trained.model), trained.score);
        Came { to, score, reports: link.reports(), curves: curves.collect() }
    });
    (came, rows.batches())
}

/// Runs a test alone in a process: the generator of burn-flex is one for the whole process, and other tests draw
/// from it.
fn alone(test: &str) -> bool {
    const ALONE: &str = "BURN_TUNE_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let name = format!("learner::tests::resuming::{test}");
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(["--exact", &name]).env(ALONE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

#[test]
fn a_training_that_was_broken_off_goes_on_at_its_epoch_to_the_same_bits() {
    if !alone("a_training_that_was_broken_off_goes_on_at_its_epoch_to_the_same_bits") {
        return;
    }
    let folder = || tempfile::tempdir().unwrap();
    let (straight, batches) = train(folder().path(), None);
    let straight = straight.unwrap();
    assert_eq!((batches, straight.reports.len()), (30, 5));
    // Dropout and shuffling do something: without them, an epoch would follow from the weights alone.
    assert_eq!(train(folder().path(), None).0.as_ref(), Some(&straight));

    for (broken_at, batches_left) in [(2, 30), (8, 24), (14, 18), (20, 12), (29, 6)] {
        let folder = folder();
        assert_eq!(train(folder.path(), Some(broken_at)).0, None);
        let (resumed, batches) = train(folder.path(), None);
        assert_eq!(batches, batches_left, "broken off at batch {broken_at}");
        assert_eq!(resumed.as_ref(), Some(&straight), "broken off at batch {broken_at}");
    }

    // Broken off twice, and while the checkpoint of an epoch was written.
    let folder = folder();
    train(folder.path(), Some(14));
    train(folder.path(), Some(8));
    let dir = checkpoints_in(folder.path()).open(&|warning| panic!("{warning}")).unwrap();
    assert!(dir.join("model-3.bpk").exists());
    fs::remove_file(dir.join("scheduler-3.bpk")).unwrap();
    assert_eq!(train(folder.path(), None), (Some(straight), 18));
}

#[test]
fn a_training_whose_result_was_lost_trains_no_more() {
    let folder = tempfile::tempdir().unwrap();
    for attempt in 0..2 {
        let link = Script { stop_after: Some(2), ..Script::default() };
        let trial = Trial { checkpoints: checkpoints_in(folder.path()), ..link.trial() };
        let rows = Rows::new(8);
        let loader = |rows: &Rows| rows.loader(&device());
        let training = trial.supervised_training(loader(&rows), loader(&Rows::new(4))).unwrap();
        let training = training.num_epochs(4).metrics((LossMetric::new(), AccuracyMetric::new()));
        let training = training.tune(&trial, &AccuracyMetric::new()).checkpoints();
        let trained = training.launch(learner()).unwrap();
        assert!(trained.is_pruned && trained.epoch == 2);
        assert_eq!(link.reports().len(), 2);
        assert_eq!(rows.batches(), if attempt == 0 { 4 } else { 0 });
        assert!(trained.value(&LossMetric::new()).unwrap() > 0.0);
    }
}

/// Notes which epochs it was asked about.
struct Heard(Arc<Mutex<Vec<(usize, bool)>>>);

impl EarlyStoppingStrategy for Heard {
    fn should_stop(&mut self, epoch: usize, store: &EventStoreClient) -> bool {
        let loss = store.find_metric("Loss", epoch, Aggregate::Mean, &Split::Valid);
        self.0.lock().unwrap().push((epoch, loss.is_some()));
        epoch == 3
    }
}

#[test]
fn a_strategy_of_the_users_own_hears_of_all_epochs_and_its_stop_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let train = |broken_at: Option<usize>| {
        let (link, heard) = (Script::default(), Arc::<Mutex<Vec<_>>>::default());
        let trial = Trial { checkpoints: checkpoints_in(folder.path()), ..link.trial() };
        let rows = Rows::new(8);
        let rows = rows.each_batch(move |batch| assert_ne!(Some(batch), broken_at, "broken off"));
        let loader = |rows: &Rows| rows.loader(&device());
        let training = trial.supervised_training(loader(&rows), loader(&Rows::new(4))).unwrap();
        let training = training.num_epochs(5).metrics((LossMetric::new(), AccuracyMetric::new()));
        let training = training.tune(&trial, &AccuracyMetric::new()).checkpoints();
        let training = training.early_stopping(Heard(heard.clone()));
        let trained = catch_unwind(AssertUnwindSafe(|| training.launch(learner()).unwrap())).ok();
        let heard = heard.lock().unwrap().clone();
        (trained.map(|trained| (trained.epoch, trained.is_pruned)), heard, rows.batches())
    };
    assert_eq!(train(Some(4)), (None, vec![(1, true), (2, true)], 5));
    let all = vec![(1, true), (2, true), (3, true)];
    assert_eq!(train(None), (Some((3, false)), all, 2));
    assert_eq!(train(None), (Some((3, false)), vec![], 0));
}

#[test]
fn checkpoints_need_loaders_that_begin_at_an_epoch() {
    let (link, metric) = (Script::default(), Scripted::new(&[0.5]));
    let error = link.train(1, &metric, |tuned| tuned.checkpoints()).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"only a training of `trial.supervised_training(train, valid)?` can go on from checkpoints: make it so, instead of with `SupervisedTraining::new`");
}
