//! The server of a file: who connects, what they may, and how it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use burn_tune_search::Stop;
use burn_tune_search::clock::Stopwatch;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::head::{self, RequestHead};
use super::pages::{self, Pages};
use super::respond::Response;
use super::session::{Session, Shared};
use super::socket::{Buffered, Ending, EndsWhen, Socket, Stream, allow, send};
use super::token::{Token, default_file, same};
use super::turns::Turns;
use super::{PROTOCOL, SESSION_PATH, tls};
use crate::database::{Access, Database};
use crate::sqlite::{FileAccess, SqliteDatabase, shares_memory};
use crate::{StorageError, StorageUrl, schema};

/// How often it is looked whether somebody connects, or the server is to end.
const LOOK: Duration = Duration::from_millis(10);
/// How long it takes at most until those have ended who are told to.
const LAST: Duration = Duration::from_secs(1);
/// How long a request may take to come, with all that encryption says before.
const HEAD: Duration = Duration::from_secs(10);
/// How long a page may take to be sent.
const PAGE: Duration = Duration::from_secs(60);
/// How long the server waits for another program that holds the file, when it starts.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections beyond those of sessions: browsers, and who has not said yet what it is.
const OTHERS: usize = 64;

/// Whether, and by which certificate, connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// They are not.
    Off,
    /// The server has made its certificate, and clients know it by their token.
    SelfMade,
    /// By a certificate and a key in files of PEM.
    Files {
        /// The certificate, and those of the authorities between it and the client.
        certificates: PathBuf,
        /// The key, which its owner alone may read.
        key: PathBuf,
    },
}

/// How long, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For how long a client may say nothing in a transaction, before that is undone.
    pub silence: Duration,
    /// For how long it may say nothing otherwise, before its session ends.
    pub idle: Duration,
    /// How long it waits for others that write.
    pub turn: Duration,
    /// How long a statement may take.
    pub statement: Duration,
    /// How long those who are in a transaction may go on when the server ends.
    pub grace: Duration,
    /// How many sessions there may be.
    pub sessions: usize,
}

/// Those of `burn-tune serve`.
impl Default for Limits {
    fn default() -> Self {
        Limits {
            silence: Duration::from_secs(10),
            idle: Duration::from_secs(600),
            turn: Duration::from_secs(12),
            statement: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            sessions: 512,
        }
    }
}

/// How a file is served.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether connections are encrypted.
    pub tls: Tls,
    /// The file with the token, which is made where there is none [default: [`default_file`]].
    pub token_file: Option<PathBuf>,
    /// How long, and how much.
    pub limits: Limits,
    /// Tables beside Optuna's and ours that clients may read and write: for the tests of this crate alone.
    #[doc(hidden)]
    pub more_tables: Vec<String>,
}

impl ServerOptions {
    /// Listens on `listen`, encrypted where that can be reached from elsewhere.
    pub fn new(listen: SocketAddr) -> Self {
        let tls = if listen.ip().is_loopback() { Tls::Off } else { Tls::SelfMade };
        let limits = Limits::default();
        ServerOptions { listen, tls, token_file: None, limits, more_tables: Vec::new() }
    }
}

/// A server that listens.
pub struct Server {
    path: PathBuf,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    token: Token,
    token_file: PathBuf,
    shared: Shared,
    connections: AtomicUsize,
    sessions: AtomicUsize,
    /// Held for as long as this server is the one of the file.
    _lock: File,
}

