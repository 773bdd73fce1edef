//! The command line as users type it: what is the same for every program that searches.

mod ask_tell;
mod compare;
mod engine;
mod serve;
mod studies;
mod worker;

use std::path::PathBuf;
use std::time::Duration;

use burn_tune_search::pruner::PrunerSettings;
use burn_tune_search::settings::{SamplerKind, check_name};
use burn_tune_study::study_folder::DATABASE;
use bytesize::ByteSize;
use clap::{Args, Subcommand};

pub use ask_tell::{AskArgs, AskOptions, TellArgs, ToldState};
pub use compare::{CompareArgs, CompareFormat};
pub use engine::{EngineArgs, EngineKind, WorkersArg};
pub use serve::{Encryption, ServeArgs};
pub use studies::*;
pub use worker::WorkerArgs;

/// The commands of a program that searches.
#[derive(Debug, Subcommand)]
pub enum AppCommand<S: Args, O: Args> {
    /// Sample configurations, train and rank them, refit the best
    #[command(after_long_help = SEARCH_EXAMPLES, display_order = 1)]
    Search(Box<SearchArgs<S, O>>),
    /// Work on a study that a search has begun, on this machine or another one
    #[command(after_long_help = worker::WORKER_EXAMPLES, display_order = 2)]
    Worker(Box<WorkerArgs>),
    /// Give studies in a file to workers on other machines, and show them in a browser
    #[command(after_long_help = serve::SERVE_EXAMPLES, display_order = 3)]
    Serve(ServeArgs),
    /// Give out the next trial, to a program that burn-tune does not run
    #[command(after_long_help = ask_tell::ASK_EXAMPLES, display_order = 4)]
    Ask(AskArgs<S>),
    /// Tell what a trial that was given out has come to
    #[command(after_long_help = ask_tell::TELL_EXAMPLES, display_order = 5)]
    Tell(TellArgs),
    /// The leaderboard of a study again, from the database
    #[command(after_long_help = RANK_EXAMPLES, display_order = 6)]
    Rank(RankArgs),
    /// What has moved between two leaderboards, such as those of two commits
    #[command(after_long_help = compare::COMPARE_EXAMPLES, display_order = 7)]
    Compare(CompareArgs),
    /// Write the HTML pages again, from the result files of an earlier search or train, or from a database
    #[command(after_long_help = REPORT_EXAMPLES, display_order = 8)]
    Report(ReportArgs),
    #[command(flatten)]
    Studies(StudiesCommand),
}

/// The environment variable that names the database where the arguments do not.
pub const STORAGE_VARIABLE: &str = "BURN_TUNE_STORAGE";

const SEARCH_EXAMPLES: &str = "Examples:
  burn-tune search --trials 50
  burn-tune search --trials 50 --jobs 4 --sampler tpe --pruner asha
  burn-tune search --trials 50 --dry-run
      what would be tried
  burn-tune search --resume
      after Ctrl-C or a crash
  burn-tune search --resume --trials 100
      50 trials more
  burn-tune search --study night
      in several terminals at once
  burn-tune search --trials 500 --engine slurm --workers 32 --jobs 8
      on a cluster; BURN_TUNE_STORAGE names the database
  burn-tune search --trials 20 --min-score 0.97
      exit code 1 below it, for CI

Exit codes: 0 done; 1 the work failed, or no score reaches --min-score; 2 the input is wrong;
130 interrupted.";

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

/// More threads than that are a slip of the pen.
pub const MOST_JOBS: usize = 1024;

/// What every command that trains takes.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Trials that run at once [default: one per core, or per --device]; the results do not depend
    /// on it
    #[arg(long, value_name = "N", value_parser = jobs, alias = "n-jobs", alias = "n_jobs")]
    pub jobs: Option<usize>,
    /// The devices to compute on, by number, such as 0,1: each job gets one, in turn
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = device)]
    pub device: Vec<usize>,
    /// Jobs on each device [default: 1]
    #[arg(
        long,
        value_name = "N",
        value_parser = jobs,
        requires = "device",
        conflicts_with = "jobs"
    )]
    pub per_device: Option<usize>,
    /// Trainings that each device computes together, or `off`, for models that can be trained so: that many
    /// run at once [default: off, and on a GPU as many as --window and its memory allow]; the results do not
    /// depend on it
    #[arg(long, value_name = "N", value_parser = fuse)]
    pub fuse: Option<Fuse>,
    /// Seed of every random draw [default: the file's, or 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
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

/// What `--fuse` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fuse {
    /// Each training is computed by itself.
    Off,
    /// So many together, on each device.
    Together(usize),
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

