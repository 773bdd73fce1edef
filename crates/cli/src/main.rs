//! The burn-tune program: searches of our model and of commands, by the command line that every program that
//! searches has, and what it has besides.

mod args;
mod devices;
mod dry_run;
mod init;
mod objectives;
mod our_model;
mod predict;
mod prepare;
mod program;
mod setup;
mod space_file;
mod train;
mod training_table;

mod process;

use std::process::ExitCode;

use burn_tune_app::run::{exit_code, run, start_log};
use burn_tune_app::{About, about};
use clap::FromArgMatches;

use crate::args::{Cli, Command, SpaceCommand, command_line};
use crate::objectives::KnownObjectives;
use crate::program::BurnTune;

fn main() -> ExitCode {
    process::keep_memory();
    #[cfg(feature = "ndarray")]
    process::one_thread_a_product();
    about::introduce(About {
        name: "burn-tune",
        known_flags: burn_tune_model::flags::ALL,
        studies_are_files: true,
        reader: &KnownObjectives,
        kill_children,
    });
    let cli =
        Cli::from_arg_matches(&command_line().get_matches()).unwrap_or_else(|error| error.exit());
    start_log(cli.verbose);
    exit_code(match cli.command {
        Command::App(command) => run(&BurnTune, command),
        Command::Train(args) => train::train(&args),
        Command::Devices(args) => devices::devices(&args),
        Command::Predict(args) => predict::predict(&args),
        Command::Init(args) => init::init(&args),
        Command::Space(SpaceCommand::Check { file }) => program::check_space(&file),
        Command::Space(SpaceCommand::List) => init::list(),
        Command::Space(SpaceCommand::Show { name }) => init::show(&name),
    })
}

/// The commands that score trials.
fn kill_children() {
    #[cfg(unix)]
    burn_tune_command::kill_all();
}
