//! What is searched, and where it comes from.

use anyhow::Error;
use burn_tune_search::{Identity, StudySpec};
use burn_tune_spec::StudyFile;

use crate::errors::with_line;

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
