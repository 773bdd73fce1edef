//! Studies on a server of PostgreSQL: one connection, which is made again when it is lost.

mod address;
mod client;
mod libpq_files;
mod values;

use std::collections::HashMap;
use std::error::Error as _;
use std::io;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Error, Row as ServerRow, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use self::client::{Answer, Client, Fault, Patience, Question};
use crate::StorageError;
use crate::database::{Access, Database, Dialect, Row, Value};

pub(crate) const DIALECT: Dialect = Dialect(&[
    // Not `now()`, which is the time when the transaction began: it may have waited for another since.
    ("{now}", "(clock_timestamp() AT TIME ZONE 'UTC')"),
    ("{lock}", " FOR NO KEY UPDATE"),
    ("{epoch}", "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS FLOAT(53))"),
    ("{key}", "SERIAL NOT NULL"),
    ("{float}", "FLOAT(53)"),
    ("{bytes}", "BYTEA"),
    ("{date}", "TIMESTAMP WITHOUT TIME ZONE"),
    ("{direction}", "studydirection"),
    ("{state}", "trialstate"),
    ("{value_type}", "trialvaluetype"),
    ("{intermediate_value_type}", "trialintermediatevaluetype"),
]);

/// What every connection begins with. Whoever stands still in the middle of a transaction (a machine
/// that sleeps, a stopped process) is cut off, so that others need not wait for its locks; whoever
/// waits for a lock tries again later.
const SESSION: &str = "SET TIME ZONE 'UTC'; SET lock_timeout = '10s'; \
                       SET idle_in_transaction_session_timeout = '60s'";

/// A connection to a server, or none where it was lost.
pub struct PostgresDatabase {
    config: Config,
    tls: MakeRustlsConnect,
    patience: Patience,
    connection: Option<Connection>,
    /// What is sent together with the next question that somebody waits for the answer of: each time there and
    /// back takes longer than most statements, and others wait for the locks meanwhile.
    pending: Vec<Word>,
    transaction: Transaction,
    /// The study whose changes others are to be told of once the transaction is committed.
    notifies: Option<i64>,
    /// How often a connection was made.
    connections: u64,
}

struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
    /// The study whose changes this connection is told of.
    listens: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    /// The server does not know of it yet.
    Pending,
    Open,
}

/// A statement to be sent.
enum Word {
    /// Without params.
    Batch(String),
    Execute(String, Vec<Value>),
    Query(String, Vec<Value>),
}

/// More statements than that are not kept back.
const MOST_PENDING: usize = 64;

impl PostgresDatabase {
    /// Connects to the database at `address` (`postgresql://…`).
    ///
    /// # Errors
    ///
    /// Where the address is none, no server answers, or it refuses the user or knows no such database.
    pub fn open(address: &str) -> Result<Self, StorageError> {
        let (config, tls) = address::read(address)?;
        let patience = address::patience(&config);
        let mut database = PostgresDatabase {
            config,
            tls,
            patience,
            connection: None,
            pending: Vec::new(),
            transaction: Transaction::None,
            notifies: None,
            connections: 0,
        };
        let connection = database.connect().map_err(|fault| {
            if has_not_reached(&fault) {
                // Nobody has seen this server yet: it is rather the address that is wrong.
                StorageError::Permanent(format!(
                    "no server answers at {} ({}): is it running, and is the address right?",
                    database.server(),
                    reason(&fault)
                ))
            } else {
                database.explain(&fault)
            }
        });
        database.connection = Some(connection?);
        Ok(database)
    }

    fn connect(&mut self) -> Result<Connection, Fault> {
        let client = Client::connect(&self.config, self.tls.clone(), self.patience)?;
        client.batch_execute(SESSION)?;
        self.connections += 1;
        Ok(Connection { client, statements: HashMap::new(), listens: None })
    }

    /// Runs `work` on the connection, which is made where there is none. After an error that may not
    /// come again the connection is given up, and with it the transaction.
    fn with_connection<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, StorageError> {
        let result = match &mut self.connection {
            Some(connection) => work(connection),
            None if self.transaction == Transaction::Open => {
                let server = self.server();
                return Err(StorageError::Transient(format!("the connection to {server} is lost")));
            }
            None => self.connect().and_then(|connection| work(self.connection.insert(connection))),
        };
        result.map_err(|fault| {
            let error = self.explain(&fault);
            if matches!(error, StorageError::Transient(_)) {
                self.connection = None;
            }
            error
        })
    }

    /// Sends what is pending, and `words`; answers what the server says to those.
    fn ask(&mut self, words: Vec<Word>) -> Result<Vec<Answer>, StorageError> {
        let mut sent = std::mem::take(&mut self.pending);
        let before = sent.len();
        sent.extend(words);
        let answers = self.with_connection(|connection| connection.ask(&sent));
        if self.transaction == Transaction::Pending {
            // Also after an error: then it is to be undone.
            self.transaction = Transaction::Open;
        }
        Ok(answers?.split_off(before))
    }

