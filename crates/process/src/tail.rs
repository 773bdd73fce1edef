//! The end of what a program prints: what is kept of it, and what a message repeats.

use std::collections::VecDeque;

/// So much of a line is shown in messages, in characters.
const SHOWN: usize = 200;
/// Lines that a failure repeats.
const REPEATED_LINES: usize = 3;

/// The last bytes of a stream.
#[derive(Debug)]
pub struct Tail {
    most: usize,
    bytes: VecDeque<u8>,
    cut: bool,
}

impl Tail {
    /// Keeps so many bytes at most.
    pub fn new(most: usize) -> Self {
        Tail { most, bytes: VecDeque::new(), cut: false }
    }

    /// Takes up bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let surplus = self.bytes.len().saturating_sub(self.most);
        self.cut |= surplus > 0;
        self.bytes.drain(..surplus);
    }

    /// The text; where its beginning was dropped, that is said, and it begins with a whole line.
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if !self.cut {
            return text;
        }
        let whole = text.split_once('\n').map_or(text.as_str(), |(_, rest)| rest);
        format!("… (only the end is kept)\n{whole}")
    }
}

/// The last lines of what a program has complained about, as one line.
pub fn last_words(text: &str) -> String {
    let lines = text.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let mut lines: Vec<String> = lines.take(REPEATED_LINES).map(shown).collect();
    lines.reverse();
    lines.join(" / ")
}

/// So much of a line as a message shows.
pub fn shown(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_stream_the_end_is_kept() {
        let most = 64 * 1024;
        let mut tail = Tail::new(most);
        tail.push(b"first\n");
        assert_eq!(tail.text(), "first\n");
        tail.push(&b"line\n".repeat(50_000));
        let text = tail.text();
        assert!(text.len() <= most + 40 && text.ends_with("line\n"));
        assert!(text.starts_with("… (only the end is kept)\nline\n"), "{}", &text[..50]);
    }

    #[test]
    fn the_last_words_are_one_line() {
        assert_eq!(last_words("a\nb\n\n  c\nd \n"), "b / c / d");
        assert_eq!(last_words(""), "");
        assert!(last_words(&"x".repeat(1000)).chars().count() < 210);
    }
}
