//! What is not as it was when a study began.

use std::collections::BTreeMap;
use std::fmt;

use burn_tune_search::space::Condition;
use burn_tune_search::{Domain, ParamValue, Space};
use burn_tune_storage::Distribution;
use serde_json::Value;

/// One thing that is not as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What it is.
    pub what: Setting,
    /// How it was.
    pub was: Content,
    /// How it is.
    pub now: Content,
}

/// How something is that a study consists of. It is written as code with a [`Space`] says it, such as
/// `0.0001..=0.1, log`; whoever has files has the words of these.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// It is not there.
    Nothing,
    /// It has this value.
    Value(Value),
    /// Names, in their order.
    Names(Vec<String>),
    /// It is a parameter: what it may be, and when it exists.
    Param(Domain, Vec<Condition>),
    /// What another program has drawn it from, or we would.
    Distribution(Distribution),
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Nothing => f.write_str("nothing"),
            Content::Value(value) => value.fmt(f),
            Content::Names(names) => f.write_str(&names.join(", ")),
            Content::Param(domain, conditions) => {
                f.write_str(&param_text(domain, conditions.iter()))
            }
            Content::Distribution(distribution) => f.write_str(&distribution.to_json()),
        }
    }
}

/// A parameter as code with a [`Space`] says it: `0.0..=0.5, when(act = "relu")`.
pub fn param_text<'a>(domain: &Domain, conditions: impl Iterator<Item = &'a Condition>) -> String {
    let conditions = conditions
        .map(|Condition { parent, values, .. }| format!("{parent} = {}", values_text(values)));
    let conditions: Vec<String> = conditions.collect();
    match conditions.is_empty() {
        true => domain_text(domain),
        false => format!("{}, when({})", domain_text(domain), conditions.join(", ")),
    }
}

fn domain_text(domain: &Domain) -> String {
    let log = |log: bool| if log { ", log" } else { "" };
    match domain {
        Domain::Choices(values) => values_text(values),
        Domain::IntRange { low, high, step: 1, log: is_log } => {
            format!("{low}..={high}{}", log(*is_log))
        }
        Domain::IntRange { low, high, step, .. } => format!("{low}..={high}, step = {step}"),
        Domain::FloatRange { low, high, step: None, log: is_log } => {
            format!("{low:?}..={high:?}{}", log(*is_log))
        }
        Domain::FloatRange { low, high, step: Some(step), .. } => {
            format!("{low:?}..={high:?}, step = {step:?}")
        }
    }
}

/// A single value, or a list of them.
fn values_text(values: &[ParamValue]) -> String {
    let quoted = |value: &ParamValue| match value {
        ParamValue::Str(text) => ParamValue::Str(format!("{text:?}")),
        value => value.clone(),
    };
    let quoted: Vec<ParamValue> = values.iter().map(quoted).collect();
    match quoted.as_slice() {
        [only] => only.to_string(),
        all => {
            format!("[{}]", all.iter().map(ParamValue::to_string).collect::<Vec<_>>().join(", "))
        }
    }
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
        let content = |value: &Value| match value {
            Value::Null => Content::Nothing,
            value => Content::Value(value.clone()),
        };
        Difference { what, was: content(was), now: content(now) }
    }
}

/// Differences as lines, three for each.
pub fn differences_text(differences: &[Difference]) -> String {
    lines(differences, Setting::to_string, Content::to_string)
}

/// The same with other words for what differs, and for how it was and is.
pub fn lines(
    differences: &[Difference],
    what: impl Fn(&Setting) -> String,
    content: impl Fn(&Content) -> String,
) -> String {
    let lines = differences.iter().map(|difference| {
        let (was, now) = (content(&difference.was), content(&difference.now));
        format!("  {}\n    was {was}\n    is  {now}", what(&difference.what))
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
    let mut names = names_of(was);
    names.extend(names_of(now));
    names.sort();
    names.dedup();
    let param = |name: &String| Difference {
        what: Setting::Param(name.clone()),
        was: param_of(was, name),
        now: param_of(now, name),
    };
    let differences = names.iter().map(param).filter(|difference| difference.was != difference.now);
    let differences: Vec<Difference> = differences.collect();
    if was == now || !differences.is_empty() {
        return differences;
    }
    // Samplers draw in the order of the parameters.
    let names = |space: &Space| Content::Names(names_of(space));
    vec![Difference { what: Setting::ParamOrder, was: names(was), now: names(now) }]
}

fn names_of(space: &Space) -> Vec<String> {
    space.domains.iter().map(|(name, _)| name.clone()).collect()
}

fn param_of(space: &Space, name: &str) -> Content {
    match space.get(name) {
        Some(domain) => {
            Content::Param(domain.clone(), space.conditions_of(name).cloned().collect())
        }
        None => Content::Nothing,
    }
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
    fn a_parameter_is_told_as_code_says_it() {
        let param = |name: &str, domain: Domain| (name.to_owned(), domain);
        let lr = |low| Domain::FloatRange { low, high: 0.1, step: None, log: true };
        let texts = |texts: &[&str]| {
            Domain::Choices(texts.iter().map(|text| ParamValue::Str((*text).to_owned())).collect())
        };
        let width = |step| Domain::IntRange { low: 8, high: 64, step, log: false };
        let share = |high| Domain::FloatRange { low: 0.0, high, step: Some(0.25), log: false };
        let mut was = Space::of([
            param("lr", lr(1e-4)),
            param("act", texts(&["relu", "gelu"])),
            param("width", width(1)),
            param("dropout", share(0.5)),
            param("depth", Domain::Choices(vec![ParamValue::Int(2)])),
        ]);
        let values = vec![ParamValue::Str("relu".into()), ParamValue::Str("gelu".into())];
        was.conditions = vec![Condition { param: "dropout".into(), parent: "act".into(), values }];
        let mut now = Space::of([
            param("lr", lr(1e-3)),
            param("act", texts(&["relu"])),
            param("width", width(8)),
            param("dropout", share(0.5)),
        ]);
        let values = vec![ParamValue::Str("relu".into())];
        now.conditions = vec![Condition { param: "dropout".into(), parent: "act".into(), values }];
        let expected = [
            ("act", r#"["relu", "gelu"]"#, r#""relu""#),
            ("depth", "2", "nothing"),
            (
                "dropout",
                r#"0.0..=0.5, step = 0.25, when(act = ["relu", "gelu"])"#,
                r#"0.0..=0.5, step = 0.25, when(act = "relu")"#,
            ),
            ("lr", "0.0001..=0.1, log", "0.001..=0.1, log"),
            ("width", "8..=64", "8..=64, step = 8"),
        ];
        let line = |(name, was, is): &(&str, &str, &str)| {
            format!("  the parameter {name}\n    was {was}\n    is  {is}")
        };
        let expected: Vec<String> = expected.iter().map(line).collect();
        assert_eq!(differences_text(&space_differences(&was, &now)), expected.join("\n"));
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
        assert_eq!(
            differences_text(&differences),
            "  the order of the parameters\n    was a, b\n    is  b, a"
        );
        let more = Space::of([param("b"), param("a"), param("c")]);
        assert_eq!(space_differences(&was, &more)[0].what, Setting::Param("c".into()));
    }
}
