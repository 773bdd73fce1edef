//! Studies and trials as records, for tests that begin with some in a database.

use std::collections::BTreeMap;

use burn_tune_storage::transfer::{Imported, TransferError, export, import, write_export};
use burn_tune_storage::{ParamRecord, Storage, StudyRecord, TrialRecord};

pub fn texts(texts: &[(&str, &str)]) -> BTreeMap<String, String> {
    texts.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

pub fn study(name: &str, directions: &[&str]) -> StudyRecord {
    StudyRecord {
        id: 0,
        name: name.to_owned(),
        directions: directions.iter().map(|direction| (*direction).to_owned()).collect(),
        user_attributes: texts(&[("space", r#"{"lr": [0.1, 0.2]}"#), ("note", "NaN")]),
        system_attributes: texts(&[("study:metric_names", r#"["accuracy"]"#)]),
    }
}

/// A trial that began in minute `number` and, if it ended, did so half a minute later.
pub fn trial(number: usize, state: &str, values: &[f64]) -> TrialRecord {
    let date = |second| format!("2026-11-24 11:{number:02}:{second:02}.000001");
    let ended = matches!(state, "COMPLETE" | "PRUNED" | "FAIL");
    let lr = ParamRecord {
        name: "lr".into(),
        value: (number % 2) as f64,
        distribution:
            r#"{"name": "CategoricalDistribution", "attributes": {"choices": [0.1, 0.2]}}"#.into(),
    };
    TrialRecord {
        id: 0,
        number,
        state: burn_tune_storage::RecordState::parse(state).unwrap(),
        values: values.to_vec(),
        params: vec![lr],
        user_attributes: texts(&[("fold0", r#"{"score": 0.5}"#)]),
        system_attributes: BTreeMap::new(),
        intermediate_values: BTreeMap::from([(0, 0.5)]),
        start: (state != "WAITING").then(|| date(0)),
        complete: ended.then(|| date(30)),
        heartbeat: None,
        curves: BTreeMap::new(),
    }
}

pub fn imported(
    storage: &mut Storage,
    study: &StudyRecord,
    trials: &[TrialRecord],
) -> Result<Imported, TransferError> {
    let mut file = Vec::new();
    write_export(study, trials, &mut file).unwrap();
    import(storage, &mut file.as_slice(), None)
}

/// The file that the study of this name is exported to.
pub fn exported(storage: &mut Storage, name: &str) -> String {
    let study = storage.study(name).unwrap().unwrap();
    let mut file = Vec::new();
    export(storage, &study, &mut file).unwrap();
    String::from_utf8(file).unwrap()
}
