//! The command line of a program that searches: `search`, `ask`, `rank`, `trials` and the other commands, their
//! tables, pages, messages and exit codes. What is searched comes in through a [`Program`].
//!
//! The only crate that prints.

pub mod about;
#[expect(missing_docs, reason = "clap shows what stands there as help")]
pub mod args;
pub mod command_line;
pub mod errors;
pub mod exit;
pub mod program;
pub mod run;
pub mod source;

mod ask_tell;
mod commands;
mod compare;
mod engine;
mod rank;
mod report;
pub mod search;
mod serve;
mod study_request;
pub mod worker;

pub mod columns;
pub mod console;
mod control_echo;
pub mod flag_marks;
mod format;
pub mod lines;
pub mod pages;
pub mod progress;
mod score_gate;
mod shown_password;
pub mod signals;
pub mod table;

mod live_page;
mod logging;

/// The errors of commands.
pub use anyhow;

pub use about::{About, program_name};
pub use args::AppCommand;
pub use commands::kept_models;
pub use program::Program;
pub use run::run;
pub use source::Source;
