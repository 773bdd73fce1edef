//! `burn-tune completions`: what makes a shell complete commands and arguments.

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::console::print;

/// Prints the script for a shell.
pub fn completions(shell: Shell) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "burn-tune", &mut script);
    print(&String::from_utf8_lossy(&script))
}
