//! Studies that move between databases, and what Optuna has written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn_tune_storage::transfer::{Imported, TransferError, import};
use burn_tune_storage::{
    Distribution, OpenMode, Storage, StorageError, StorageUrl, StudyRecord, TrialRecord,
    python_json,
};
use serde_json::{Value, json};

use crate::harness::{TestDatabase, on_every_database, retry_policy};
use crate::records::{exported, imported, study, texts, trial};

on_every_database!(
    what_is_imported_is_exported_the_same_but_for_its_name,
    what_optuna_wrote_moves_unchanged,
    a_file_that_is_wrong_leaves_nothing_behind,
    a_study_gets_the_trials_and_ends_and_attributes_that_it_lacks,
    a_trial_that_came_to_something_else_is_refused_and_nothing_changes,
    another_study_of_the_same_name_is_refused,
    the_same_space_may_be_written_in_another_way,
    a_trial_of_which_later_ones_are_there_is_refused,
);

fn import_file(
    storage: &mut Storage,
    file: &str,
    rename: Option<&str>,
) -> Result<Imported, TransferError> {
    import(storage, &mut file.as_bytes(), rename)
}

/// Trials of every state, with everything that a trial can have.
fn trials() -> Vec<TrialRecord> {
    let mut complete = trial(0, "COMPLETE", &[f64::NEG_INFINITY, -0.1]);
    complete.user_attributes = texts(&[
        ("", ""),
        ("Ünïcode 🔥\u{2028}\n\t\"\\", "[NaN, -Infinity, \"\\ud800\"]"),
        ("not even JSON", "{'"),
    ]);
    complete.system_attributes = texts(&[("long", &"é".repeat(100_000))]);
    complete.intermediate_values =
        BTreeMap::from([(-5, f64::NAN), (0, f64::INFINITY), (1, 5e-324), (2, f64::MAX)]);
    complete.curves =
        BTreeMap::from([("fold0".into(), (0..=255).collect()), ("refit1".into(), vec![])]);
    let mut running = trial(3, "RUNNING", &[]);
    running.heartbeat = Some("2026-11-24 11:03:59.999999".into());
    running.complete = None;
    let mut bare = trial(5, "FAIL", &[]);
    bare.params.clear();
    bare.user_attributes.clear();
    bare.intermediate_values.clear();
    (bare.start, bare.complete) = (None, None);
    vec![
        complete,
        trial(1, "PRUNED", &[0.5]),
        trial(2, "WAITING", &[]),
        running,
        trial(4, "COMPLETE", &[0.1 + 0.2, 1e308]),
        bare,
    ]
}

fn what_is_imported_is_exported_the_same_but_for_its_name(database: &TestDatabase) {
    let mut storage = database.open();
    let study = study("first \"name\"", &["MINIMIZE", "MAXIMIZE"]);
    let outcome = imported(&mut storage, &study, &trials()).unwrap();
    let name = "first \"name\"".to_owned();
    assert_eq!(outcome, Imported { name, created: true, trials: 6, completed: 0 });
    let file = exported(&mut storage, &study.name);
    let mut written = Vec::new();
    burn_tune_storage::transfer::write_export(&study, &trials(), &mut written).unwrap();
    assert_eq!(file, String::from_utf8(written).unwrap());

    let outcome = import_file(&mut storage, &file, Some("second")).unwrap();
    assert_eq!((outcome.name.as_str(), outcome.created), ("second", true));
    let renamed = file.replacen("first \\\"name\\\"", "second", 1);
    assert_eq!(exported(&mut storage, "second"), renamed);
    assert_eq!(exported(&mut storage, &study.name), file);
}

/// Optuna's own database, which is opened without being written to.
fn optuna(folder: &Path) -> Storage {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let file = folder.join("optuna.db");
    fs::copy(fixtures.join("optuna_studies.db"), &file).unwrap();
    Storage::open(&StorageUrl::Sqlite(file), OpenMode::MustExist, retry_policy()).unwrap()
}

