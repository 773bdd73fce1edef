//! Numbers and values on a page: in texts as a person reads them, and in the JSON of figures with few digits, so
//! that a page stays small. The rules themselves are those of [`burn_tune_ranking::format`].

use burn_tune_ranking::format::{axis_text, grouped, significant, spread_text, value_text};
use burn_tune_search::ParamValue;

/// `0.9767 ± 0.0006`.
pub fn spread(mean: f64, std: f64) -> String {
    if std == 0.0 && mean.fract() == 0.0 { value(mean) } else { spread_text(mean, std) }
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

/// The value of a parameter; three significant digits of a float.
pub fn param_text(value: &ParamValue) -> String {
    match value {
        ParamValue::Float(value) => axis_text(*value),
        value => value.to_string(),
    }
}

/// `value` to six significant digits, which a figure cannot show more of.
pub fn short(value: f64) -> f64 {
    significant(value, 6)
}

/// [`short`] of each.
pub fn all_short(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    values.into_iter().map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_the_json_has_six_digits() {
        assert_eq!(short(0.000_657_013_444_8), 0.000_657_013);
        assert_eq!(short(-1_234_567.0), -1_234_570.0);
        assert_eq!(short(0.0), 0.0);
        assert_eq!(all_short([0.25, f64::INFINITY]), [0.25, f64::INFINITY]);
    }

    #[test]
    fn a_value_in_a_text_is_as_short_as_it_can_be() {
        assert_eq!(param_text(&ParamValue::Float(0.001_209_431)), "0.00121");
        assert_eq!(param_text(&ParamValue::Float(2.0)), "2");
        assert_eq!(param_text(&ParamValue::Int(1234)), "1234");
        assert_eq!(param_text(&ParamValue::Str("relu".to_owned())), "relu");
    }
}
