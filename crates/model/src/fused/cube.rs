//! Banks on a graphics card, by kernels of ours on CubeCL's client: no tensors, no autodiff, no tuning at run time.
//!
//! The examples are on the card once, as bytes. A step uploads a table of some words a lane and the indices of its batch,
//! and reads nothing back: losses wait in a buffer until somebody asks.

mod bank;
mod buffers;
mod kernels;
mod layout;
mod maker;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use maker::CubeMaker;
