//! Derived spaces as a user has them: against the same in TOML, from params and back, as an objective's
//! configuration, where nothing is imported, and where they do not compile.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod against_toml;
mod compile_fail;
mod hygiene;
mod objective;
mod params;
mod spaces;