fn what_optuna_wrote_moves_unchanged(database: &TestDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let mut optuna = optuna(folder.path());
    let mut storage = database.open();
    for (name, trials) in [("mixed", 10), ("two", 4), ("empty", 0)] {
        let file = exported(&mut optuna, name);
        let outcome = import_file(&mut storage, &file, None).unwrap();
        assert_eq!(outcome, Imported { name: name.into(), created: true, trials, completed: 0 });
        assert_eq!(exported(&mut storage, name), file);
        let again = import_file(&mut storage, &file, None).unwrap();
        assert_eq!(again, Imported { name: name.into(), created: false, trials: 0, completed: 0 });
        assert_eq!(exported(&mut storage, name), file);
    }
}

#[test]
fn optunas_studies_are_read_as_optuna_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = optuna(folder.path());
    let before = fs::read(folder.path().join("optuna.db")).unwrap();
    let recorded = python_json::parse(include_str!("../fixtures/optuna_studies.json")).unwrap();
    let summaries = storage.studies().unwrap();
    let mut heartbeats = 0;
    let read: Vec<Value> = summaries
        .into_iter()
        .map(|summary| {
            let StudyRecord { name, directions, user_attributes, system_attributes, .. } =
                summary.record.clone();
            let trials = storage.trials(&summary.record).unwrap();
            heartbeats += trials.iter().filter(|trial| trial.heartbeat.is_some()).count();
            json!({
                "name": name,
                "directions": directions,
                "user_attributes": parsed(&user_attributes),
                "system_attributes": parsed(&system_attributes),
                "trials": trials.iter().map(shown).collect::<Vec<Value>>(),
            })
        })
        .collect();
    assert_eq!(Value::from(read), recorded);
    assert_eq!(heartbeats, 1);
    let study = storage.study("mixed").unwrap().unwrap();
    assert_eq!(storage.curves(&study), Ok(vec![]));
    assert!(storage.trial(&study, 0).unwrap().is_some());
    drop(storage);
    assert_eq!(fs::read(folder.path().join("optuna.db")).unwrap(), before);
}

/// As Optuna shows a trial.
fn shown(trial: &TrialRecord) -> Value {
    let params: BTreeMap<_, _> = trial
        .params
        .iter()
        .map(|param| {
            let distribution = Distribution::parse(&param.distribution).unwrap();
            (param.name.clone(), distribution.external(param.value))
        })
        .collect();
    let numbers = trial.intermediate_values.iter();
    let numbers: BTreeMap<_, _> = numbers.map(|(step, value)| (step, number(*value))).collect();
    json!({
        "number": trial.number,
        "state": trial.state.as_str(),
        "values": trial.values.iter().map(|value| number(*value)).collect::<Vec<_>>(),
        "params": params,
        "user_attributes": parsed(&trial.user_attributes),
        "system_attributes": parsed(&trial.system_attributes),
        "intermediate_values": numbers,
        "start": trial.start,
        "complete": trial.complete,
    })
}

fn parsed(attributes: &BTreeMap<String, String>) -> BTreeMap<&str, Value> {
    let parse = |json| python_json::parse(json).unwrap();
    attributes.iter().map(|(key, json)| (key.as_str(), parse(json))).collect()
}

/// As Python writes it.
fn number(number: f64) -> Value {
    match number {
        number if number.is_finite() => number.into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        _ => "NaN".into(),
    }
}

fn a_file_that_is_wrong_leaves_nothing_behind(database: &TestDatabase) {
    let mut storage = database.open();
    let study = study("a", &["MAXIMIZE", "MINIMIZE"]);
    imported(&mut storage, &study, &trials()).unwrap();
    let file = exported(&mut storage, "a");
    let cut = file.trim_end().rsplit_once('\n').unwrap().0;
    let cut = import_file(&mut storage, &(cut.to_owned() + "\n"), Some("b")).unwrap_err();
    assert!(matches!(cut, TransferError::Line { line: 8, .. }), "{cut}");
    let wrong = import_file(&mut storage, &file.replace("WAITING", "SLEEPING"), Some("b"));
    assert!(matches!(wrong, Err(TransferError::Line { line: 4, .. })), "{wrong:?}");
    let empty = import_file(&mut storage, "", None);
    assert!(matches!(empty, Err(TransferError::Line { line: 1, .. })), "{empty:?}");
    let nameless = import_file(&mut storage, &file, Some(""));
    assert!(matches!(nameless, Err(TransferError::Storage(StorageError::Input(_)))));
    assert_eq!(storage.studies().unwrap().len(), 1);
    assert_eq!(exported(&mut storage, "a"), file);
}

