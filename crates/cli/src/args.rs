//! The command line of burn-tune itself, as users type it.

use std::path::PathBuf;

use burn_tune_app::AppCommand;
use burn_tune_app::args::{ListFormat, RunArgs, StudyArgs, at_least_one};
use burn_tune_model::Backend;
use clap::{Args, CommandFactory, Parser, Subcommand};

/// The command line, with examples of our own for `search`.
pub fn command_line() -> clap::Command {
    Cli::command().mut_subcommand("search", |search| search.after_long_help(SEARCH_EXAMPLES))
}

/// Hyperparameter search for Burn.
#[derive(Debug, Parser)]
#[command(version, name = "burn-tune", arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// More of what happens, on stderr; twice for everything (also: RUST_LOG)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    App(AppCommand<SpaceArgs, ObjectiveArgs>),
    /// Train the explicit trials of a file on all of the training data, from several seeds
    #[command(after_long_help = TRAIN_EXAMPLES, display_order = 2)]
    Train(TrainArgs),
    /// What a model that a search has kept takes images for
    #[command(after_long_help = PREDICT_EXAMPLES, display_order = 13)]
    Predict(PredictArgs),
    /// What there is to compute with: processors and graphics cards
    #[command(after_long_help = DEVICES_EXAMPLES, display_order = 10)]
    Devices(DevicesArgs),
    /// Write a space file to begin with, with comments, or a crate
    #[command(after_long_help = INIT_EXAMPLES, display_order = 8)]
    Init(InitArgs),
    /// Look at search spaces
    #[command(subcommand, display_order = 9)]
    Space(SpaceCommand),
}

/// What is searched.
#[derive(Debug, Args)]
pub struct SpaceArgs {
    /// The search space; a path that does not exist is looked up by its name
    /// in search-spaces/, and among the examples of this program
    #[arg(long, value_name = "FILE")]
    pub space: PathBuf,
}

/// How a search scores models.
#[derive(Debug, Args)]
pub struct ObjectiveArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Record learning curves: the loss of each step, and every 10 steps accuracy, gradients and
    /// inactive units
    #[arg(help_heading = "Scoring", long)]
    pub curves: bool,
}

/// On what models are trained.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// What computes: flex, ndarray or wgpu [default: flex]
    #[arg(long, value_name = "B", value_parser = backend)]
    pub backend: Option<Backend>,
    /// A folder of IDX files instead of the file's data set
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Only the first N training and test examples, for a quick look
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub limit: Option<usize>,
}

const SEARCH_EXAMPLES: &str = "Examples:
  burn-tune search --space spaces/smoke.toml --trials 6
  burn-tune search --space spaces/mlp.toml --trials 50
  burn-tune search --space spaces/mlp.toml --trials 8 --limit 6000
      a quick look
  burn-tune search --space spaces/mlp.toml --trials 50 --dry-run
      what would be tried, and how long it takes
  burn-tune search --space spaces/mlp.toml --trials 50 --curves
      with learning curves
  burn-tune search --space spaces/mlp.toml --resume
      after Ctrl-C or a crash
  burn-tune search --space spaces/mlp.toml --resume --trials 100
      50 trials more
  burn-tune search --space spaces/mlp.toml --study night
      in several terminals at once
  burn-tune search --space spaces/mlp.toml --trials 20 --min-score 0.97
      exit code 1 below it, for CI
  burn-tune search --space spaces/mlp.toml --data fashion --json > l.json

Exit codes: 0 done; 1 the work failed, or no score reaches --min-score; 2 the input is wrong;
130 interrupted.";

const TRAIN_EXAMPLES: &str = "Examples:
  burn-tune train --space spaces/report.toml --seeds 8
  burn-tune train --space spaces/report.toml --seeds 3 --limit 6000
      a quick look
  burn-tune train --space spaces/report.toml --json > report.json

Exit codes: 0 done; 1 the work failed; 2 the input is wrong; 130 interrupted.";

const PREDICT_EXAMPLES: &str = "Examples:
  burn-tune predict                               the best model, its test data
  burn-tune predict --study mlp-2 --format csv > predictions.csv
  burn-tune predict --data digits                 a folder of IDX files
  burn-tune predict --data my-images-idx3-ubyte   images without labels
  burn-tune predict --model results/mlp/models/trial-7/fold-0 --data mnist";

const DEVICES_EXAMPLES: &str = "Examples:
  burn-tune devices
  burn-tune devices --json
  cargo xtask search --space spaces/mlp.toml --backend wgpu --device 0

