//! The command line as users type it.

mod ask_tell;
mod compare;
mod studies;

use std::path::PathBuf;
use std::time::Duration;

use burn_tune_model::Backend;
use burn_tune_search::pruner::PrunerSettings;
use burn_tune_search::settings::{SamplerKind, check_name};
use burn_tune_study::study_folder::DATABASE;
use clap::{Args, Parser, Subcommand};

pub use ask_tell::{AskArgs, TellArgs, ToldState};
pub use compare::{CompareArgs, CompareFormat};
pub use studies::*;

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
    /// Sample configurations, train and rank them, refit the best
    #[command(after_long_help = SEARCH_EXAMPLES)]
    Search(Box<SearchArgs>),
    /// Train the explicit trials of a file on all of the training data, from several seeds
    #[command(after_long_help = TRAIN_EXAMPLES)]
    Train(TrainArgs),
    /// Give out the next trial, to a program that burn-tune does not run
    #[command(after_long_help = ask_tell::ASK_EXAMPLES)]
    Ask(AskArgs),
    /// Tell what a trial that was given out has come to
    #[command(after_long_help = ask_tell::TELL_EXAMPLES)]
    Tell(TellArgs),
    /// The leaderboard of a study again, from the database
    #[command(after_long_help = RANK_EXAMPLES)]
    Rank(RankArgs),
    /// What has moved between two leaderboards, such as those of two commits
    #[command(after_long_help = compare::COMPARE_EXAMPLES)]
    Compare(CompareArgs),
    /// Write the HTML pages again, from the result files of an earlier search or train, or from a database
    #[command(after_long_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Write a space file to begin with, with comments
    #[command(after_long_help = INIT_EXAMPLES)]
    Init(InitArgs),
    /// Look at search spaces
    #[command(subcommand)]
    Space(SpaceCommand),
    #[command(flatten)]
    Studies(StudiesCommand),
}

/// The environment variable that names the database where the arguments do not.
pub const STORAGE_VARIABLE: &str = "BURN_TUNE_STORAGE";

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

const RANK_EXAMPLES: &str = "Examples:
  burn-tune rank                        the newest study, finished or not
  burn-tune rank --study mlp-2 --json > leaderboard.json
  burn-tune rank --study mlp-2 --out mlp-2   with all files of a search
  burn-tune rank --min-score 0.97   exit code 1 where none reaches it";

const REPORT_EXAMPLES: &str = "Examples:
  burn-tune report                      the pages of what is in results/
  burn-tune report --out last-week      of another folder
  burn-tune report --study mlp-2        of a study in results/studies.db
  burn-tune report --study s --storage postgresql://me@host/tune";

const INIT_EXAMPLES: &str = "Examples:
  burn-tune init                        space.toml, for the model of burn-tune
  burn-tune init my.toml --command      and train.py, a program of your own";

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where it goes
    #[arg(default_value = "space.toml")]
    pub file: PathBuf,
    /// For a program of your own, which is written beside it
    #[arg(long)]
    pub command: bool,
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

/// What every command that trains models takes.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The search space; a path that does not exist is looked up by its name
    /// in search-spaces/, and among the examples of this program
    #[arg(long, value_name = "FILE")]
    pub space: PathBuf,
    /// Worker threads [default: one per core]; the results do not depend on it
    #[arg(long, value_name = "N", value_parser = jobs, alias = "n-jobs", alias = "n_jobs")]
    pub jobs: Option<usize>,
    /// Seed of every random draw [default: the file's, or 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// What computes: flex, ndarray or wgpu [default: flex]
    #[arg(long, value_name = "B", value_parser = backend)]
    pub backend: Option<Backend>,
    /// A folder of IDX files instead of the file's data set
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Only the first N training and test examples, for a quick look
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub limit: Option<usize>,
    /// Where the result files go
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub out: PathBuf,
    /// Print the result as JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// No progress on stderr
    #[arg(short, long)]
    pub quiet: bool,
}

