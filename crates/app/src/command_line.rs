//! The command line of a program that has the commands of every search, and no others.

use std::process::ExitCode;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser};

use crate::about::{About, introduce, program_name};
use crate::args::AppCommand;
use crate::program::Program;
use crate::run::{exit_code, run, start_log};

#[derive(Debug, Parser)]
#[command(arg_required_else_help = true, max_term_width = 100)]
struct Cli<S: Args, O: Args> {
    /// More of what happens, on stderr; twice for everything (also: RUST_LOG)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: AppCommand<S, O>,
}

/// All of a program: reads its arguments, does what they say, and gives its exit code. `about` is said of it
/// before anything else. Wrong arguments, and a wish for help, end the program here.
pub fn main<P: Program>(program: &P, about: About) -> ExitCode {
    introduce(about);
    let matches = program.command_line().get_matches();
    match Cli::<P::Space, P::Objective>::from_arg_matches(&matches) {
        Ok(cli) => {
            start_log(cli.verbose);
            exit_code(run(program, cli.command))
        }
        Err(error) => error.exit(),
    }
}

/// The command line of such a program, in its own name.
pub fn command_line<P: Program>(description: String) -> clap::Command {
    let command = Cli::<P::Space, P::Objective>::command();
    let name = program_name();
    named(command, name).name(name).bin_name(name).about(description)
}

/// A command whose help and examples, and those of all commands below it, are of the program called `name`, which
/// needs no space file.
fn named(command: clap::Command, name: &str) -> clap::Command {
    let mut command = command.mut_subcommands(|below| named(below, name)).mut_args(|argument| {
        match argument.get_help().map(|help| without_file(&help.to_string())) {
            Some(help) => argument.help(help),
            None => argument,
        }
    });
    if let Some(about) = command.get_about().map(ToString::to_string) {
        let about = about.replace("burn-tune", name);
        command = command.about(about.replace("an earlier search or train", "an earlier search"));
    }
    let Some(help) = command.get_after_long_help() else { return command };
    let help = without_space(&help.to_string()).replace("burn-tune ", &format!("{name} "));
    command.after_long_help(help)
}

/// The help of an argument, where defaults are in the program and in no file.
fn without_file(help: &str) -> String {
    let defaults = ["[default: the file's, or ", "[default: 1, and 0 for commands]"];
    let text = match defaults.iter().find_map(|default| help.find(default)) {
        Some(start) => format!("{}[default: what the program says]", &help[..start]),
        None => help.to_owned(),
    };
    text.replace("explicit ones of the file included", "those that are tried first included")
        .replace(
            "named after the space: mlp, mlp-2 …",
            "with a number behind it from the second on",
        )
}

/// Examples without the argument `--space`.
fn without_space(help: &str) -> String {
    let mut parts = help.split(" --space ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let end = part.find(char::is_whitespace).unwrap_or(part.len());
        text + &part[end..]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_of_a_file_that_a_program_has_not() {
        let help = "Folds; 1 holds out a fifth [default: the file's, or 3]";
        assert_eq!(
            without_file(help),
            "Folds; 1 holds out a fifth [default: what the program says]"
        );
        let ask = "Give out a trial, to a program that burn-tune does not run";
        let command = named(clap::Command::new("x").about(ask), "mnist");
        let about = command.get_about().unwrap().to_string();
        assert_eq!(about, "Give out a trial, to a program that mnist does not run");
    }

    #[test]
    fn examples_are_of_the_program_itself() {
        let help = "Examples:\n  burn-tune ask --space space.toml --wait\n  burn-tune ask --space x.toml\n      prints";
        let command = clap::Command::new("x")
            .subcommand(clap::Command::new("ask").after_long_help(help.to_owned()));
        let command = named(command, "mnist");
        let ask = command.find_subcommand("ask").unwrap();
        let help = ask.get_after_long_help().unwrap().to_string();
        assert_eq!(help, "Examples:\n  mnist ask --wait\n  mnist ask\n      prints");
    }
}
