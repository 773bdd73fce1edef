//! What a program says: its output as lines, and what they mean.

use burn_tune_process::tail::shown;
use serde::Deserialize;

/// Of a longer line, the rest is dropped: it is no number anyway.
const LONGEST_LINE: usize = 64 * 1024;

/// A line of the output that says how far the program is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutputLine {
    /// The step of an intermediate value.
    pub step: Option<u64>,
    /// The value; not always finite.
    pub value: f64,
}

#[derive(Deserialize)]
struct JsonLine {
    step: Option<u64>,
    value: Number,
}

/// A number as programs write it: one that is not finite may also be a text, such as `"NaN"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Text(String),
}

/// What a line says, if it is a number or a JSON object with one. NaN and infinities count, also as Python's
/// `json.dumps` and JavaScript's `String` write them, and numbers that are too large for a float.
pub fn parse_line(line: &str) -> Option<OutputLine> {
    let line = line.trim();
    if line.starts_with('{') {
        let JsonLine { step, value } = serde_json::from_str(&json5_numbers(line)).ok()?;
        let value = match value {
            Number::Finite(value) => value,
            Number::Text(text) => text.parse().ok()?,
        };
        return Some(OutputLine { step, value });
    }
    Some(OutputLine { step: None, value: line.parse().ok()? })
}

/// Makes texts of the numbers that JSON does not know: `NaN`, `-Infinity`, `1e999`. What stands in a text stays
/// as it is.
fn json5_numbers(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => text_end(rest),
            first if first.is_ascii_alphanumeric() || first == '-' => {
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)))
            }
            first => Some(first.len_utf8()),
        };
        let (token, behind) = rest.split_at(end.unwrap_or(rest.len()));
        rest = behind;
        let is_text = first == '"';
        match token.parse::<f64>() {
            Ok(number) if !is_text && !number.is_finite() => out += &format!("\"{number}\""),
            _ => out += token,
        }
    }
    out
}

/// Where the text ends with which `rest` begins, behind its closing quote.
fn text_end(rest: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return Some(at + 1),
            _ => escaped = c == '\\' && !escaped,
        }
    }
    None
}

/// The score that a last line of output is.
///
/// # Errors
///
/// What is wrong with it, in one sentence.
pub fn score(last_line: Option<&str>) -> Result<f64, String> {
    let Some(line) = last_line else {
        return Err("it printed nothing, where the last line has to be the score".into());
    };
    match parse_line(line) {
        Some(OutputLine { value, .. }) if value.is_finite() => Ok(value),
        Some(_) => {
            Err(format!("the last line of its output is no finite number: `{}`", shown(line)))
        }
        None => Err(format!(
            "the last line of its output is neither a number nor JSON with a `value`: `{}`",
            shown(line)
        )),
    }
}

/// Cuts bytes, as they come, into lines.
#[derive(Debug, Default)]
pub struct Lines {
    line: Vec<u8>,
}

impl Lines {
    /// Takes up bytes, and gives the lines that end in them.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LONGEST_LINE.saturating_sub(self.line.len());
            self.line.extend(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                lines.extend(self.end());
            }
        }
        lines
    }

    /// The line that the output ends with, where it lacks its newline.
    pub fn end(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned())
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn a_line_is_a_number_or_json_with_a_value() {
        let says = |line| parse_line(line).map(|OutputLine { step, value }| (step, value));
        assert_eq!(says(" 0.5 "), Some((None, 0.5)));
        assert_eq!(says("-1e-3"), Some((None, -1e-3)));
        assert_eq!(says(r#"{"value": 2, "note": [1]}"#), Some((None, 2.0)));
        assert_eq!(says(r#"{"step": 3, "value": 0.91}"#), Some((Some(3), 0.91)));
        for other in ["", "epoch 1", "0.5 %", r#"{"step": 3}"#, r#"{"value": "NaNs"}"#, "[1]"] {
            assert_eq!(says(other), None, "{other}");
        }
    }

    #[test]
    fn numbers_that_json_does_not_know_count() {
        let value = |line| parse_line(line).map(|OutputLine { value, .. }| value);
        assert!(value(r#"{"step": 1, "value": NaN}"#).unwrap().is_nan());
        assert!(value(r#"{"value":"nan","step":2}"#).unwrap().is_nan());
        assert_eq!(value(r#"{"step": 1, "value": -Infinity}"#), Some(f64::NEG_INFINITY));
        assert_eq!(value(r#"{"step": 1, "value": 1e999}"#), Some(f64::INFINITY));
        assert_eq!(value("-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(value(r#"{"note": "NaN \" NaN", "other": [NaN], "value": 2}"#), Some(2.0));
        assert_eq!(value(r#"{"value": 2, "note": "open"#), None);
    }

    #[test]
    fn a_score_that_is_no_number_is_shown() {
        assert_eq!(score(Some("0.25")), Ok(0.25));
        assert_snapshot!(score(None).unwrap_err(), @"it printed nothing, where the last line has to be the score");
        assert_snapshot!(score(Some("nan")).unwrap_err(), @"the last line of its output is no finite number: `nan`");
        assert_snapshot!(score(Some("done")).unwrap_err(), @"the last line of its output is neither a number nor JSON with a `value`: `done`");
        assert!(score(Some(&"x".repeat(1000))).unwrap_err().chars().count() < 300);
    }

    #[test]
    fn lines_may_come_in_pieces_and_be_endless() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"a\n\nb"), ["a\n", "\n"]);
        assert_eq!(lines.push(b"c\n"), ["bc\n"]);
        for _ in 0..100 {
            assert!(lines.push(&[b'x'; 4096]).is_empty());
        }
        assert_eq!(lines.end().map(|line| line.len()), Some(LONGEST_LINE));
        assert_eq!(lines.end(), None);
    }
}
