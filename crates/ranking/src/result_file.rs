//! What the JSON files that are written have in common: their form, and how they are read again.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::json_layout::lines;

/// A JSON file of results, with the version of its format under `format`.
pub trait ResultFile: Serialize + DeserializeOwned {
    /// The version that this program writes.
    const FORMAT: u32;
    /// The oldest version that this program reads.
    const OLDEST: u32;
    /// The lists whose entries stand on one line each.
    const ROWS: &'static [&'static str];
    /// The command that writes such a file anew.
    const COMMAND: &'static str;

    /// The text of the file.
    fn to_json(&self) -> String {
        lines(self, Self::ROWS)
    }

    /// What was read from a file of an older version, as one of this version.
    fn upgraded(self) -> Self {
        self
    }

    /// Reads the text of a file, also of an older version down to [`OLDEST`](Self::OLDEST).
    ///
    /// # Errors
    ///
    /// Where it is no such file, or one of another version.
    fn from_json(text: &str) -> Result<Self, ResultFileError> {
        let invalid = |error: serde_json::Error| ResultFileError::Invalid {
            problem: error.to_string(),
            command: Self::COMMAND,
        };
        let value: Value = serde_json::from_str(text).map_err(invalid)?;
        let version = value.get("format").and_then(Value::as_u64);
        let known = u64::from(Self::OLDEST)..=u64::from(Self::FORMAT);
        if !version.is_some_and(|version| known.contains(&version)) {
            return Err(ResultFileError::OtherFormat {
                found: version.map_or("no `format`".into(), |version| format!("format {version}")),
                expected: if Self::OLDEST == Self::FORMAT {
                    format!("format {}", Self::FORMAT)
                } else {
                    format!("formats {} to {}", Self::OLDEST, Self::FORMAT)
                },
                command: Self::COMMAND,
            });
        }
        serde_json::from_str::<Self>(text).map(Self::upgraded).map_err(invalid)
    }
}

/// Why the text of a result file cannot be read.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ResultFileError {
    /// It was written by another version of this program.
    #[error(
        "it has {found}, and this program reads {expected}: it was written by another version of burn-tune; write it anew with `{command}`"
    )]
    OtherFormat {
        /// What it says of its format.
        found: String,
        /// What would do.
        expected: String,
        /// The command that writes such a file.
        command: &'static str,
    },
    /// It is no JSON, or lacks something.
    #[error("{problem}; the file may be damaged: write it anew with `{command}`")]
    Invalid {
        /// What is wrong, with its line.
        problem: String,
        /// The command that writes such a file.
        command: &'static str,
    },
}

/// JSON has no NaN: null stands for it.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
