//! One suite that both databases pass: SQLite always, PostgreSQL where the feature is built in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;
mod records;

mod claims;
mod database;
mod fuzz;
#[cfg(feature = "postgres")]
mod server;
mod studies;
mod transfer;
