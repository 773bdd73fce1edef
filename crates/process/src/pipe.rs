//! Pipes and sockets that are read as output comes, several at once.

use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What is waited for at one end of a pipe or a socket.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'fd> {
    /// The end.
    pub fd: BorrowedFd<'fd>,
    /// Whether it is to be written, too.
    pub write: bool,
}

/// What is at one end of a pipe or a socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ready {
    /// It can be read without waiting: there is something, or nothing more will come.
    pub read: bool,
    /// It can be written without waiting.
    pub write: bool,
}

impl<'fd> Wanted<'fd> {
    /// An end that is read.
    pub fn read(fd: BorrowedFd<'fd>) -> Self {
        Wanted { fd, write: false }
    }
}

/// Waits, for at most `wait`, until one of the ends that are still open is ready, and says which are.
///
/// # Errors
///
/// What the system says.
pub fn ready<const N: usize>(
    ends: [Option<Wanted<'_>>; N],
    wait: Duration,
) -> io::Result<[Ready; N]> {
    let mut open: Vec<PollFd> = ends.iter().flatten().map(poll_fd).collect();
    let wait = Timespec {
        tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: wait.subsec_nanos().into(),
    };
    match poll(&mut open, Some(&wait)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok([Ready::default(); N]),
        Err(error) => return Err(error.into()),
    }
    let mut events = open.iter().map(PollFd::revents);
    Ok(ends.map(|end| {
        let Some(events) = end.and_then(|_| events.next()) else { return Ready::default() };
        // An end at which nothing more will come counts as one to read: that is how it is found out.
        let write = events.contains(PollFlags::OUT);
        Ready { read: !(events & !PollFlags::OUT).is_empty(), write }
    }))
}

fn poll_fd<'fd>(wanted: &Wanted<'fd>) -> PollFd<'fd> {
    let events = if wanted.write { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    PollFd::from_borrowed_fd(wanted.fd, events)
}

/// Reads what is there; at the end of the stream, closes it.
///
/// # Errors
///
/// What the system says.
pub fn read_or_close<R: Read>(
    stream: &mut Option<R>,
    chunk: &mut [u8],
) -> io::Result<Option<usize>> {
    let Some(open) = stream else { return Ok(None) };
    match open.read(chunk) {
        Ok(0) => {
            *stream = None;
            Ok(None)
        }
        Ok(count) => Ok(Some(count)),
        Err(error) if is_nothing_yet(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a read or write has only to be done again later.
pub fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}
