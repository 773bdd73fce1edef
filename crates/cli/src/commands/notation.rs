//! How values, times and parameters are written for people, and in TOML.

use std::time::Duration;

use burn_tune_search::ParamValue;
use burn_tune_storage::Distribution;
use serde_json::Value;

/// A value as it stands: a text without quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// A value in at most a few characters: floats to three significant digits.
pub fn brief(value: &Value) -> String {
    match value.as_f64() {
        Some(float) if value.is_f64() => ParamValue::Float(float).brief(),
        _ => plain(value),
    }
}

/// What an objective has come to: to four decimals, or to four digits where it is small or very large.
pub fn value_text(value: f64) -> String {
    ValueFormat::of([value]).text(value)
}

/// How the values of one column are written: their points below each other, where that can be.
pub struct ValueFormat {
    /// None where some are so small and others so large that each has its own.
    decimals: Option<usize>,
}

impl ValueFormat {
    /// With four decimals, or as many as leave four digits of the smallest value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let sizes = values.into_iter().map(f64::abs).filter(|size| *size > 0.0 && size.is_finite());
        let (smallest, largest) = sizes.fold((0.1f64, 0.0f64), |(smallest, largest), size| {
            (smallest.min(size), largest.max(size))
        });
        let moderate = smallest >= 1e-4 && largest < 1e6;
        ValueFormat { decimals: moderate.then(|| (3.0 - smallest.log10().floor()) as usize) }
    }

    /// One of the values.
    pub fn text(&self, value: f64) -> String {
        match (self.decimals, value.abs()) {
            (_, 0.0) => "0".into(),
            (Some(decimals), size) if size.is_finite() => format!("{value:.decimals$}"),
            (None, 1e-4..1e6) => value_text(value),
            (None, size) if size.is_finite() => format!("{value:.3e}"),
            _ => value.to_string(),
        }
    }
}

/// `0.9781 ± 0.0012`.
pub fn spread_text(mean: f64, std: f64) -> String {
    format!("{mean:.4} ± {std:.4}")
}

/// `350 ms`, `12.3 s`, `1m 23s`, `2h 05m`.
pub fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        _ if duration < Duration::from_millis(999) => format!("{} ms", duration.as_millis()),
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A number of seconds likewise; nothing of one that is none.
pub fn seconds_text(seconds: Option<f64>) -> String {
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.map_or(String::new(), duration_text)
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
    fn values_have_four_decimals_or_four_digits() {
        let shown = [0.978_12, 0.0, -12.0, 0.012_345_6, 0.000_123_456, 1.5e-9, 2e7, f64::INFINITY];
        let expected =
            ["0.9781", "0", "-12.0000", "0.01235", "0.0001235", "1.500e-9", "2.000e7", "inf"];
        assert_eq!(shown.map(value_text), expected);
    }

    #[test]
    fn values_of_a_column_have_their_points_below_each_other() {
        let shown = |values: [f64; 3]| values.map(|value| ValueFormat::of(values).text(value));
        assert_eq!(shown([0.5, 0.978_12, 92.0]), ["0.5000", "0.9781", "92.0000"]);
        assert_eq!(shown([0.018_64, 0.0, 92.0]), ["0.01864", "0", "92.00000"]);
        assert_eq!(shown([1e-9, 0.5, f64::INFINITY]), ["1.000e-9", "0.5000", "inf"]);
    }

    #[test]
    fn durations_are_as_long_as_needed() {
        let shown = [0.0, 0.35, 0.9999, 12.34, 83.0, 7_500.0, 360_000.0].map(Some);
        let expected = ["0 ms", "350 ms", "1.0 s", "12.3 s", "1m 23s", "2h 05m", "100h 00m"];
        assert_eq!(shown.map(seconds_text), expected);
        assert_eq!([None, Some(-1.0), Some(f64::NAN)].map(seconds_text), ["", "", ""]);
    }

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
