//! Why a training, or a study, came to nothing.

use std::fmt;

use burn_tune_search::{ObjectiveError, SpecError};
use burn_tune_study::StudyError;

/// What went wrong, in a sentence. Every error becomes one by `?`; [`Error::new`] makes one of a text, and of what is
/// no [`std::error::Error`] itself, such as a `Box<dyn Error>` or an error of the crate anyhow.
///
/// ```
/// use burn_tune::Error;
///
/// fn rows(text: &str) -> Result<usize, Error> {
///     let rows: usize = text.parse()?;
///     if rows == 0 {
///         return Err(Error::new("the table has no rows"));
///     }
///     Ok(rows)
/// }
/// assert_eq!(rows("x").unwrap_err().to_string(), "invalid digit found in string");
///
/// fn boxed() -> Result<usize, Box<dyn std::error::Error>> {
///     Err("the disk is full".into())
/// }
/// fn columns() -> Result<usize, Error> {
///     Ok(boxed().map_err(Error::new)?)
/// }
/// assert_eq!(columns().unwrap_err().to_string(), "the disk is full");
/// ```
// Like anyhow's, it is no `std::error::Error` itself: else it could not be made of all of them.
#[derive(Clone, PartialEq)]
pub struct Error(pub(crate) ObjectiveError);

/// What a training comes to: a [`Score`](crate::Score), or why there is none.
///
/// ```
/// use burn_tune::Result;
///
/// fn rows(text: &str) -> Result<usize> {
///     Ok(text.parse()?)
/// }
/// assert!(rows("150").is_ok());
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that says `problem`; of an error of anyhow, with all that caused it.
    ///
    /// ```
    /// let error = burn_tune::Error::new("the table has no rows");
    /// assert_eq!(error.to_string(), "the table has no rows");
    /// ```
    pub fn new(problem: impl fmt::Display) -> Self {
        // So anyhow and eyre write causes. Texts, and all errors of the standard library, are the same either way.
        Error(ObjectiveError::Failed { reason: format!("{problem:#}"), flags: Vec::new() })
    }

    /// An error of a study with what its user, who has no command line, can do.
    pub(crate) fn of_study(error: StudyError) -> Self {
        let advice = match &error {
            StudyError::Differs { .. } | StudyError::Directions { .. } => {
                "\nundo the change, or give the study another name".to_owned()
            }
            StudyError::Spec(SpecError { problem, help, .. }) => {
                return Error::new(format!("{problem}: {help}"));
            }
            StudyError::FewerTrials { asked, .. } => format!(": run at least {asked}"),
            StudyError::NeedsOneObjective { .. } => {
                ": leave it out, or all metrics but the score".to_owned()
            }
            _ => String::new(),
        };
        Error::new(format!("{error}{advice}"))
    }

    /// The training was asked to end in the middle: it is no result, and no failure either.
    pub(crate) fn interrupted() -> Self {
        Error(ObjectiveError::Interrupted)
    }
}

/// With all that caused it.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text += &format!(": {error}");
            cause = error.source();
        }
        Error::new(text)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Passes where `holds`, else says why not: for the checks of params.
///
/// # Errors
///
/// `problem`, where it does not hold.
///
/// ```
/// use burn_tune::ensure;
///
/// assert!(ensure(64 >= 32, "hidden is smaller than batch").is_ok());
/// assert!(ensure(16 >= 32, "hidden is smaller than batch").is_err());
/// ```
pub fn ensure(holds: bool, problem: impl fmt::Display) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::new(problem)) }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the table cannot be read")]
    struct Table(#[source] io::Error);

    /// As errors of anyhow do.
    struct Alternating;

    impl fmt::Display for Alternating {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(if f.alternate() { "the table: the disk" } else { "the table" })
        }
    }

    #[test]
    fn any_error_keeps_its_causes() {
        let failing = |error: io::Error| -> Result<()> { Err(Table(error))? };
        let error = failing(io::Error::other("the disk is gone")).unwrap_err();
        assert_eq!(error.to_string(), "the table cannot be read: the disk is gone");
        assert_eq!(Error::new(Alternating).to_string(), "the table: the disk");
        let boxed: Box<dyn std::error::Error + Send + Sync> = "the disk is full".into();
        assert_eq!(Error::new(boxed).to_string(), "the disk is full");
    }
}
