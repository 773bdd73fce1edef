//! The database that a client of a server has: one connection, which is made again when it is lost.

use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::address::Address;
use super::message::{self, Answer, Word};
use super::socket::{Buffered, Ending, EndsWhen, Socket, Stream, allow, send};
use super::token::Token;
use super::{PROTOCOL, SESSION_PATH, head, tls};
use crate::StorageError;
use crate::database::{Access, Database, Row, Value};

/// How long the server may take until there is a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long it may take to answer: longer than a client waits for its turn to write, and a statement.
const ANSWER: Duration = Duration::from_secs(60);

/// More statements than that are not kept back.
const MOST_PENDING: usize = 32;

/// A connection to a server, or none where it was lost.
pub(crate) struct HttpDatabase {
    address: Address,
    token: Token,
    tls: Option<Arc<ClientConfig>>,
    connection: Option<Buffered>,
    /// What is sent together with the next word that has an answer.
    pending: Vec<Word>,
    transaction: Transaction,
    /// How often a connection was made.
    connections: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    /// The server does not know of it yet.
    Pending,
    Open,
}

/// Why there is no connection.
enum Fault {
    /// Nothing answers there.
    Unreachable(io::Error),
    /// It was there, or may come.
    Lost(io::Error),
    Certificate(String),
    /// It is something else.
    Foreign(String),
    Status(u16),
}

impl HttpDatabase {
    /// Connects to the server at `url`.
    ///
    /// # Errors
    ///
    /// Where the address is none, there is no token, no server answers, or it refuses.
    pub fn open(url: &str) -> Result<Self, StorageError> {
        let address = Address::read(url)?;
        let token = Token::of_client(address.token_file.as_deref())?;
        let tls = address.encrypts.then(|| tls::of_client(&token)).transpose()?;
        let mut database = HttpDatabase {
            address,
            token,
            tls,
            connection: None,
            pending: Vec::new(),
            transaction: Transaction::None,
            connections: 0,
        };
        match database.connect() {
            Ok(connection) => database.connection = Some(connection),
            // Nobody has seen this server yet: it is rather the address that is wrong.
            Err(Fault::Unreachable(error)) => {
                return Err(StorageError::Permanent(format!(
                    "no server answers at {} ({error}): is `burn-tune serve` running there, and is the address \
                     right?",
                    database.address
                )));
            }
            Err(fault) => return Err(database.explain(fault)),
        }
        Ok(database)
    }

    fn connect(&mut self) -> Result<Buffered, Fault> {
        let mut socket =
            Socket::new(reach(&self.address)?, Ending::default()).map_err(Fault::Lost)?;
        socket.allow(CONNECT, EndsWhen::Over);
        let stream = match &self.tls {
            None => Stream::Plain(socket),
            Some(config) => {
                let name = ServerName::try_from(self.address.host.clone())
                    .map_err(|error| Fault::Certificate(error.to_string()))?;
                let tls = ClientConnection::new(config.clone(), name)
                    .map_err(|error| Fault::Certificate(error.to_string()))?;
                Stream::OfClient(Box::new(StreamOwned::new(tls, socket)))
            }
        };
        let mut stream = Buffered::new(stream);
        let request = format!(
            "GET {SESSION_PATH} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: {PROTOCOL}\r\n\
             Authorization: Bearer {}\r\n\r\n",
            self.address,
            self.token.shown()
        );
        let status = send(&mut stream, request.as_bytes()).and_then(|()| head::status(&mut stream));
        match status.map_err(fault_of_handshake)? {
            101 => {
                self.connections += 1;
                Ok(stream)
            }
            status => Err(Fault::Status(status)),
        }
    }

