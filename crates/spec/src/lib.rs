//! Studies as TOML files: what a file says of settings, space, explicit trials, data, programs and claims; and
//! at which line, so that whatever turns out to be wrong can be shown where it stands. The one user of the
//! `toml` crate.
//!
//! What a study is, is said in values ([`StudySpec`](burn_tune_search::StudySpec)), and checked there: this
//! crate adds the lines.

pub mod error;
pub mod study_file;

mod changes;
mod claim_table;
mod command_table;
mod domain;
mod objectives;
mod pruner;
mod source;
mod toml_view;
mod when;
mod wording;

pub use error::SpaceError;
pub use study_file::StudyFile;
