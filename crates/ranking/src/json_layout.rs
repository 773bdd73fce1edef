//! How the JSON files stand on lines: so that they can be read in a pull request, where a change of one
//! trial is a change of one line.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// Columns that a list or an object may take on one line.
const WIDTH: usize = 120;

/// The JSON of `value`, with a newline at the end. Its own keys stand on lines of their own; what is in
/// them is broken only where it is longer than a line. Of the lists whose keys are in `rows`, each entry
/// stands on one line, however long: they are the rows of a table.
pub(crate) fn lines(value: &impl Serialize, rows: &[&str]) -> String {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, Spaced);
    value.serialize(&mut serializer).expect("all keys are texts, and memory is no disk");
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    let mut lines = String::new();
    broken(&text, 0, &mut lines, &|entry, indent, lines| {
        let (key, value) = key_and_value(entry);
        let is_table = key.is_some_and(|key| rows.contains(&key)) && !parts(value).is_empty();
        if is_table {
            lines.push_str(&entry[..entry.len() - value.len()]);
            broken(value, indent, lines, &|row, _, lines| lines.push_str(row));
        } else {
            fitted(entry, indent, lines);
        }
    });
    lines.push('\n');
    lines
}

/// One line, with a space behind colons and commas.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.begin_array_value(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// What writes an entry, of a list or an object that is indented so far.
type WriteEntry<'a> = &'a dyn Fn(&str, usize, &mut String);

/// A list or an object with each entry on lines of its own.
fn broken(text: &str, indent: usize, lines: &mut String, write_entry: WriteEntry) {
    let parts = parts(text);
    let inner = indent + 2;
    lines.push_str(&text[..1]);
    for (place, part) in parts.iter().enumerate() {
        lines.push_str(if place == 0 { "\n" } else { ",\n" });
        lines.extend(std::iter::repeat_n(' ', inner));
        write_entry(part, inner, lines);
    }
    lines.push('\n');
    lines.extend(std::iter::repeat_n(' ', indent));
    lines.push_str(&text[text.len() - 1..]);
}

/// An entry on one line, or where that is too long and there is something to break, on several.
fn fitted(entry: &str, indent: usize, lines: &mut String) {
    let (_, value) = key_and_value(entry);
    // A comma may follow.
    let fits = indent + entry.chars().count() < WIDTH;
    if fits || parts(value).is_empty() {
        return lines.push_str(entry);
    }
    lines.push_str(&entry[..entry.len() - value.len()]);
    broken(value, indent, lines, &fitted);
}

/// The key of an entry of an object, as it stands between its quotes, and the value. What is in a list is
/// a value alone.
fn key_and_value(entry: &str) -> (Option<&str>, &str) {
    let end = if entry.starts_with('"') { end_of_text(entry) } else { 0 };
    match entry[end..].strip_prefix(": ") {
        Some(value) => (Some(&entry[1..end - 1]), value),
        None => (None, entry),
    }
}

/// The entries of a list or an object; none of anything else, and of one that is empty.
fn parts(text: &str) -> Vec<&str> {
    if !text.starts_with(['[', '{']) || text.len() == 2 {
        return Vec::new();
    }
    let inside = &text[1..text.len() - 1];
    let bytes = inside.as_bytes();
    let (mut parts, mut start, mut depth, mut at) = (Vec::new(), 0, 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at += end_of_text(&inside[at..]) - 1,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&inside[start..at]);
                // Behind the comma there is a space.
                start = at + 2;
            }
            _ => (),
        }
        at += 1;
    }
    parts.push(&inside[start..]);
    parts
}

/// Where the text ends that begins here with its quote: behind the other quote.
fn end_of_text(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    #[test]
    fn rows_stand_on_one_line_and_all_else_where_it_fits() {
        let long = "a text ".repeat(10);
        let value = json!({
            "counts": { "complete": 1, "failed": [] },
            "none": [],
            "space": { "texts": [long, long], "x, \"y\": [": { "low": 0.1, "high": 1.0 } },
            "trials": [{ "params": { "texts": [long, long] } }, { "params": {} }],
            "z": long.repeat(2),
        });
        assert_snapshot!(lines(&value, &["none", "trials"]), @r#"
        {
          "counts": {"complete": 1, "failed": []},
          "none": [],
          "space": {
            "texts": [
              "a text a text a text a text a text a text a text a text a text a text ",
              "a text a text a text a text a text a text a text a text a text a text "
            ],
            "x, \"y\": [": {"high": 1.0, "low": 0.1}
          },
          "trials": [
            {"params": {"texts": ["a text a text a text a text a text a text a text a text a text a text ", "a text a text a text a text a text a text a text a text a text a text "]}},
            {"params": {}}
          ],
          "z": "a text a text a text a text a text a text a text a text a text a text a text a text a text a text a text a text a text a text a text a text "
        }
        "#);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[\\PC\\\\\",:{}\\[\\]\n]{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 60, 8, |inner| {
            let key = "[a-c\\\\\",: \\[]{0,3}";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..8)
                    .prop_map(|entries| Value::Object(Map::from_iter(entries))),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_lines_are_the_same_value_to_the_last_digit(
            entries in prop::collection::btree_map("[ab\"\\\\]{0,2}", any_json(), 1..6),
        ) {
            let value = Value::Object(Map::from_iter(entries));
            let text = lines(&value, &["a", "b"]);
            let read: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.to_string(), value.to_string());
            prop_assert!(text.lines().all(|line| line.trim_end() == line), "{}", text);
        }
    }
}
