//! The real program on real data, as a user runs it.

mod harness;

mod interruption;
mod search;
mod wrong_input;
