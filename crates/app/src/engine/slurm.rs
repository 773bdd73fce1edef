//! Slurm as an engine: an array of jobs, each task of which is a worker. Speaks with `sbatch`, `squeue` and `scancel`,
//! which every Slurm has; `sacct` needs a database that many have not.

mod queue;
mod script;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use self::queue::{Phase, Task, parse};
use self::script::{Script, keep};
use super::contract::{Cancel, Engine, FailedWorker, Job, Look, Notice, Workers};
use super::external::{Failure, find, output};
use super::failures::end_of_log;
use crate::console::quoted;

/// How long a command may take: a busy controller takes its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a look at the queue may take.
const LOOK_PATIENCE: Duration = Duration::from_secs(10);
/// What Slurm says of a job that has ended, and one that it has forgotten.
const ENDED: [&str; 3] = ["Invalid job id", "already completing or completed", "No active jobs"];

/// Workers as tasks of a job of Slurm's.
pub struct Slurm {
    commands: Commands,
    sbatch_args: Vec<String>,
    job: Option<SlurmJob>,
    tasks: BTreeMap<usize, Task>,
    /// Whether workers were asked to end, so that this is no news.
    is_cancelled: bool,
    /// Whether the queue could be seen when it was last looked at.
    is_silent: bool,
}

/// Where Slurm's commands are.
struct Commands {
    sbatch: PathBuf,
    squeue: PathBuf,
    scancel: PathBuf,
}

impl Commands {
    fn find() -> Result<Self> {
        let path = |name: &str| {
            find(name).ok_or_else(|| anyhow!(
                "--engine slurm needs `{name}`, which is not installed here: run the search where Slurm's commands are, such as on the login node of the cluster"
            ))
        };
        Ok(Commands { sbatch: path("sbatch")?, squeue: path("squeue")?, scancel: path("scancel")? })
    }
}

/// What was submitted.
struct SlurmJob {
    id: String,
    /// Where there are several clusters.
    cluster: Option<String>,
    folder: PathBuf,
}

impl SlurmJob {
    fn command(&self, words: &[&str]) -> Vec<String> {
        let cluster = self.cluster.iter().map(|cluster| format!("--clusters={cluster}"));
        words.iter().map(ToString::to_string).chain(cluster).collect()
    }

    fn log(&self, task: usize) -> String {
        end_of_log(&self.folder.join(format!("slurm-{}_{task}.log", self.id)))
    }
}

impl Slurm {
    /// The Slurm that this machine can speak with, which is given `sbatch_args` as they are.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn find(sbatch_args: Vec<String>) -> Result<Self> {
        if let Some(argument) =
            sbatch_args.iter().find(|argument| argument.contains(char::is_control))
        {
            bail!("--sbatch-arg is one line of a batch script, and this is none: {argument:?}");
        }
        Ok(Slurm::new(Commands::find()?, sbatch_args))
    }

    fn new(commands: Commands, sbatch_args: Vec<String>) -> Self {
        Slurm {
            commands,
            sbatch_args,
            job: None,
            tasks: BTreeMap::new(),
            is_cancelled: false,
            is_silent: false,
        }
    }

    /// Takes up what the queue has now; what is to be said of it.
    fn take_up(&mut self, found: BTreeMap<usize, Task>) -> Vec<Notice> {
        let Some(job) = &self.job else { return Vec::new() };
        let mut notices = Vec::new();
        let mut again = Vec::new();
        for (number, task) in &found {
            let before = self.tasks.get(number);
            let phase = before.map(|task| task.phase);
            if phase == Some(Phase::Runs) && task.phase == Phase::Waits {
                again.push((*number, before.and_then(|task| task.machine.clone())));
            }
            if task.phase == Phase::Failed && phase != Some(Phase::Failed) && !self.is_cancelled {
                // What it ran on may be known no more.
                let machine = before.and_then(|task| task.machine.clone());
                let machine = task.machine.clone().or(machine);
                let (worker, state) = (number.to_string(), task.state.clone());
                let log = job.log(*number);
                notices.push(Notice::Failed(FailedWorker { worker, machine, state, log }));
            }
        }
        notices.extend((!again.is_empty()).then(|| Notice::Said(started_again(&again))));
        // Slurm forgets what has ended some minutes ago.
        for (number, task) in &mut self.tasks {
            if !found.contains_key(number) && !task.phase.has_ended() {
                task.phase = Phase::Ended;
            }
        }
        self.tasks.extend(found);
        notices
    }

    fn look(&self, notices: Vec<Notice>) -> Look {
        let count = |phase| self.tasks.values().filter(|task| task.phase == phase).count();
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        let waiting = self.tasks.values().filter(|task| task.phase == Phase::Waits);
        for reason in waiting.filter_map(|task| task.reason.as_deref()) {
            *reasons.entry(reason).or_default() += 1;
        }
        let why = reasons.into_iter().max_by_key(|(_, count)| *count);
        Look {
            running: count(Phase::Runs),
            waiting: count(Phase::Waits),
            why: why.map(|(reason, _)| reason.to_owned()),
            notices,
        }
    }

    fn queue(&self, job: &SlurmJob) -> Result<BTreeMap<usize, Task>, Failure> {
        let jobs = format!("--jobs={}", job.id);
        let words = ["--noheader", "--array", "--states=all", &jobs, queue::FORMAT];
        match output(&self.commands.squeue, job.command(&words), LOOK_PATIENCE) {
            Ok(text) => Ok(parse(&text)),
            Err(Failure::Refused { said, .. }) if has_ended(&said) => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        }
    }
}

