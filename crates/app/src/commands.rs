//! The commands that look at studies, of whatever program, and move them.

pub mod kept_models;
pub mod open_study;

mod best;
mod completions;
mod delete;
mod show;
mod studies;
mod transfer;
mod trials;

mod csv;
mod json;
pub mod key_value;
mod trials_table;

#[cfg(test)]
#[path = "../../study/src/fixtures.rs"]
mod fixtures;

use std::process::ExitCode;

use anyhow::Result;

use crate::args::StudiesCommand;

/// Does what the command says; `command_line` is all that the program takes.
pub fn run(command: StudiesCommand, command_line: clap::Command) -> Result<ExitCode> {
    match command {
        StudiesCommand::Studies(args) => studies::studies(&args),
        StudiesCommand::Trials(args) => trials::trials(&args),
        StudiesCommand::Best(args) => best::best(&args),
        StudiesCommand::Show(args) => show::show(&args),
        StudiesCommand::Delete(args) => delete::delete(&args),
        StudiesCommand::Export(args) => transfer::export(&args),
        StudiesCommand::Import(args) => transfer::import(&args),
        StudiesCommand::Completions { shell } => completions::completions(shell, command_line),
    }
}
