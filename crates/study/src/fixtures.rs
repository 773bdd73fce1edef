//! Studies as they stand in a database, for tests: one of ours, and one of Optuna's.

use std::collections::BTreeMap;

use burn_tune_storage::{ParamRecord, StudyRecord, TrialRecord};
use serde_json::{Value, json};

/// A study of ours: trial 0 has a name and refits, 1 is as good but for noise, 2 has failed, 3 is under
/// way, and 4 is bad.
pub fn ours() -> (StudyRecord, Vec<TrialRecord>) {
    let study = study(
        "mlp",
        &["MAXIMIZE"],
        json!({
            "burn_tune": { "format": 1, "version": "0.1.0", "created": "2026-11-24 11:00:00.000000" },
            "budgets": [3, 5], "workers": 2, "finished": 3,
        }),
    );
    let fold = |score: f64, flags: Value| {
        json!({
            "score": score, "flags": flags, "fit_s": 12.0, "score_s": 0.25,
            "worker": 1, "start_s": 1.0, "end_s": 13.5,
        })
    };
    let refit = |score: f64, flags: Value| {
        json!({
            "score": score, "per_class_recall": [0.99, "NaN"], "flags": flags,
            "worker": 0, "start_s": 60.0, "end_s": 145.0,
        })
    };
    let worker = "node1/1234/1f3e9a.4026531836/77/0";
    let mut trials = vec![
        trial(
            0,
            "COMPLETE",
            &[0.98],
            json!({
                "burn_tune:worker": worker, "name": "yunjey", "std_test_score": 0.001,
                "flags": ["dead_units"],
                "burn_tune:fold0": fold(0.979, json!([])),
                "burn_tune:fold1": fold(0.981, json!(["dead_units"])),
                "burn_tune:refit0": refit(0.985, json!(["never_predicts:[5]"])),
                "burn_tune:refit1": refit(0.983, json!([])),
            }),
        ),
        trial(
            1,
            "COMPLETE",
            &[0.9795],
            json!({
                "burn_tune:worker": worker, "std_test_score": 0.0015,
                "burn_tune:fold0": fold(0.981, json!([])),
                "burn_tune:fold1": fold(0.978, json!([])),
            }),
        ),
        trial(
            2,
            "FAIL",
            &[],
            json!({
                "burn_tune:worker": worker, "error": "fold 1: the loss is inf at step 17",
                "flags": ["diverged"], "burn_tune:fold0": fold(0.3, json!([])),
                "burn_tune:fold1": {
                    "error": "the loss is inf at step 17", "flags": ["diverged"],
                    "worker": 0, "start_s": 1.0, "end_s": 1.5,
                },
            }),
        ),
        trial(
            3,
            "RUNNING",
            &[],
            json!({ "burn_tune:worker": worker, "burn_tune:fold0": fold(0.97, json!([])) }),
        ),
        trial(
            4,
            "COMPLETE",
            &[0.5],
            json!({
                "burn_tune:worker": worker, "std_test_score": 0.0, "note": "from\nthe dashboard",
                "burn_tune:fold0": fold(0.5, json!([])),
                "burn_tune:fold1": fold(0.5, json!([])),
            }),
        ),
    ];
    for (trial, lr) in trials.iter_mut().zip([0.001, 0.012_345_678, 0.1, 1e-4, 0.05]) {
        let log = r#"{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 0.1, "log": true}}"#;
        trial.params = vec![
            param("learning_rate", lr, log),
            param("activation", (trial.number % 2) as f64, &choices(json!(["relu", "tanh"]))),
            param("epochs", 0.0, &choices(json!([5]))),
        ];
        let score = |fold: i64| {
            let json = trial.system_attributes.get(&format!("burn_tune:fold{fold}"))?;
            serde_json::from_str::<Value>(json).unwrap()["score"].as_f64()
        };
        trial.intermediate_values = (0..2).filter_map(|fold| Some((fold, score(fold)?))).collect();
    }
    trials[0].curves.insert("fold0".into(), vec![1; 34_000]);
    (study, trials)
}

/// A study of Optuna's with two objectives: trials 0 and 2 are its front, 1 is beaten, 3 breaks a
/// constraint, and 4 waits.
pub fn optunas() -> (StudyRecord, Vec<TrialRecord>) {
    let mut study = study("cost, gain", &["MINIMIZE", "MAXIMIZE"], json!({}));
    study.system_attributes.insert("study:metric_names".into(), r#"["cost", "gain"]"#.into());
    let values = [[0.5, 20.0], [0.75, 10.0], [0.012_345, 5.0], [0.001, 30.0]];
    let attributes = json!({ "note": "by \"hand\"", "name": "not ours" });
    let mut trials: Vec<TrialRecord> = (0..)
        .zip(&values)
        .map(|(number, values)| trial(number, "COMPLETE", values, attributes.clone()))
        .collect();
    trials.push(trial(4, "WAITING", &[], json!({})));
    trials[0].user_attributes.insert("odd".into(), "[NaN]".into());
    trials[0].intermediate_values = [(0, 0.25), (10, f64::NAN), (20, f64::INFINITY)].into();
    trials[3].system_attributes.insert("constraints".into(), "[0.0, 0.5]".into());
    trials[4].system_attributes.insert("fixed_params".into(), r#"{"kind": null}"#.into());
    let kinds = choices(json!(["a", null, true, 1.5]));
    for trial in trials.iter_mut().take(4) {
        trial.params.push(param("kind", trial.number as f64, &kinds));
        if trial.number == 0 {
            let int = r#"{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 8}}"#;
            trial.params.push(param("n_layers", 3.0, int));
        }
    }
    (study, trials)
}

fn study(name: &str, directions: &[&str], attributes: Value) -> StudyRecord {
    StudyRecord {
        id: 1,
        name: name.into(),
        directions: directions.iter().map(|direction| (*direction).to_owned()).collect(),
        user_attributes: texts(&attributes),
        system_attributes: BTreeMap::new(),
    }
}

fn trial(number: usize, state: &str, values: &[f64], attributes: Value) -> TrialRecord {
    let begun = state != "WAITING";
    let ended = begun && state != "RUNNING";
    let (system_attributes, user_attributes): (BTreeMap<_, _>, BTreeMap<_, _>) =
        texts(&attributes).into_iter().partition(|(key, _)| key.starts_with("burn_tune:"));
    TrialRecord {
        id: number as i64 + 1,
        number,
        state: burn_tune_storage::RecordState::parse(state).unwrap(),
        values: values.to_vec(),
        params: Vec::new(),
        user_attributes,
        system_attributes,
        intermediate_values: BTreeMap::new(),
        start: begun.then(|| format!("2026-11-24 11:0{number}:00.250000")),
        complete: ended.then(|| format!("2026-11-24 11:1{number}:30.500000")),
        heartbeat: (state == "RUNNING").then(|| "2026-11-24 11:20:00.000000".into()),
        curves: BTreeMap::new(),
    }
}

fn param(name: &str, value: f64, distribution: &str) -> ParamRecord {
    ParamRecord { name: name.into(), value, distribution: distribution.into() }
}

fn choices(choices: Value) -> String {
    json!({ "name": "CategoricalDistribution", "attributes": { "choices": choices } }).to_string()
}

fn texts(attributes: &Value) -> BTreeMap<String, String> {
    let attributes = attributes.as_object().unwrap().iter();
    attributes.map(|(key, value)| (key.clone(), value.to_string())).collect()
}