    /// Sends what is pending, and `word`; answers what the server says to that.
    fn ask(&mut self, word: Word) -> Result<Answer, StorageError> {
        if self.connection.is_none() {
            if self.transaction == Transaction::Open {
                return Err(self.lost("it was lost in the middle of a transaction"));
            }
            let connected = self.connect();
            self.connection = Some(connected.map_err(|fault| self.explain(fault))?);
        }
        let mut words = std::mem::take(&mut self.pending);
        words.push(word);
        let Some(connection) = &mut self.connection else { return Err(self.lost("there is none")) };
        allow(connection, ANSWER, EndsWhen::Over);
        let answer = message::write(connection, &words).and_then(|()| read_answer(connection));
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                return Err(StorageError::Permanent(format!("{}: {error}", self.address)));
            }
            Err(error) => {
                self.connection = None;
                return Err(self.lost(&error.to_string()));
            }
        };
        // After an error the server has undone the transaction.
        let failed = |error| (Transaction::None, Err(error));
        let (transaction, result) = match answer {
            Answer::Transient(reason) => failed(StorageError::Transient(reason)),
            Answer::Permanent(reason) => failed(StorageError::Permanent(reason)),
            Answer::Input(reason) => failed(StorageError::Input(reason)),
            answer => match self.transaction {
                Transaction::Pending => (Transaction::Open, Ok(answer)),
                other => (other, Ok(answer)),
            },
        };
        self.transaction = transaction;
        result
    }

    /// What is written after an error would otherwise be kept at once, by itself.
    fn must_be_in_transaction(&self) -> Result<(), StorageError> {
        match self.transaction {
            Transaction::None => Err(StorageError::Permanent(format!(
                "nothing is asked of {} outside of a transaction, and this one has ended with an error",
                self.address
            ))),
            Transaction::Pending | Transaction::Open => Ok(()),
        }
    }

    fn lost(&self, reason: &str) -> StorageError {
        StorageError::Transient(format!("the connection to {} is lost ({reason})", self.address))
    }

    fn unexpected(&self, answer: &Answer) -> StorageError {
        StorageError::Permanent(format!("the server at {} answers {answer:?}", self.address))
    }

    /// What `fault` means for who asked, and what to do.
    fn explain(&self, fault: Fault) -> StorageError {
        let server = &self.address;
        match fault {
            Fault::Unreachable(error) | Fault::Lost(error) => self.lost(&error.to_string()),
            Fault::Certificate(reason) => StorageError::Permanent(format!(
                "the server at {server} is not the one of the token ({reason}): has it a new token, or does \
                 something else answer there? The token is in the file that `burn-tune serve` names"
            )),
            Fault::Foreign(reason) => {
                let other = if server.encrypts { "http" } else { "https" };
                StorageError::Permanent(format!(
                    "what answers at {server} does not speak as `burn-tune serve` does ({reason}): is the address \
                     {other}://{server}, or another one?"
                ))
            }
            Fault::Status(401) => StorageError::Permanent(format!(
                "the server at {server} refuses the token: it is another server's, or an old one; that of the \
                 server is in the file that `burn-tune serve` names"
            )),
            Fault::Status(426) => StorageError::Permanent(format!(
                "the server at {server} is of another version of burn-tune, which does not speak {PROTOCOL}: use \
                 the same version on both sides"
            )),
            Fault::Status(503) => StorageError::Transient(format!(
                "the server at {server} has no place for one more, or cannot open its file"
            )),
            Fault::Status(status) => StorageError::Permanent(format!(
                "what answers at {server} is no `burn-tune serve` (status {status})"
            )),
        }
    }
}

fn reach(address: &Address) -> Result<TcpStream, Fault> {
    let found = (address.host.as_str(), address.port).to_socket_addrs();
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for socket in found.map_err(Fault::Unreachable)? {
        match TcpStream::connect_timeout(&socket, CONNECT) {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = error,
        }
    }
    Err(Fault::Unreachable(last))
}

fn fault_of_handshake(error: io::Error) -> Fault {
    let of_tls = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match of_tls {
        Some(rustls::Error::InvalidCertificate(reason)) => Fault::Certificate(reason.to_string()),
        Some(other) => Fault::Foreign(other.to_string()),
        None if error.kind() == ErrorKind::InvalidData => Fault::Foreign(error.to_string()),
        None => Fault::Lost(error),
    }
}

/// All parts of an answer as one.
fn read_answer(connection: &mut Buffered) -> io::Result<Answer> {
    let mut read = Vec::new();
    loop {
        let answer = message::read(connection)?.ok_or(ErrorKind::UnexpectedEof)?;
        let Answer::Rows(rows, more) = answer else { return Ok(answer) };
        read.extend(rows);
        if !more {
            return Ok(Answer::Rows(read, false));
        }
        allow(connection, ANSWER, EndsWhen::Over);
    }
}

impl Database for HttpDatabase {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StorageError> {
        self.must_be_in_transaction()?;
        match self.ask(Word::Execute(sql.to_owned(), params.to_owned()))? {
            Answer::Changed(rows) => Ok(rows),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Is sent with what comes next.
    fn run(&mut self, sql: &str, params: &[Value]) -> Result<(), StorageError> {
        self.must_be_in_transaction()?;
        if self.pending.len() >= MOST_PENDING {
            return self.execute(sql, params).map(drop);
        }
        self.pending.push(Word::Execute(sql.to_owned(), params.to_owned()));
        Ok(())
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StorageError> {
        self.must_be_in_transaction()?;
        match self.ask(Word::Query(sql.to_owned(), params.to_owned()))? {
            Answer::Rows(rows, _) => Ok(rows),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Is sent with the first statement.
    fn begin(&mut self, access: Access) -> Result<(), StorageError> {
        self.transaction = Transaction::Pending;
        self.pending = vec![Word::Begin(access)];
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StorageError> {
        let committed = match self.transaction {
            Transaction::Open => self.ask(Word::Commit).map(drop),
            // What is more than the beginning is statements that nobody has asked about.
            Transaction::Pending if self.pending.len() > 1 => self.ask(Word::Commit).map(drop),
            Transaction::Pending => Ok(()),
            Transaction::None => Err(StorageError::Permanent(format!(
                "there is no transaction to commit at {}",
                self.address
            ))),
        };
        self.transaction = Transaction::None;
        self.pending.clear();
        committed
    }

    fn rollback(&mut self) {
        self.pending.clear();
        if self.transaction == Transaction::Open
            && self.connection.is_some()
            && let Err(error) = self.ask(Word::Rollback)
        {
            tracing::debug!("rollback: {error}");
            self.connection = None;
        }
        self.transaction = Transaction::None;
    }

    fn notify(&mut self, _study: i64) -> Result<(), StorageError> {
        // The file counts who has changed it.
        Ok(())
    }

    fn has_changed(&mut self, _study: i64) -> Result<bool, StorageError> {
        match self.ask(Word::HasChanged)? {
            Answer::HasChanged(changed) => Ok(changed),
            other => Err(self.unexpected(&other)),
        }
    }

    fn reconnections(&self) -> u64 {
        self.connections.saturating_sub(1)
    }
}