fn a_study_gets_the_trials_and_ends_and_attributes_that_it_lacks(database: &TestDatabase) {
    let mut storage = database.open();
    let study = study("a", &["MAXIMIZE"]);
    let mut later = vec![
        trial(0, "COMPLETE", &[0.5]),
        trial(1, "COMPLETE", &[f64::INFINITY]),
        trial(2, "FAIL", &[]),
        trial(3, "COMPLETE", &[0.75]),
        trial(4, "RUNNING", &[]),
    ];
    later[0].user_attributes.insert("refit0".into(), "1".into());
    later[0].curves.insert("refit0".into(), vec![1, 2]);
    later[1].user_attributes.insert("fold1".into(), "1".into());
    later[1].intermediate_values.insert(1, f64::NAN);
    later[1].system_attributes.insert("n".into(), "1".into());
    later[1].curves.insert("fold1".into(), vec![3]);
    // Two are under way, one of them without its params yet; one has begun again since.
    let mut earlier = later[..3].to_vec();
    earlier[0] = trial(0, "COMPLETE", &[0.5]);
    earlier[0].user_attributes.insert("mine".into(), "[1]".into());
    earlier[0].curves.insert("fold0".into(), vec![9]);
    earlier[1] = trial(1, "RUNNING", &[]);
    earlier[1].start = Some("2026-11-24 12:00:00.000000".into());
    earlier[1].user_attributes.insert("fold0".into(), "\"kept\"".into());
    earlier[2] = trial(2, "WAITING", &[]);
    earlier[2].params.clear();
    imported(&mut storage, &study, &earlier).unwrap();

    let outcome = imported(&mut storage, &study, &later).unwrap();
    assert_eq!(outcome, Imported { name: "a".into(), created: false, trials: 2, completed: 2 });
    let mut expected = later.clone();
    expected[0].user_attributes.insert("mine".into(), "[1]".into());
    expected[0].curves.insert("fold0".into(), vec![9]);
    expected[1].user_attributes.insert("fold0".into(), "\"kept\"".into());
    let stored = storage.study("a").unwrap().unwrap();
    let read: Vec<TrialRecord> = (0..5)
        .map(|number| storage.trial(&stored, number).unwrap().unwrap())
        .map(|trial| TrialRecord { id: 0, ..trial })
        .collect();
    // Debug takes NaN for itself.
    assert_eq!(format!("{read:#?}"), format!("{expected:#?}"));

    let file = exported(&mut storage, "a");
    for trials in [&later, &earlier] {
        let again = imported(&mut storage, &study, trials).unwrap();
        assert_eq!(again, Imported { name: "a".into(), created: false, trials: 0, completed: 0 });
        assert_eq!(exported(&mut storage, "a"), file);
    }
}

