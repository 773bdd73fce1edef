//! Lines as a program might print them.

use proptest::prelude::*;

use super::*;

#[path = "../../../spec/tests/fuzz/mutations.rs"]
mod mutations;

const LINES: [&str; 4] = [
    "0.25",
    r#"{"step": 3, "value": 0.91}"#,
    r#"{"note": "a \"b\" NaN", "value": 1e-5, "step": 12, "more": [1, {"x": null}]}"#,
    r#"{"step": 1, "value": NaN}"#,
];

proptest! {
    #[test]
    fn any_line_is_understood_or_is_none(line in mutations::mutated(&LINES)) {
        let json = serde_json::from_str::<serde_json::Value>(&line).ok();
        let value = json.as_ref().and_then(|json| json.get("value")?.as_f64());
        let step = json.as_ref().and_then(|json| json.get("step")?.as_u64());
        // Whatever is JSON means what JSON says.
        if let (Some(value), Some(step)) = (value, step) {
            prop_assert_eq!(parse_line(&line), Some(OutputLine { step: Some(step), value }));
        }
        let _ = score(Some(&line));
    }
}
