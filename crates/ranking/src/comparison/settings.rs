//! Which settings of two studies differ, and which of these make a comparison doubtful.

use serde::Serialize;
use serde_json::Value;

use crate::leaderboard::Leaderboard;

/// A setting that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SettingChange {
    /// Which one: `seed`, `folds`, `dataset`, or `space.lr` for a parameter.
    pub setting: String,
    /// What it was; null where there was none.
    pub old: Value,
    /// What it is; null where there is none.
    pub new: Value,
    /// Whether scores mean something else now, so that a difference may come from this setting: other data,
    /// another number of examples or folds, another command, other objectives.
    pub doubtful: bool,
}

/// What of the evaluation makes scores that mean something else. Another metric is refused before.
const DOUBTFUL: [&str; 5] = ["dataset", "command", "folds", "train_examples", "test_examples"];

/// The settings that differ, in the order of the file.
pub fn changes(old: &Leaderboard, new: &Leaderboard) -> Vec<SettingChange> {
    let (before, now) = (values(old), values(new));
    let mut names: Vec<&String> = now.iter().map(|(name, _)| name).collect();
    names.extend(before.iter().map(|(name, _)| name).filter(|name| find(&now, name).is_none()));
    let changed = names.into_iter().filter_map(|name| {
        let [old, new] = [&before, &now].map(|side| find(side, name).cloned().unwrap_or_default());
        let doubtful = DOUBTFUL.contains(&name.as_str()) || name == "objectives";
        (old != new).then(|| SettingChange { setting: name.clone(), old, new, doubtful })
    });
    changed.collect()
}

fn find<'a>(values: &'a [(String, Value)], name: &str) -> Option<&'a Value> {
    values.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// All settings of a study that its leaderboard tells.
fn values(leaderboard: &Leaderboard) -> Vec<(String, Value)> {
    let json = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
    let mut values = vec![
        ("name".to_owned(), Value::from(leaderboard.name.as_str())),
        ("seed".to_owned(), Value::from(leaderboard.seed)),
    ];
    if !leaderboard.objectives.is_empty() {
        let objectives = json(serde_json::to_value(&leaderboard.objectives));
        values.push(("objectives".to_owned(), objectives));
    }
    let evaluation = &leaderboard.evaluation;
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
    let number = |number: Option<usize>| number.map_or(Value::Null, Value::from);
    values.extend([
        ("dataset".to_owned(), text(&evaluation.dataset)),
        ("command".to_owned(), text(&evaluation.command)),
        ("folds".to_owned(), Value::from(evaluation.folds)),
        ("train_examples".to_owned(), number(evaluation.train_examples)),
        ("test_examples".to_owned(), number(evaluation.test_examples)),
        ("backend".to_owned(), text(&evaluation.backend)),
    ]);
    let pruner = leaderboard.pruning.as_ref().map(|pruning| pruning.pruner.as_str());
    values.push(("pruner".to_owned(), pruner.map_or(Value::Null, Value::from)));
    if let Value::Object(space) = json(serde_json::to_value(&leaderboard.space)) {
        values.extend(space.into_iter().map(|(name, domain)| (format!("space.{name}"), domain)));
    }
    values
}
