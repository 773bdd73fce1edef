//! The arguments of `worker`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Fuse, RunArgs, STORAGE_VARIABLE, jobs, lease, study_name, time};

pub const WORKER_EXAMPLES: &str = "Examples:
  burn-tune worker --study night --storage postgresql://me@db.cluster/tune
      the password is in ~/.pgpass, or in PGPASSWORD
  burn-tune worker --study night --storage https://login1:8740
      a file of `burn-tune serve`; its token is in ~/.config/burn-tune/token
  burn-tune worker --study night --jobs 8 --idle-exit 5m --log worker.log
      BURN_TUNE_STORAGE names the database
  burn-tune worker --study night --wait-for-study 10m
      may start before the search has begun the study

It works until the study has all of its trials and refits. Where no search does, this writes
the files of the results:
  burn-tune rank --study night --out results

Exit codes: 0 the study is complete, or there was nothing to do for --idle-exit; 1 the work
failed, such as that the database was not there for --reconnect-for; 2 the input is wrong, such
as other data; 130 interrupted, by Ctrl-C or SIGTERM.";

/// What a worker takes: all else is in the database.
#[derive(Debug, Clone, Args)]
pub struct WorkerArgs {
    /// The study, which `search` has begun
    #[arg(long, value_name = "NAME", value_parser = study_name)]
    pub study: String,
    /// The database: postgresql://…, https://HOST:PORT of a `serve`, or a file where all workers are on this machine.
    /// A password in it can be seen by all users of the machine: rather write it into ~/.pgpass
    // A text until it is opened: clap repeats a wrong value, which may have a password in it.
    #[arg(
        long,
        value_name = "URL",
        env = STORAGE_VARIABLE,
        hide_env_values = true,
        default_value = "results/studies.db"
    )]
    pub storage: String,
    /// Trials that run at once [default: one per core, or per --device]
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub jobs: Option<usize>,
    /// The devices to compute on, by number, such as 0,1: each job gets one, in turn
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = super::device)]
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
    /// Trainings that each device computes together, or `off`, for models that can be trained so: that many run at
    /// once [default: off, and on a GPU as many as the study's window and its memory allow]
    #[arg(long, value_name = "N", value_parser = super::fuse)]
    pub fuse: Option<Fuse>,
    /// Run the command of the study: whoever can write to the database chooses what that is
    #[arg(long)]
    pub allow_command: bool,
    /// Wait so long for a study that is not there yet
    #[arg(help_heading = "When to end", long, value_name = "TIME", value_parser = time)]
    pub wait_for_study: Option<Duration>,
    /// End after so long without anything to do [default: wait until the study is complete]
    #[arg(help_heading = "When to end", long, value_name = "TIME", value_parser = time)]
    pub idle_exit: Option<Duration>,
    /// On SIGTERM or Ctrl-C, finish what can be finished in so long, and leave the rest to others; a second one
    /// leaves it at once
    #[arg(help_heading = "When to end", long, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub grace: Duration,
    /// Ask a database that does not answer again and again for so long
    #[arg(help_heading = "When to end", long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub reconnect_for: Duration,
    /// A process that gives no sign of life for this long has lost its trials to the others
    #[arg(help_heading = "When to end", long, value_name = "TIME", default_value = "5m", value_parser = lease)]
    pub lease: Duration,
    /// How often a trial may lose its process without getting any further, before it is left alone
    /// as lost, until the next `search --resume`
    #[arg(help_heading = "When to end", long, value_name = "N", default_value_t = 5)]
    pub retries: usize,
    /// A folder in which trainings keep checkpoints and the models of the best trials, such as one that all machines
    /// share [default: nothing is kept]
    #[arg(help_heading = "What it leaves", long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Of how many of the best trials models are kept in --out; 0 for none [default: as `search` does]
    #[arg(help_heading = "What it leaves", long, value_name = "N", requires = "out")]
    pub keep_models: Option<usize>,
    /// Write what happens into this file as well, behind what is in it
    #[arg(help_heading = "What it leaves", long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Show counts to Prometheus, at http://ADDRESS/metrics, such as 127.0.0.1:9100; a port alone is one of this
    /// machine alone
    #[arg(help_heading = "What it leaves", long, value_name = "ADDRESS", value_parser = address)]
    pub metrics: Option<SocketAddr>,
    /// Say nothing on stderr but what is wrong
    #[arg(short, long)]
    pub quiet: bool,
}

impl WorkerArgs {
    /// How it runs, as a search does.
    pub fn run(&self) -> RunArgs {
        let WorkerArgs { jobs, device, per_device, fuse, quiet, out, .. } = self.clone();
        let out = out.unwrap_or_default();
        RunArgs { jobs, device, per_device, fuse, seed: None, out, json: false, quiet }
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse()
        .map_err(|_| "write a port, or an address with its port, such as 127.0.0.1:9100".into())
}
