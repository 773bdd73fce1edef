//! A program that searches something.

use std::fmt::Debug;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::args::SearchOptions;
use crate::source::Source;
use crate::worker::Joining;

/// A program that searches something.
pub trait Program {
    /// The arguments by which its users say what is searched.
    type Space: Args + Debug;
    /// The arguments by which its users say how that is scored.
    type Objective: Args + Debug;

    /// All that the program takes, for the completions of shells.
    fn command_line(&self) -> clap::Command;

    /// What is searched.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn source(&self, space: &Self::Space) -> Result<Source>;

    /// Searches it: with [`search::search`](crate::search::search).
    ///
    /// # Errors
    ///
    /// Whatever ends the program otherwise than well.
    fn search(
        &self,
        source: &Source,
        objective: &Self::Objective,
        options: &SearchOptions,
    ) -> Result<ExitCode>;

    /// Works on a study that has been begun, by what the database has of it: with [`Joining::work`].
    ///
    /// # Errors
    ///
    /// Where its trials are scored by something else than what this program has; whatever ends the program otherwise
    /// than well.
    fn work(&self, study: Joining) -> Result<ExitCode>;
}
