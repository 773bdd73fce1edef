//! Names with what there is to say about each, one below the other.

use std::fmt::Write;

use console::measure_text_width;

use crate::lines::{one_line, textwrap};

/// Each fact is a name and a text; one without a name goes on with the fact before it. Empty texts are
/// left out. Lines are at most `width` columns, if that can be.
pub fn key_value_text(facts: &[(impl AsRef<str>, String)], width: usize) -> String {
    let stated = facts.iter().filter(|(_, fact)| !fact.is_empty());
    let stated = || stated.clone().map(|(name, fact)| (name.as_ref(), fact));
    let names = stated().map(|(name, _)| measure_text_width(name));
    let longest = names.filter(|name| *name <= width / 2).max().unwrap_or(0);
    let indent = " ".repeat(longest + 2);
    let mut text = String::new();
    for (name, fact) in stated() {
        let body = textwrap(&format!("{indent}{}", one_line(fact)), width, &indent);
        let _ = match indent.len().checked_sub(measure_text_width(name)) {
            Some(gap) => writeln!(text, "{name}{}{}", " ".repeat(gap), body.trim_start()),
            // So long a name would leave no room beside it.
            None => writeln!(text, "{name}\n{body}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn long_facts_go_on_below_their_beginning() {
        let facts = [
            ("value", "0.98".to_owned()),
            ("error", String::new()),
            ("params", "lr = 0.1".to_owned()),
            ("", "activation = a long name of a function".to_owned()),
        ];
        assert_snapshot!(key_value_text(&facts, 30));
    }

    #[test]
    fn a_name_that_is_too_long_has_its_fact_below() {
        let facts =
            [("a = 1", "2 or 3".to_owned()), ("b = a very long value", "4 or 5".to_owned())];
        assert_snapshot!(key_value_text(&facts, 30), @r"
        a = 1  2 or 3
        b = a very long value
               4 or 5
        ");
    }
}
