//! A connection, plain or encrypted, on which nothing lasts longer than is allowed.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use rustls::{ClientConnection, ServerConnection, StreamOwned};

/// How often a wait looks whether it is to end.
const LOOK: Duration = Duration::from_millis(250);

/// How far a server is with its end.
#[derive(Clone, Default)]
pub(super) struct Ending(Arc<AtomicU8>);

/// Who ends when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndsWhen {
    /// At once: nothing is lost.
    Asked = 1,
    /// When all others have ended, or had time to.
    Over = 2,
}

impl Ending {
    pub fn set(&self, when: EndsWhen) {
        self.0.store(when as u8, Ordering::Relaxed);
    }

    fn has_come(&self, when: EndsWhen) -> bool {
        self.0.load(Ordering::Relaxed) >= when as u8
    }
}

/// A socket with a time limit for what is done next. A limit of each single read would not do: who sends a byte now
/// and then would hold it forever.
pub(super) struct Socket {
    tcp: TcpStream,
    since: Stopwatch,
    limit: Duration,
    /// Of the server, where this is one of its.
    ending: Ending,
    ends_when: EndsWhen,
}

impl Socket {
    pub fn new(tcp: TcpStream, ending: Ending) -> io::Result<Self> {
        tcp.set_nonblocking(false)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(LOOK))?;
        tcp.set_write_timeout(Some(LOOK))?;
        Ok(Socket {
            tcp,
            since: Stopwatch::start(),
            limit: Duration::ZERO,
            ending,
            ends_when: EndsWhen::Over,
        })
    }

    /// From now on, `limit` is allowed for what comes next, unless the server ends.
    pub fn allow(&mut self, limit: Duration, ends_when: EndsWhen) {
        (self.since, self.limit, self.ends_when) = (Stopwatch::start(), limit, ends_when);
    }

    /// Runs `work` until it does not have to wait, or it is over.
    fn patiently<T>(
        &mut self,
        mut work: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            if self.since.elapsed() > self.limit {
                let text = format!("nothing came within {} s", self.limit.as_secs());
                return Err(io::Error::new(ErrorKind::TimedOut, text));
            }
            if self.ending.has_come(self.ends_when) {
                return Err(io::Error::new(ErrorKind::ConnectionAborted, "the server ends"));
            }
            match work(&mut self.tcp) {
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(|tcp| tcp.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.patiently(|tcp| tcp.write(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// A socket, and how what is sent over it is encrypted.
pub(super) enum Stream {
    Plain(Socket),
    OfClient(Box<StreamOwned<ClientConnection, Socket>>),
    OfServer(Box<StreamOwned<ServerConnection, Socket>>),
}

impl Stream {
    pub fn socket(&mut self) -> &mut Socket {
        match self {
            Stream::Plain(socket) => socket,
            Stream::OfClient(stream) => &mut stream.sock,
            Stream::OfServer(stream) => &mut stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(buffer),
            Stream::OfClient(stream) => stream.read(buffer),
            Stream::OfServer(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.write(buffer),
            Stream::OfClient(stream) => stream.write(buffer),
            Stream::OfServer(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.flush(),
            Stream::OfClient(stream) => stream.flush(),
            Stream::OfServer(stream) => stream.flush(),
        }
    }
}

/// What is read with few system calls, and written at once.
pub(super) type Buffered = BufReader<Stream>;

/// See [`Socket::allow`].
pub(super) fn allow(stream: &mut Buffered, limit: Duration, ends_when: EndsWhen) {
    stream.get_mut().socket().allow(limit, ends_when);
}

pub(super) fn send(stream: &mut Buffered, bytes: &[u8]) -> io::Result<()> {
    stream.get_mut().write_all(bytes)?;
    stream.get_mut().flush()
}