    fn ask_one(&mut self, word: Word) -> Result<Answer, StorageError> {
        let answer = self.ask(vec![word])?.pop();
        answer.ok_or_else(|| StorageError::Permanent("the server gave no answer".to_owned()))
    }

    fn server(&self) -> String {
        address::server(&self.config)
    }

    /// What `fault` means for who asked, and what to do.
    fn explain(&self, fault: &Fault) -> StorageError {
        let server = self.server();
        let reason = reason(fault);
        let user = self.config.get_user().unwrap_or("the user");
        let severity = match fault {
            Fault::Server(error) => severity(error),
            Fault::Silence(_) => Severity::Lost,
            Fault::System(_) => Severity::Other,
        };
        match severity {
            Severity::Lost => {
                StorageError::Transient(format!("the connection to {server} is lost ({reason})"))
            }
            Severity::Busy => {
                StorageError::Transient(format!("the server at {server} is busy ({reason})"))
            }
            Severity::Encryption => StorageError::Permanent(format!(
                "no encrypted connection to {server} ({reason}): `sslmode` and `sslrootcert` in the \
                 address say whether to encrypt, and by which certificates to know the server; to a \
                 server on another machine, only `sslmode=prefer` or `disable` allows a connection \
                 that anybody on the way can read"
            )),
            Severity::Password => StorageError::Permanent(format!(
                "the server at {server} refuses the password of {user} ({reason}): write it into \
                 ~/.pgpass (HOST:PORT:DATABASE:USER:PASSWORD, readable by you alone), PGPASSWORD, or \
                 BURN_TUNE_STORAGE as postgresql://USER:PASSWORD@HOST/DATABASE"
            )),
            Severity::NoDatabase => StorageError::Permanent(format!(
                "the server at {server} has no such database ({reason}): `createdb` makes one, or \
                 name another with --storage"
            )),
            // Of a server for many, whoever sees to it frees some, and nobody's trainings need be lost.
            Severity::Full => StorageError::Transient(format!(
                "the disk of the server at {server} is full ({reason}): free some space there"
            )),
            Severity::Denied => StorageError::Permanent(format!(
                "the server at {server} does not allow {user} what is needed ({reason}): its \
                 administrator grants it, or name another database with --storage"
            )),
            Severity::Other => StorageError::Permanent(format!("the server at {server}: {reason}")),
        }
    }
}

impl Connection {
    fn ask(&mut self, words: &[Word]) -> Result<Vec<Answer>, Fault> {
        let Connection { client, statements, .. } = self;
        for word in words {
            if let Word::Execute(sql, _) | Word::Query(sql, _) = word
                && !statements.contains_key(sql)
            {
                let statement = client.prepare(&DIALECT.expand(sql).replace('?', "$"))?;
                statements.insert(sql.clone(), statement);
            }
        }
        let questions = words.iter().map(|word| question(word, statements));
        client.ask_all(questions.collect())
    }
}

impl Database for PostgresDatabase {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StorageError> {
        match self.ask_one(Word::Execute(sql.to_owned(), params.to_owned()))? {
            Answer::Changed(rows) => Ok(rows),
            other => Err(unexpected(&other)),
        }
    }

    /// Is sent with what comes next.
    fn run(&mut self, sql: &str, params: &[Value]) -> Result<(), StorageError> {
        if self.transaction == Transaction::None || self.pending.len() >= MOST_PENDING {
            return self.execute(sql, params).map(drop);
        }
        self.pending.push(Word::Execute(sql.to_owned(), params.to_owned()));
        Ok(())
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StorageError> {
        rows(self.ask_one(Word::Query(sql.to_owned(), params.to_owned()))?)
    }

    /// All are sent at once.
    fn queries(&mut self, queries: &[(&str, &[Value])]) -> Result<Vec<Vec<Row>>, StorageError> {
        let word =
            |(sql, params): &(&str, &[Value])| Word::Query((*sql).to_owned(), (*params).to_owned());
        self.ask(queries.iter().map(word).collect())?.into_iter().map(rows).collect()
    }

    /// Is sent with the first statement.
    fn begin(&mut self, access: Access) -> Result<(), StorageError> {
        let begin = match access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            // Every statement sees what others have committed: whoever has waited for a lock goes on
            // with what the other left. Whoever decides from what it reads locks the study's row first.
            Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED",
        };
        self.transaction = Transaction::Pending;
        self.notifies = None;
        self.pending = vec![Word::Batch(begin.to_owned())];
        Ok(())
    }

    /// Tells those who wait, too, but not within the transaction: one that notifies keeps all others from
    /// committing until it is on the disk.
    fn commit(&mut self) -> Result<(), StorageError> {
        let is_empty = self.transaction == Transaction::Pending && self.pending.len() < 2;
        let mut words = vec![Word::Batch("COMMIT".to_owned())];
        if let Some(study) = self.notifies.take() {
            words.push(Word::Batch(format!("NOTIFY {}", channel(study))));
        }
        let committed = match is_empty {
            true => Ok(()),
            false => self.ask(words).map(drop),
        };
        self.transaction = Transaction::None;
        self.pending.clear();
        committed
    }

