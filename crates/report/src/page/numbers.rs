//! Numbers and values as a person reads them: short, where the files have all digits.

use burn_tune_search::ParamValue;

/// `0.9767 ± 0.0006`.
pub fn spread(mean: f64, std: f64) -> String {
    if std == 0.0 && mean.fract() == 0.0 && mean.abs() >= 1e3 {
        return value(mean);
    }
    format!("{} ± {}", score(mean), score(std))
}

/// A score to four decimals, as in the terminal.
pub fn score(score: f64) -> String {
    format!("{score:.4}")
}

/// A value of any size: a whole number in full, another to four digits.
pub fn value(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 && (0.0..1e15).contains(&value) => grouped(value as u64),
        1e3.. => format!("{value:.0}"),
        10.0..1e3 => format!("{value:.2}"),
        0.01..10.0 => format!("{value:.4}"),
        _ => format!("{value:.3e}"),
    }
}

/// `1 trial`, `2 trials`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number as u64), if number == 1 { "" } else { "s" })
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

/// A parameter's value as a number, where it is one.
pub fn numeric(value: &ParamValue) -> Option<f64> {
    match value {
        ParamValue::Int(int) => Some(*int as f64),
        ParamValue::Float(float) => Some(*float),
        ParamValue::Bool(_) | ParamValue::Str(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([count(1, "seed"), count(0, "seed")], ["1 seed", "0 seeds"]);
    }
}
