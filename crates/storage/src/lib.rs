//! Studies in SQLite or PostgreSQL, in the tables of Optuna 5, so that Optuna and its dashboard open
//! them. The only crate that speaks SQL.
//!
//! ```text
//! search::study::run ─ Store ─→ StudyStore ─┐
//!                                           ├─→ Storage ─→ Database ─→ SQLite | PostgreSQL
//! studies, trials, export … ── records ─────┘
//! ```
//!
//! A [`Storage`] is a connection. [`StudyRecord`] and [`TrialRecord`] are what the tables hold, of
//! whatever program. [`StudyStore`] is one process's part in one study: it claims trials and saves what
//! they come to.

pub mod claims;
pub mod database;
pub mod distribution;
pub mod error;
pub mod kept;
pub mod parts;
pub mod python_json;
pub mod records;
pub mod studies;
pub mod told;
pub mod transfer;
pub mod url;
pub mod worker;

mod columns;
mod leases;
#[cfg(feature = "postgres")]
mod postgres;
mod rows;
mod schema;
mod sqlite;
mod storage;
mod trials;

pub use claims::{Part, StudyStore};
pub use distribution::Distribution;
pub use error::StorageError;
pub use records::{ParamRecord, StudyRecord, TrialRecord};
pub use storage::{Existence, Patience, Storage};
pub use studies::{Counts, StudySummary};
pub use url::StorageUrl;