impl Server {
    /// Opens the file at `path`, makes its tables if it has none, and listens.
    ///
    /// # Errors
    ///
    /// Where the file is none of studies, another server has it, the port is taken, or the token or the certificate
    /// cannot be read or made.
    pub fn start(path: &Path, options: ServerOptions) -> Result<Self, StorageError> {
        make_tables(path)?;
        let lock = lock(path)?;
        let ServerOptions { listen, tls, token_file, limits, more_tables } = options;
        let token_file = token_file.map_or_else(default_file, Ok)?;
        let (token, certificate) = Token::of_server(&token_file, || tls::self_made(&host()))?;
        let tls = match tls {
            Tls::Off => None,
            Tls::SelfMade => {
                tls::check_of_token(&certificate, &token)?;
                Some(tls::of_server(&certificate, &certificate)?)
            }
            Tls::Files { certificates, key } => Some(tls::of_server(&certificates, &key)?),
        };
        let listener = TcpListener::bind(listen).map_err(|error| cannot_listen(listen, &error))?;
        listener.set_nonblocking(true).map_err(|error| cannot_listen(listen, &error))?;
        allow_many_files();
        let shared =
            Shared { turns: Turns::default(), limits, ending: Ending::default(), more_tables };
        Ok(Server {
            path: path.to_owned(),
            listener,
            tls,
            token,
            token_file,
            shared,
            connections: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
            _lock: lock,
        })
    }

    /// Where clients find it: `https://HOST:PORT`.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        match self.listener.local_addr() {
            Ok(address) if address.ip().is_unspecified() => {
                format!("{scheme}://{}:{}", host(), address.port())
            }
            Ok(address) => format!("{scheme}://{address}"),
            Err(error) => format!("{scheme}://? ({error})"),
        }
    }

    /// The file with the token.
    pub fn token_file(&self) -> &Path {
        &self.token_file
    }

    /// How many clients have a session.
    pub fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Serves until `stop` is requested; then who is at work may go on for some seconds.
    pub fn run(self, pages: impl Pages + 'static, stop: &Stop) {
        let server = Arc::new(self);
        let pages: Arc<dyn Pages> = Arc::new(pages);
        while !stop.is_requested() {
            match server.listener.accept() {
                Ok((tcp, from)) => server.welcome(tcp, from, &pages),
                // Whatever is wrong with one that connects is not wrong with the next.
                Err(error) => {
                    if error.kind() != ErrorKind::WouldBlock {
                        tracing::debug!("nobody came: {error}");
                    }
                    thread::sleep(LOOK);
                }
            }
        }
        for (when, patience) in
            [(EndsWhen::Asked, server.shared.limits.grace), (EndsWhen::Over, LAST)]
        {
            server.shared.ending.set(when);
            let since = Stopwatch::start();
            while server.connections.load(Ordering::Relaxed) > 0
                && since.elapsed() < patience
                && !stop.is_urgent()
            {
                thread::sleep(LOOK);
            }
        }
    }

    fn welcome(self: &Arc<Self>, tcp: TcpStream, from: SocketAddr, pages: &Arc<dyn Pages>) {
        let place = Place::take(self, |server| &server.connections);
        if place.number > self.shared.limits.sessions + OTHERS {
            tracing::debug!("{from}: too many connections");
            return;
        }
        let pages = pages.clone();
        let attend = move || {
            // Who breaks off, or speaks something else, is nobody to tell.
            if let Err(error) = place.of.attend(tcp, pages.as_ref()) {
                tracing::debug!("{from}: {error}");
            }
        };
        if let Err(error) = thread::Builder::new().name("session".into()).spawn(attend) {
            tracing::debug!("{from}: no thread: {error}");
        }
    }

    fn attend(self: &Arc<Self>, tcp: TcpStream, pages: &dyn Pages) -> io::Result<()> {
        let mut socket = Socket::new(tcp, self.shared.ending.clone())?;
        socket.allow(HEAD, EndsWhen::Asked);
        let stream = match &self.tls {
            None => Stream::Plain(socket),
            Some(config) => {
                let tls = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
                Stream::OfServer(Box::new(StreamOwned::new(tls, socket)))
            }
        };
        let mut stream = Buffered::new(stream);
        let head = match head::request(&mut stream) {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                let _ = send(&mut stream, &Response::text(400, "that is no request").bytes());
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        if head.path == SESSION_PATH {
            return self.session(&mut stream, &head);
        }
        let response = match pages::body_length(&head) {
            None => Response::text(413, "that is too much"),
            Some(length) => {
                let mut body = vec![0; length];
                stream.read_exact(&mut body)?;
                pages::answer(pages, &self.token, self.tls.is_some(), &head, &body)
            }
        };
        allow(&mut stream, PAGE, EndsWhen::Over);
        send(&mut stream, &response.bytes())
    }

    fn session(self: &Arc<Self>, stream: &mut Buffered, head: &RequestHead) -> io::Result<()> {
        let has_token = head.bearer.as_ref().is_some_and(|given| same(given, &self.token.shown()));
        let place = Place::take(self, |server| &server.sessions);
        let refused = if !has_token {
            Some(Response::text(401, "the token is missing, or another one"))
        } else if head.upgrade.as_deref() != Some(PROTOCOL) {
            Some(Response::text(426, &format!("this server speaks {PROTOCOL}")))
        } else if place.number > self.shared.limits.sessions {
            Some(Response::text(503, "there are as many sessions as there may be"))
        } else {
            None
        };
        if let Some(response) = refused {
            return send(stream, &response.bytes());
        }
        let session = match Session::open(&self.path, &self.shared) {
            Ok(session) => session,
            Err(error) => {
                tracing::warn!("a session cannot begin: {error}");
                return send(stream, &Response::text(503, "the file cannot be opened").bytes());
            }
        };
        let switch = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {PROTOCOL}\r\n\r\n"
        );
        send(stream, switch.as_bytes())?;
        session.serve(stream)
    }
}

