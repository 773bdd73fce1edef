//! The real program on real data, as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

mod adversity;
mod ask_tell;
mod command;
mod compare;
mod engine;
mod first_steps;
mod fusing;
mod interruption;
mod learning;
mod models;
mod pareto;
mod resume;
mod search;
mod side_by_side;
mod studies;
mod training;
mod workers;
mod wrong_input;