/// How many trials a study has, and who proposes and stops them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Trials")]
pub struct ProposalArgs {
    /// Trials in all, explicit ones of the file included [default: the study's, or 50]
    #[arg(
        long,
        value_name = "N",
        value_parser = at_least_one,
        aliases = ["n-trials", "n_trials", "n-iter", "n_iter"]
    )]
    pub trials: Option<usize>,
    /// How candidates are drawn: random, grid, sobol, tpe, gp or cmaes [default: the file's, or random]
    #[arg(long, value_name = "S", value_parser = sampler)]
    pub sampler: Option<SamplerKind>,
    /// What stops hopeless trials: median, percentile, asha, hyperband, patient, threshold, wilcoxon or
    /// none, with its default settings [default: the file's, or none]
    #[arg(long, value_name = "P", value_parser = pruner)]
    pub pruner: Option<PrunerChoice>,
    /// Trials under way at once, at most, where a sampler, a pruner or --target looks at those before
    /// [default: the file's, or 8]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub window: Option<usize>,
}

#[derive(Debug, Args)]
pub struct SearchArgs {
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub proposals: ProposalArgs,
    /// Folds of the cross-validation; 1 holds out a fifth [default: the file's, or 3]
    #[arg(help_heading = "Scoring", long, value_name = "K", value_parser = at_least_one, alias = "cv")]
    pub folds: Option<usize>,
    /// How many of the best to refit; 0 for none [default: the file's, or 3]
    #[arg(help_heading = "Scoring", long, value_name = "K")]
    pub top: Option<usize>,
    /// Record learning curves: the loss of each step, and every 10 steps accuracy, gradients and
    /// inactive units
    #[arg(help_heading = "Scoring", long)]
    pub curves: bool,
    /// Begin no trial after this time, such as 90s or 10m
    #[arg(help_heading = "When to stop", long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
    /// End the study once a trial has come to this score, or a better one
    #[arg(
        help_heading = "When to stop",
        long,
        value_name = "SCORE",
        allow_negative_numbers = true
    )]
    pub target: Option<f64>,
    /// End with exit code 1, once all files are written, where the best score is below this one (above it,
    /// where scores are minimized)
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true, value_parser = score)]
    pub min_score: Option<f64>,
    /// End the study once so many trials have ended since the best one
    #[arg(help_heading = "When to stop", long, value_name = "N", value_parser = at_least_one)]
    pub no_improvement: Option<usize>,
    /// Fail a trial that takes longer than this, from the start of its first fold
    #[arg(help_heading = "When to stop", long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub trial_timeout: Option<Duration>,
    /// Go on with a study: the one that --study names, or the newest unfinished one of the space
    #[arg(help_heading = "Studies", long)]
    pub resume: bool,
    /// The study's name: one that is there is joined, also by several processes at once
    /// [default: a new one, named after the space: mlp, mlp-2 …]
    #[arg(help_heading = "Studies", long, value_name = "NAME", value_parser = study_name)]
    pub study: Option<String>,
    /// The database: a file, or postgresql://… [default: studies.db in the folder of --out]
    // A text until it is opened: clap repeats a wrong value, which may have a password in it.
    #[arg(help_heading = "Studies", long, value_name = "URL", env = STORAGE_VARIABLE, hide_env_values = true)]
    pub storage: Option<String>,
    /// A process that gives no sign of life for this long has lost its trials to the others
    #[arg(help_heading = "Studies", long, value_name = "TIME", default_value = "5m", value_parser = lease)]
    pub lease: Duration,
    /// How often a trial may lose its process without getting any further, before it is left alone
    /// as lost, until the next --resume
    #[arg(help_heading = "Studies", long, value_name = "N", default_value_t = 5)]
    pub retries: usize,
    /// Print the candidates with their sizes and the work they need, and stop
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// How many times each model is trained, each time from another seed
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = at_least_one)]
    pub seeds: usize,
    /// Record no curves: faster, but nothing is said about convergence
    #[arg(long)]
    pub no_curves: bool,
}