    fn rollback(&mut self) {
        let is_open = self.transaction == Transaction::Open;
        self.transaction = Transaction::None;
        self.pending.clear();
        self.notifies = None;
        if is_open
            && let Some(connection) = &mut self.connection
            && let Err(error) = connection.client.batch_execute("ROLLBACK")
        {
            tracing::debug!("rollback: {}", reason(&error));
            self.connection = None;
        }
    }

    fn notify(&mut self, study: i64) -> Result<(), StorageError> {
        self.notifies = Some(study);
        Ok(())
    }

    fn has_changed(&mut self, study: i64) -> Result<bool, StorageError> {
        self.with_connection(|Connection { client, listens, .. }| {
            if *listens != Some(study) {
                client.batch_execute(&format!("LISTEN {}", channel(study)))?;
                *listens = Some(study);
                // Nobody has told this connection of what came before.
                return Ok(true);
            }
            client.take_notified()
        })
    }

    fn reconnections(&self) -> u64 {
        self.connections.saturating_sub(1)
    }
}

/// What those who wait for changes of a study listen to.
fn channel(study: i64) -> String {
    format!("burn_tune_study_{study}")
}

fn question<'a>(word: &'a Word, statements: &'a HashMap<String, Statement>) -> Question<'a> {
    match word {
        Word::Batch(sql) => Question::Batch(sql),
        Word::Execute(sql, params) => Question::Execute(&statements[sql], borrowed(params)),
        Word::Query(sql, params) => Question::Query(&statements[sql], borrowed(params)),
    }
}

fn rows(answer: Answer) -> Result<Vec<Row>, StorageError> {
    let Answer::Rows(rows) = answer else { return Err(unexpected(&answer)) };
    let read: Result<_, Error> = rows.iter().map(read_row).collect();
    read.map_err(|error| StorageError::Permanent(reason_of(&error)))
}

fn unexpected(answer: &Answer) -> StorageError {
    StorageError::Permanent(format!("the server answers {answer:?}"))
}

fn borrowed(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn read_row(row: &ServerRow) -> Result<Row, Error> {
    (0..row.len()).map(|column| row.try_get(column)).collect()
}

/// What kind of error it is, as far as it makes a difference to what to do.
enum Severity {
    /// There is no connection: it may come back.
    Lost,
    /// The server cannot now.
    Busy,
    Encryption,
    Password,
    NoDatabase,
    Full,
    Denied,
    Other,
}

/// Whether a connection was not even begun: refused, no such host, silence.
fn has_not_reached(fault: &Fault) -> bool {
    match fault {
        // In the driver's words, which has no other way to tell.
        Fault::Server(error) => error.to_string().starts_with("error connecting"),
        Fault::Silence(_) => true,
        Fault::System(_) => false,
    }
}

fn severity(error: &Error) -> Severity {
    let Some(code) = error.code() else {
        // The driver has no other way to tell than its words.
        let of_tls = error.to_string().contains("TLS");
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        return match cause {
            // What is wrong with a certificate is the only thing about TLS that stays wrong.
            Some(cause) if of_tls && cause.kind() == io::ErrorKind::InvalidData => {
                Severity::Encryption
            }
            Some(_) => Severity::Lost,
            None if error.is_closed() => Severity::Lost,
            None if of_tls => Severity::Encryption,
            None if reason_of(error).contains("password") => Severity::Password,
            None => Severity::Other,
        };
    };
    match code.code() {
        // Connection exceptions, and a server that shuts down, crashes, or starts.
        code if code.starts_with("08") => Severity::Lost,
        "57P01" | "57P02" | "57P03" | "25P03" => Severity::Lost,
        // Serialization failure, deadlock, a lock that is not free, too many connections.
        "40001" | "40P01" | "55P03" | "53300" => Severity::Busy,
        // Another has written the same row, or made the same table, since this transaction looked: when
        // it looks again, it sees it.
        "23505" | "42P07" | "42710" => Severity::Busy,
        "28P01" => Severity::Password,
        "3D000" => Severity::NoDatabase,
        "53100" => Severity::Full,
        "28000" | "42501" | "25006" => Severity::Denied,
        _ => Severity::Other,
    }
}

/// What has happened, in a few words.
fn reason(fault: &Fault) -> String {
    match fault {
        Fault::Server(error) => reason_of(error),
        Fault::Silence(limit) => format!("no answer within {} s", limit.as_secs_f64()),
        Fault::System(error) => error.to_string(),
    }
}

/// What the server says, or what stands at the end of the chain of causes.
fn reason_of(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        let detail = db.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        return format!("{}{detail}", db.message());
    }
    match error.source() {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}