/// A search: what is searched, how that is scored, and all that is the same for every program.
#[derive(Debug, Args)]
pub struct SearchArgs<S: Args, O: Args> {
    /// What is searched.
    #[command(flatten)]
    pub space: S,
    /// What is the same for every program.
    #[command(flatten)]
    pub options: SearchOptions,
    /// How it is scored.
    #[command(flatten)]
    pub objective: O,
}

/// What every program's search takes.
#[derive(Debug, Clone, Args)]
pub struct SearchOptions {
    /// How it runs.
    #[command(flatten)]
    pub run: RunArgs,
    /// How many trials there are, and who proposes and stops them.
    #[command(flatten)]
    pub proposals: ProposalArgs,
    /// Folds of the cross-validation; 1 holds out a fifth [default: the file's, or 3]
    #[arg(help_heading = "Scoring", long, value_name = "K", value_parser = at_least_one, alias = "cv")]
    pub folds: Option<usize>,
    /// How many of the best to refit; 0 for none [default: the file's, or 3]
    #[arg(help_heading = "Scoring", long, value_name = "K")]
    pub top: Option<usize>,
    /// Keep what the trainings of the best N trials leave behind, such as models, in the study's folder
    /// below --out; 0 for none [default: 1, and 0 for commands]
    #[arg(help_heading = "Studies", long, value_name = "N")]
    pub keep_models: Option<usize>,
    /// Begin no trial after this time, such as 90s or 10m
    #[arg(help_heading = "When to stop", long, value_name = "TIME", value_parser = time)]
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
    #[arg(help_heading = "When to stop", long, value_name = "TIME", value_parser = trial_timeout)]
    pub trial_timeout: Option<Duration>,
    /// Fail a trial whose process has more memory than this, its children included, such as 4GiB
    #[arg(help_heading = "When to stop", long, value_name = "SIZE", value_parser = memory)]
    pub memory_limit: Option<u64>,
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
    /// Leave the work to workers elsewhere: show how far they are, and write the files at the end
    #[arg(help_heading = "Studies", long, conflicts_with_all = ["jobs", "device", "dry_run", "check"])]
    pub watch: bool,
    /// A process that gives no sign of life for this long has lost its trials to the others
    #[arg(help_heading = "Studies", long, value_name = "TIME", default_value = "5m", value_parser = lease)]
    pub lease: Duration,
    /// How often a trial may lose its process without getting any further, before it is left alone
    /// as lost, until the next --resume
    #[arg(help_heading = "Studies", long, value_name = "N", default_value_t = 5)]
    pub retries: usize,
    /// Who starts workers elsewhere.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Print what would be tried, with the work that it needs where that is known, and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Run one trial twice, alone and beside others, and say whether it comes to the same numbers;
    /// nothing is stored
    #[arg(long, conflicts_with = "dry_run")]
    pub check: bool,
}

impl SearchOptions {
    /// Whether the work is left to workers elsewhere.
    pub fn only_watches(&self) -> bool {
        self.watch || self.engine.engine.is_some()
    }
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

/// A whole number, at least 1.
///
/// # Errors
///
/// What to write.
pub fn at_least_one(text: &str) -> Result<usize, String> {
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

/// In bytes. What is below a program could not even start with, and is meant otherwise.
fn memory(text: &str) -> Result<u64, String> {
    match text.parse::<ByteSize>() {
        Ok(size) if size >= ByteSize::mib(1) => Ok(size.as_u64()),
        _ => Err("write a size with its unit, such as 512MiB or 4GiB, and at least 1MiB".into()),
    }
}

/// Each job is a thread, of which a system does not start any number.
fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=MOST_JOBS) => Ok(jobs),
        _ => Err(format!("write a whole number, at least 1 and at most {MOST_JOBS}")),
    }
}

/// Each training that waits is a thread, too.
fn fuse(text: &str) -> Result<Fuse, String> {
    match text.parse() {
        _ if text == "off" => Ok(Fuse::Off),
        Ok(most @ 1..=MOST_JOBS) => Ok(Fuse::Together(most)),
        _ => Err(format!("write `off`, or a whole number, at least 1 and at most {MOST_JOBS}")),
    }
}

fn study_name(text: &str) -> Result<String, String> {
    check_name(text).map(|()| text.to_owned())
}

fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "write a time with its unit, such as 90s or 10m".into())
}

/// Every trial takes some time.
fn trial_timeout(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("write more than that, such as 90s or 10m".into()),
        limit => Ok(limit),
    }
}

fn device(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "write whole numbers, such as 0 or 0,1".into())
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
