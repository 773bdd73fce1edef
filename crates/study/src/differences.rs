//! What is not as it was when a study began.

use std::collections::BTreeMap;
use std::fmt;

use burn_tune_search::Space;
use serde_json::Value;

/// One thing that is not as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What it is.
    pub what: Setting,
    /// How it was: JSON, or `nothing`.
    pub was: String,
    /// How it is.
    pub now: String,
}

/// Something that a study consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A parameter of the space.
    Param(String),
    /// The order of the parameters.
    ParamOrder,
    /// An explicit trial, from 1.
    Trial(String),
    /// Something that is said of the objective.
    Objective(String),
    /// A setting of the study.
    Study(String),
    /// A setting that is said besides the study's file or program.
    Override(String),
    /// What the objective found when it was made, such as the number of examples: group and key.
    Identity(String),
    /// What a parameter of a trial that is there was drawn from.
    Drawn {
        /// The parameter.
        param: String,
        /// The trial's number.
        trial: usize,
    },
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Param(name) => write!(f, "the parameter {name}"),
            Setting::ParamOrder => f.write_str("the order of the parameters"),
            Setting::Trial(number) => write!(f, "the explicit trial {number}"),
            Setting::Objective(key) => write!(f, "{key} of the objective"),
            Setting::Study(key) | Setting::Override(key) => write!(f, "{key} of the study"),
            Setting::Identity(key) => f.write_str(key),
            Setting::Drawn { param, trial } => write!(f, "`{param}` of trial {trial}"),
        }
    }
}

impl Difference {
    pub(crate) fn of_values(what: Setting, was: &Value, now: &Value) -> Self {
        let text = |value: &Value| match value {
            Value::Null => "nothing".to_owned(),
            value => value.to_string(),
        };
        Difference { what, was: text(was), now: text(now) }
    }
}

/// Differences as lines, three for each.
pub fn differences_text(differences: &[Difference]) -> String {
    lines(differences.iter().map(|difference| (difference.what.to_string(), difference)))
}

/// The same with other words for what differs.
pub fn lines<'a>(differences: impl Iterator<Item = (String, &'a Difference)>) -> String {
    let lines = differences.map(|(what, Difference { was, now, .. })| {
        format!("  {what}\n    was {was}\n    is  {now}")
    });
    lines.collect::<Vec<String>>().join("\n")
}

/// The entries of two objects or lists that differ, in the order of their keys; of a list, the numbers from 1.
pub fn differing_entries(
    setting: impl Fn(String) -> Setting,
    was: &Value,
    now: &Value,
) -> Vec<Difference> {
    let entries = |value: &Value| -> BTreeMap<String, Value> {
        match value {
            Value::Object(map) => map.clone().into_iter().collect(),
            Value::Array(list) => {
                let numbered = list.iter().enumerate();
                numbered
                    .map(|(index, value)| (format!("{:03}", index + 1), value.clone()))
                    .collect()
            }
            _ => BTreeMap::new(),
        }
    };
    let (was, now) = (entries(was), entries(now));
    let mut keys: Vec<&String> = was.keys().chain(now.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| was.get(*key) != now.get(*key))
        .map(|key| {
            let of = |entries: &BTreeMap<String, Value>| entries.get(key).cloned();
            let shown = key.trim_start_matches('0').to_owned();
            let (was, now) = (of(&was).unwrap_or_default(), of(&now).unwrap_or_default());
            Difference::of_values(setting(shown), &was, &now)
        })
        .collect()
}

/// How a space differs from the one that a study began with.
pub fn space_differences(was: &Space, now: &Space) -> Vec<Difference> {
    let json = |space: &Space| serde_json::to_value(space).unwrap_or_default();
    let differences = differing_entries(Setting::Param, &json(was), &json(now));
    if was == now || !differences.is_empty() {
        return differences;
    }
    // Samplers draw in the order of the parameters.
    let names = |space: &Space| {
        let names: Vec<&str> = space.domains.iter().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    };
    vec![Difference { what: Setting::ParamOrder, was: names(was), now: names(now) }]
}

#[cfg(test)]
mod tests {
    use burn_tune_search::{Domain, ParamValue};
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_that_differ_are_told_with_both_values() {
        let was = json!({ "top": 3, "seed": 1, "pruner": "asha" });
        let now = json!({ "top": 3, "seed": 2, "window": 4 });
        let differences = differing_entries(Setting::Study, &was, &now);
        let expected = "  pruner of the study\n    was \"asha\"\n    is  nothing\n  seed of the study\n    was 1\n    is  2\n  window of the study\n    was nothing\n    is  4";
        assert_eq!(differences_text(&differences), expected);
    }

    #[test]
    fn lists_are_compared_by_place_and_told_by_number() {
        let list = |of: usize| Value::from((0..of).map(Value::from).collect::<Vec<_>>());
        let differences = differing_entries(Setting::Trial, &list(9), &list(11));
        let what: Vec<String> = differences.iter().map(|d| d.what.to_string()).collect();
        assert_eq!(what, ["the explicit trial 10", "the explicit trial 11"]);
    }

    #[test]
    fn the_order_of_a_space_counts_where_nothing_else_differs() {
        let param = |name: &str| {
            (name.to_owned(), Domain::Choices(vec![ParamValue::Int(1), ParamValue::Int(2)]))
        };
        let was = Space::of([param("a"), param("b")]);
        let now = Space::of([param("b"), param("a")]);
        assert_eq!(space_differences(&was, &was), []);
        let differences = space_differences(&was, &now);
        assert_eq!(differences.len(), 1);
        assert_eq!((differences[0].was.as_str(), differences[0].now.as_str()), ("a, b", "b, a"));
        let more = Space::of([param("b"), param("a"), param("c")]);
        assert_eq!(space_differences(&was, &more)[0].what, Setting::Param("c".into()));
    }
}
