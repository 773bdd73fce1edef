//! Hyperparameter search for models of your own.
//!
//! So far it has the beginning: a struct that is its own search space, with [`Space`].
//!
//! ```
//! use burn_tune::Space;
//!
//! #[derive(Space, Debug)]
//! struct Net {
//!     #[space(1e-4..=1e-1, log)]
//!     lr: f64,
//!     #[space(64..=1024, step = 64)]
//!     hidden: usize,
//!     #[space]
//!     activation: Act,
//!     #[space(0.0..=0.5, when(activation = Act::Relu))]
//!     dropout: Option<f64>,
//! }
//!
//! #[derive(Space, Clone, Copy, Debug, PartialEq)]
//! enum Act {
//!     Relu,
//!     Gelu,
//! }
//!
//! let space = Net::space();
//! assert_eq!(space.domains.len(), 4);
//!
//! let net = Net { lr: 0.01, hidden: 128, activation: Act::Gelu, dropout: None };
//! assert_eq!(net.to_params().to_string(), "lr=0.01 hidden=128 activation=gelu");
//! assert_eq!(Net::from_params(&net.to_params())?.hidden, 128);
//! # Ok::<(), burn_tune::ParamError>(())
//! ```

mod bound;
mod derived;
mod param_error;
mod param_type;
mod space;

pub use bound::Bound;
pub use burn_tune_derive::Space;
/// Params and spaces as the engine has them.
pub use burn_tune_search as search;
pub use param_error::{ParamError, ValueError};
pub use param_type::{Choices, Number, ParamType, Text};
pub use space::Space;

/// What derived code calls: no part of the interface, and may change with any version.
#[doc(hidden)]
pub mod __private {
    pub use std::sync::OnceLock;
    pub use std::vec::Vec;

    pub use burn_tune_search as search;

    pub use crate::derived::*;
    pub use crate::param_error::{ParamError, ValueError};
}
