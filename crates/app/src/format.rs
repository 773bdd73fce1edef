//! How the values, dates and distributions of a database are written for people, and in TOML.

use burn_tune_search::space::Condition;
use burn_tune_search::{Domain, ParamValue};
use burn_tune_storage::Distribution;
use burn_tune_study::trial_view::plain;
use serde_json::Value;

/// A value in at most a few characters: floats to three significant digits.
pub fn brief(value: &Value) -> String {
    match value.as_f64() {
        Some(float) if value.is_f64() => ParamValue::Float(float).brief(),
        _ => plain(value),
    }
}

/// A date of a database (UTC), to the minute.
pub fn minute_text(date: &str) -> &str {
    date.rsplit_once(':').map_or(date, |(minute, _)| minute)
}

/// A date of a database (UTC), to the second.
pub fn date_text(date: &str) -> &str {
    date.split('.').next().unwrap_or(date)
}

/// `812 B`, `34 kB`, `1.2 MB`.
pub fn size_text(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", (bytes as f64 / 1e3).round()),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// A distribution as in the `[space]` of a file: a fixed value, a list, or a range.
pub fn domain_text(distribution: &Distribution) -> String {
    match distribution {
        Distribution::Float { low, high, .. } if low == high => toml(&Value::from(*low)),
        Distribution::Float { low, high, step, log } => {
            table(&range(low, high, step.as_ref(), *log))
        }
        Distribution::Int { low, high, .. } if low == high => low.to_string(),
        Distribution::Int { low, high, step, log } => {
            table(&range(low, high, (*step != 1).then_some(step), *log))
        }
        Distribution::Categorical { choices } => match choices.as_slice() {
            [choice] => toml(choice),
            choices => toml(&Value::from(choices)),
        },
    }
}

/// A parameter as in the `[space]` of a file.
pub fn param_toml(domain: &Domain, conditions: &[Condition]) -> String {
    let values = |values: &[ParamValue]| {
        let values: Vec<Value> = values.iter().map(json).collect();
        match values.as_slice() {
            [only] => toml(only),
            _ => toml(&Value::Array(values)),
        }
    };
    let mut entries = match domain {
        Domain::Choices(choices) if conditions.is_empty() => return values(choices),
        Domain::Choices(choices) => vec![format!("values = {}", values(choices))],
        Domain::IntRange { low, high, step, log } => {
            range(low, high, (*step != 1).then_some(step), *log)
        }
        Domain::FloatRange { low, high, step, log } => range(low, high, step.as_ref(), *log),
    };
    if !conditions.is_empty() {
        let when = conditions.iter();
        let when = when.map(|c| format!("{} = {}", toml_key(&c.parent), values(&c.values)));
        entries.push(format!("when = {}", table(&when.collect::<Vec<_>>())));
    }
    table(&entries)
}

fn json(value: &ParamValue) -> Value {
    match value {
        ParamValue::Bool(value) => Value::from(*value),
        ParamValue::Int(value) => Value::from(*value),
        ParamValue::Float(value) => Value::from(*value),
        ParamValue::Str(value) => Value::from(value.as_str()),
    }
}

/// The entries of a range's table.
fn range<T: Into<Value> + Copy>(low: &T, high: &T, step: Option<&T>, log: bool) -> Vec<String> {
    let entry = |key: &str, value: &T| format!("{key} = {}", toml(&(*value).into()));
    let mut entries = vec![entry("low", low), entry("high", high)];
    entries.extend(step.map(|step| entry("step", step)));
    entries.extend(log.then(|| "log = true".to_owned()));
    entries
}

fn table(entries: &[String]) -> String {
    format!("{{ {} }}", entries.join(", "))
}

/// A value in TOML; null, which TOML has not, as `null`.
pub fn toml(value: &Value) -> String {
    match value {
        // What JSON escapes, TOML escapes alike; and one character more.
        Value::String(_) => value.to_string().replace('\u{7f}', "\\u007f"),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(toml).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| toml_entry(key, value)).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        // The shortest text that reads back as this number.
        Value::Number(number) if number.is_f64() => format!("{:?}", number.as_f64().unwrap_or(0.0)),
        value => value.to_string(),
    }
}

/// `lr = 0.001`.
pub fn toml_entry(key: &str, value: &Value) -> String {
    format!("{} = {}", toml_key(key), toml(value))
}

fn toml_key(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let bare = !key.is_empty() && key.chars().all(is_bare);
    if bare { key.to_owned() } else { toml(&Value::from(key)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_distribution_is_written_as_in_a_space_file() {
        let shown = |json: &str| domain_text(&Distribution::parse(json).unwrap());
        let float = r#"{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}"#;
        assert_eq!(shown(float), "{ low = 1e-5, high = 0.1, log = true }");
        let int = r#"{"name": "IntDistribution", "attributes": {"log": false, "step": 64, "low": 64, "high": 1024}}"#;
        assert_eq!(shown(int), "{ low = 64, high = 1024, step = 64 }");
        let choices = r#"{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", null, true, 1.5]}}"#;
        assert_eq!(shown(choices), r#"["relu", null, true, 1.5]"#);
        let fixed =
            r#"{"name": "CategoricalDistribution", "attributes": {"choices": ["a\"b\u007f"]}}"#;
        assert_eq!(shown(fixed), r#""a\"b\u007f""#);
    }

    #[test]
    fn a_parameter_is_written_as_in_a_space_file() {
        let lr = Domain::FloatRange { low: 1e-5, high: 0.1, step: None, log: true };
        assert_eq!(param_toml(&lr, &[]), "{ low = 1e-5, high = 0.1, log = true }");
        let width = Domain::IntRange { low: 64, high: 1024, step: 64, log: false };
        let values = vec![ParamValue::Str("relu".into())];
        let when = Condition { param: "width".into(), parent: "a.b".into(), values };
        let shown = "{ low = 64, high = 1024, step = 64, when = { \"a.b\" = \"relu\" } }";
        assert_eq!(param_toml(&width, std::slice::from_ref(&when)), shown);
        let bias = Domain::Choices(vec![ParamValue::Bool(true), ParamValue::Bool(false)]);
        assert_eq!(param_toml(&bias, &[]), "[true, false]");
        let shown = "{ values = [true, false], when = { \"a.b\" = \"relu\" } }";
        assert_eq!(param_toml(&bias, &[when]), shown);
        assert_eq!(param_toml(&Domain::Choices(vec![ParamValue::Float(1.0)]), &[]), "1.0");
    }

    #[test]
    fn keys_are_quoted_where_they_must_be() {
        assert_eq!(toml_entry("batch_size", &json!(100)), "batch_size = 100");
        assert_eq!(toml_entry("a.b", &json!({"c": [1.0, "d"]})), r#""a.b" = { c = [1.0, "d"] }"#);
    }
}
