//! One suite that all databases pass: SQLite always, PostgreSQL and a server of a file where the features are built
//! in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;
mod records;

mod claims;
mod database;
mod fuzz;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "postgres")]
mod server;
mod studies;
mod transfer;
