//! What the tables hold of a study and of a trial, of whatever program: nothing is interpreted.

use std::collections::BTreeMap;

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

/// A trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRecord {
    /// The key of its row.
    pub id: i64,
    /// Its number in the study, from 0.
    pub number: usize,
    /// `RUNNING`, `COMPLETE`, `PRUNED`, `FAIL` or `WAITING`.
    pub state: String,
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
