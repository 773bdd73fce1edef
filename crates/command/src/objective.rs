//! A command as an objective: one trial is one run of it.

use std::path::{Path, PathBuf};

use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::{FoldScore, Identity, Objective, ObjectiveError, Params, TaskHandle};
use serde::Deserialize;
use thiserror::Error;

use crate::settings::CommandSettings;

/// What a program is told in its environment: the value of the param called so, its text.
#[cfg(unix)]
const PARAM: &str = "BURN_TUNE_PARAM_";
/// All params, as a JSON object.
#[cfg(unix)]
const PARAMS: &str = "BURN_TUNE_PARAMS";
/// The number of the trial.
#[cfg(unix)]
const TRIAL: &str = "BURN_TUNE_TRIAL";
/// A number below 2³², which depends on the seed of the study and on the trial.
#[cfg(unix)]
const SEED: &str = "BURN_TUNE_SEED";

/// The key under which studies keep the command.
const OBJECTIVE: &str = "objective";

/// Scores each trial by running a command.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandObjective {
    settings: CommandSettings,
    memory_limit: Option<u64>,
}

/// Why no trial could run the command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct Unusable {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub help: String,
}

impl CommandObjective {
    /// The objective of these settings.
    ///
    /// # Errors
    ///
    /// Where there is no such program or folder: so not every trial has to fail for it.
    pub fn new(settings: CommandSettings) -> Result<Self, Unusable> {
        if !cfg!(unix) {
            return Err(Unusable {
                problem: "a command runs in a process group, which this system does not have"
                    .into(),
                help: "`burn-tune ask` and `burn-tune tell` search for programs everywhere".into(),
            });
        }
        if let Some(directory) = settings.directory.as_ref().filter(|path| !path.is_dir()) {
            return Err(Unusable {
                problem: format!("there is no folder {}", directory.display()),
                help: "`directory` is where the command runs; without it, where the search does"
                    .into(),
            });
        }
        let objective = CommandObjective { settings, memory_limit: None };
        match objective.program() {
            Some(program) if objective.finds(&program) => Ok(objective),
            Some(program) => Err(Unusable {
                problem: format!("there is no program `{program}`"),
                help: "write its path, or the name of one that is in PATH".into(),
            }),
            None => Ok(objective),
        }
    }

    /// Kills a program that has more than so many bytes of memory, with all that it has started: that fails its trial
    /// and no other. Memory is what is resident; see [`MemoryLimit`](burn_tune_process::memory::MemoryLimit). It is
    /// no number that can be repeated.
    pub fn memory_limit(self, bytes: Option<u64>) -> Self {
        CommandObjective { memory_limit: bytes, ..self }
    }

    /// The command that a study has kept; `None` where it is another objective's.
    pub fn settings_of(identity: &Identity) -> Option<CommandSettings> {
        CommandSettings::deserialize(identity.get(OBJECTIVE)?).ok()
    }

    /// What is run.
    pub fn settings(&self) -> &CommandSettings {
        &self.settings
    }

    /// The program, where it is the same for all trials.
    fn program(&self) -> Option<String> {
        self.settings.command.first().and_then(|word| word.fixed())
    }

    /// Whether there is a file that a program of this name or path is looked for in.
    fn finds(&self, program: &str) -> bool {
        if program.contains('/') {
            let path = Path::new(program);
            let base = self.settings.directory.as_deref().unwrap_or(Path::new(""));
            return base.join(path).is_file();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder: PathBuf| folder.join(program).is_file())
    }
}

impl Objective for CommandObjective {
    type Config = Params;

    /// What a program prints on the way is kept, whether anybody decides by it or not.
    fn report_unit(&self) -> ReportUnit {
        ReportUnit::Steps
    }

    fn identity(&self) -> Identity {
        let settings = serde_json::to_value(&self.settings).unwrap_or_default();
        Identity::from_iter([(OBJECTIVE.to_owned(), settings)])
    }

    fn evaluate(
        &self,
        params: &Params,
        _: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        running::evaluate(&self.settings, params, handle, self.memory_limit)
    }
}

fn failed(reason: String) -> ObjectiveError {
    ObjectiveError::Failed { reason, flags: Vec::new() }
}

#[cfg(unix)]
mod running {
    //! One run of a command, from its start to its score.

    use std::io;
    use std::process::{Command, ExitStatus};

