//! Putting results on stdout, and what there is to say on stderr. A pipe that is closed early, as by
//! `head`, ends the output and is no fault.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::WorkFailed;

/// Prints the result of a command, which has then done its work.
pub fn print(text: &str) -> Result<ExitCode> {
    let mut stdout = io::stdout().lock();
    done(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Prints the result of a command as JSON, indented.
pub fn print_json(value: &impl Serialize) -> Result<ExitCode> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    print(&format!("{text}\n"))
}

/// Says something that is not the result of the command.
pub fn say(line: &str) {
    // Nobody is left to be told where stderr is closed.
    let _ = writeln!(io::stderr(), "{line}");
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