Exit codes: 0 done; 1 a backend of this program has no device here.";

const INIT_EXAMPLES: &str = "Examples:
  burn-tune init                        space.toml, for the model of burn-tune
  burn-tune init my.toml --command      and train.py, a program of your own
  burn-tune init my-model --crate       a crate with a Burn model of your own";

#[derive(Debug, Args)]
pub struct PredictArgs {
    #[command(flatten)]
    pub study: StudyArgs,
    /// The folder of a model instead of the best one of a study
    #[arg(long, value_name = "DIR", conflicts_with = "study")]
    pub model: Option<PathBuf>,
    /// The folder with the result files, where models are [default: that of the database, or results]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// A folder of IDX files, of which the test images are taken, a file of images, or mnist
    /// [default: the test data of the study]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// What computes: flex, ndarray or wgpu [default: the study's, or flex]
    #[arg(long, value_name = "B", value_parser = backend)]
    pub backend: Option<Backend>,
    /// How predictions are printed; as a table, the first ones
    #[arg(long, value_name = "F", value_enum, default_value = "table")]
    pub format: ListFormat,
}

#[derive(Debug, Args)]
pub struct DevicesArgs {
    /// Print them as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where it goes [default: space.toml, or with --crate the current folder]
    #[arg(value_name = "FILE")]
    pub place: Option<PathBuf>,
    /// For a program of your own, which is written beside it
    #[arg(long)]
    pub command: bool,
    /// A small crate instead, in the folder FILE: a Burn model of your own with its search. It replaces nothing
    #[arg(long = "crate", conflicts_with_all = ["command", "force"])]
    pub new_crate: bool,
    /// With --crate: depend on the burn-tune in this folder, such as a clone, and not on the published one
    #[arg(long, value_name = "DIR", requires = "new_crate")]
    pub path: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Subcommand)]
pub enum SpaceCommand {
    /// List the example spaces that are in this program
    List,
    /// Print an example space, to copy it
    Show {
        /// Its name, such as mlp
        name: PathBuf,
    },
    /// Check a search-space file against the model, without running anything
    Check {
        /// The file; a path that does not exist is looked up by its name in search-spaces/, and among the
        /// examples of this program
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub space: SpaceArgs,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    /// How many times each model is trained, each time from another seed
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = at_least_one)]
    pub seeds: usize,
    /// Record no curves: faster, but nothing is said about convergence
    #[arg(long)]
    pub no_curves: bool,
}

/// How to get a backend that this program lacks.
pub fn not_built_in(backend: &str) -> String {
    format!(
        "this program was built without it: `cargo xtask search --backend {backend} …` builds it in, as does `--features {backend}`"
    )
}

fn backend(text: &str) -> Result<Backend, String> {
    if let Some(backend) = Backend::by_name(text) {
        return Ok(backend);
    }
    if Backend::NAMES.contains(&text) {
        return Err(not_built_in(text));
    }
    let known = burn_tune_search::did_you_mean::help(text, &Backend::NAMES);
    Err(match text.to_lowercase().as_str() {
        "cpu" | "torch" | "libtorch" => format!("{known}; flex and ndarray compute on the CPU"),
        "gpu" | "cuda" | "metal" | "vulkan" | "rocm" | "mps" => {
            format!("{known}; wgpu computes on graphics cards, by Vulkan, Metal or DirectX")
        }
        _ => known,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command itself and all commands below it.
    fn all_commands(command: &clap::Command) -> Vec<clap::Command> {
        let below = command.get_subcommands().flat_map(all_commands);
        [command.clone()].into_iter().chain(below).collect()
    }

    #[test]
    fn examples_are_commands_that_fit_a_terminal() {
        let mut seen = 0;
        for command in all_commands(&command_line()) {
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines() {
                let is_prose = !line.starts_with("  ");
                assert!(is_prose || line.chars().count() <= 80, "{}: {line}", command.get_name());
                let Some(example) = line.trim_start().strip_prefix("burn-tune ") else { continue };
                // What is said of it stands behind three spaces; what the shell does, behind its sign.
                let example = example.split("   ").next().unwrap_or_default();
                let example = example.split(['>', '|', '\\']).next().unwrap_or_default();
                let quoted_condition = example.contains("--where '");
                if quoted_condition {
                    continue;
                }
                let words = shlex::split(example).unwrap();
                let parsed = Cli::try_parse_from([vec!["burn-tune".to_owned()], words].concat());
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
                seen += 1;
            }
        }
        assert!(seen > 30, "{seen}");
    }

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
    }
}
