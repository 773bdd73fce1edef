//! The error of a file that cannot be used: what is wrong, where, and what would be right.

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

/// A fault in a search-space file. Its `Display` names file, line and column; rendered by `miette`
/// it shows the line itself.
#[derive(Debug, Clone, Error, Diagnostic)]
#[error("{place}: {problem}")]
pub struct SpaceError {
    /// `file:line:column`.
    pub place: String,
    /// What is wrong, in one sentence.
    pub problem: String,
    /// What would be right.
    #[help]
    pub help: String,
    pub(crate) label: String,
    #[source_code]
    pub(crate) source_code: NamedSource<String>,
    #[label("{label}")]
    pub(crate) span: SourceSpan,
}
