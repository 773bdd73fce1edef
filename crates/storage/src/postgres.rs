//! Studies on a server of PostgreSQL: one connection, which is made again when it is lost.

mod address;
mod values;

use std::collections::HashMap;
use std::error::Error as _;
use std::io;
use std::time::Duration;

use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use postgres::{Client, Config, Row as ServerRow, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

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
    connection: Option<Connection>,
    in_transaction: bool,
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
        let mut database =
            PostgresDatabase { config, tls, connection: None, in_transaction: false };
        let connection = database.connect().map_err(|error| {
            // In the driver's words, which has no other way to tell: refused, no such host, silence.
            if error.to_string().starts_with("error connecting") {
                // Nobody has seen this server yet: it is rather the address that is wrong.
                StorageError::Permanent(format!(
                    "no server answers at {} ({}): is it running, and is the address right?",
                    database.server(),
                    reason(&error)
                ))
            } else {
                database.explain(&error)
            }
        });
        database.connection = Some(connection?);
        Ok(database)
    }

    fn connect(&self) -> Result<Connection, postgres::Error> {
        let mut client = self.config.connect(self.tls.clone())?;
        client.batch_execute(SESSION)?;
        Ok(Connection { client, statements: HashMap::new(), listens: None })
    }

    /// Runs `work` on the connection, which is made where there is none. After an error that may not
    /// come again the connection is given up, and with it the transaction.
    fn with_connection<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, postgres::Error>,
    ) -> Result<T, StorageError> {
        let result = match &mut self.connection {
            Some(connection) => work(connection),
            None if self.in_transaction => {
                let server = self.server();
                return Err(StorageError::Transient(format!("the connection to {server} is lost")));
            }
            None => self.connect().and_then(|connection| work(self.connection.insert(connection))),
        };
        result.map_err(|error| {
            let error = self.explain(&error);
            if matches!(error, StorageError::Transient(_)) {
                self.connection = None;
            }
            error
        })
    }

    fn server(&self) -> String {
        address::server(&self.config)
    }

    /// What `error` means for who asked, and what to do.
    fn explain(&self, error: &postgres::Error) -> StorageError {
        let server = self.server();
        let reason = reason(error);
        let user = self.config.get_user().unwrap_or("the user");
        match severity(error) {
            Severity::Lost => {
                StorageError::Transient(format!("the connection to {server} is lost ({reason})"))
            }
            Severity::Busy => {
                StorageError::Transient(format!("the server at {server} is busy ({reason})"))
            }
            Severity::Encryption => StorageError::Permanent(format!(
                "no encrypted connection to {server} ({reason}): `sslmode` and `sslrootcert` in the \
                 address say whether to encrypt, and by which certificates to know the server"
            )),
            Severity::Password => StorageError::Permanent(format!(
                "the server at {server} refuses the password of {user} ({reason}): write it into \
                 the address, postgresql://USER:PASSWORD@HOST/DATABASE, or into PGPASSWORD"
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
            rows.iter().map(read_row).collect()
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
            let mut notifications = client.notifications();
            // With no time at all the driver would not look at its socket.
            let mut told = notifications.timeout_iter(Duration::from_millis(1));
            let mut changed = false;
            while told.next()?.is_some() {
                changed = true;
            }
            Ok(changed)
        })
    }
}

/// What those who wait for changes of a study listen to.
fn channel(study: i64) -> String {
    format!("burn_tune_study_{study}")
}

fn prepared<'a>(
    client: &mut Client,
    statements: &'a mut HashMap<String, Statement>,
    sql: &str,
) -> Result<&'a Statement, postgres::Error> {
    if !statements.contains_key(sql) {
        let statement = client.prepare(&DIALECT.expand(sql).replace('?', "$"))?;
        statements.insert(sql.to_owned(), statement);
    }
    Ok(&statements[sql])
}

fn borrowed(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn read_row(row: &ServerRow) -> Result<Row, postgres::Error> {
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

fn severity(error: &postgres::Error) -> Severity {
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
            None if reason(error).contains("password") => Severity::Password,
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

/// What the server says, or what stands at the end of the chain of causes.
fn reason(error: &postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        let detail = db.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        return format!("{}{detail}", db.message());
    }
    match error.source() {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}
