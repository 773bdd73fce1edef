//! Why a value is none that a type can hold, and why params are none of a space's.

use burn_tune_search::{ParamValue, did_you_mean};
use thiserror::Error;

/// A value that a type cannot hold.
///
/// ```
/// use burn_tune::ParamType;
/// use burn_tune::search::ParamValue;
///
/// let error = u8::from_value(&ParamValue::Int(300)).unwrap_err();
/// assert_eq!(error.to_string(), "300 is not a whole number from 0 to 255");
/// assert_eq!(error.help(), "allowed: a whole number from 0 to 255");
/// ```
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ValueError {
    /// It is of another type, or out of the range of this one.
    #[error("{} is not {expected}", quoted(found))]
    Unfit {
        /// The value.
        found: ParamValue,
        /// What is allowed: `a whole number from 0 to 255`.
        expected: String,
    },
    /// It is none of the names of an enum.
    #[error("there is no `{found}`")]
    UnknownName {
        /// The name.
        found: String,
        /// All that there are.
        known: &'static [&'static str],
    },
}

impl ValueError {
    /// The error of `found`, where `expected` is allowed.
    ///
    /// ```
    /// use burn_tune::ValueError;
    /// use burn_tune::search::ParamValue;
    ///
    /// let error = ValueError::unfit(&ParamValue::Int(101), "a percentage");
    /// assert_eq!(error.to_string(), "101 is not a percentage");
    /// ```
    pub fn unfit(found: &ParamValue, expected: impl Into<String>) -> Self {
        ValueError::Unfit { found: found.clone(), expected: expected.into() }
    }

    /// What is allowed, and for a name that resembles another, which may be meant.
    ///
    /// ```
    /// use burn_tune::ValueError;
    ///
    /// let error = ValueError::UnknownName { found: "rellu".to_owned(), known: &["relu", "tanh"] };
    /// assert_eq!(error.help(), "did you mean `relu`? Allowed: relu, tanh");
    /// ```
    pub fn help(&self) -> String {
        match self {
            ValueError::Unfit { expected, .. } => format!("allowed: {expected}"),
            ValueError::UnknownName { found, known } => did_you_mean::help(found, known),
        }
    }
}

/// Why params do not make a value of a type with [`Space`](crate::Space).
///
/// ```
/// use burn_tune::{ParamError, Space};
///
/// #[derive(Space, Debug)]
/// struct Net {
///     #[space(1..=8)]
///     depth: usize,
/// }
///
/// let params = [("detph".to_owned(), burn_tune::search::ParamValue::Int(3))];
/// let error = Net::from_params(&params.into_iter().collect()).unwrap_err();
/// assert_eq!(error.param(), "detph");
/// assert_eq!(error.to_string(), "there is no parameter `detph`");
/// assert_eq!(error.help(), "did you mean `depth`? Allowed: depth");
/// ```
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ParamError {
    /// There is no parameter of this name.
    #[error("there is no parameter `{param}`")]
    Unknown {
        /// The name.
        param: String,
        /// The parameters that there are.
        known: &'static [&'static str],
    },
    /// The type of the field cannot hold the value.
    #[error("`{param}`: {error}")]
    Value {
        /// The parameter.
        param: String,
        /// What is wrong with its value.
        error: ValueError,
    },
    /// It is not there, and has to be.
    #[error("the parameter `{param}` is missing")]
    Missing {
        /// The parameter.
        param: String,
        /// When it exists, in words; `None` where it exists always.
        when: Option<String>,
    },
    /// It is there, and does not exist beside the values of the others.
    #[error("`{param}` does not exist here")]
    NotHere {
        /// The parameter.
        param: String,
        /// When it exists, in words: `activation` is relu.
        when: String,
    },
}

impl ParamError {
    /// The parameter at fault.
    ///
    /// ```
    /// let error = burn_tune::ParamError::Missing { param: "depth".to_owned(), when: None };
    /// assert_eq!(error.param(), "depth");
    /// ```
    pub fn param(&self) -> &str {
        match self {
            ParamError::Unknown { param, .. }
            | ParamError::Value { param, .. }
            | ParamError::Missing { param, .. }
            | ParamError::NotHere { param, .. } => param,
        }
    }

    /// What is allowed.
    ///
    /// ```
    /// let error = burn_tune::ParamError::Missing { param: "depth".to_owned(), when: None };
    /// assert_eq!(error.help(), "it exists always");
    /// ```
    pub fn help(&self) -> String {
        match self {
            ParamError::Unknown { param, known } => did_you_mean::help(param, known),
            ParamError::Value { error, .. } => error.help(),
            ParamError::Missing { when: None, .. } => "it exists always".to_owned(),
            ParamError::Missing { when: Some(when), .. } => format!("it exists where {when}"),
            ParamError::NotHere { when, .. } => format!("it exists only where {when}"),
        }
    }
}

/// A value as code has it: a string between quotation marks.
fn quoted(value: &ParamValue) -> String {
    match value {
        ParamValue::Str(text) => format!("{text:?}"),
        value => value.to_string(),
    }
}
