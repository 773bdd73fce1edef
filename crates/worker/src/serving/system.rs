//! Serving on Unix: the socket, and the thread that listens to it.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use burn_tune_search::executor::catching;
use rustix::process::{Signal, getpgrp, getpid, kill_process, kill_process_group};
use rustix::stdio::dup2_stdin;

use super::WORKER;
use crate::channel::{Channel, Connection};
use crate::message::{Frames, FromWorker, ToWorker, VERSION};
use crate::task::{Request, Response};

/// What is read at once.
const CHUNK: usize = 64 * 1024;

/// Whether this process has put its socket aside.
static SERVES: AtomicBool = AtomicBool::new(false);

pub fn is_worker() -> bool {
    let is_socket = || input().is_some_and(|input| is_socket(&input));
    env::var_os(WORKER).is_some() && (serves() || is_socket())
}

pub fn serves() -> bool {
    SERVES.load(Ordering::SeqCst)
}

/// A handle of its own to standard input, which programs that are started do not get.
fn input() -> Option<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from).ok()
}

fn is_socket(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.file_type().is_socket())
}

pub fn serve(mut run: impl FnMut(Request, &Channel) -> Response) -> io::Result<()> {
    let socket = put_aside()?;
    let (verdict_sender, verdicts) = channel();
    let connection = Connection::new(Box::new(socket.try_clone()?), verdicts);
    let is_busy = Arc::new(AtomicBool::new(false));
    let requests = listen(socket, is_busy.clone(), verdict_sender)?;
    connection.send(&FromWorker::Ready { version: VERSION })?;
    for (request, number) in requests.into_iter().zip(1..) {
        let request = request?;
        let channel = connection.begin(number, request.wants_reports);
        let result = catching(|| run(request, &channel));
        // Before the answer: what is read up to there is said to be of this task.
        let _ = io::stdout().flush();
        connection.end_task();
        is_busy.store(false, Ordering::SeqCst);
        match result {
            Ok(response) => connection.send(&response.into())?,
            Err(reason) => return connection.send(&FromWorker::Panicked { reason }),
        }
    }
    Ok(())
}

/// The socket that was standard input, in whose place there is nothing to read any more.
fn put_aside() -> io::Result<UnixStream> {
    let socket = input().filter(|input| is_worker() && is_socket(input)).ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, "this process was not started as a worker")
    })?;
    dup2_stdin(File::open("/dev/null")?)?;
    SERVES.store(true, Ordering::SeqCst);
    Ok(UnixStream::from(OwnedFd::from(socket)))
}

/// Listens on a thread of its own, which notices the end of the search in the middle of a task, too.
fn listen(
    mut socket: UnixStream,
    is_busy: Arc<AtomicBool>,
    verdicts: Sender<bool>,
) -> io::Result<Receiver<io::Result<Request>>> {
    let (requests, receiver) = channel();
    let listen = move || {
        let heard = hear(&mut socket, &is_busy, &requests, &verdicts);
        if is_busy.load(Ordering::SeqCst) {
            end_at_once();
        }
        if let Err(error) = heard {
            let _ = requests.send(Err(error));
        }
    };
    thread::Builder::new().name("burn-tune-worker".into()).spawn(listen)?;
    Ok(receiver)
}

/// Passes on what comes, until nothing more will.
fn hear(
    socket: &mut UnixStream,
    is_busy: &AtomicBool,
    requests: &Sender<io::Result<Request>>,
    verdicts: &Sender<bool>,
) -> io::Result<()> {
    let (mut frames, mut chunk) = (Frames::default(), vec![0; CHUNK]);
    loop {
        match socket.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => frames.push(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The search was killed before it had read everything.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => return Err(error),
        }
        while let Some(message) = frames.next()? {
            let is_heard = match message {
                ToWorker::Task(request) => {
                    is_busy.store(true, Ordering::SeqCst);
                    requests.send(Ok(*request)).is_ok()
                }
                ToWorker::Verdict { stop } => verdicts.send(stop).is_ok(),
            };
            if !is_heard {
                return Ok(());
            }
        }
    }
}

/// Ends this process with what it has started. Not by an exit in order, which could wait for the training.
fn end_at_once() -> ! {
    let own = getpid();
    if getpgrp() == own {
        let _ = kill_process_group(own, Signal::KILL);
    }
    let _ = kill_process(own, Signal::KILL);
    std::process::abort()
}
