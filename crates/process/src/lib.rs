//! Programs that run beside a search: process groups of which nothing is left, the end of their output, what
//! memory they have, and how they ended. Knows no trial.

#[cfg(unix)]
pub mod exit;
#[cfg(unix)]
pub mod memory;
#[cfg(unix)]
pub mod pipe;
#[cfg(unix)]
pub mod process_group;
pub mod tail;

/// The variable in the environment of a program, or of a worker, that has the number of the device to compute on, where
/// the user has named some.
pub const DEVICE_VARIABLE: &str = "BURN_TUNE_DEVICE";

#[cfg(unix)]
pub use memory::MemoryLimit;
#[cfg(unix)]
pub use process_group::{ProcessGroup, kill_all};
pub use tail::Tail;
