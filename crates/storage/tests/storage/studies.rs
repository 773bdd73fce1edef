//! Studies and trials as both databases hold them.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

use burn_tune_storage::database::{Access, Value};
use burn_tune_storage::{Counts, Storage, StorageError, StudyRecord};

use crate::harness::{TestDatabase, on_every_database};
use crate::records::{imported, study, texts, trial};

on_every_database!(
    a_study_is_found_as_it_was_made,
    a_name_is_given_once,
    a_name_that_is_taken_gets_a_number,
    what_cannot_be_a_name_is_refused,
    those_who_make_a_study_at_the_same_time_get_one_each,
    an_attribute_has_the_value_that_it_was_given_last,
    studies_are_summed_up,
    trials_are_read_with_all_that_belongs_to_them,
    of_a_deleted_study_nothing_is_left,
    what_optuna_never_writes_is_an_error,
);

fn names(storage: &mut Storage) -> Vec<String> {
    storage.studies().unwrap().into_iter().map(|summary| summary.record.name).collect()
}

fn a_study_is_found_as_it_was_made(database: &TestDatabase) {
    let mut storage = database.open();
    assert_eq!(storage.newest_study(), Ok(None));
    assert_eq!(storage.study("a"), Ok(None));
    let attributes = [("space", "{\"é\": NaN}".to_owned()), ("", String::new())];
    let made = storage.create_study("a", &["MAXIMIZE", "MINIMIZE"], &attributes).unwrap();
    let expected = StudyRecord {
        id: made.id,
        name: "a".into(),
        directions: vec!["MAXIMIZE".into(), "MINIMIZE".into()],
        user_attributes: texts(&[("space", "{\"é\": NaN}"), ("", "")]),
        system_attributes: BTreeMap::new(),
    };
    assert_eq!(made, expected);
    let later = storage.create_study("B '\"\n", &["NOT_SET"], &[]).unwrap();
    assert_eq!(storage.study("a"), Ok(Some(expected)));
    assert_eq!(storage.study("A"), Ok(None));
    assert_eq!(storage.study("B '\"\n"), Ok(Some(later.clone())));
    assert_eq!(storage.newest_study(), Ok(Some(later)));
    assert_eq!(names(&mut storage), ["a", "B '\"\n"]);
}

fn a_name_is_given_once(database: &TestDatabase) {
    let mut storage = database.open();
    storage.create_study("a", &["MAXIMIZE"], &[]).unwrap();
    let again = storage.create_study("a", &["MINIMIZE"], &[("n", "1".into())]);
    let Err(StorageError::Input(reason)) = again else { panic!("{again:?}") };
    assert_eq!(reason, "there is a study `a` already: choose another name");
    let kept = storage.study("a").unwrap().unwrap();
    assert_eq!((kept.directions, kept.user_attributes), (vec!["MAXIMIZE".into()], texts(&[])));
}

fn a_name_that_is_taken_gets_a_number(database: &TestDatabase) {
    let mut storage = database.open();
    storage.create_study("a-3", &["MAXIMIZE"], &[]).unwrap();
    for expected in ["a", "a-2", "a-4"] {
        let made = storage.create_study_numbered("a", &["MAXIMIZE"], &[("n", "1".into())]).unwrap();
        assert_eq!(made.name, expected);
        assert_eq!(storage.study(expected), Ok(Some(made)));
    }
}

fn what_cannot_be_a_name_is_refused(database: &TestDatabase) {
    let mut storage = database.open();
    let longest = "é".repeat(512);
    for (name, problem) in [
        (String::new(), "`` is no name for a study: it is empty"),
        (longest.clone() + "e", "is no name for a study: it has 513 characters, of at most 512"),
        ("a\0b".to_owned(), "`a\\0b` is no name for a study: it has a character NUL"),
    ] {
        let refused = storage.create_study(&name, &["MAXIMIZE"], &[]);
        let Err(StorageError::Input(reason)) = refused else { panic!("{refused:?}") };
        assert!(reason.ends_with(problem), "{reason}");
    }
    storage.create_study(&longest, &["MAXIMIZE"], &[]).unwrap();
    let refused = storage.create_study_numbered(&longest, &["MAXIMIZE"], &[]);
    let Err(StorageError::Input(reason)) = refused else { panic!("{refused:?}") };
    assert!(reason.ends_with("it has 514 characters, of at most 512"), "{reason}");
    assert_eq!(names(&mut storage), [longest]);
}

