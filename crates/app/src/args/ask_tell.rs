//! The arguments of `ask` and `tell`: the search for programs that burn-tune does not run.

use clap::{Args, ValueEnum};

use super::{ProposalArgs, study_name};
use crate::args::{StorageArgs, StudyArgs};

pub(super) const ASK_EXAMPLES: &str = "Examples:
  burn-tune ask --space space.toml
      prints {\"trial\": 0, \"params\": {\"lr\": 0.01}}
  burn-tune tell --trial 0 --value 0.93
  burn-tune ask --space space.toml --study night --sampler tpe --trials 200

Several programs may ask at once: no trial is given twice. One that was given out runs until somebody tells what became of it; `burn-tune tell --trial N --state fail` gives it up.

Exit codes: 0 done; 1 there is no trial, for now or any more; 2 the input is wrong.";

pub(super) const TELL_EXAMPLES: &str = "Examples:
  burn-tune tell --trial 7 --value 0.93   the score: the trial is complete
  burn-tune tell --trial 7 --step 3 --value 0.91
      on the way; prints {\"prune\": false}
  burn-tune tell --trial 7 --state pruned   stopped, with its last --step
  burn-tune tell --trial 7 --state fail

A score that is no finite number fails the trial. To tell the same again does no harm.";

/// Asking for a trial: what is searched, and all that is the same for every program.
#[derive(Debug, Args)]
pub struct AskArgs<S: Args> {
    /// What is searched.
    #[command(flatten)]
    pub space: S,
    /// Everything else.
    #[command(flatten)]
    pub options: AskOptions,
}

/// What every program's `ask` takes.
#[derive(Debug, Args)]
pub struct AskOptions {
    /// The study, which is made where it is not there [default: the space's name]
    #[arg(long, value_name = "NAME", value_parser = study_name)]
    pub study: Option<String>,
    #[command(flatten)]
    pub database: StorageArgs,
    #[command(flatten)]
    pub proposals: ProposalArgs,
    /// Seed of every random draw [default: the file's, or 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where trials have to be told first, wait for that
    #[arg(long)]
    pub wait: bool,
}

/// How a trial ended that has no score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ToldState {
    /// It came to nothing
    Fail,
    /// It was stopped, for lack of promise
    Pruned,
}

#[derive(Debug, Args)]
pub struct TellArgs {
    #[command(flatten)]
    pub study: StudyArgs,
    /// The number of the trial, as `ask` has printed it
    #[arg(long, value_name = "N")]
    pub trial: usize,
    /// The score, or with --step what it has come to on the way
    // A text: what is no number fails the trial, and does not leave it running for ever.
    #[arg(long, value_name = "V", allow_hyphen_values = true, required_unless_present = "state")]
    pub value: Option<String>,
    /// The value is one on the way, after this step, such as an epoch; steps ascend
    #[arg(long, value_name = "K", requires = "value")]
    pub step: Option<u64>,
    /// It has ended otherwise
    #[arg(long, value_name = "STATE", value_enum, conflicts_with_all = ["value", "step"])]
    pub state: Option<ToldState>,
}
