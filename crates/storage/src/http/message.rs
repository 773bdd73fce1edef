//! What a client and the server say to each other once the connection is upgraded: a length in four bytes, and so
//! many bytes of MessagePack, which keeps every number to the bit.

use std::io::{self, ErrorKind, Read};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::socket::{Buffered, send};
use crate::StorageError;
use crate::database::{Access, Row, Value};

/// Longer messages are refused: no statement of ours comes near.
pub(super) const LONGEST: usize = 256 << 20;

/// One of the things that a client asks for. All of a message are done in their order; after one that fails, none
/// is, and the transaction is undone.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    Begin(Access),
    Execute(String, Vec<Value>),
    Query(String, Vec<Value>),
    Commit,
    Rollback,
    /// Whether another may have changed anything since this was last asked.
    HasChanged,
}

/// What the server answers to the last word of a message.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Done,
    /// So many rows were changed.
    Changed(u64),
    /// Rows, and whether more of them follow with the next answer.
    Rows(Vec<Row>, bool),
    /// Whether there are changes.
    HasChanged(bool),
    /// It may be asked again, from the start of the transaction.
    Transient(String),
    Permanent(String),
    Input(String),
}

impl From<StorageError> for Answer {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Transient(reason) => Answer::Transient(reason),
            StorageError::Permanent(reason) => Answer::Permanent(reason),
            StorageError::Input(reason) => Answer::Input(reason),
        }
    }
}

/// Sends a message.
pub(super) fn write<T: Serialize>(stream: &mut Buffered, message: &T) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    rmp_serde::encode::write(&mut bytes, message).map_err(io::Error::other)?;
    let length = bytes.len() - 4;
    if length > LONGEST {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            format!("{length} bytes are too many"),
        ));
    }
    bytes[..4].copy_from_slice(&(length as u32).to_be_bytes());
    send(stream, &bytes)
}

/// Reads a message; none where the connection was closed before one began.
pub(super) fn read<T: DeserializeOwned>(stream: &mut Buffered) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    let first = stream.read(&mut length)?;
    if first == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut length[first..])?;
    let length = u32::from_be_bytes(length) as usize;
    if length > LONGEST {
        return Err(io::Error::new(ErrorKind::InvalidData, format!("{length} bytes are too many")));
    }
    // Grows with what has come: who only says that much is coming costs nothing.
    let mut bytes = Vec::new();
    stream.by_ref().take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let message = rmp_serde::from_slice(&bytes);
    message.map(Some).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}
