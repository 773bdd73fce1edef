//! A trial as those see it who look at a study: what its rows and the attributes of burn-tune in them say, and what
//! is called by which key.

use std::collections::BTreeMap;
use std::time::Duration;

use burn_tune_search::{Flag, KnownFlag};
use burn_tune_storage::attributes::{
    ERROR, FLAGS, FOLD, GIVEN_BACK, LOST, NAME, PRUNED_AT_STEP, REFIT, SPLIT_TEST_SCORES,
    STD_TEST_SCORE, STDERR, TEST_SCORE, TEST_SCORES, WORKER,
};
use burn_tune_storage::trial_codec::is_ours;
use burn_tune_storage::{
    Distribution, ParamRecord, RecordState, StorageError, TrialRecord, python_json,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far a trial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// With all values.
    Complete,
    /// Without a value.
    Failed,
    /// Ended early, for lack of promise.
    Pruned,
    /// Under way.
    Running,
    /// Left alone, because its workers ended again and again; a study that is resumed takes it up.
    Lost,
    /// Asked for, and not begun.
    Waiting,
}

impl State {
    /// As users write and read it.
    pub fn name(self) -> &'static str {
        match self {
            State::Complete => "complete",
            State::Failed => "failed",
            State::Pruned => "pruned",
            State::Running => "running",
            State::Lost => "lost",
            State::Waiting => "waiting",
        }
    }

    fn of(state: RecordState) -> Self {
        match state {
            RecordState::Complete => State::Complete,
            RecordState::Fail => State::Failed,
            RecordState::Pruned => State::Pruned,
            RecordState::Running => State::Running,
            RecordState::Waiting => State::Waiting,
        }
    }
}

/// A trial.
#[derive(Debug, Clone)]
pub struct TrialView {
    /// Its number in the study, from 0.
    pub number: usize,
    /// The name of an explicit trial.
    pub name: Option<String>,
    /// How far it is.
    pub state: State,
    /// The value of each objective.
    pub values: Vec<f64>,
    /// The standard deviation of the folds' scores.
    pub std: Option<f64>,
    /// What has become of each fold that has ended, by its number.
    pub folds: BTreeMap<usize, TaskResult>,
    /// What has become of each refit, by its seed.
    pub refits: BTreeMap<usize, TaskResult>,
    /// Signs that the models are sick, of folds and refits.
    pub flags: Vec<Flag>,
    /// Why it failed.
    pub error: Option<String>,
    /// What the program that scored it has written to stderr.
    pub stderr: Option<String>,
    /// The step after which a pruner of ours has stopped it. It stands among the user attributes, too, where
    /// conditions and files look for it.
    pub pruned_at_step: Option<u64>,
    /// In the order of the space.
    pub params: Vec<Param>,
    /// When it began and ended, and when somebody last worked on it, as in the database.
    pub start: Option<String>,
    /// Likewise.
    pub complete: Option<String>,
    /// Likewise.
    pub heartbeat: Option<String>,
    /// Who works on it, or did so last.
    pub worker: Option<Value>,
    /// What other programs have noted.
    pub user_attributes: BTreeMap<String, Value>,
    /// What Optuna itself has noted.
    pub system_attributes: BTreeMap<String, Value>,
}

/// A parameter of a trial.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// What was tried.
    pub value: Value,
    /// What it was drawn from.
    pub distribution: Distribution,
}

/// What has become of a fold or a refit: the attribute that burn-tune keeps of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskResult {
    /// A number, or the text of one that is not finite; none where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Signs that the model is sick.
    #[serde(default)]
    pub flags: Vec<Flag>,
    /// For each class, the share of its examples that were recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_class_recall: Option<Vec<Value>>,
    /// Seconds of training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit_s: Option<f64>,
    /// Seconds of scoring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_s: Option<f64>,
    /// The number of the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<usize>,
    /// When it began, in seconds from the start of the study.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_s: Option<f64>,
    /// When it ended, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_s: Option<f64>,
}

impl TaskResult {
    /// The score, where it is a finite number.
    pub fn finite(&self) -> Option<f64> {
        self.score.as_ref().and_then(Value::as_f64)
    }

    /// Seconds from begin to end.
    pub fn duration_s(&self) -> Option<f64> {
        Some(self.end_s? - self.start_s?)
    }
}