fn those_who_make_a_study_at_the_same_time_get_one_each(database: &TestDatabase) {
    const WORKERS: usize = 8;
    drop(database.open());
    let begin = Barrier::new(WORKERS);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut storage = database.open();
                begin.wait();
                storage.create_study_numbered("a", &["MAXIMIZE"], &[("n", "1".into())]).unwrap();
            });
        }
    });
    let mut storage = database.open();
    let mut made = names(&mut storage);
    made.sort();
    assert_eq!(made, ["a", "a-2", "a-3", "a-4", "a-5", "a-6", "a-7", "a-8"]);
    let whole = |summary: &burn_tune_storage::StudySummary| {
        summary.record.directions == ["MAXIMIZE"] && summary.record.user_attributes.len() == 1
    };
    assert!(storage.studies().unwrap().iter().all(whole));
}

fn an_attribute_has_the_value_that_it_was_given_last(database: &TestDatabase) {
    let mut storage = database.open();
    let study = storage.create_study("a", &["MAXIMIZE"], &[("n", "1".into())]).unwrap();
    let other = storage.create_study("b", &["MAXIMIZE"], &[("n", "1".into())]).unwrap();
    for (key, json) in [("n", "2"), ("n", "[3]"), ("m", "\"ü\"")] {
        storage.set_study_attribute(study.id, key, json).unwrap();
    }
    let attributes = storage.study("a").unwrap().unwrap().user_attributes;
    assert_eq!(attributes, texts(&[("n", "[3]"), ("m", "\"ü\"")]));
    assert_eq!(storage.study("b"), Ok(Some(other)));
}

fn studies_are_summed_up(database: &TestDatabase) {
    let mut storage = database.open();
    let mut running = trial(4, "RUNNING", &[]);
    running.heartbeat = Some("2026-11-24 11:59:59.000000".into());
    let states = [
        trial(0, "COMPLETE", &[0.25]),
        trial(1, "PRUNED", &[-9.0]),
        trial(2, "FAIL", &[]),
        trial(3, "COMPLETE", &[f64::NEG_INFINITY]),
        running,
        trial(5, "WAITING", &[]),
        trial(6, "COMPLETE", &[-0.5]),
    ];
    imported(&mut storage, &study("up", &["MAXIMIZE"]), &states).unwrap();
    imported(&mut storage, &study("down", &["MINIMIZE"]), &states[..4]).unwrap();
    imported(&mut storage, &study("low", &["MINIMIZE"]), &states[..1]).unwrap();
    let two = [trial(0, "COMPLETE", &[0.1, 0.2])];
    imported(&mut storage, &study("two", &["MAXIMIZE", "MINIMIZE"]), &two).unwrap();
    storage.create_study("empty", &["MAXIMIZE"], &[]).unwrap();

    let summaries = storage.studies().unwrap();
    let records: Vec<_> = summaries.iter().map(|summary| summary.record.clone()).collect();
    for record in &records {
        assert_eq!(storage.study(&record.name), Ok(Some(record.clone())));
    }
    let counts: Vec<Counts> = summaries.iter().map(|summary| summary.counts).collect();
    let one = Counts { complete: 1, ..Counts::default() };
    let all = Counts { complete: 3, pruned: 1, failed: 1, running: 1, lost: 0, waiting: 1 };
    let some = Counts { complete: 2, pruned: 1, failed: 1, ..Counts::default() };
    assert_eq!(counts, [all, some, one, one, Counts::default()]);
    let best: Vec<_> = summaries.iter().map(|summary| summary.best).collect();
    assert_eq!(best, [Some(0.25), Some(f64::NEG_INFINITY), Some(0.25), None, None]);
    let dates: Vec<_> =
        summaries.iter().map(|it| (it.start.as_deref(), it.last.as_deref())).collect();
    let start = Some("2026-11-24 11:00:00.000001");
    let first_end = Some("2026-11-24 11:00:30.000001");
    assert_eq!(
        dates,
        [
            (start, Some("2026-11-24 11:59:59.000000")),
            (start, Some("2026-11-24 11:03:30.000001")),
            (start, first_end),
            (start, first_end),
            (None, None),
        ]
    );
}

