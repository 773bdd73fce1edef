//! A program that searches something.

use std::fmt::Debug;
use std::process::ExitCode;

use anyhow::{Error, Result};
use burn_tune_search::{Identity, StudySpec};
use burn_tune_spec::StudyFile;
use clap::Args;

use crate::args::SearchOptions;
use crate::errors::with_line;
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

/// What is searched, and where it comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The study.
    pub spec: StudySpec,
    /// What is said of the objective, by key: studies keep it.
    pub stated: Identity,
    /// The space file, where it comes from one: so errors have their line.
    pub file: Option<StudyFile>,
    /// Where it comes from, for people.
    pub name: String,
    /// The arguments that name it in commands that messages propose: ` --space mlp.toml`, or nothing.
    pub arguments: String,
}

impl Source {
    /// Gives an error about the study its line in the file.
    pub fn with_line(&self) -> impl Fn(Error) -> Error {
        |error| match &self.file {
            Some(file) => with_line(file)(error),
            None => error,
        }
    }
}
