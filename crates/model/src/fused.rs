//! Trainings that are computed together, as lanes of a bank.

pub(crate) mod bank;
mod fault;
mod group;
pub(crate) mod groups;
mod memory;

#[cfg(feature = "wgpu")]
pub(crate) mod cube;
pub(crate) mod flex;

#[cfg(test)]
mod tests;
