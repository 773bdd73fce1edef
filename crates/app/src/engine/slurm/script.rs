//! The batch script of the workers: kept where its user can read it, and submit it again.

use std::fmt::{self, Display};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::super::contract::Workers;
use crate::about::program_name;
use crate::console::quoted;

/// Before their time is over, workers are told so this much earlier than they need.
const RESERVE: Duration = Duration::from_secs(30);
/// A study has no more scripts than that.
const MOST_SCRIPTS: usize = 10_000;

/// The script that starts `workers`.
pub struct Script<'a> {
    pub workers: &'a Workers,
    /// What `sbatch` is told beside our own, over which it goes.
    pub sbatch_args: &'a [String],
}

impl Display for Script<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Workers { study, count, command, environment, cpus, grace, folder, directory } =
            self.workers;
        let name = job_name(study);
        let log = folder.join("slurm-%A_%a.log").display().to_string();
        let log = log.strip_suffix("%A_%a.log").unwrap_or(&log).replace('%', "%%") + "%A_%a.log";
        let early = (*grace + RESERVE).as_secs();
        let own = [
            format!("--job-name={name}"),
            format!("--array=0-{}", count.saturating_sub(1)),
            format!("--cpus-per-task={cpus}"),
            "--requeue".to_owned(),
            format!("--signal=B:TERM@{early}"),
            format!("--chdir={}", directory.display()),
            format!("--output={log}"),
            "--open-mode=append".to_owned(),
        ];
        writeln!(f, "#!/bin/sh")?;
        writeln!(f, "# Each task of this array is a worker on a study of {}.", program_name())?;
        writeln!(
            f,
            "# Submitted once more, it starts as many workers more; each takes what nobody is at."
        )?;
        own.iter().try_for_each(|option| writeln!(f, "#SBATCH {}", as_option(option)))?;
        self.sbatch_args.iter().try_for_each(|option| writeln!(f, "#SBATCH {option}"))?;
        for (key, value) in environment {
            writeln!(f, "export {key}={}", quoted(value))?;
        }
        let words: Vec<String> = command.iter().map(quoted).collect();
        // In place of the shell, so that it is the worker that is told of its end.
        writeln!(f, "exec {}", words.join(" \\\n  "))
    }
}

/// An option as a script has it, where spaces part words and `#` begins a comment.
fn as_option(option: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:+@=,%".contains(c);
    match option.chars().all(plain) {
        true => option.to_owned(),
        false => format!("\"{}\"", option.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// What `squeue` shows: the program, and the study in letters that every tool takes.
fn job_name(study: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let study: String = study.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    format!("{}-{study}", program_name())
}

/// Writes it into a file of its own: what was submitted before is not to change.
///
/// # Errors
///
/// Where it cannot be written.
pub fn keep(folder: &Path, script: &Script) -> Result<PathBuf> {
    for number in 1..MOST_SCRIPTS {
        let name = if number == 1 { "slurm.sh".to_owned() } else { format!("slurm-{number}.sh") };
        let path = folder.join(name);
        let mut file = match File::create_new(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            file => file.with_context(|| format!("cannot write {}", path.display()))?,
        };
        write!(file, "{script}").with_context(|| format!("cannot write {}", path.display()))?;
        return Ok(path);
    }
    bail!("there are {MOST_SCRIPTS} scripts in {}: remove some", folder.display())
}
