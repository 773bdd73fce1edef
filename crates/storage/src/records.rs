//! What the tables hold of a study and of a trial, of whatever program: nothing is interpreted.

use std::collections::BTreeMap;
use std::fmt;

use crate::database::Value;

/// A study.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyRecord {
    /// The key of its row.
    pub id: i64,
    /// Its name; no two studies of a database have the same.
    pub name: String,
    /// For each objective `MINIMIZE`, `MAXIMIZE` or `NOT_SET`.
    pub directions: Vec<String>,
    /// JSON texts by key, as they stand in the database.
    pub user_attributes: BTreeMap<String, String>,
    /// Likewise; Optuna's own.
    pub system_attributes: BTreeMap<String, String>,
}

/// How far a trial is, in Optuna's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    /// Somebody works on it, or did.
    Running,
    /// It has a value for each objective.
    Complete,
    /// It was stopped.
    Pruned,
    /// It came to no value.
    Fail,
    /// It is asked for, and has not begun.
    Waiting,
}

impl RecordState {
    /// All of them.
    pub const ALL: [RecordState; 5] = [
        RecordState::Running,
        RecordState::Complete,
        RecordState::Pruned,
        RecordState::Fail,
        RecordState::Waiting,
    ];

    /// As it stands in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            RecordState::Running => "RUNNING",
            RecordState::Complete => "COMPLETE",
            RecordState::Pruned => "PRUNED",
            RecordState::Fail => "FAIL",
            RecordState::Waiting => "WAITING",
        }
    }

    /// The state of this word; `None` for one that Optuna does not know.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more becomes of the trial.
    pub fn has_ended(self) -> bool {
        !matches!(self, RecordState::Running | RecordState::Waiting)
    }
}

impl fmt::Display for RecordState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As a parameter of a statement.
impl From<RecordState> for Value {
    fn from(state: RecordState) -> Self {
        Value::Text(state.as_str().to_owned())
    }
}

/// A trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRecord {
    /// The key of its row.
    pub id: i64,
    /// Its number in the study, from 0.
    pub number: usize,
    /// How far it is.
    pub state: RecordState,
    /// The value of each objective; infinities are values, NaN is none.
    pub values: Vec<f64>,
    /// In the order in which they were written.
    pub params: Vec<ParamRecord>,
    /// JSON texts by key, as they stand in the database.
    pub user_attributes: BTreeMap<String, String>,
    /// Likewise; Optuna's own.
    pub system_attributes: BTreeMap<String, String>,
    /// By step; may be infinite or NaN.
    pub intermediate_values: BTreeMap<i64, f64>,
    /// When it began: `YYYY-MM-DD HH:MM:SS.ffffff`, UTC.
    pub start: Option<String>,
    /// When it ended, likewise.
    pub complete: Option<String>,
    /// The last sign of life of whoever works on it, likewise.
    pub heartbeat: Option<String>,
    /// What was recorded while its models trained, by task (`fold0`, `seed2`), as bytes of an npz archive.
    pub curves: BTreeMap<String, Vec<u8>>,
}

/// A parameter of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamRecord {
    /// Its name.
    pub name: String,
    /// The number itself, or the index of the choice.
    pub value: f64,
    /// What it was drawn from: JSON, as it stands in the database.
    pub distribution: String,
}
