//! Trainings that are computed together, as lanes of a bank.

pub(crate) mod bank;
