//! Names with what there is to say about each, one below the other.

use std::fmt::Write;

use console::measure_text_width;

use crate::commands::listing::one_line;
use crate::table::textwrap;

/// Each fact is a name and a text; one without a name goes on with the fact before it. Empty texts are
/// left out. Lines are at most `width` columns, if that can be.
pub fn facts_text(facts: &[(&str, String)], width: usize) -> String {
    let stated = || facts.iter().filter(|(_, fact)| !fact.is_empty());
    let longest = stated().map(|(name, _)| measure_text_width(name)).max().unwrap_or(0);
    let indent = " ".repeat(longest + 2);
    let mut text = String::new();
    for (name, fact) in stated() {
        let pad = " ".repeat(indent.len() - measure_text_width(name));
        let body = textwrap(&format!("{indent}{}", one_line(fact)), width, &indent);
        let _ = writeln!(text, "{name}{pad}{}", body.trim_start());
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
        assert_snapshot!(facts_text(&facts, 30));
    }
}
