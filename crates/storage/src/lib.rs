//! Studies in SQLite or PostgreSQL, in the tables of Optuna 5, so that Optuna and its dashboard open
//! them. The only crate that speaks SQL.
//!
//! ```text
//! search::runner::run ─ Store ─→ StudyStore ─┐
//!                                           ├─→ Storage ─→ Database ─→ SQLite | PostgreSQL | HTTP
//! studies, trials, export … ── records ─────┘
//! ```
//!
//! A [`Storage`] is a connection. [`StudyRecord`] and [`TrialRecord`] are what the tables hold, of
//! whatever program. [`StudyStore`] is one process's part in one study: it claims trials and saves what
//! they come to.

pub mod ask_tell;
pub mod attributes;
pub mod claims;
pub mod coordination;
pub mod database;
pub mod distribution;
pub mod error;
#[cfg(feature = "http")]
pub mod http;
pub mod python_json;
pub mod records;
pub mod statistics;
pub mod studies;
pub mod transfer;
pub mod trial_codec;
pub mod url;
pub mod worker;

mod bulk_insert;
mod leases;
#[cfg(feature = "postgres")]
mod postgres;
mod row_reader;
mod schema;
mod sqlite;
mod storage;
mod trials;

pub use claims::{StudyStore, WorkerOptions};
pub use distribution::Distribution;
pub use error::StorageError;
pub use records::{ParamRecord, RecordState, StudyRecord, TrialRecord};
pub use statistics::Statistics;
pub use storage::{OpenMode, RetryPolicy, Storage};
pub use studies::{Counts, StudySummary};
pub use url::StorageUrl;
