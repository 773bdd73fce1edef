//! The model from outside, on every backend that is compiled in: against PyTorch, its initial
//! weights, and what a training promises.

mod harness;

mod facade;
mod fusing;
mod initial_weights;
mod pytorch;
mod recording;
mod saved;
mod training;
