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

use self::client::{Client, Fault, Patience};
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
    in_transaction: bool,
    /// How often a connection was made.
    connections: u64,
}

struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
    /// The study whose changes this connection is told of.
    listens: Option<i64>,
}

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
            in_transaction: false,
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
            None if self.in_transaction => {
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
            Severity::Full => StorageError::Permanent(format!(
                "the disk of the server at {server} is full ({reason}): free some space there, then \
                 resume the study"
            )),
            Severity::Denied => StorageError::Permanent(format!(
                "the server at {server} does not allow {user} what is needed ({reason}): its \
                 administrator grants it, or name another database with --storage"
            )),
            Severity::Other => StorageError::Permanent(format!("the server at {server}: {reason}")),
        }
    }
}

impl Database for PostgresDatabase {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StorageError> {
        self.with_connection(|Connection { client, statements, .. }| {
            let statement = prepared(client, statements, sql)?;
            client.execute(statement, &borrowed(params))
        })
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StorageError> {
        self.with_connection(|Connection { client, statements, .. }| {
            let statement = prepared(client, statements, sql)?;
            let rows = client.query(statement, &borrowed(params))?;
            Ok(rows.iter().map(read_row).collect::<Result<_, Error>>()?)
        })
    }

    fn begin(&mut self, access: Access) -> Result<(), StorageError> {
        self.in_transaction = false;
        let begin = match access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            // Every statement sees what others have committed: whoever has waited for a lock goes on
            // with what the other left. Whoever decides from what it reads locks the study's row first.
            Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED",
        };
        self.with_connection(|connection| connection.client.batch_execute(begin))?;
        self.in_transaction = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StorageError> {
        let result = self.with_connection(|connection| connection.client.batch_execute("COMMIT"));
        self.in_transaction = false;
        result
    }

    fn rollback(&mut self) {
        self.in_transaction = false;
        if let Some(connection) = &mut self.connection
            && let Err(error) = connection.client.batch_execute("ROLLBACK")
        {
            tracing::debug!("rollback: {}", reason(&error));
            self.connection = None;
        }
    }

    fn notify(&mut self, study: i64) -> Result<(), StorageError> {
        self.query(&format!("SELECT pg_notify('{}', '')", channel(study)), &[]).map(drop)
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

fn prepared<'a>(
    client: &Client,
    statements: &'a mut HashMap<String, Statement>,
    sql: &str,
) -> Result<&'a Statement, Fault> {
    if !statements.contains_key(sql) {
        let statement = client.prepare(&DIALECT.expand(sql).replace('?', "$"))?;
        statements.insert(sql.to_owned(), statement);
    }
    Ok(&statements[sql])
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
