//! Which activation functions there are.

use burn_tune::Space;
use serde::{Deserialize, Serialize};

/// An activation function, by its PyTorch name and with its PyTorch defaults.
#[derive(Space, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `x` above 0, `0.01 x` below.
    LeakyRelu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `x Φ(x)`, by the error function.
    Gelu,
    /// `x sigmoid(x)`.
    Silu,
}

/// PyTorch's `negative_slope`.
pub(crate) const LEAKY_SLOPE: f32 = 0.01;

impl Activation {
    /// Whether the derivative is computed from the function's input, as against from its value.
    pub(crate) fn derives_from_input(self) -> bool {
        matches!(self, Activation::Gelu | Activation::Silu)
    }
}
