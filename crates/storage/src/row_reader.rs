//! Reading the values of a row, from left to right, as what the tables have them be.

use crate::StorageError;
use crate::database::{Row, Value};

/// The values of a row that have not been read yet.
pub(crate) struct RowReader(std::vec::IntoIter<Value>);

impl RowReader {
    pub fn of(row: Row) -> Self {
        RowReader(row.into_iter())
    }

    pub fn int(&mut self) -> Result<i64, StorageError> {
        match self.next() {
            Value::Int(int) => Ok(int),
            other => Err(unexpected(&other, "a whole number")),
        }
    }

    /// A number that counts something, and so is not negative.
    pub fn count(&mut self) -> Result<usize, StorageError> {
        let int = self.int()?;
        usize::try_from(int).map_err(|_| unexpected(&Value::Int(int), "a number from 0"))
    }

    pub fn float(&mut self) -> Result<f64, StorageError> {
        self.optional_float()?.ok_or_else(|| unexpected(&Value::Null, "a number"))
    }

    pub fn optional_float(&mut self) -> Result<Option<f64>, StorageError> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Float(float) => Ok(Some(float)),
            Value::Int(int) => Ok(Some(int as f64)),
            other => Err(unexpected(&other, "a number")),
        }
    }

    pub fn text(&mut self) -> Result<String, StorageError> {
        self.optional_text()?.ok_or_else(|| unexpected(&Value::Null, "a text"))
    }

    pub fn optional_text(&mut self) -> Result<Option<String>, StorageError> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            other => Err(unexpected(&other, "a text")),
        }
    }

    /// A date, always with its microseconds: Optuna has SQLite write heartbeats, which does without.
    pub fn optional_date(&mut self) -> Result<Option<String>, StorageError> {
        let in_seconds = "0000-00-00 00:00:00".len();
        let whole = |date: String| if date.len() == in_seconds { date + ".000000" } else { date };
        Ok(self.optional_text()?.map(whole))
    }

    pub fn bytes(&mut self) -> Result<Vec<u8>, StorageError> {
        match self.next() {
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(unexpected(&other, "bytes")),
        }
    }

    fn next(&mut self) -> Value {
        self.0.next().expect("no more values are read than a query asks for")
    }
}

/// SQLite stores whatever it is given, and Optuna's tables allow NULL where Optuna never writes it.
fn unexpected(found: &Value, expected: &str) -> StorageError {
    StorageError::Permanent(format!(
        "the database has {found:?} where {expected} belongs: another program, or somebody by hand, \
         changed what Optuna's tables hold"
    ))
}
