//! Why a training, or a study, came to nothing.

use std::fmt;

use burn_tune_search::ObjectiveError;

/// What went wrong, in a sentence. Every error becomes one by `?`; [`Error::new`] makes one of a text.
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
    /// An error that says `problem`.
    ///
    /// ```
    /// let error = burn_tune::Error::new("the table has no rows");
    /// assert_eq!(error.to_string(), "the table has no rows");
    /// ```
    pub fn new(problem: impl fmt::Display) -> Self {
        Error(ObjectiveError::Failed { reason: problem.to_string(), flags: Vec::new() })
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
