//! The burn-tune program: arguments, what they resolve to, and an exit code. The only crate that
//! prints.

mod args;
mod errors;
mod exit;
mod init;
mod objectives;
mod space_file;
mod study_request;

mod setup;

mod ask_tell;
mod commands;
mod compare;
mod dry_run;
mod rank;
mod report;
mod search;
mod train;

mod columns;
mod console;
mod control_echo;
mod flag_marks;
mod lines;
mod pages;
mod progress;
mod score_gate;
mod signals;
mod table;
mod training_table;

mod live_page;
mod logging;
mod process;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command, SpaceCommand};
use crate::exit::{FAILED, WRONG_INPUT, WorkFailed};

fn main() -> ExitCode {
    process::keep_memory();
    #[cfg(feature = "ndarray")]
    process::one_thread_a_product();
    let cli = Cli::parse();
    logging::start(cli.verbose);
    let outcome = match cli.command {
        Command::Search(args) => search::search(*args),
        Command::Train(args) => train::train(args),
        Command::Ask(args) => ask_tell::ask(&args),
        Command::Tell(args) => ask_tell::tell(&args),
        Command::Rank(args) => rank::rank(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Report(args) => report::report(&args),
        Command::Init(args) => init::init(&args),
        Command::Space(SpaceCommand::Check { file }) => search::check_space(&file),
        Command::Space(SpaceCommand::List) => init::list(),
        Command::Space(SpaceCommand::Show { name }) => init::show(&name),
        Command::Studies(command) => commands::run(command),
    };
    outcome.unwrap_or_else(|error| {
        errors::show(&error);
        let failed = error.downcast_ref::<WorkFailed>().is_some();
        ExitCode::from(if failed { FAILED } else { WRONG_INPUT })
    })
}
