//! A program that runs: its output as it comes, until it ends or is ended.

use std::io;
use std::os::fd::AsFd;
use std::process::{ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use burn_tune_process::memory::size_text;
use burn_tune_process::pipe::{Wanted, read_or_close, ready};
use burn_tune_process::{MemoryLimit, ProcessGroup, Tail};
use burn_tune_search::clock::Stopwatch;

use crate::output::Lines;

/// How long a program has between being asked to end and being killed.
const GRACE: Duration = Duration::from_secs(3);
/// How often its end is looked for, at most, while it says nothing.
const LOOK: Duration = Duration::from_millis(50);
/// The same once it has closed its output, which it does when it ends.
const LOOK_SOON: Duration = Duration::from_millis(2);
/// So much of the end of stderr is kept, in bytes.
const TAIL: usize = 64 * 1024;
/// What is read at once.
const CHUNK: usize = 64 * 1024;
/// More than any pipe holds, in chunks: so much is read at most of what was said before the end.
const LEFT_IN_PIPE: usize = 64;

/// A running program.
pub struct Program {
    group: ProcessGroup,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    lines: Lines,
    tail: Tail,
    since: Stopwatch,
    chunk: Vec<u8>,
}

impl Program {
    /// Starts it, without input.
    ///
    /// # Errors
    ///
    /// Where it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = ProcessGroup::start(command)?;
        let (stdout, stderr) = (group.leader().stdout.take(), group.leader().stderr.take());
        let (lines, tail) = (Lines::default(), Tail::new(TAIL));
        let since = Stopwatch::start();
        Ok(Program { group, stdout, stderr, lines, tail, since, chunk: vec![0; CHUNK] })
    }

    /// Kills it where it has more memory than it may, and says so then. How much that was is another number in every
    /// run, and stands at the end of what it has written to stderr.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn kill_too_large(&mut self, limit: &mut MemoryLimit) -> io::Result<bool> {
        let Some(bytes) = limit.exceeded(&self.group, self.since.elapsed()) else {
            return Ok(false);
        };
        self.group.end()?;
        for _ in 0..LEFT_IN_PIPE {
            if !self.read(Duration::ZERO)?.1 {
                break;
            }
        }
        self.tail.push(format!("[killed when it had {}]\n", size_text(bytes)).as_bytes());
        Ok(true)
    }

    /// Waits a moment for output, and gives the lines that have come. `None` once the program has ended and
    /// all that it said was given.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn poll_output(&mut self) -> io::Result<Option<Vec<String>>> {
        if !self.group.has_ended() {
            let soon = if self.is_silent() { LOOK_SOON } else { LOOK };
            return self.read(soon).map(|(lines, _)| Some(lines));
        }
        // What it has started and left behind could keep the pipes open for ever.
        self.group.end()?;
        let mut lines = Vec::new();
        for _ in 0..LEFT_IN_PIPE {
            let (more, came) = self.read(Duration::ZERO)?;
            lines.extend(more);
            if !came {
                break;
            }
        }
        lines.extend(self.lines.end());
        Ok(Some(lines).filter(|lines| !lines.is_empty()))
    }

    /// How it ended; where it has not yet, it is killed.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn end(&mut self) -> io::Result<ExitStatus> {
        self.group.end()
    }

    /// Asks it to end, and kills it where it does not. What it says meanwhile to stderr is kept.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn stop(&mut self) -> io::Result<()> {
        self.group.terminate();
        let asked = Stopwatch::start();
        while !self.group.has_ended() && asked.elapsed() < GRACE {
            self.read(if self.is_silent() { LOOK_SOON } else { LOOK })?;
        }
        self.group.end()?;
        // The last words may still be on their way.
        while self.read(Duration::ZERO)?.1 && asked.elapsed() < GRACE {}
        Ok(())
    }

    /// What it has written to stderr, or the end of it.
    pub fn stderr(&self) -> String {
        self.tail.text()
    }

    fn is_silent(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }

    /// Waits for output, and reads a chunk of what is there: the lines of it, and whether there was any.
    fn read(&mut self, wait: Duration) -> io::Result<(Vec<String>, bool)> {
        if self.is_silent() {
            thread::sleep(wait);
            return Ok((Vec::new(), false));
        }
        let Program { stdout, stderr, lines, tail, chunk, .. } = self;
        let pipes = [stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)];
        let [says, complains] = ready(pipes.map(|pipe| pipe.map(Wanted::read)), wait)?;
        let (says, complains) = (says.read, complains.read);
        let mut came = Vec::new();
        if says && let Some(count) = read_or_close(stdout, chunk)? {
            came = lines.push(&chunk[..count]);
        }
        if complains && let Some(count) = read_or_close(stderr, chunk)? {
            tail.push(&chunk[..count]);
        }
        Ok((came, says || complains))
    }
}
