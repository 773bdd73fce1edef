//! The seam between the databases: one small trait, and the same SQL for both.

use std::borrow::Cow;

use crate::StorageError;

/// A value of a row, or of a parameter.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "http", derive(serde::Serialize, serde::Deserialize))]
pub enum Value {
    /// NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text; also a date (`YYYY-MM-DD HH:MM:SS.ffffff`, UTC) and one of Optuna's enumerations.
    Text(String),
    /// Bytes.
    Bytes(#[cfg_attr(feature = "http", serde(with = "serde_bytes"))] Vec<u8>),
}

/// A row of an answer.
pub type Row = Vec<Value>;

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "http", derive(serde::Serialize, serde::Deserialize))]
pub enum Access {
    /// It reads only: all that it sees is of one moment.
    Read,
    /// It writes: no other that writes runs beside it in SQLite.
    Write,
}

/// A connection to a database. The SQL is the same for all, but for what stands in braces:
///
/// - parameters are `?1`, `?2` … (and no `?` stands anywhere else);
/// - `{now}` is the time of the database's clock as a date, `{epoch}` in seconds since 1970 as a number;
/// - `{lock}` at the end of a query locks its rows for the transaction;
/// - `{key}` is the type of a key that numbers itself, `{float}`, `{bytes}`, `{date}` and the names of
///   Optuna's enumerations (`{state}` …) are types of columns.
pub trait Database: Send {
    /// Runs a statement, and says how many rows it changed.
    ///
    /// # Errors
    ///
    /// What the database says. After [`StorageError::Transient`] the transaction, if there is one, is gone.
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StorageError>;

    /// As [`Database::execute`], where nobody asks how many rows it changed: it may be sent together with what comes
    /// next, and then an error comes there.
    ///
    /// # Errors
    ///
    /// As [`Database::execute`].
    fn run(&mut self, sql: &str, params: &[Value]) -> Result<(), StorageError> {
        self.execute(sql, params).map(drop)
    }

    /// The rows that a query (or an INSERT … RETURNING) answers.
    ///
    /// # Errors
    ///
    /// As [`Database::execute`].
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StorageError>;

    /// The rows of several queries, none of which depends on another: they may be sent together.
    ///
    /// # Errors
    ///
    /// As [`Database::execute`].
    fn queries(&mut self, queries: &[(&str, &[Value])]) -> Result<Vec<Vec<Row>>, StorageError> {
        queries.iter().map(|(sql, params)| self.query(sql, params)).collect()
    }

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// As [`Database::execute`]. Connects again where the connection was lost.
    fn begin(&mut self, access: Access) -> Result<(), StorageError>;

    /// Ends the transaction, and keeps what it did.
    ///
    /// # Errors
    ///
    /// As [`Database::execute`]; a lost connection leaves open whether it was kept.
    fn commit(&mut self) -> Result<(), StorageError>;

    /// Ends the transaction, and undoes what it did. Never fails: a lost connection has done so already.
    fn rollback(&mut self);

    /// Tells those who wait for changes of a study, once the transaction is committed, that there is one.
    ///
    /// # Errors
    ///
    /// As [`Database::execute`].
    fn notify(&mut self, study: i64) -> Result<(), StorageError>;

    /// Whether another may have changed a study since this was last asked, outside of a transaction. It costs
    /// next to nothing, and sees what was told with [`Database::notify`].
    ///
    /// # Errors
    ///
    /// As [`Database::execute`].
    fn has_changed(&mut self, study: i64) -> Result<bool, StorageError>;

    /// How often the connection was made again because it was lost.
    fn reconnections(&self) -> u64 {
        0
    }
}

/// What the words in braces stand for in one of the databases.
pub(crate) struct Dialect(pub &'static [(&'static str, &'static str)]);

impl Dialect {
    /// `sql` as this database takes it.
    pub fn expand<'a>(&self, sql: &'a str) -> Cow<'a, str> {
        if !sql.contains('{') {
            return Cow::Borrowed(sql);
        }
        let replace = |sql: String, (word, text): &(&str, &str)| sql.replace(word, text);
        Cow::Owned(self.0.iter().fold(sql.to_owned(), replace))
    }
}
