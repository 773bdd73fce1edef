//! A multilayer perceptron on Burn: its configuration, its training, and what shows that a trained
//! model is sick. The only crate that knows Burn.

pub mod activation;
pub mod config;
pub mod mlp;

pub mod adam;
pub mod health;
mod kernels;
pub mod objective;
pub mod train;

pub mod backend;

pub use activation::Activation;
pub use backend::Backend;
pub use config::MlpConfig;
pub use mlp::Mlp;
pub use objective::MlpObjective;