/// One of those that are counted.
struct Place {
    of: Arc<Server>,
    count: fn(&Server) -> &AtomicUsize,
    /// How many there are, this one included.
    number: usize,
}

impl Place {
    fn take(server: &Arc<Server>, count: fn(&Server) -> &AtomicUsize) -> Self {
        let number = count(server).fetch_add(1, Ordering::Relaxed) + 1;
        Place { of: server.clone(), count, number }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        (self.count)(&self.of).fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes the file, or what it lacks.
fn make_tables(path: &Path) -> Result<(), StorageError> {
    let url = StorageUrl::Sqlite(path.to_owned());
    let mut database = SqliteDatabase::open(path, FileAccess::Create, PATIENCE)?;
    if schema::look(&mut database, &url)? == schema::Found::BurnTune {
        return Ok(());
    }
    database.begin(Access::Write)?;
    schema::create(&mut database, &url)?;
    database.commit()
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> StorageError {
    let port = address.port();
    StorageError::Input(match error.kind() {
        ErrorKind::AddrInUse => format!(
            "another program listens on port {port} of {}, perhaps a server of another file: --listen {}:0 takes a \
             port that is free",
            address.ip(),
            address.ip()
        ),
        ErrorKind::AddrNotAvailable => {
            format!(
                "{} is no address of this machine: --listen names one, or 0.0.0.0 for all",
                address.ip()
            )
        }
        ErrorKind::PermissionDenied => {
            format!("port {port} may not be listened on: take one from 1024 with --listen")
        }
        _ => format!("cannot listen on {address}: {error}"),
    })
}

/// Makes this server the only one of the file. Two on one machine would do no harm, but clients of one would not be
/// told of the other, and two on two machines would destroy a file on a network file system.
fn lock(path: &Path) -> Result<File, StorageError> {
    let mut name = path.as_os_str().to_owned();
    name.push("-server");
    let lock_path = PathBuf::from(name);
    let problem = |error: &dyn std::fmt::Display| {
        StorageError::Permanent(format!("cannot lock {}: {error}", lock_path.display()))
    };
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).read(true);
    let file = options.open(&lock_path).map_err(|error| problem(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::Input(format!(
            "another server serves {}: use that one, or end it",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(problem(&error)),
    }
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "localhost".to_owned())
}

/// Each session has three files open, which are soon more than a process has by default.
#[cfg(unix)]
fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let more = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, more) {
        tracing::debug!("no more files at once: {error}");
    }
}

#[cfg(not(unix))]
fn allow_many_files() {}

/// Whether the file lies where several machines see it.
pub fn is_shared_by_machines(path: &Path) -> bool {
    fs::metadata(path).is_ok() && !shares_memory(path)
}
