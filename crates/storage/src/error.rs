//! What can go wrong with a database, in words that say what to do.

use thiserror::Error;

/// Why the database did not do what was asked of it.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StorageError {
    /// It may do so later: it is busy, restarting, or the connection was lost. What was asked is to be
    /// asked again, from the start of the transaction.
    #[error("{0}")]
    Transient(String),
    /// The disk is full, the file is read-only, the server refuses: asking again does not help.
    #[error("{0}")]
    Permanent(String),
    /// What the user asked for is not there, or cannot be.
    #[error("{0}")]
    Input(String),
}