#[derive(Debug, Args)]
pub struct RankArgs {
    #[command(flatten)]
    pub study: StudyArgs,
    /// Print the leaderboard as JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Write the result files of a search there
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// End with exit code 1 where the best score is below this one (above it, where scores are minimized)
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true, value_parser = score)]
    pub min_score: Option<f64>,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The folder with the result files, which the pages go to as well
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub out: PathBuf,
    /// The page of this study of the database instead
    #[arg(long, value_name = "NAME")]
    pub study: Option<String>,
    /// The database: a file, or postgresql://… [default: studies.db in the folder of --out]
    #[arg(long, value_name = "URL")]
    pub storage: Option<String>,
}

impl ReportArgs {
    /// The study of a database, if one is asked for.
    pub fn of_database(&self) -> Option<StudyArgs> {
        if self.study.is_none() && self.storage.is_none() {
            return None;
        }
        let default = || self.out.join(DATABASE).display().to_string();
        let storage = std::env::var(STORAGE_VARIABLE).ok();
        let storage = self.storage.clone().or(storage).unwrap_or_else(default);
        Some(StudyArgs { database: StorageArgs { storage }, study: self.study.clone() })
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("write a whole number, at least 1".into()),
        Ok(number) => Ok(number),
    }
}

fn score(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(score) if score.is_finite() => Ok(score),
        _ => Err("write a number, such as 0.97".into()),
    }
}

/// Each job is a thread, of which a system does not start any number.
fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=1024) => Ok(jobs),
        _ => Err("write a whole number, at least 1 and at most 1024".into()),
    }
}

fn study_name(text: &str) -> Result<String, String> {
    check_name(text).map(|()| text.to_owned())
}

/// Signs of life are given about every second, at most.
fn lease(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(lease) if lease >= Duration::from_secs(5) => Ok(lease),
        Ok(_) => Err("write at least 5s: a busy machine needs some time for a sign of life".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn sampler(text: &str) -> Result<SamplerKind, String> {
    let known = SamplerKind::NAMES;
    let found = known.iter().find(|(name, _)| *name == text);
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    found.map(|(_, kind)| *kind).ok_or_else(|| burn_tune_search::did_you_mean::help(text, &names))
}

/// What `--pruner` says.
#[derive(Debug, Clone, PartialEq)]
pub enum PrunerChoice {
    /// No trial is pruned, whatever the file says.
    None,
    /// This pruner.
    Some(PrunerSettings),
}

fn pruner(text: &str) -> Result<PrunerChoice, String> {
    if text == "none" {
        return Ok(PrunerChoice::None);
    }
    let names: Vec<&str> = PrunerSettings::NAMES.into_iter().chain(["none"]).collect();
    PrunerSettings::by_name(text)
        .map(PrunerChoice::Some)
        .ok_or_else(|| burn_tune_search::did_you_mean::help(text, &names))
}

fn backend(text: &str) -> Result<Backend, String> {
    if let Some(backend) = Backend::by_name(text) {
        return Ok(backend);
    }
    if Backend::NAMES.contains(&text) {
        return Err(format!(
            "this program was built without it: `cargo xtask search --backend {text} …` builds it in, as does `--features {text}`"
        ));
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
    use clap::CommandFactory;

    use super::*;

    /// The command itself and all commands below it.
    fn all_commands(command: &clap::Command) -> Vec<clap::Command> {
        let below = command.get_subcommands().flat_map(all_commands);
        [command.clone()].into_iter().chain(below).collect()
    }

    #[test]
    fn examples_are_commands_that_fit_a_terminal() {
        let mut seen = 0;
        for command in all_commands(&Cli::command()) {
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
        Cli::command().debug_assert();
    }
}
