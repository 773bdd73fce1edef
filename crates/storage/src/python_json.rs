//! JSON as Python's `json` module writes it: with the words NaN and Infinity, which JSON has not.

use serde_json::Value;

/// The words that Python writes for numbers that are not finite.
const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Reads a JSON text of a database. A number that is not finite becomes a text: `"NaN"`, `"Infinity"` or
/// `"-Infinity"`.
///
/// # Errors
///
/// Where the text is no JSON all the same.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    // Nearly every text is plain JSON, and need not be copied.
    serde_json::from_str(text)
        .or_else(|error| serde_json::from_str(&quote_words(text)).map_err(|_| error))
}

/// Puts quotes around the words that stand outside of texts.
fn quote_words(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    let (mut in_text, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = WORDS.iter().find(|word| !in_text && rest.starts_with(**word));
        let length = word.map_or(first.len_utf8(), |word| word.len());
        let (token, after) = rest.split_at(length);
        match word {
            Some(word) => quoted.extend(["\"", word, "\""]),
            None => quoted.push_str(token),
        }
        in_text ^= first == '"' && !escaped;
        escaped = in_text && first == '\\' && !escaped;
        rest = after;
    }
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_finite_becomes_a_text_and_texts_stay_as_they_are() {
        let text = r#"{"a": [NaN, -Infinity, 1.5], "NaN \" NaN \\": "Infinity, é", "b": Infinity}"#;
        let value = parse(text).unwrap();
        let expected = json!({
            "a": ["NaN", "-Infinity", 1.5], "NaN \" NaN \\": "Infinity, é", "b": "Infinity",
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "nan", "[NaN", "{'a': 1}", "NaNNaN", "--Infinity"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
