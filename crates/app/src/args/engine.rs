//! The arguments by which a search has an engine start its workers elsewhere.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{at_least_one, time};
use crate::about::about;

/// Who starts the workers of a search, where and how many.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Have a cluster start workers, and only watch: they take --jobs, --device, --per-device, --fuse,
    /// --lease and --retries
    #[arg(long, value_name = "E", value_enum, requires = "workers", conflicts_with_all = ["dry_run", "check"])]
    pub engine: Option<EngineKind>,
    /// How many workers the engine starts, each with --jobs trials at once [default: 1]
    #[arg(long, value_name = "N", value_parser = workers)]
    pub workers: Option<WorkersArg>,
    /// How long a worker that is to end may finish what it is at
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time, requires = "engine")]
    pub grace: Duration,
    /// One more argument of each worker, as it is: --worker-arg=--metrics=9100; may be repeated
    #[arg(long, value_name = "ARG", allow_hyphen_values = true, requires = "engine")]
    pub worker_arg: Vec<String>,
    /// One more argument of `sbatch`, as it is: --sbatch-arg=--partition=long; may be repeated
    #[arg(long, value_name = "ARG", allow_hyphen_values = true, requires = "engine")]
    pub sbatch_arg: Vec<String>,
}

/// Who starts workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineKind {
    /// An array of jobs, by `sbatch`
    Slurm,
}

/// What `--workers` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkersArg {
    /// So many, which an engine starts.
    Count(usize),
    /// In a program of its own: its trainings run in processes of it, one for each job.
    Processes,
    /// In a program of its own: its trainings run in threads of one process.
    Threads,
}

impl EngineArgs {
    /// How many workers an engine is to start.
    pub fn count(&self) -> usize {
        match self.workers {
            Some(WorkersArg::Count(count)) => count,
            _ => 1,
        }
    }
}

/// What runs trainings stands behind the same argument, for it came first.
fn workers(text: &str) -> Result<WorkersArg, String> {
    let own_program = !about().studies_are_files;
    match text {
        "processes" if own_program => Ok(WorkersArg::Processes),
        "threads" if own_program => Ok(WorkersArg::Threads),
        text => at_least_one(text).map(WorkersArg::Count).map_err(|problem| match own_program {
            true => format!("{problem}, where --engine starts them, or `processes` or `threads`"),
            false => problem,
        }),
    }
}