    use burn_tune_process::exit::{how_it_ended, was_asked_to_end};
    use burn_tune_process::tail::last_words;
    use burn_tune_process::{DEVICE_VARIABLE, MemoryLimit};
    use burn_tune_search::clock::Stopwatch;
    use burn_tune_search::objective::Verdict;

    use super::*;
    use crate::output::{OutputLine, parse_line, score};
    use crate::program::Program;

    /// How a run ended.
    enum End {
        /// By itself, with this line of output as the last one that is not empty.
        Exited { status: ExitStatus, last_line: Option<String> },
        /// A pruner has stopped it after it reported this value.
        Pruned { value: f64 },
    }

    pub fn evaluate(
        settings: &CommandSettings,
        params: &Params,
        handle: &TaskHandle,
        memory_limit: Option<u64>,
    ) -> Result<FoldScore, ObjectiveError> {
        let since = Stopwatch::start();
        let mut command = command(settings, params, handle);
        let name = command.get_program().to_string_lossy().into_owned();
        let mut program = Program::start(&mut command)
            .map_err(|error| failed(format!("cannot run `{name}`: {error}")))?;
        let end = watched(&mut program, handle, memory_limit.map(MemoryLimit::new));
        let stderr = program.stderr();
        handle.keep_stderr(stderr.clone());
        let score = match end? {
            End::Pruned { value } => value,
            End::Exited { status, last_line } if status.success() => {
                score(last_line.as_deref()).map_err(failed)?
            }
            End::Exited { status, .. } => {
                handle.check_ended_together(was_asked_to_end(status))?;
                return Err(failed(failure(status, &stderr)));
            }
        };
        Ok(FoldScore { score, fit_s: since.elapsed_s(), ..FoldScore::default() })
    }

    fn command(settings: &CommandSettings, params: &Params, handle: &TaskHandle) -> Command {
        let words = settings.filled(params);
        // The file's parser lets no command pass that has no words.
        let (program, args) = words.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
        // Looked for from the folder that it runs in, as its own arguments are.
        let path = match &settings.directory {
            Some(directory) if program.contains('/') => {
                std::path::absolute(directory.join(program)).unwrap_or_else(|_| program.into())
            }
            _ => PathBuf::from(program),
        };
        let mut command = Command::new(path);
        command.args(args);
        if let Some(directory) = &settings.directory {
            command.current_dir(directory);
        }
        for (name, value) in params.iter() {
            command.env(format!("{PARAM}{name}"), value.to_string());
        }
        let all = serde_json::to_string(params).unwrap_or_default();
        command.env(PARAMS, all).env(TRIAL, handle.trial().to_string());
        command.env(SEED, handle.program_seed().to_string());
        if let Some(device) = handle.device() {
            command.env(DEVICE_VARIABLE, device.to_string());
        }
        command
    }

    /// Listens to a program until it ends, or has to.
    fn watched(
        program: &mut Program,
        handle: &TaskHandle,
        mut limit: Option<MemoryLimit>,
    ) -> Result<End, ObjectiveError> {
        let lost = |error: io::Error| failed(format!("the program was lost: {error}"));
        let mut last_line = None;
        while let Some(lines) = program.poll_output().map_err(lost)? {
            for line in lines {
                if let Some(OutputLine { step: Some(step), value }) = parse_line(&line)
                    && handle.report(step, value) == Verdict::Stop
                {
                    program.stop().map_err(lost)?;
                    return Ok(End::Pruned { value });
                }
                if !line.trim().is_empty() {
                    last_line = Some(line);
                }
            }
            if let Err(abandoned) = handle.check_stop() {
                program.stop().map_err(lost)?;
                return Err(abandoned);
            }
            if let Some(limit) = &mut limit
                && program.kill_too_large(limit).map_err(lost)?
            {
                return Err(failed(format!("it {}", limit.reason())));
            }
        }
        let status = program.end().map_err(lost)?;
        Ok(End::Exited { status, last_line })
    }

    fn failure(status: ExitStatus, stderr: &str) -> String {
        let how = format!("it {}", how_it_ended(status));
        match last_words(stderr) {
            words if words.is_empty() => how,
            words => format!("{how}: {words}"),
        }
    }
}

#[cfg(not(unix))]
mod running {
    //! Nothing runs where there are no process groups: see [`CommandObjective::new`].

    use super::*;

    pub fn evaluate(
        _: &CommandSettings,
        _: &Params,
        _: &TaskHandle,
        _: Option<u64>,
    ) -> Result<FoldScore, ObjectiveError> {
        Err(failed("a command cannot run on this system".into()))
    }
}

#[cfg(test)]
mod tests;
