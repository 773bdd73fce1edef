//! Checkpoints on disk: what comes back, what is passed over, and what the study is told again.

use std::sync::Mutex;

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::objective::Verdict;
use burn_tune_search::{Direction, ObjectiveError, Params};
use burn_tune_study::models::TrainingFolder;
use burn_tune_worker::CheckpointPlace;

use super::*;
use crate::checkpoint_folder::CheckpointFolder;
use crate::trial::Link;

/// A study that notes what it is told.
#[derive(Default)]
struct Notes {
    reports: Mutex<Vec<(u64, f64)>>,
    warnings: Mutex<Vec<String>>,
}

impl Link for Notes {
    fn report(&self, step: u64, value: f64) -> Verdict {
        self.reports.lock().unwrap().push((step, value));
        Verdict::Continue
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        Ok(())
    }

    fn wants_reports(&self) -> bool {
        false
    }

    fn show(&self, _: u64, _: Option<u64>, _: f64) {}

    fn log(&self, is_warning: bool, text: &str) {
        if is_warning {
            self.warnings.lock().unwrap().push(text.to_owned());
        }
    }
}

/// Has `train` called as one fold whose checkpoints are in this folder, and gives what the study was told.
fn trained(folder: &Path, train: impl FnOnce(&Trial)) -> Notes {
    let notes = Notes::default();
    let place = CheckpointPlace { folder: folder.to_owned(), study: "net".into() };
    let task = Task::Fold(0);
    train(&Trial {
        device: None,
        number: 0,
        task,
        folds: 1,
        study_seed: 7,
        seed: 7,
        direction: Direction::Maximize,
        ranked_by: None,
        known_flags: &crate::flags::ALL,
        link: &notes,
        kept: Mutex::default(),
        folder: TrainingFolder::new(None, 0, task),
        checkpoints: CheckpointFolder::new(Some(&place), 0, task, 7, Params::default()),
        since: Stopwatch::start(),
    });
    notes
}

fn epoch(trial: &Trial, epoch: u64, value: f64) {
    trial.curve("loss", epoch, -value);
    let _ = trial.report(epoch, value);
    trial.checkpoint_value(epoch, &vec![value; 3]).unwrap();
}

fn file(folder: &Path, epoch: u64) -> PathBuf {
    folder.join(format!("trial-0/fold-0/{EPOCH}{epoch}"))
}

#[test]
fn a_training_goes_on_with_all_that_it_has_said() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path(), |trial| {
        assert_eq!(trial.restore_value::<Vec<f64>>().unwrap(), None);
        epoch(trial, 1, f64::NAN);
        trial.flag("dead_units", "try less");
        trial.metric("size", 3.0);
        let _ = trial.report(1, 0.25);
        epoch(trial, 2, 0.5);
        epoch(trial, 3, 0.1 + 0.2);
        trial.flag("lost", "it was said after the last checkpoint");
    });
    let notes = trained(folder.path(), |trial| {
        let restored = trial.restore_value::<Vec<f64>>().unwrap();
        assert_eq!(restored, Some((3, vec![0.1 + 0.2; 3])));
        assert_eq!(trial.last_report(), Some(0.1 + 0.2));
        let kept = trial.kept().clone();
        assert_eq!(kept.curves.probe_steps(), [1, 2, 3]);
        assert_eq!(kept.metrics["size"], 3.0);
        let flags: Vec<String> = Flag::union(kept.flags).iter().map(Flag::to_string).collect();
        // In the order in which a training that was not broken off has them.
        assert_eq!(flags, ["reports_no_number", "reports_out_of_order", "dead_units"]);
    });
    let reports = notes.reports.into_inner().unwrap();
    assert!(reports[0].0 == 1 && reports[0].1.is_nan());
    assert_eq!(reports[1..], [(1, 0.25), (2, 0.5), (3, 0.1 + 0.2)]);
    assert_eq!(*notes.warnings.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn a_damaged_checkpoint_is_passed_over_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let restored =
        |trial: &Trial| trial.restore_value::<Vec<f64>>().unwrap().map(|(epoch, _)| epoch);
    let write = || {
        trained(folder.path(), |trial| (1..=4).for_each(|step| epoch(trial, step, step as f64)));
    };
    write();
    assert!(!file(folder.path(), 2).exists() && file(folder.path(), 3).exists());
    let whole = fs::read(file(folder.path(), 4)).unwrap();
    let cut = |length: usize| whole[..length].to_vec();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damages = [
        cut(0),
        cut(4),
        cut(12),
        cut(whole.len() - 1),
        flipped(0),
        flipped(9),
        flipped(17),
        flipped(whole.len() - 1),
        [whole.as_slice(), b"more"].concat(),
    ];
    for damaged in damages {
        write();
        fs::write(file(folder.path(), 4), damaged).unwrap();
        let notes = trained(folder.path(), |trial| assert_eq!(restored(trial), Some(3)));
        assert!(
            notes.warnings.lock().unwrap()[0].ends_with("epoch-4 is passed over: it is damaged")
        );
        assert_eq!(notes.reports.lock().unwrap().len(), 3);
    }
    fs::write(file(folder.path(), 3), "").unwrap();
    let notes = trained(folder.path(), |trial| assert_eq!(restored(trial), None));
    assert_eq!((notes.warnings.lock().unwrap().len(), notes.reports.lock().unwrap().len()), (1, 0));
}

#[test]
fn a_value_of_another_type_is_passed_over_and_so_is_what_a_fresh_start_has_overtaken() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path(), |trial| (1..=4).for_each(|step| epoch(trial, step, step as f64)));
    trained(folder.path(), |trial| epoch(trial, 1, 0.5));
    assert!(!file(folder.path(), 4).exists(), "it was of an attempt that nobody has gone on with");
    let notes = trained(folder.path(), |trial| {
        assert_eq!(trial.restore_value::<String>().unwrap(), None);
    });
    assert_eq!(notes.warnings.lock().unwrap().len(), 1);
    assert_eq!(notes.reports.lock().unwrap().len(), 0, "nothing is said twice");
}
