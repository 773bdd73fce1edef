//! How numbers and counts are written for people: in the terminal, on the page, and in messages. Files have all
//! digits.

use std::time::Duration;

use burn_tune_search::pruner::StepName;

use crate::leaderboard::Evaluation;

/// Significant digits of a value; of a column, those of its smallest.
const DIGITS: i32 = 4;
/// More decimals than these are not read: then each value has a power of ten.
const MOST_DECIMALS: i32 = 7;

/// How the values of one column are written: their points below each other, where that can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueFormat {
    /// `None` where some are so small or so large that each has its own form.
    decimals: Option<usize>,
}

impl ValueFormat {
    /// A format with four significant digits of the smallest of `values`; without decimals where all of them are
    /// whole numbers.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let sizes: Vec<f64> = values
            .into_iter()
            .map(f64::abs)
            .filter(|size| *size > 0.0 && size.is_finite())
            .collect();
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        let smallest = sizes.iter().copied().fold(f64::INFINITY, f64::min);
        if sizes.iter().all(|size| is_whole(*size)) {
            return ValueFormat { decimals: Some(0) };
        }
        let decimals = DIGITS - 1 - magnitude(smallest);
        let readable = decimals <= MOST_DECIMALS && largest < 1e7;
        ValueFormat { decimals: readable.then_some(decimals.max(0) as usize) }
    }

    /// One of the values.
    pub fn text(&self, value: f64) -> String {
        if value == 0.0 {
            return "0".into();
        }
        if !value.is_finite() {
            return value.to_string();
        }
        let Some(decimals) = self.decimals else { return alone(value) };
        let text = format!("{value:.decimals$}");
        // A value that the column was not made for must not look like nothing.
        let is_lost = text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.');
        if is_lost || text.len() > 20 { alone(value) } else { text }
    }

    /// `0.9781 ± 0.0012`.
    pub fn spread(&self, mean: f64, std: f64) -> String {
        format!("{} ± {}", self.text(mean), self.text(std))
    }
}

/// A value that stands alone: `0.9781`, `7850`, `3.221e-7`.
pub fn value_text(value: f64) -> String {
    ValueFormat::of([value]).text(value)
}

/// A width or an error, of which nobody reads more than two digits: `0.0031`.
pub fn rough_text(value: f64) -> String {
    let rough = significant(value, 2);
    match magnitude(rough.abs()) {
        -4..6 => rough.to_string(),
        _ => format!("{rough:e}"),
    }
}

/// `value` rounded to so many significant digits, at least one.
pub fn significant(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

/// `value` to so many significant digits, without zeros at its end: `0.00121`, `2`, `1e-7`.
///
/// For the labels and hovers of figures. Tables keep zeros at the end, so that points stand below each other; here
/// a number stands beside those that plotly writes itself, which have none.
pub fn trimmed_text(value: f64, digits: usize) -> String {
    let text = format!("{:?}", significant(value, digits));
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A number on an axis: a whole one in full, another to three significant digits, as with Optuna's `.3g`.
pub fn axis_text(value: f64) -> String {
    if is_whole(value.abs()) { format!("{value}") } else { trimmed_text(value, 3) }
}

/// A mean that stands alone, with its standard deviation: `0.9781 ± 0.0012`.
pub fn spread_text(mean: f64, std: f64) -> String {
    ValueFormat::of([mean]).spread(mean, std)
}

/// `1 trial`, `2 trials`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What the steps of such trials are called, each: of our own model epochs; functions and programs report after
/// anything.
pub fn step_word(evaluation: &Evaluation) -> &'static str {
    let step_name = match evaluation.backend {
        Some(_) => StepName::Training,
        None => StepName::Function,
    };
    step_name.singular()
}

/// `60,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The size of a model: `397k`, `1.2M`.
pub fn thousands(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}k", (number as f64 / 1e3).round()),
        _ => format!("{:.1}M", number as f64 / 1e6),
    }
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

fn is_whole(size: f64) -> bool {
    size.fract() == 0.0 && size < 1e15
}