impl Engine for Slurm {
    fn submit(&mut self, workers: &Workers) -> Result<Job> {
        let script = Script { workers, sbatch_args: &self.sbatch_args };
        let path = keep(&workers.folder, &script)?;
        let words = [OsStr::new("--parsable"), path.as_os_str()];
        let submitted = output(&self.commands.sbatch, words, PATIENCE);
        let answer = submitted.map_err(|error| refusal(&error, &path))?;
        // A site may have it say more before.
        let last = answer.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
        let (id, cluster) =
            last.split_once(';').map_or((last, None), |(id, name)| (id, Some(name)));
        if id.is_empty() || !id.chars().all(|digit| digit.is_ascii_digit()) {
            bail!("`sbatch --parsable` has not said the number of the job, but: {}", answer.trim());
        }
        let job = SlurmJob {
            id: id.to_owned(),
            cluster: cluster.map(str::to_owned),
            folder: workers.folder.clone(),
        };
        let how_to_cancel = format!("scancel {}", job.command(&[id]).join(" "));
        self.job = Some(job);
        Ok(Job {
            name: format!("job {id} of Slurm"),
            how_to_cancel,
            whereabouts: format!(", by the script {}; their logs are beside it", path.display()),
        })
    }

    fn poll(&mut self) -> Look {
        let Some(job) = &self.job else { return Look::default() };
        let notices = match self.queue(job) {
            Ok(found) => {
                let mut notices = self.take_up(found);
                if std::mem::take(&mut self.is_silent) {
                    notices.insert(0, Notice::Said("Slurm answers again".to_owned()));
                }
                notices
            }
            Err(_) if self.is_silent => Vec::new(),
            Err(error) => {
                self.is_silent = true;
                vec![Notice::Said(format!(
                    "warning: how the workers are cannot be seen, and they go on: {error}"
                ))]
            }
        };
        self.look(notices)
    }

    fn cancel(&mut self, which: Cancel) -> Result<()> {
        let Some(job) = &self.job else { return Ok(()) };
        self.is_cancelled = true;
        let waiting: &[&str] = &["--state=PENDING", &job.id];
        // The batch script has become the worker, which ends its own children.
        let running: &[&str] = &["--batch", "--signal=TERM", &job.id];
        let commands: &[&[&str]] = match which {
            Cancel::Waiting => &[waiting],
            Cancel::InOrder => &[waiting, running],
            // They get another TERM, and some time later KILL.
            Cancel::AtOnce => &[&[&job.id]],
        };
        for words in commands {
            match output(&self.commands.scancel, job.command(words), PATIENCE) {
                Err(Failure::Refused { said, .. }) if has_ended(&said) => {}
                other => drop(other?),
            }
        }
        Ok(())
    }
}

fn has_ended(said: &str) -> bool {
    ENDED.iter().any(|words| said.contains(words))
}

fn refusal(error: &Failure, script: &Path) -> anyhow::Error {
    let script = quoted(&script.display());
    match error {
        Failure::Refused { said, .. } => anyhow!(
            "Slurm has refused the job: {said}\nits script is {script}; --sbatch-arg=ARG changes what it asks for, such as --sbatch-arg=--partition=NAME"
        ),
        error => anyhow!("the job cannot be submitted: {error}; its script is {script}"),
    }
}

/// Workers that were put back into the queue, with the machines that they ran on.
fn started_again(workers: &[(usize, Option<String>)]) -> String {
    let numbers: Vec<String> = workers.iter().map(|(number, _)| number.to_string()).collect();
    let mut machines: Vec<&str> =
        workers.iter().filter_map(|(_, machine)| machine.as_deref()).collect();
    machines.sort_unstable();
    machines.dedup();
    let noun = if numbers.len() == 1 { "worker" } else { "workers" };
    let place = match machines.as_slice() {
        [] => String::new(),
        machines => format!(", which ran on {}", machines.join(", ")),
    };
    format!("Slurm begins {noun} {} again{place}", numbers.join(", "))
}

#[cfg(test)]
mod tests;
