//! From a command to an exit code.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::AppCommand;
use crate::exit::{FAILED, WRONG_INPUT, WorkFailed};
use crate::program::Program;
use crate::{ask_tell, commands, compare, errors, logging, rank, report, serve, worker};

/// Does what a command says.
///
/// # Errors
///
/// Whatever ends the program otherwise than well: [`exit_code`] shows it.
pub fn run<P: Program>(
    program: &P,
    command: AppCommand<P::Space, P::Objective>,
) -> Result<ExitCode> {
    match command {
        AppCommand::Search(args) => {
            let source = program.source(&args.space)?;
            program.search(&source, &args.objective, &args.options)
        }
        AppCommand::Worker(args) => worker::worker(&args, |study| program.work(study)),
        AppCommand::Serve(args) => serve::serve(&args),
        AppCommand::Ask(args) => ask_tell::ask(&program.source(&args.space)?, &args.options),
        AppCommand::Tell(args) => ask_tell::tell(&args),
        AppCommand::Rank(args) => rank::rank(&args),
        AppCommand::Compare(args) => compare::compare(&args),
        AppCommand::Report(args) => report::report(&args),
        AppCommand::Studies(command) => commands::run(command, program.command_line()),
    }
}

/// Starts the log: `verbose` is how often its users ask for more.
pub fn start_log(verbose: u8) {
    logging::start(verbose);
}

/// The exit code of what a command came to; an error is shown.
pub fn exit_code(outcome: Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        errors::show(&error);
        let failed = error.downcast_ref::<WorkFailed>().is_some();
        ExitCode::from(if failed { FAILED } else { WRONG_INPUT })
    })
}
