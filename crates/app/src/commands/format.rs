//! How the values, dates and distributions of a database are written for people, and in TOML.

use burn_tune_search::ParamValue;
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
    let of = |low: &dyn ToString, high: &dyn ToString, step: Option<String>, log: bool| {
        let step = step.map_or(String::new(), |step| format!(", step = {step}"));
        let log = if log { ", log = true" } else { "" };
        format!("{{ low = {}, high = {}{step}{log} }}", low.to_string(), high.to_string())
    };
    match distribution {
        Distribution::Float { low, high, .. } if low == high => toml(&Value::from(*low)),
        Distribution::Float { low, high, step, log } => of(
            &toml(&Value::from(*low)),
            &toml(&Value::from(*high)),
            step.map(|step| toml(&Value::from(step))),
            *log,
        ),
        Distribution::Int { low, high, .. } if low == high => low.to_string(),
        Distribution::Int { low, high, step, log } => {
            of(low, high, (*step != 1).then(|| step.to_string()), *log)
        }
        Distribution::Categorical { choices } => match choices.as_slice() {
            [choice] => toml(choice),
            choices => toml(&Value::from(choices)),
        },
    }
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
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let bare = !key.is_empty() && key.chars().all(is_bare);
    let key = if bare { key.to_owned() } else { toml(&Value::from(key)) };
    format!("{key} = {}", toml(value))
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
    fn keys_are_quoted_where_they_must_be() {
        assert_eq!(toml_entry("batch_size", &json!(100)), "batch_size = 100");
        assert_eq!(toml_entry("a.b", &json!({"c": [1.0, "d"]})), r#""a.b" = { c = [1.0, "d"] }"#);
    }
}
