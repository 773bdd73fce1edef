//! Numbers and values as a person reads them: short, where the files have all digits.

pub use burn_tune_ranking::format::grouped;
use burn_tune_ranking::format::{spread_text, value_text};
use burn_tune_search::ParamValue;

/// `0.9767 ± 0.0006`.
pub fn spread(mean: f64, std: f64) -> String {
    if std == 0.0 && mean.fract() == 0.0 { value(mean) } else { spread_text(mean, std) }
}

/// A score, as in the terminal.
pub fn score(score: f64) -> String {
    value_text(score)
}

/// A value of any size: a whole number in full, its thousands apart.
pub fn value(value: f64) -> String {
    let is_whole = value.fract() == 0.0 && (0.0..1e15).contains(&value);
    if is_whole { grouped(value as u64) } else { value_text(value) }
}

/// `1 trial`, `2,000 trials`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number as u64), if number == 1 { "" } else { "s" })
}

/// A parameter's value as a number, where it is one.
pub fn numeric(value: &ParamValue) -> Option<f64> {
    match value {
        ParamValue::Int(int) => Some(*int as f64),
        ParamValue::Float(float) => Some(*float),
        ParamValue::Bool(_) | ParamValue::Str(_) => None,
    }
}