fn trials_are_read_with_all_that_belongs_to_them(database: &TestDatabase) {
    let mut storage = database.open();
    let mut full = trial(1, "COMPLETE", &[f64::INFINITY, -0.1]);
    full.params.insert(0, full.params[0].clone());
    full.params[0].name = "z is written first".into();
    full.params[0].value = 1e-300;
    full.user_attributes = (0..200).map(|n| (format!("é{n:03}"), format!("[{n}, NaN]"))).collect();
    full.system_attributes = texts(&[("fixed_params", "{\"lr\": 0.1}")]);
    full.intermediate_values =
        BTreeMap::from([(-1, f64::INFINITY), (0, f64::NEG_INFINITY), (7, 0.1 + 0.2)]);
    full.heartbeat = Some("2026-11-24 11:00:00.999999".into());
    full.curves = BTreeMap::from([("fold0".into(), (0..=255).collect()), ("seed2".into(), vec![])]);
    let written = [trial(0, "WAITING", &[]), full, trial(2, "FAIL", &[])];
    let directions = ["MAXIMIZE", "MINIMIZE"];
    imported(&mut storage, &study("other", &directions), &written).unwrap();
    imported(&mut storage, &study("a", &directions), &written).unwrap();

    let study = storage.study("a").unwrap().unwrap();
    let mut trials = storage.trials(&study).unwrap();
    assert!(trials.windows(2).all(|pair| pair[0].id < pair[1].id));
    for (trial, written) in trials.iter_mut().zip(&written) {
        let mut with_curves = storage.trial(&study, trial.number).unwrap().unwrap();
        assert_eq!(with_curves.id, trial.id);
        with_curves.id = 0;
        assert_eq!(&with_curves, written);
        assert!(trial.curves.is_empty());
        (trial.id, trial.curves) = (0, written.curves.clone());
    }
    assert_eq!(trials, written);
    assert_eq!(storage.trial(&study, 3), Ok(None));
    let curves = [(1, "fold0".to_owned(), (0..=255).collect()), (1, "seed2".to_owned(), vec![])];
    assert_eq!(storage.curves(&study).unwrap(), curves);
}

fn of_a_deleted_study_nothing_is_left(database: &TestDatabase) {
    let mut storage = database.open();
    let mut full = trial(0, "COMPLETE", &[0.5]);
    full.heartbeat = full.complete.clone();
    full.system_attributes = texts(&[("n", "1")]);
    full.curves = BTreeMap::from([("fold0".into(), vec![1])]);
    for name in ["a", "b"] {
        let trials = [full.clone(), trial(1, "RUNNING", &[])];
        imported(&mut storage, &study(name, &["MAXIMIZE"]), &trials).unwrap();
    }
    let kept = storage.study("a").unwrap().unwrap();
    let (trials, curves) = (storage.trials(&kept).unwrap(), storage.curves(&kept).unwrap());
    let before = count_rows(&mut storage);
    let deleted = storage.study("b").unwrap().unwrap();
    storage.delete_study(&deleted).unwrap();
    assert_eq!(storage.study("b"), Ok(None));
    for ((table, before), (_, after)) in before.iter().zip(count_rows(&mut storage)) {
        assert!(*before > 0, "{table} is not tested");
        assert_eq!(after * 2, *before, "{table}");
    }
    assert_eq!(storage.study("a"), Ok(Some(kept.clone())));
    assert_eq!(storage.trials(&kept), Ok(trials));
    assert_eq!(storage.curves(&kept), Ok(curves));
    let again = storage.delete_study(&deleted);
    let Err(StorageError::Input(reason)) = again else { panic!("{again:?}") };
    assert!(reason.contains("there no more"), "{reason}");
}

fn count_rows(storage: &mut Storage) -> Vec<(&'static str, i64)> {
    let tables = [
        "studies",
        "study_directions",
        "study_user_attributes",
        "study_system_attributes",
        "trials",
        "trial_user_attributes",
        "trial_system_attributes",
        "trial_params",
        "trial_values",
        "trial_intermediate_values",
        "trial_heartbeats",
        "burn_tune_curves",
    ];
    let count = |table| {
        let select = format!("SELECT COUNT(*) FROM {table}");
        let rows = storage.transaction(Access::Read, |db| db.query(&select, &[])).unwrap();
        let Value::Int(count) = rows[0][0] else { panic!("{rows:?}") };
        (table, count)
    };
    tables.map(count).to_vec()
}

fn what_optuna_never_writes_is_an_error(database: &TestDatabase) {
    let mut storage = database.open();
    let trials = [trial(0, "COMPLETE", &[0.5])];
    imported(&mut storage, &study("a", &["MAXIMIZE"]), &trials).unwrap();
    let study = storage.study("a").unwrap().unwrap();
    for (break_it, mend_it, expected) in [
        ("trials SET number = NULL", "trials SET number = 0", "Null where a whole number belongs"),
        ("trials SET number = -1", "trials SET number = 0", "Int(-1) where a number from 0"),
        (
            "trial_params SET distribution_json = NULL",
            "trial_params SET distribution_json = ''",
            "Null where a text belongs",
        ),
        (
            "trial_values SET value = NULL",
            "trial_values SET value = 1",
            "the value None of type FINITE",
        ),
    ] {
        let update = |storage: &mut Storage, sql: &str| {
            let update = format!("UPDATE {sql}");
            storage.transaction(Access::Write, |db| db.execute(&update, &[])).unwrap();
        };
        update(&mut storage, break_it);
        let read = storage.trials(&study);
        let Err(StorageError::Permanent(reason)) = read else { panic!("{break_it}: {read:?}") };
        assert!(reason.contains(expected), "{reason}");
        update(&mut storage, mend_it);
        assert!(storage.trials(&study).is_ok());
    }
}
