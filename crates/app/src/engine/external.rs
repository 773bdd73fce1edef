//! The commands of an engine, such as `sbatch`: run to their end, or for so long, apart from the terminal's Ctrl-C.

use std::env;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use thiserror::Error;

/// How often it is looked whether a command has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a command came to nothing.
#[derive(Debug, Error)]
pub enum Failure {
    /// There is no such program.
    #[error("`{program}` is not installed here")]
    NotInstalled {
        /// What it is called.
        program: String,
    },
    /// It cannot be run.
    #[error("cannot run `{program}`: {error}")]
    NotRun {
        /// What it is called.
        program: String,
        /// What the system says.
        error: io::Error,
    },
    /// It has ended otherwise than well.
    #[error("`{program}` has refused: {said}")]
    Refused {
        /// What it is called.
        program: String,
        /// What it has said.
        said: String,
    },
    /// It has not ended.
    #[error("`{program}` has not answered within {} s", limit.as_secs())]
    Silent {
        /// What it is called.
        program: String,
        /// For how long it was waited for.
        limit: Duration,
    },
}

/// Where the program is that the shell would run.
pub fn find(program: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// What a command writes to stdout, once it has ended well.
///
/// # Errors
///
/// Otherwise; with what it says on stderr.
pub fn output(
    program: &Path,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    limit: Duration,
) -> Result<String, Failure> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A Ctrl-C is for the search, which ends what it has begun.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let name = program.file_name().unwrap_or(program.as_os_str());
    let name = name.to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::NotInstalled { program: name.clone() },
        _ => Failure::NotRun { program: name.clone(), error },
    })?;
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let status = match wait(&mut child, limit) {
        Ok(Some(status)) => status,
        Ok(None) => return Err(Failure::Silent { program: name, limit }),
        Err(error) => return Err(Failure::NotRun { program: name, error }),
    };
    let text = |reader: thread::JoinHandle<String>| reader.join().unwrap_or_default();
    let (stdout, stderr) = (text(stdout), text(stderr));
    if status.success() {
        return Ok(stdout);
    }
    let said = [stderr.trim(), stdout.trim()].into_iter().find(|said| !said.is_empty());
    let said =
        said.map_or_else(|| format!("it says nothing, and has ended with {status}"), str::to_owned);
    Err(Failure::Refused { program: name, said })
}

/// Reads a pipe to its end beside what else goes on, so that nobody waits for a full one.
fn reader(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before it broke is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// How it has ended; `None` where it had to be killed.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<std::process::ExitStatus>> {
    let since = Stopwatch::start();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if since.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, limit_s: f64) -> Result<String, String> {
        let limit = Duration::from_secs_f64(limit_s);
        output(Path::new("sh"), ["-c", script], limit).map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_gives_what_it_prints_or_says_why_not() {
        assert_eq!(shell("echo 12; echo warning >&2", 60.0), Ok("12\n".to_owned()));
        assert_eq!(
            shell("echo no such partition >&2; exit 1", 60.0),
            Err("`sh` has refused: no such partition".to_owned())
        );
        assert_eq!(
            shell("exit 3", 60.0),
            Err("`sh` has refused: it says nothing, and has ended with exit status: 3".to_owned())
        );
        // More than a pipe holds.
        assert_eq!(shell("head -c 300000 /dev/zero", 60.0).map(|text| text.len()), Ok(300_000));
    }

    #[test]
    fn one_that_does_not_answer_is_given_up() {
        let error = shell("exec sleep 600", 0.1).unwrap_err();
        assert_eq!(error, "`sh` has not answered within 0 s");
        let error = output(Path::new("burn-tune-is-no-such-program"), [""; 0], PAUSE).unwrap_err();
        assert_eq!(error.to_string(), "`burn-tune-is-no-such-program` is not installed here");
        assert_eq!(find("burn-tune-is-no-such-program"), None);
    }
}