/// The power of ten of the first digit, as it is after rounding to [`DIGITS`].
fn magnitude(size: f64) -> i32 {
    let text = format!("{size:.*e}", DIGITS as usize - 1);
    text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

/// Four significant digits, with a power of ten where the number is small or large.
fn alone(value: f64) -> String {
    match magnitude(value.abs()) {
        exponent @ -4..6 => {
            let decimals = (DIGITS - 1 - exponent).max(0) as usize;
            format!("{value:.decimals$}")
        }
        _ => format!("{value:.*e}", DIGITS as usize - 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_alone_has_four_significant_digits() {
        let shown =
            [0.978_12, 0.0, -12.5, 0.012_345_6, 0.000_123_456, 1.5e-9, 2.5e7, f64::INFINITY];
        let expected =
            ["0.9781", "0", "-12.50", "0.01235", "0.0001235", "1.500e-9", "25000000", "inf"];
        assert_eq!(shown.map(value_text), expected);
        assert_eq!([7850.0, 1.0, 1e308].map(value_text), ["7850", "1", "1.000e308"]);
        assert_eq!(value_text(12_345.678), "12346");
        assert_eq!(
            [spread_text(0.9728, 0.0012), spread_text(3.2e-7, 1e-9)],
            ["0.9728 ± 0.0012", "3.200e-7 ± 1.000e-9"]
        );
    }

    #[test]
    fn a_width_has_two_digits() {
        let shown = [0.003_087, 0.0, 12.34, 3.25e-7, 0.1].map(rough_text);
        assert_eq!(shown, ["0.0031", "0", "12", "3.3e-7", "0.1"]);
    }

    #[test]
    fn a_number_on_an_axis_is_as_short_as_it_can_be() {
        let shown = [0.001_209_431, 2.0, -40_000.0, 123.456, 1e-7, 1e16].map(axis_text);
        assert_eq!(shown, ["0.00121", "2", "-40000", "123", "1e-7", "1e16"]);
        assert_eq!(trimmed_text(0.250_04, 3), "0.25");
    }

    #[test]
    fn values_of_a_column_have_their_points_below_each_other() {
        let shown = |values: [f64; 3]| values.map(|value| ValueFormat::of(values).text(value));
        assert_eq!(shown([0.5, 0.978_12, 92.0]), ["0.5000", "0.9781", "92.0000"]);
        assert_eq!(shown([0.018_64, 0.0, 92.0]), ["0.01864", "0", "92.00000"]);
        assert_eq!(shown([0.9, 0.978_12, 1.0]), ["0.9000", "0.9781", "1.0000"]);
        assert_eq!(shown([1e-9, 0.5, f64::INFINITY]), ["1.000e-9", "0.5000", "inf"]);
        assert_eq!(shown([7850.0, 203_530.0, 0.0]), ["7850", "203530", "0"]);
    }

    #[test]
    fn durations_are_as_long_as_needed() {
        let shown = [0.0, 0.35, 0.9999, 12.34, 83.0, 7_500.0, 360_000.0].map(Some);
        let expected = ["0 ms", "350 ms", "1.0 s", "12.3 s", "1m 23s", "2h 05m", "100h 00m"];
        assert_eq!(shown.map(seconds_text), expected);
        assert_eq!([None, Some(-1.0), Some(f64::NAN)].map(seconds_text), ["", "", ""]);
    }

    #[test]
    fn counts_and_sizes() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([count(1, "seed"), count(0, "seed")], ["1 seed", "0 seeds"]);
        let sizes = [999, 397_510, 1_250_000].map(thousands);
        assert_eq!(sizes, ["999", "398k", "1.2M"]);
    }

    fn any_finite() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>().prop_filter("finite", |value| value.is_finite()),
            -1e4..1e4_f64,
            (-1e6..1e6_f64).prop_map(f64::round),
        ]
    }

    proptest! {
        #[test]
        fn no_number_but_nothing_looks_like_nothing_and_none_is_long(
            column in prop::collection::vec(any_finite(), 1..6), more in any_finite(),
        ) {
            let format = ValueFormat::of(column.iter().copied());
            for &value in column.iter().chain([&more]) {
                let text = format.text(value);
                let read: f64 = text.parse().unwrap();
                prop_assert!(text.len() <= 20, "{text}");
                prop_assert_eq!(read == 0.0, value == 0.0, "{} of {}", text, value);
                prop_assert!(read.is_finite() || value.abs() > 1.79e308);
            }
        }

        #[test]
        fn what_is_read_has_three_digits_right(column in prop::collection::vec(any_finite(), 1..6)) {
            let format = ValueFormat::of(column.iter().copied());
            for &value in column.iter().filter(|value| value.abs() < 1e308) {
                let read: f64 = format.text(value).parse().unwrap();
                prop_assert!((read - value).abs() <= 5.1e-3 * value.abs(), "{} of {}", read, value);
            }
        }

        #[test]
        fn what_is_larger_is_not_shown_as_smaller(a in any_finite(), b in any_finite()) {
            let format = ValueFormat::of([a, b]);
            let (low, high) = (a.min(b), a.max(b));
            let read = |value| format.text(value).parse::<f64>().unwrap();
            prop_assert!(read(low) <= read(high));
        }
    }
}
