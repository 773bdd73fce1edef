//! How many digits a number has: few in the JSON, so that a page stays small, and fewer in a text.

use burn_tune_search::ParamValue;

/// `value` to six significant digits, which a figure cannot show more of.
pub fn short(value: f64) -> f64 {
    significant(value, 6)
}

/// [`short`] of each.
pub fn all_short(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    values.into_iter().map(short).collect()
}

pub use burn_tune_ranking::format::value_text as score_text;

/// The value of a parameter; three significant digits of a float, as with Optuna's `.3g`.
pub fn value_text(value: &ParamValue) -> String {
    match value {
        ParamValue::Float(value) => plain_text(*value),
        value => value.to_string(),
    }
}

/// A number on an axis: a whole one in full, another to three significant digits.
pub fn plain_text(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value}");
    }
    number_text(value, 3)
}

/// `value` to so many significant digits, without zeros at its end.
pub fn number_text(value: f64, digits: usize) -> String {
    let text = format!("{:?}", significant(value, digits));
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn significant(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
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
        assert_eq!(value_text(&ParamValue::Float(0.001_209_431)), "0.00121");
        assert_eq!(value_text(&ParamValue::Float(2.0)), "2");
        assert_eq!(value_text(&ParamValue::Int(1234)), "1234");
        assert_eq!(value_text(&ParamValue::Str("relu".to_owned())), "relu");
    }
}
