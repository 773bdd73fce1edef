//! Values as Python's `repr` writes them: what pandas and scikit-learn put into a CSV file.

use burn_tune_search::{ParamValue, Params};

/// A float: the shortest text that reads back as it, `0.0003` but `1e-05`; `nan`, `inf`.
pub(crate) fn float(value: f64) -> String {
    // Rust agrees with Python on the digits, and on when an exponent is due (below 1e-4 and from 1e16
    // on); Python gives the exponent a sign and at least two digits.
    let text = format!("{value:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text.to_lowercase(),
    }
}

/// A text between quotes: single ones, unless it has those and no double ones.
///
/// Python escapes characters that cannot be printed, too; here control characters alone are escaped.
/// Python reads both as the same text.
fn string(value: &str) -> String {
    let quote = if value.contains('\'') && !value.contains('"') { '"' } else { '\'' };
    let mut repr = String::from(quote);
    for character in value.chars() {
        match character {
            '\n' => repr.push_str("\\n"),
            '\r' => repr.push_str("\\r"),
            '\t' => repr.push_str("\\t"),
            '\\' => repr.push_str("\\\\"),
            character if character == quote => repr.extend(['\\', quote]),
            character if character.is_control() => {
                repr.push_str(&format!("\\x{:02x}", character as u32));
            }
            character => repr.push(character),
        }
    }
    repr.push(quote);
    repr
}

/// As `str` writes it, which is what a CSV file holds: a text without quotes.
pub(crate) fn str(value: &ParamValue) -> String {
    match value {
        ParamValue::Str(text) => text.clone(),
        value => repr(value),
    }
}

fn repr(value: &ParamValue) -> String {
    match value {
        ParamValue::Bool(true) => "True".to_owned(),
        ParamValue::Bool(false) => "False".to_owned(),
        ParamValue::Int(value) => value.to_string(),
        ParamValue::Float(value) => float(*value),
        ParamValue::Str(value) => string(value),
    }
}

/// A dict literal, its keys sorted as scikit-learn's `ParameterGrid` has them.
pub(crate) fn dict(params: &Params) -> String {
    let mut items: Vec<(&str, &ParamValue)> = params.iter().collect();
    items.sort_by_key(|(name, _)| *name);
    let items = items.iter().map(|(name, value)| format!("{}: {}", string(name), repr(value)));
    format!("{{{}}}", items.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        // Each text is what `repr` of Python 3.11 gives.
        let texts = [
            "0.0",
            "-0.0",
            "1.0",
            "0.1",
            "0.0003",
            "0.0001",
            "1e-05",
            "9.999e-05",
            "1.5e-07",
            "1e-10",
            "123456789.0",
            "1234567890123456.0",
            "9999999999999998.0",
            "1e+16",
            "1.2345e+22",
            "1e+100",
            "-1e-05",
            "5e-324",
            "2.2250738585072014e-308",
            "1.7976931348623157e+308",
            "0.30000000000000004",
            "0.023826650493636643",
            "0.0003447679044520655",
        ];
        for text in texts {
            assert_eq!(float(text.parse().unwrap()), text);
        }
        assert_eq!(float(f64::INFINITY), "inf");
        assert_eq!(float(f64::NAN), "nan");
    }

    #[test]
    fn texts_are_quoted_as_python_quotes_them() {
        let check = |text: &str, want: &str| assert_eq!(string(text), want);
        check("relu", "'relu'");
        check("it's", "\"it's\"");
        check("it's \"so\"", "'it\\'s \"so\"'");
        check("a\\b\n\u{7}", "'a\\\\b\\n\\x07'");
        check("λ", "'λ'");
    }

    #[test]
    fn a_dict_has_its_keys_sorted() {
        let params: Params = [
            ("softmax".to_owned(), ParamValue::Bool(true)),
            ("lr".to_owned(), ParamValue::Float(1e-5)),
            ("depth".to_owned(), ParamValue::Int(2)),
            ("activation".to_owned(), ParamValue::Str("relu".to_owned())),
        ]
        .into_iter()
        .collect();
        assert_eq!(
            dict(&params),
            "{'activation': 'relu', 'depth': 2, 'lr': 1e-05, 'softmax': True}"
        );
        assert_eq!(dict(&Params::default()), "{}");
    }
}
