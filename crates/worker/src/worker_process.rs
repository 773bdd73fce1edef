//! A worker process as the search sees it: it is started, does a task, and ends in whatever way.

use std::env;
use std::io::{self, PipeReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::Duration;

use burn_tune_process::exit::{how_it_ended, was_asked_to_end};
use burn_tune_process::memory::size_text;
use burn_tune_process::pipe::{Wanted, is_nothing_yet, read_or_close, ready};
use burn_tune_process::tail::last_words;
use burn_tune_process::{DEVICE_VARIABLE, MemoryLimit, ProcessGroup, Tail};
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::objective::Verdict;
use burn_tune_search::trial::Failure;
use burn_tune_search::{ObjectiveError, TaskHandle};

use crate::message::{Frames, FromWorker, ToWorker, VERSION, encoded};
use crate::serving::WORKER;
use crate::task::{Request, Response};
use crate::this_program::this_program;

/// How many threads rayon starts where nobody else says.
const RAYON: &str = "RAYON_NUM_THREADS";
/// So much of the end of what a task prints is kept, in bytes: it is stored with each fold.
const TAIL: usize = 8 * 1024;
/// What is read at once.
const CHUNK: usize = 64 * 1024;
/// So many chunks are read at most of what was printed before the end: more than any pipe holds.
const LEFT_IN_PIPE: usize = 64;
/// How often it is asked whether the task is to be abandoned, at least.
const LOOK: Duration = Duration::from_millis(20);
/// The same once a process has closed its socket, which it does when it ends.
const LOOK_SOON: Duration = Duration::from_millis(2);
/// How long a process may live on without a socket, before its end is not waited for.
const GRACE: Duration = Duration::from_secs(1);

/// A worker process. Dropped, it is killed.
#[derive(Debug)]
pub struct WorkerProcess {
    number: usize,
    device: Option<usize>,
    group: ProcessGroup,
    /// `None` once the process has closed its end.
    socket: Option<UnixStream>,
    /// What it prints; `None` once it has closed that.
    output: Option<PipeReader>,
    frames: Frames,
    /// What is still to be sent.
    unsent: Vec<u8>,
    printed: Tail,
    is_ready: bool,
    /// How many tasks it has been given.
    tasks: usize,
    chunk: Vec<u8>,
}

/// How a task ended.
#[derive(Debug)]
pub enum Ending {
    /// With an answer; the process can take another.
    Answered(Response),
    /// Without one, for this reason. The process is of no use any more.
    Failed(String),
    /// The process had too much memory, which this says, and was killed.
    TooLarge(String),
    /// It was abandoned, and the process killed.
    Abandoned(ObjectiveError),
}

impl WorkerProcess {
    /// Starts this program again, as the worker with this number, which computes on this device.
    ///
    /// # Errors
    ///
    /// Where it cannot be started.
    pub fn start(number: usize, device: Option<usize>) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        socket.set_nonblocking(true)?;
        // One pipe for both, so that what is printed stays in its order.
        let (output, writer) = io::pipe()?;
        let mut command = as_worker()?;
        if let Some(device) = device {
            command.env(DEVICE_VARIABLE, device.to_string());
        }
        command.stdin(OwnedFd::from(theirs)).stdout(writer.try_clone()?).stderr(writer);
        // Their ends are closed here when the command is dropped.
        let group = ProcessGroup::start(&mut command)?;
        Ok(WorkerProcess {
            number,
            device,
            group,
            socket: Some(socket),
            output: Some(output),
            frames: Frames::default(),
            unsent: Vec::new(),
            printed: Tail::new(TAIL),
            is_ready: false,
            tasks: 0,
            chunk: vec![0; CHUNK],
        })
    }

    /// Its number.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The device that it computes on.
    pub fn device(&self) -> Option<usize> {
        self.device
    }

    /// How many tasks it has been given.
    pub fn tasks(&self) -> usize {
        self.tasks
    }

    /// Whether the process has ended.
    pub fn has_ended(&self) -> bool {
        self.group.has_ended()
    }

    /// The end of what was printed during the last task.
    pub fn printed(&self) -> String {
        self.printed.text()
    }

    /// Tells the process that there will be no further task.
    pub fn hang_up(&mut self) {
        self.socket = None;
    }

    /// Has the process do a task, with so much memory at most, and passes on to `handle` what it reports.
    pub fn run(
        &mut self,
        request: Request,
        handle: &TaskHandle,
        memory_limit: Option<u64>,
    ) -> Ending {
        self.printed = Tail::new(TAIL);
        let mut limit = memory_limit.map(MemoryLimit::new);
        if let Some(limit) = limit.as_mut().filter(|_| self.tasks > 0) {
            limit.begin(&self.group);
        }
        self.tasks += 1;
        let is_asked = request.wants_reports;
        let ending = self
            .send(&ToWorker::Task(Box::new(request)))
            .and_then(|()| self.attend(handle, is_asked, &mut limit))
            .map(|ending| match (ending, &limit) {
                // Between two looks it may have had more: what it had at most is still known.
                (Ending::Answered(answer), Some(limit)) => {
                    let bytes = limit.exceeded_now(&self.group);
                    bytes.map_or(Ending::Answered(answer), |bytes| self.too_large(limit, bytes))
                }
                (ending, _) => ending,
            });
        let ending =
            ending.unwrap_or_else(|error| Ending::Failed(format!("the worker was lost: {error}")));
        if !matches!(ending, Ending::Answered(_)) {
            // What it has started is ended as well, and the last words are on their way.
            let _ = self.group.end();
        }
        // What it printed before it answered is there by now.
        let _ = self.read_the_rest();
        ending
    }

    /// Serves the process until its task has ended.
    fn attend(
        &mut self,
        handle: &TaskHandle,
        is_asked: bool,
        limit: &mut Option<MemoryLimit>,
    ) -> io::Result<Ending> {
        let (since, mut without_socket) = (Stopwatch::start(), None);
        loop {
            if let Err(error) = handle.check_stop() {
                return Ok(Ending::Abandoned(error));
            }
            if let Some(limit) = limit
                && let Some(bytes) = limit.exceeded(&self.group, since.elapsed())
            {
                return Ok(self.too_large(limit, bytes));
            }
            // Asked before the last look at its messages: an answer that it gave is not lost.
            let has_ended = self.has_ended();
            if has_ended {
                self.group.end()?;
                self.read_the_rest()?;
            } else {
                self.exchange(if self.socket.is_some() { LOOK } else { LOOK_SOON })?;
            }
            while let Some(message) = self.frames.next()? {
                if let Some(ending) = self.hear(message, handle, is_asked)? {
                    return Ok(ending);
                }
            }
            if has_ended {
                let status = self.group.end()?;
                if let Err(error) = handle.check_ended_together(was_asked_to_end(status)) {
                    return Ok(Ending::Abandoned(error));
                }
                return Ok(Ending::Failed(self.obituary(status)));
            }
            if self.socket.is_none() {
                let since = *without_socket.get_or_insert_with(Stopwatch::start);
                if since.elapsed() >= GRACE {
                    return Ok(Ending::Failed(
                        "its process closed its socket without an answer".into(),
                    ));
                }
            }
        }
    }

    /// Takes up a message; the end of the task, where it says that.
    fn hear(
        &mut self,
        message: FromWorker,
        handle: &TaskHandle,
        is_asked: bool,
    ) -> io::Result<Option<Ending>> {
        match message {
            FromWorker::Ready { version: VERSION } => self.is_ready = true,
            FromWorker::Ready { .. } => {
                let reason = "the program was built anew since the search began: begin it again";
                return Ok(Some(Ending::Failed(reason.into())));
            }
            FromWorker::Report { step, value } => {
                let stop = handle.report(step, value) == Verdict::Stop;
                if is_asked {
                    self.send(&ToWorker::Verdict { stop })?;
                }
            }
            FromWorker::Show { step, steps, value } => handle.show(step, steps, value),
            FromWorker::Log { is_warning: true, text } => tracing::warn!("{text}"),
            FromWorker::Log { text, .. } => tracing::info!("{text}"),
            FromWorker::Scored(score) => return Ok(Some(Ending::Answered(Ok(score)))),
            FromWorker::Failed { reason, flags } => {
                return Ok(Some(Ending::Answered(Err(Failure { reason, flags }))));
            }
            FromWorker::Panicked { reason } => return Ok(Some(Ending::Failed(reason))),
        }
        Ok(None)
    }

    /// The end of a task that has so many bytes, which are too many. How many it were is another number in every run,
    /// so it stands beside the failure, not in it.
    fn too_large(&mut self, limit: &MemoryLimit, bytes: u64) -> Ending {
        let _ = self.group.end();
        let _ = self.read_the_rest();
        let note = format!("[its process was killed when it had {}]\n", size_text(bytes));
        self.printed.push(note.as_bytes());
        Ending::TooLarge(format!("its process {}", limit.reason()))
    }

    /// How the process ended without an answer, and what it said last.
    fn obituary(&self, status: ExitStatus) -> String {
        let mut reason = format!("its process {}", how_it_ended(status));
        if !self.is_ready {
            reason +=
                " before it took a task: `main` has to call `serve` where `is_worker()` is true";
        }
        match last_words(&self.printed()) {
            words if words.is_empty() => reason,
            words => format!("{reason}: {}", without_thread_numbers(&words)),
        }
    }

    fn send(&mut self, message: &ToWorker) -> io::Result<()> {
        self.unsent.extend(encoded(message)?);
        self.flush()
    }

    /// Sends what can be sent without waiting. Where the process is gone, that is found out from how it ended.
    fn flush(&mut self) -> io::Result<()> {
        while let Some(socket) = self.socket.as_mut().filter(|_| !self.unsent.is_empty()) {
            match socket.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if is_nothing_yet(&error) => break,
                Err(error) if is_gone(&error) => self.unsent.clear(),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what a process that has ended, or answered, has left.
    fn read_the_rest(&mut self) -> io::Result<()> {
        for _ in 0..LEFT_IN_PIPE {
            if self.is_silent() || !self.exchange(Duration::ZERO)? {
                break;
            }
        }
        Ok(())
    }

    fn is_silent(&self) -> bool {
        self.socket.is_none() && self.output.is_none()
    }

    /// Waits a moment, sends what is to be sent, and reads a chunk of what there is: whether there was anything.
    fn exchange(&mut self, wait: Duration) -> io::Result<bool> {
        if self.is_silent() {
            thread::sleep(wait);
            return Ok(false);
        }
        let write = !self.unsent.is_empty();
        let socket = self.socket.as_ref().map(|socket| Wanted { fd: socket.as_fd(), write });
        let output = self.output.as_ref().map(|output| Wanted::read(output.as_fd()));
        let [socket, output] = ready([socket, output], wait)?;
        if output.read
            && let Some(count) = read_or_close(&mut self.output, &mut self.chunk)?
        {
            self.printed.push(&self.chunk[..count]);
        }
        if socket.write {
            self.flush()?;
        }
        if socket.read {
            match read_or_close(&mut self.socket, &mut self.chunk) {
                Ok(Some(count)) => self.frames.push(&self.chunk[..count]),
                Ok(None) => {}
                Err(error) if is_gone(&error) => self.socket = None,
                Err(error) => return Err(error),
            }
        }
        Ok(output.read || socket.read)
    }
}

/// Whether nobody is at the other end any more.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// A command that starts this program again, with the arguments that it was started with.
fn as_worker() -> io::Result<Command> {
    let mut command = this_program()?;
    command.env(WORKER, "1");
    if env::var_os(RAYON).is_none() {
        // So sums have one order, and no worker takes the cores of others.
        command.env(RAYON, "1");
    }
    Ok(command)
}

/// What a process said last, without the numbers that the system gives to threads, `thread 'main' (4711)`: a
/// failure is to read the same in every run.
fn without_thread_numbers(words: &str) -> String {
    let mut parts = words.split("thread '");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += "thread '";
        let numbered = part.split_once("' (").and_then(|(name, rest)| {
            let (number, rest) = rest.split_once(')')?;
            number.bytes().all(|byte| byte.is_ascii_digit()).then_some((name, rest))
        });
        match numbered {
            Some((name, rest)) => text += &format!("{name}'{rest}"),
            None => text += part,
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_the_same_in_every_run() {
        let said = |words| without_thread_numbers(words);
        assert_eq!(
            said("thread 'main' (4711) has overflowed its stack / fatal"),
            "thread 'main' has overflowed its stack / fatal"
        );
        assert_eq!(said("a thread 'x' (y) and thread 'z"), "a thread 'x' (y) and thread 'z");
        assert_eq!(said("loss (3) of thread"), "loss (3) of thread");
    }
}
