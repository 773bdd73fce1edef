//! Valid texts with a few changes, which come closer to what reads them than random bytes do. Shared by the fuzz tests
//! of all crates. `PROPTEST_CASES=100000 cargo test fuzz` searches for longer.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What breaks readers of any format.
const TOKENS: [&str; 44] = [
    "",
    "\0",
    "\u{1b}[31m",
    "\u{7f}",
    "é",
    "🦀",
    "\u{feff}",
    "\r\n",
    "\n",
    "\t",
    " ",
    "\"",
    "'",
    "\"\"\"",
    "\\",
    "\\u0000",
    "{",
    "}",
    "[",
    "]",
    "[[",
    "]]",
    ",",
    "=",
    ":",
    ".",
    "#",
    "-",
    "e",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "null",
    "true",
    "0",
    "-0.0",
    "1e999",
    "5e-324",
    "1.8e308",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "0.30000000000000004",
];

#[derive(Debug, Clone)]
enum Edit {
    Insert(Index, &'static str),
    Delete(Index, usize),
    Replace(Index, usize, &'static str),
    /// A line, once more somewhere else.
    Repeat(Index, Index),
    /// Two lines change places.
    Swap(Index, Index),
    /// The text ends here.
    Cut(Index),
    /// A number becomes another text.
    Number(Index, &'static str),
}

/// One of `corpus`, with up to six changes.
pub fn mutated(corpus: &'static [&'static str]) -> impl Strategy<Value = String> {
    let token = || select(&TOKENS[..]);
    let edit = prop_oneof![
        (any::<Index>(), token()).prop_map(|(at, token)| Edit::Insert(at, token)),
        (any::<Index>(), 1..12_usize).prop_map(|(at, len)| Edit::Delete(at, len)),
        (any::<Index>(), 1..6_usize, token())
            .prop_map(|(at, len, token)| Edit::Replace(at, len, token)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Edit::Repeat(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Edit::Swap(a, b)),
        any::<Index>().prop_map(Edit::Cut),
        (any::<Index>(), token()).prop_map(|(at, token)| Edit::Number(at, token)),
    ];
    (select(corpus), prop::collection::vec(edit, 0..6)).prop_map(|(text, edits)| {
        edits.iter().fold(text.to_owned(), |text, edit| applied(edit, &text))
    })
}

fn applied(edit: &Edit, text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let lines: Vec<&str> = text.split('\n').collect();
    let splice = |at: usize, len: usize, token: &str| -> String {
        let end = (at + len).min(chars.len());
        chars[..at]
            .iter()
            .copied()
            .chain(token.chars())
            .chain(chars[end..].iter().copied())
            .collect()
    };
    match edit {
        Edit::Insert(at, token) => splice(at.index(chars.len() + 1), 0, token),
        Edit::Delete(at, len) => splice(at.index(chars.len() + 1), *len, ""),
        Edit::Replace(at, len, token) => splice(at.index(chars.len() + 1), *len, token),
        Edit::Cut(at) => chars[..at.index(chars.len() + 1)].iter().collect(),
        Edit::Repeat(from, to) => {
            let mut lines = lines.clone();
            lines.insert(to.index(lines.len()), lines[from.index(lines.len())]);
            lines.join("\n")
        }
        Edit::Swap(a, b) => {
            let mut lines = lines.clone();
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
            lines.join("\n")
        }
        Edit::Number(at, token) => {
            let is_number = |c: char| c.is_ascii_digit() || ".e-+".contains(c);
            let starts: Vec<usize> = (0..chars.len())
                .filter(|&i| chars[i].is_ascii_digit() && (i == 0 || !is_number(chars[i - 1])))
                .collect();
            if starts.is_empty() {
                return text.to_owned();
            }
            let start = starts[at.index(starts.len())];
            let len = chars[start..].iter().take_while(|&&c| is_number(c)).count();
            splice(start, len, token)
        }
    }
}