impl TrialView {
    /// What the rows say; flags are looked up among those that are known.
    ///
    /// # Errors
    ///
    /// Where a parameter's distribution is none of Optuna's.
    pub fn new(record: &TrialRecord, known: &[KnownFlag]) -> Result<Self, StorageError> {
        let state = State::of(record.state);
        let params: Result<Vec<Param>, StorageError> = record.params.iter().map(param).collect();
        let of_trial = |error: StorageError| {
            StorageError::Permanent(format!("trial {}: {error}", record.number))
        };
        let mut view = TrialView {
            number: record.number,
            state,
            values: record.values.clone(),
            params: params.map_err(of_trial)?,
            start: record.start.clone(),
            complete: record.complete.clone(),
            heartbeat: record.heartbeat.clone(),
            user_attributes: parsed(&record.user_attributes),
            system_attributes: parsed(&record.system_attributes),
            name: None,
            std: None,
            folds: BTreeMap::new(),
            refits: BTreeMap::new(),
            flags: Vec::new(),
            error: None,
            stderr: None,
            pruned_at_step: None,
            worker: None,
        };
        if is_ours(record) {
            view.understand(known);
        }
        Ok(view)
    }

    /// Takes out of the attributes what burn-tune itself has put there.
    fn understand(&mut self, known: &[KnownFlag]) {
        let attributes = &mut self.user_attributes;
        self.name = take(attributes, NAME);
        self.std = take(attributes, STD_TEST_SCORE);
        self.error = take(attributes, ERROR);
        self.stderr = take(attributes, STDERR);
        self.pruned_at_step = attributes.get(PRUNED_AT_STEP).and_then(Value::as_u64);
        let mut of_trial: Vec<Flag> = take(attributes, FLAGS).unwrap_or_default();
        Flag::look_up(&mut of_trial, known);
        // Summaries of what stands below, for Optuna's dashboard.
        for key in [SPLIT_TEST_SCORES, TEST_SCORE, TEST_SCORES] {
            attributes.remove(key);
        }
        let attributes = &mut self.system_attributes;
        let is_lost = attributes.remove(LOST).is_some();
        if is_lost && self.state == State::Running {
            self.state = State::Lost;
        }
        attributes.remove(GIVEN_BACK);
        self.worker = take(attributes, WORKER);
        self.folds = take_numbered(attributes, FOLD);
        self.refits = take_numbered(attributes, REFIT);
        for result in self.folds.values_mut().chain(self.refits.values_mut()) {
            Flag::look_up(&mut result.flags, known);
        }
        let flags = |results: &BTreeMap<usize, TaskResult>| -> Vec<Flag> {
            results.values().flat_map(|result| result.flags.clone()).collect()
        };
        let of_trial = match self.state {
            // They are noted when it ends.
            State::Running | State::Lost => flags(&self.folds),
            _ => of_trial,
        };
        self.flags = Flag::union([of_trial, flags(&self.refits)].concat());
    }

    /// From begin to end.
    pub fn duration(&self) -> Option<Duration> {
        let time = |date: &Option<String>| humantime::parse_rfc3339_weak(date.as_deref()?).ok();
        time(&self.complete)?.duration_since(time(&self.start)?).ok()
    }

    /// The score of each fold that has one.
    pub fn fold_scores(&self) -> Vec<f64> {
        self.folds.values().filter_map(TaskResult::finite).collect()
    }

    /// The standard deviation beside the value; of a single fold there is none.
    pub fn spread(&self) -> Option<f64> {
        self.std.filter(|_| self.fold_scores().len() != 1)
    }

    /// What the parameter of this name was.
    pub fn param(&self, name: &str) -> Option<&Value> {
        self.params.iter().find(|param| param.name == name).map(|param| &param.value)
    }

    /// What is known by `key` to conditions and sorting; `None` where the trial has no such thing.
    pub fn field(&self, key: &str) -> Option<Value> {
        let built_in = KEYS.iter().any(|(known, _)| *known == key) || value_index(key).is_some();
        if built_in {
            return self.built_in(key);
        }
        let param = |name: &str| self.param(name).cloned();
        let attribute = |name: &str| self.user_attributes.get(name).cloned();
        param(key)
            .or_else(|| attribute(key))
            .or_else(|| param(key.strip_prefix("params_")?))
            .or_else(|| attribute(key.strip_prefix("user_attrs_")?))
    }

