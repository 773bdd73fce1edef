//! Texts as lines of a terminal: what a database or the params of a trial have to say in one, and long ones broken.

use burn_tune_search::ParamValue;
use console::measure_text_width;

/// A text of a database without what would break the line or command the terminal.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// `lr=0.001 batch_size=100`.
pub fn params_line<'a>(params: impl Iterator<Item = (&'a str, &'a ParamValue)>) -> String {
    let pairs: Vec<String> =
        params.map(|(name, value)| format!("{name}={}", value.brief())).collect();
    one_line(&pairs.join(" "))
}

/// Breaks a line at single spaces, with later lines indented. A word that is wider than a line is broken, too.
pub fn textwrap(line: &str, width: usize, indent: &str) -> String {
    let body = line.trim_start();
    let begin = &line[..line.len() - body.len()];
    let (mut text, mut column) = (begin.to_owned(), begin.chars().count());
    let indent_width = indent.chars().count();
    let mut is_first = true;
    for word in body.split(' ') {
        let room = measure_text_width(word) + usize::from(!is_first);
        if !is_first && column + room > width {
            text.push('\n');
            text.push_str(indent);
            column = indent_width;
        } else if !is_first {
            text.push(' ');
            column += 1;
        }
        for c in word.chars() {
            let wide = measure_text_width(c.encode_utf8(&mut [0; 4]));
            if column + wide > width && column > indent_width {
                text.push('\n');
                text.push_str(indent);
                column = indent_width;
            }
            text.push(c);
            column += wide;
        }
        is_first = false;
    }
    text
}

/// A text of at most `width` columns, cut between words.
pub fn cut_at_word(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for word in text.split(' ') {
        if measure_text_width(&cut) + measure_text_width(word) + 2 > width {
            break;
        }
        cut += word;
        cut.push(' ');
    }
    cut + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_are_cut_between_words() {
        let params = "batch_size=100 lr=0.001 activation=relu";
        assert_eq!(cut_at_word(params, 80), params);
        assert_eq!(cut_at_word(params, 30), "batch_size=100 lr=0.001 …");
        assert_eq!(cut_at_word(params, 3), "…");
        for width in 1..60 {
            assert!(measure_text_width(&cut_at_word(params, width)) <= width);
        }
    }
}
