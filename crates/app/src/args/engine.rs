//! The arguments by which a search has an engine start its workers elsewhere.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{at_least_one, time};
use crate::about::about;

/// Who starts the workers of a search, where and how many.
#[derive(Debug, Clone, Args)]
pub struct EngineArgs {
    /// Have a cluster start workers, and only watch them: they take --jobs, --device, --per-device, --fuse,
    /// --lease and --retries
    #[arg(help_heading = "Engine", long, value_name = "E", value_enum, requires = "workers", conflicts_with_all = ["dry_run", "check"])]
    pub engine: Option<EngineKind>,
    /// How many workers the engine starts, each with --jobs trials at once, or one where that is not said
    #[arg(help_heading = "Engine", long, value_name = "N", value_parser = workers)]
    pub workers: Option<WorkersArg>,
    /// How long a worker that is to end may finish what it is at
    #[arg(help_heading = "Engine", long, value_name = "TIME", default_value = "30s", value_parser = time, requires = "engine")]
    pub grace: Duration,
    /// One more argument of each worker, as it is: --worker-arg=--metrics=9100; may be repeated
    #[arg(
        help_heading = "Engine",
        long,
        value_name = "ARG",
        allow_hyphen_values = true,
        requires = "engine"
    )]
    pub worker_arg: Vec<String>,
    /// One more argument of `sbatch`, as it is: --sbatch-arg=--partition=long; may be repeated
    #[arg(
        help_heading = "Engine",
        long,
        value_name = "ARG",
        allow_hyphen_values = true,
        requires = "engine"
    )]
    pub sbatch_arg: Vec<String>,
    /// The dashboard of a cluster of Ray, such as http://HOST:8265 [default: as `ray job submit` has it,
    /// RAY_API_SERVER_ADDRESS or http://127.0.0.1:8265]
    #[arg(help_heading = "Engine", long, value_name = "URL", requires = "engine")]
    pub ray_address: Option<String>,
    /// This program on machines of Ray that do not share this one's files, such as its name in their image: workers
    /// keep no files there [default: this program by its path, in this folder]
    #[arg(help_heading = "Engine", long, value_name = "PROGRAM", requires = "engine")]
    pub worker_program: Option<String>,
    /// Graphics cards that Ray or Kubernetes keeps free for each worker; for Ray also a part of one, such as 0.25
    #[arg(help_heading = "Engine", long, value_name = "N", value_parser = gpus, requires = "engine")]
    pub worker_gpus: Option<f64>,
    /// The image of the workers, for Kubernetes, whose entry point is this program [default: burn-tune]
    #[arg(help_heading = "Engine", long, value_name = "NAME", requires = "engine")]
    pub image: Option<String>,
    /// Print what starts the workers, instead of starting them, and make no study: with --engine kubernetes
    #[arg(help_heading = "Engine", long, requires_all = ["engine", "study"])]
    pub print: bool,
}

/// Who starts workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineKind {
    /// An array of jobs, by `sbatch`
    Slurm,
    /// Jobs of a cluster of Ray, by its REST API
    Ray,
    /// A Job, which --print prints for `kubectl apply`
    Kubernetes,
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

fn gpus(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(gpus) if gpus > 0.0 && gpus.is_finite() => Ok(gpus),
        _ => Err("write a number above 0, such as 1 or 0.25".into()),
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

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;
    use crate::args::SearchOptions;

    fn parsed(text: &str) -> Result<SearchOptions, String> {
        let command =
            SearchOptions::augment_args(clap::Command::new("search").no_binary_name(true));
        let matches = command.try_get_matches_from(text.split_whitespace());
        let matches = matches.map_err(|error| error.to_string())?;
        SearchOptions::from_arg_matches(&matches).map_err(|error| error.to_string())
    }

    #[test]
    fn an_engine_needs_a_number_of_workers_and_takes_what_is_theirs_as_it_is() {
        let args = "--engine slurm --workers 32 --sbatch-arg --time=5:00 --sbatch-arg=-w=n1 \
                    --worker-arg=--metrics=9100 --jobs 8";
        let options = parsed(args).unwrap();
        assert!(options.only_watches());
        assert_eq!(options.engine.count(), 32);
        assert_eq!(options.engine.sbatch_arg, ["--time=5:00", "-w=n1"]);
        assert_eq!(options.engine.worker_arg, ["--metrics=9100"]);
        assert_eq!(options.run.jobs, Some(8));
        assert!(!parsed("--jobs 8").unwrap().only_watches());
        for (args, problem) in [
            ("--engine slurm", "--workers <N>"),
            ("--engine slurm --workers 0", "a whole number, at least 1"),
            // In `burn-tune`, nothing runs in processes.
            ("--workers threads", "a whole number, at least 1"),
            ("--engine pbs --workers 2", "possible values: slurm"),
            ("--sbatch-arg=--time=5:00", "--engine <E>"),
            ("--engine slurm --workers 2 --dry-run", "cannot be used with"),
        ] {
            let error = parsed(args).unwrap_err();
            assert!(error.contains(problem), "{args}: {error}");
        }
    }

    #[test]
    fn every_option_stands_in_the_book() {
        let book = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/many-machines.md");
        // A package that stands alone has no book.
        let Ok(book) = std::fs::read_to_string(book) else { return };
        let command = EngineArgs::augment_args(clap::Command::new("search"));
        for argument in command.get_arguments() {
            let option = format!("| `--{}", argument.get_long().unwrap());
            assert!(book.contains(&option), "{option}");
        }
    }
}
