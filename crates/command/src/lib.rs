//! Runs another program for each trial of a search, and takes its output for the score. Knows no Burn.
//!
//! The program gets its params as arguments and in its environment. Each line of its output that is a JSON
//! object with `step` and `value` is an intermediate value; the last line, a number or such an object, is the
//! score. It runs in a process group of its own, of which nothing is left when the trial has ended.

pub mod objective;
pub mod output;
pub mod settings;

#[cfg(unix)]
mod program;

#[cfg(unix)]
pub use burn_tune_process::kill_all;
pub use objective::{CommandObjective, Unusable};
pub use settings::CommandSettings;
