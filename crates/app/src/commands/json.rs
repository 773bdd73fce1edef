//! What the commands print as JSON of a trial.

use std::collections::BTreeMap;

use burn_tune_search::Flag;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use burn_tune_study::trial_view::{State, TrialView, number};

/// An object whose keys stay in their order.
pub struct Object<'a>(pub Vec<(&'a str, Value)>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// The params of a trial.
pub fn params(trial: &TrialView) -> Object<'_> {
    let params = trial.params.iter().map(|param| (param.name.as_str(), param.value.clone()));
    Object(params.collect())
}

/// A trial, in the words of `leaderboard.json` and of Optuna.
#[derive(Serialize)]
pub struct TrialJson<'a> {
    number: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    state: State,
    #[serde(flatten)]
    value: ValueJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    std_test_score: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    split_test_scores: Vec<Option<Value>>,
    params: Object<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    flags: &'a [Flag],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    duration_s: Option<f64>,
    datetime_start: Option<&'a str>,
    datetime_complete: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    user_attributes: &'a BTreeMap<String, Value>,
}

/// One value, or one for each of several objectives; null where the trial has none.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ValueJson {
    Value(Option<Value>),
    Values(Option<Vec<Value>>),
}

impl<'a> TrialJson<'a> {
    /// A trial of a study with so many objectives.
    pub fn new(trial: &'a TrialView, objectives: usize) -> Self {
        let mut values = trial.values.iter().copied().map(number);
        TrialJson {
            number: trial.number,
            name: trial.name.as_deref(),
            state: trial.state,
            value: match objectives {
                0 | 1 => ValueJson::Value(values.next()),
                _ if trial.values.is_empty() => ValueJson::Values(None),
                _ => ValueJson::Values(Some(values.collect())),
            },
            std_test_score: trial.std,
            split_test_scores: split_test_scores(trial),
            params: params(trial),
            flags: &trial.flags,
            error: trial.error.as_deref(),
            duration_s: trial.duration().map(|duration| duration.as_secs_f64()),
            datetime_start: trial.start.as_deref(),
            datetime_complete: trial.complete.as_deref(),
            user_attributes: &trial.user_attributes,
        }
    }
}

/// The score of each fold up to the last that has ended; null where there is none.
fn split_test_scores(trial: &TrialView) -> Vec<Option<Value>> {
    let folds = trial.folds.keys().last().map_or(0, |last| last + 1);
    let score = |fold| trial.folds.get(&fold).and_then(|result| result.score.clone());
    (0..folds).map(score).collect()
}
