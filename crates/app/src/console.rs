//! The only place that writes to stdout and stderr. A pipe that is closed early, as by `head`, ends the output
//! and is no fault; a device that is full is one. What cannot be said on stderr is lost, and ends nothing.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::exit::WorkFailed;

/// Prints the result of a command, which has then done its work.
pub fn print(text: &str) -> Result<ExitCode> {
    done(write(text))
}

/// Writes to stdout, at once. A closed pipe is an error here: for what must reach its reader.
pub fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
}

/// Prints the result of a command as JSON, indented.
pub fn print_json(value: &impl Serialize) -> Result<ExitCode> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    print(&format!("{text}\n"))
}

/// Says something that is not the result of the command. What would command the terminal is shown instead.
pub fn say(text: &str) {
    say_styled(&printable(text));
}

/// Says something that has the colours of a terminal.
pub fn say_styled(text: &str) {
    // Nobody is left to be told where stderr is closed or full.
    let _ = writeln!(io::stderr(), "{text}");
}

/// A text without what would command the terminal: control characters are written out. Lines stay lines.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// An argument as a shell takes it, for commands that messages name.
pub fn quoted(argument: &impl std::fmt::Display) -> String {
    let text = argument.to_string();
    let plain = |c: char| c.is_alphanumeric() || "-_./:+@=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// What has become of writing to stdout.
pub fn done(written: io::Result<()>) -> Result<ExitCode> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(WorkFailed(format!("cannot write to stdout: {error}")).into())
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\r\n\tc\u{9b}"), "a\\u{1b}[31mb\\r\n\tc\\u{9b}");
    }

    #[test]
    fn a_shell_takes_a_quoted_argument_as_one_word() {
        assert_eq!(quoted(&"results/mlp-2"), "results/mlp-2");
        for text in ["my study; echo OOPS", "it's", "$(x)", "", "a\nb", "*", "~", "a&b"] {
            assert_eq!(shlex::split(&quoted(&text)), Some(vec![text.to_owned()]), "{text}");
        }
    }
}
