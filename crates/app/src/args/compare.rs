//! The arguments of `compare`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub const COMPARE_EXAMPLES: &str = "Examples:
  burn-tune compare last-week/leaderboard.json results/leaderboard.json
  burn-tune compare last-week results               two folders of results
  git show main:results/leaderboard.json | burn-tune compare - results
  burn-tune compare - results --format markdown     for a pull request
  burn-tune compare old new --format json | jq .verdict

Trials are the same where all params are equal, whatever their numbers. Noise is
what the studies tell of it, the larger of the two; --tolerance sets it.

Exit codes: 0 the best is as good, or better; 1 it got worse by more than noise;
2 the input is wrong.";

/// How a comparison is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// For people
    Text,
    /// An object with all that there is; crates/ranking/comparison.schema.json says what
    Json,
    /// For a comment in a pull request
    Markdown,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// What was: a leaderboard.json, a folder that has one, or - for stdin
    pub old: PathBuf,
    /// What is, likewise
    pub new: PathBuf,
    /// Differences of scores up to this one are noise [default: what the studies tell]
    #[arg(long, value_name = "D", allow_negative_numbers = true, value_parser = tolerance)]
    pub tolerance: Option<f64>,
    /// How it is printed
    #[arg(long, value_name = "F", value_enum, default_value = "text")]
    pub format: CompareFormat,
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(tolerance) if (0.0..f64::INFINITY).contains(&tolerance) => Ok(tolerance),
        _ => Err("write a number, at least 0, such as 0.002".into()),
    }
}