fn a_trial_that_came_to_something_else_is_refused_and_nothing_changes(database: &TestDatabase) {
    let mut storage = database.open();
    let study = study("a", &["MAXIMIZE"]);
    let here = [trial(0, "RUNNING", &[]), trial(1, "COMPLETE", &[0.5]), trial(2, "RUNNING", &[])];
    imported(&mut storage, &study, &here).unwrap();
    let file = exported(&mut storage, "a");
    let renamed = |name: &str| {
        let mut trial = trial(1, "COMPLETE", &[0.5]);
        trial.params[0].name = name.into();
        trial
    };
    let mut bare = trial(1, "COMPLETE", &[0.5]);
    bare.params.clear();
    let mut more = trial(1, "COMPLETE", &[0.5]);
    more.params.extend(renamed("momentum").params);
    let mut under_way = trial(2, "COMPLETE", &[0.5]);
    under_way.params[0].value = 1.0;
    for (different, expected) in [
        (trial(1, "COMPLETE", &[0.25]), "line 3: trial 1 differs: its value is [0.5], in the file"),
        (trial(1, "FAIL", &[]), "line 3: trial 1 differs: it is COMPLETE, in the file FAIL"),
        (renamed("rate"), "line 3: trial 1 differs: `lr` is 0.2, and not in the file"),
        (bare, "line 3: trial 1 differs: `lr` is 0.2, and not in the file"),
        (more, "line 3: trial 1 differs: `momentum` is 0.2 in the file, and not in the database"),
        (under_way, "line 3: trial 2 differs: `lr` is 0.1, in the file 0.2"),
    ] {
        let trials = [trial(0, "COMPLETE", &[1.0]), different];
        let refused = imported(&mut storage, &study, &trials).unwrap_err().to_string();
        assert!(refused.starts_with(expected), "{refused}\nis not\n{expected}");
        assert!(
            refused.ends_with("; nothing was imported; --study NAME imports it as another study")
        );
        assert_eq!(exported(&mut storage, "a"), file);
    }
}

fn another_study_of_the_same_name_is_refused(database: &TestDatabase) {
    let mut storage = database.open();
    let trials = [trial(0, "COMPLETE", &[0.5])];
    let first = study("a", &["MAXIMIZE"]);
    imported(&mut storage, &first, &trials).unwrap();
    let other_space = StudyRecord { user_attributes: texts(&[("space", "{}")]), ..first.clone() };
    let no_space = StudyRecord { user_attributes: texts(&[]), ..first.clone() };
    let mut settings = first.clone();
    settings.user_attributes.insert("settings".into(), "{\"seed\": 1}".into());
    for (other, expected) in [
        (study("a", &["MINIMIZE"]), "directions"),
        (other_space, "ranges or values of the parameters (`space`)"),
        (no_space, "ranges or values of the parameters (`space`)"),
        (settings.clone(), "`settings`"),
    ] {
        let refused = imported(&mut storage, &other, &trials);
        let Err(TransferError::Storage(StorageError::Input(reason))) = refused else {
            panic!("{refused:?}");
        };
        let expected = format!("there is another study `a` already, with other {expected}; ");
        assert!(reason.starts_with(&expected), "{reason}");
    }
    let other = StudyRecord { name: "b".into(), ..settings };
    assert!(imported(&mut storage, &other, &trials).unwrap().created);
}

fn the_same_space_may_be_written_in_another_way(database: &TestDatabase) {
    let mut storage = database.open();
    let first = study("a", &["MAXIMIZE"]);
    imported(&mut storage, &first, &[]).unwrap();
    let mut spaced = first.clone();
    spaced.user_attributes.insert("space".into(), "{ \"lr\" : [0.1,2e-1] }".into());
    spaced.user_attributes.insert("finished".into(), "true".into());
    let outcome = imported(&mut storage, &spaced, &[trial(0, "COMPLETE", &[0.5])]).unwrap();
    assert_eq!((outcome.created, outcome.trials), (false, 1));
    // Whether it is finished depends on how many trials it is to have here.
    let attributes = storage.study("a").unwrap().unwrap().user_attributes;
    assert_eq!(attributes, first.user_attributes);
}

fn a_trial_of_which_later_ones_are_there_is_refused(database: &TestDatabase) {
    let mut storage = database.open();
    let study = study("a", &["MAXIMIZE"]);
    let of = |number| trial(number, "COMPLETE", &[0.5]);
    imported(&mut storage, &study, &[of(0), of(2)]).unwrap();
    let refused = imported(&mut storage, &study, &[of(0), of(1)]).unwrap_err().to_string();
    let expected = "line 3: the database has no trial 1, although it has a trial 2; ";
    assert!(refused.starts_with(expected), "{refused}");
    assert_eq!(imported(&mut storage, &study, &[of(0), of(2), of(3)]).unwrap().trials, 1);
}
