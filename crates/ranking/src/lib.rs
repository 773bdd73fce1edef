//! Trials to ranks, to the best of them, to `leaderboard.json` and `cv_results.csv`: all by the rules
//! of scikit-learn, compared bit for bit with what scikit-learn 1.9.1 gave.
//!
//! This crate reads a finished [`History`](burn_tune_search::History) and returns values and text. It
//! opens no file, reads no clock and draws nothing at random, so equal histories give equal bytes.
//!
//! ```text
//! History ─ standings ─→ rank, mean, std of each trial ─→ Leaderboard ─ to_json ─→ leaderboard.json
//!              │                                              ↑
//!              ├─ top ─→ the trials to refit ─ study::refit ──┘
//!              ├─ cv_results ─→ cv_results.csv
//!              └─ ObjectiveMeans ─→ what a clock decides, for the table and the page
//! ```

pub mod format;
pub mod noise;
pub mod rank;
pub mod statistics;

pub mod standings;

pub mod convergence;
pub mod verdict;

mod json_layout;
pub mod result_file;

pub mod claim;
pub mod comparison;
pub mod leaderboard;
pub mod training_report;

pub mod curves_file;
pub mod cv_results;
pub mod fit_times;
pub mod flag_kinds;
mod npz;
pub mod objective_means;
mod python;
pub mod timeline;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod schema_parts;

pub use comparison::Comparison;
pub use cv_results::cv_results;
pub use fit_times::FitTimes;
pub use leaderboard::{Evaluation, Leaderboard, StudyFacts};
pub use objective_means::ObjectiveMeans;
pub use rank::rank;
pub use result_file::{ResultFile, ResultFileError};
pub use standings::{Standing, standings, top};
pub use training_report::{
    Contrast, ModelEntry, NamedModel, TrainingEvaluation, TrainingFacts, TrainingReport,
};