    fn built_in(&self, key: &str) -> Option<Value> {
        if let Some((_, get)) = KEYS.iter().find(|(known, _)| *known == key) {
            return get(self);
        }
        self.values.get(value_index(key)?).copied().map(number)
    }
}

type Get = fn(&TrialView) -> Option<Value>;

/// What every trial may have.
const KEYS: [(&str, Get); 11] = [
    ("number", |trial| Some(Value::from(trial.number))),
    ("name", |trial| trial.name.clone().map(Value::from)),
    ("state", |trial| Some(Value::from(trial.state.name()))),
    ("value", |trial| trial.values.first().copied().map(number)),
    ("std_test_score", |trial| trial.std.map(number)),
    ("duration", |trial| trial.field("duration_s")),
    ("duration_s", |trial| Some(Value::from(trial.duration()?.as_secs_f64()))),
    ("flags", |trial| Some(Value::from(flags_text(&trial.flags)))),
    ("error", |trial| trial.error.clone().map(Value::from)),
    ("datetime_start", |trial| trial.start.clone().map(Value::from)),
    ("datetime_complete", |trial| trial.complete.clone().map(Value::from)),
];

/// The objective that a key like `value1` names.
fn value_index(key: &str) -> Option<usize> {
    key.strip_prefix("value")?.parse().ok()
}

/// The keys by which something is known of at least one of the trials.
pub fn known_keys(trials: &[TrialView], objectives: usize) -> Vec<String> {
    let built_in = KEYS.iter().map(|(key, _)| *key).filter(|key| *key != "duration_s");
    let mut keys: Vec<String> = built_in.map(str::to_owned).collect();
    if objectives > 1 {
        keys.extend((0..objectives).map(|objective| format!("value{objective}")));
    }
    let attributes = trials.iter().flat_map(|trial| trial.user_attributes.keys());
    for key in param_names(trials).into_iter().chain(attributes.map(String::as_str)) {
        if !keys.iter().any(|known| known == key) {
            keys.push(key.to_owned());
        }
    }
    keys
}

/// The names of all params that occur, in the order in which they first do.
pub fn param_names<'a>(trials: impl IntoIterator<Item = &'a TrialView>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for param in trials.into_iter().flat_map(|trial| &trial.params) {
        if !names.contains(&param.name.as_str()) {
            names.push(&param.name);
        }
    }
    names
}

/// Flags as in files: `diverged never_predicts:[2,5]`.
pub fn flags_text(flags: &[Flag]) -> String {
    let flags: Vec<String> = flags.iter().map(Flag::to_string).collect();
    flags.join(" ")
}

/// A number, or the text of one that is not finite, for which JSON has no word.
pub fn number(value: f64) -> Value {
    match value {
        value if value.is_finite() => Value::from(value),
        value if value.is_nan() => Value::from("nan"),
        value if value > 0.0 => Value::from("inf"),
        _ => Value::from("-inf"),
    }
}

/// A value as text, without quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn param(record: &ParamRecord) -> Result<Param, StorageError> {
    let distribution = Distribution::parse(&record.distribution)?;
    let value = match &distribution {
        Distribution::Float { .. } => number(record.value),
        distribution => distribution.external(record.value),
    };
    Ok(Param { name: record.name.clone(), value, distribution })
}

/// Attributes as values; a text that is no JSON as it stands.
fn parsed(attributes: &BTreeMap<String, String>) -> BTreeMap<String, Value> {
    let value =
        |text: &String| python_json::parse(text).unwrap_or_else(|_| Value::from(text.as_str()));
    attributes.iter().map(|(key, text)| (key.clone(), value(text))).collect()
}

/// Takes an attribute out, where it is there and what burn-tune puts there.
fn take<T: DeserializeOwned>(attributes: &mut BTreeMap<String, Value>, key: &str) -> Option<T> {
    let value = T::deserialize(attributes.get(key)?).ok()?;
    attributes.remove(key);
    Some(value)
}

fn take_numbered(
    attributes: &mut BTreeMap<String, Value>,
    prefix: &str,
) -> BTreeMap<usize, TaskResult> {
    let number = |key: &String| key.strip_prefix(prefix)?.parse().ok();
    let numbers: Vec<usize> = attributes.keys().filter_map(number).collect();
    let taken = numbers.into_iter().map(|n| Some((n, take(attributes, &format!("{prefix}{n}"))?)));
    taken.collect::<Vec<Option<_>>>().into_iter().flatten().collect()
}
