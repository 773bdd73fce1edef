//! Studies for the tests of this crate, in the notation of a space file; without what reads such files for
//! users, which is another crate.

use toml::{Table, Value};

use crate::params::ParamValue;
use crate::settings::ObjectiveSettings;
use crate::space::{Condition, Domain};
use crate::spec::{ExplicitTrial, SpecError, StudySpec};

/// The study that a text describes.
pub fn spec(text: &str) -> StudySpec {
    try_spec(text).unwrap()
}

/// The same, or what is wrong with it.
pub fn try_spec(text: &str) -> Result<StudySpec, SpecError> {
    // Texts have their parameters in the order that `toml` loses.
    let root: Table = text.parse().unwrap();
    let mut spec = StudySpec::default();
    let mut names: Vec<(usize, &String)> = Vec::new();
    let space = root["space"].as_table().unwrap();
    for name in space.keys() {
        let line = |start: &str| text.find(&format!("{start}{name} = "));
        names.push((line("\n").or(line("")).unwrap(), name));
    }
    names.sort();
    for (_, name) in names {
        let value = &space[name];
        let conditions = conditions(name, value, &spec);
        spec.space.conditions.extend(conditions);
        spec.space.domains.push((name.clone(), domain(value)));
    }
    for trial in root.get("trial").and_then(Value::as_array).into_iter().flatten() {
        let values = trial.as_table().unwrap().iter();
        let values = values.map(|(name, value)| (name.clone(), param(value))).collect();
        spec.trials.push(ExplicitTrial { values, ..ExplicitTrial::default() });
    }
    for objective in root.get("objective").and_then(Value::as_array).into_iter().flatten() {
        let name = objective["name"].as_str().unwrap().to_owned();
        let objective = ObjectiveSettings { name, direction: None, wall_clock: false };
        spec.settings.objectives.push(objective);
    }
    spec.check().map(|()| spec)
}

fn param(value: &Value) -> ParamValue {
    match value {
        Value::Boolean(value) => ParamValue::Bool(*value),
        Value::Integer(value) => ParamValue::Int(*value),
        Value::Float(value) => ParamValue::Float(*value),
        Value::String(value) => ParamValue::Str(value.clone()),
        other => panic!("{other} is no param"),
    }
}

fn domain(value: &Value) -> Domain {
    let Value::Table(range) = value else {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        return Domain::Choices(values.iter().map(param).collect());
    };
    if let Some(values) = range.get("values") {
        return domain(values);
    }
    let log = range.get("log").is_some_and(|log| log.as_bool().unwrap());
    match (&range["low"], &range["high"]) {
        (Value::Integer(low), Value::Integer(high)) => {
            let step = range.get("step").map_or(1, |step| step.as_integer().unwrap());
            Domain::IntRange { low: *low, high: *high, step, log }
        }
        (low, high) => Domain::FloatRange {
            low: low.as_float().unwrap(),
            high: high.as_float().unwrap(),
            step: range.get("step").map(|step| step.as_float().unwrap()),
            log,
        },
    }
}

fn conditions(name: &str, value: &Value, spec: &StudySpec) -> Vec<Condition> {
    let when = value.get("when").and_then(Value::as_table);
    let condition = |(parent, accepted): (&String, &Value)| {
        let values = spec.space.get(parent).and_then(Domain::values).unwrap();
        let accepts = |value: &ParamValue| match accepted {
            Value::Array(list) => list.iter().any(|accepted| param(accepted) == *value),
            Value::Table(range) => match (value, &range["low"]) {
                (ParamValue::Int(value), Value::Integer(low)) => value >= low,
                other => panic!("{other:?} is not needed by any test"),
            },
            accepted => param(accepted) == *value,
        };
        let values = values.into_iter().filter(accepts).collect();
        Condition { param: name.to_owned(), parent: parent.clone(), values }
    };
    when.into_iter().flatten().map(condition).collect()
}
