//! A multilayer perceptron on Burn: its configuration, its training, and what shows that a trained
//! model is sick. The only crate that knows Burn.

#![cfg_attr(
    feature = "ndarray",
    expect(deprecated, reason = "burn-ndarray is still asked for, though Burn is to drop it")
)]

pub mod config;

pub mod mlp;

pub mod activation;
mod kernels;
mod lane_state;
pub mod layer;
mod layer_values;
pub mod loss;

mod batch;
pub mod curves;
mod fused;
mod lane;
pub mod lanes;
mod network;
pub mod predict;
pub mod recorder;
pub mod train;

pub mod adam;

pub mod flags;
pub mod health;
pub mod identity;
pub mod saved;
pub mod training;

#[cfg(feature = "wgpu")]
pub mod adapters;
pub mod backend;
pub mod device_facts;
#[cfg(feature = "wgpu")]
pub mod speed;

pub use activation::Activation;
pub use backend::Backend;
pub use config::MlpConfig;
pub use device_facts::DeviceFacts;
pub use identity::MlpIdentity;
pub use lanes::Lanes;
pub use mlp::Mlp;
pub use saved::{Prediction, SavedMlp};
pub use training::MlpTraining;
