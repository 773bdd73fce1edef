//! `completions`: what makes a shell complete commands and arguments.

use std::process::ExitCode;

use anyhow::Result;
use clap_complete::Shell;

use crate::about::program_name;
use crate::console::print;

/// Prints the script for a shell.
pub fn completions(shell: Shell, mut command_line: clap::Command) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command_line, program_name(), &mut script);
    print(&String::from_utf8_lossy(&script))
}
