//! How the program ends: its exit codes, and the error that tells failed work from wrong input.

/// The work failed.
pub const FAILED: u8 = 1;
/// The input is wrong.
pub const WRONG_INPUT: u8 = 2;
/// The work was interrupted, as a shell says it of SIGINT.
pub const INTERRUPTED: u8 = 130;

/// The input was right, and the work came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WorkFailed(pub String);
