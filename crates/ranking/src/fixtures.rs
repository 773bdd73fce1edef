//! What the tests share: the results that scikit-learn recorded, and histories built by hand.

use burn_tune_search::objective::ObjectiveError;
use burn_tune_search::{
    Candidate, Direction, Domain, Event, Flag, FoldScore, History, ParamValue, Params, Space,
};
use serde_json::Value;

use crate::leaderboard::{Evaluation, StudyFacts};

/// A flag as files spell it.
pub fn flag(text: &str) -> Flag {
    text.parse().unwrap()
}

/// One recorded search: what was scored, and what scikit-learn made of it.
pub struct RecordedCase {
    pub name: String,
    pub scores: Vec<Vec<f64>>,
    pub mean: Vec<f64>,
    pub std: Vec<f64>,
    pub rank: Vec<usize>,
    pub best_index: usize,
}

pub fn recorded() -> Value {
    serde_json::from_str(include_str!("../tests/fixtures/cv_results.json")).unwrap()
}

/// All recorded searches that did not end in an error, with failed fits scored as they were there.
pub fn recorded_cases() -> Vec<RecordedCase> {
    let recorded = recorded();
    let cases = ["cases", "random"].into_iter().flat_map(|key| recorded[key].as_array().unwrap());
    cases.filter(|case| case["error"].is_null()).map(recorded_case).collect()
}

fn recorded_case(case: &Value) -> RecordedCase {
    let mut scores: Vec<Vec<f64>> =
        case["scores"].as_array().unwrap().iter().map(numbers).collect();
    for failure in case["failures"].as_array().unwrap() {
        if failure[2] != "nan" {
            let index = |at: usize| failure[at].as_u64().unwrap() as usize;
            scores[index(0)][index(1)] = number(&case["error_score"]);
        }
    }
    RecordedCase {
        name: case["name"].as_str().unwrap().to_owned(),
        scores,
        mean: numbers(&case["mean"]),
        std: numbers(&case["std"]),
        rank: numbers(&case["rank"]).iter().map(|&rank| rank as usize).collect(),
        best_index: case["best_index"].as_u64().unwrap() as usize,
    }
}

pub fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(number).collect()
}

/// JSON has no NaN and no infinities: they are recorded as null and as texts.
pub fn number(value: &Value) -> f64 {
    match value {
        Value::Null => f64::NAN,
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    }
}

/// The result of a fold that ended with `score` after a second of training.
pub fn scored(score: f64) -> Result<FoldScore, ObjectiveError> {
    Ok(FoldScore { score, fit_s: 1.0, score_s: 0.25, ..FoldScore::default() })
}

/// The result of a fold, or a refit, that failed.
pub fn failed<T>(reason: &str) -> Result<T, ObjectiveError> {
    Err(ObjectiveError::Failed { reason: reason.to_owned(), flags: vec![] })
}

/// A point of the space of [`facts`].
pub fn params(lr: f64, activation: &str) -> Params {
    let values = [
        ("lr".to_owned(), ParamValue::Float(lr)),
        ("activation".to_owned(), ParamValue::Str(activation.to_owned())),
        ("epochs".to_owned(), ParamValue::Int(5)),
    ];
    values.into_iter().collect()
}

/// A study of `lr` and `activation` on three folds, the two best refitted on two seeds.
pub fn facts() -> StudyFacts {
    let activations = ["relu", "tanh"].map(|name| ParamValue::Str(name.to_owned()));
    let domains = vec![
        ("lr".to_owned(), Domain::FloatRange { low: 1e-5, high: 0.1, step: None, log: true }),
        ("activation".to_owned(), Domain::Choices(activations.to_vec())),
        ("epochs".to_owned(), Domain::Choices(vec![ParamValue::Int(5)])),
    ];
    StudyFacts {
        name: "mlp".to_owned(),
        seed: 7,
        direction: Direction::Maximize,
        space: Space::of(domains),
        evaluation: Evaluation {
            dataset: Some("mnist".to_owned()),
            command: None,
            metric: "accuracy".to_owned(),
            folds: 3,
            train_examples: Some(60_000),
            test_examples: Some(10_000),
            backend: Some("flex".to_owned()),
        },
        top: 2,
        refit_seeds: 2,
        pruner: None,
        metrics: Vec::new(),
    }
}

pub fn started(name: Option<&str>, params: Params) -> Event {
    Event::TrialStarted { candidate: Candidate { name: name.map(str::to_owned), params } }
}

pub fn finished(trial: usize, fold: usize, result: Result<FoldScore, ObjectiveError>) -> Event {
    Event::FoldFinished { trial, fold, result, span: None, stderr: None }
}

pub fn history(folds: usize, events: impl IntoIterator<Item = Event>) -> History {
    let mut history = History::new(folds);
    for event in events {
        history.apply(&event).unwrap();
    }
    history
}
