//! What a step tells the card: for each of its lanes where its numbers are, how large its layers are, and which
//! examples are its batch. It is the only thing that is uploaded in a step.

use crate::activation::Activation;

// Places in a lane's row.
pub(super) const SLOT: usize = 0;
pub(super) const ROWS: usize = 1;
pub(super) const ACTIVATION: usize = 2;
pub(super) const SOFTMAX: usize = 3;
pub(super) const LOSS: usize = 4;
pub(super) const STEP_SIZE: usize = 5;
pub(super) const CORRECTION: usize = 6;
pub(super) const PARAMETERS: usize = 7;
pub(super) const BATCH: usize = 8;
/// Where the layers begin.
pub(super) const LAYERS: usize = 9;

// Places in a layer's part of a row.
/// Quads of its inputs.
pub(super) const INPUTS: usize = 0;
/// Numbers of its outputs, without padding.
pub(super) const OUTPUTS: usize = 1;
/// Where its weights begin among the lane's parameters, in quads; its biases are behind them.
pub(super) const WEIGHTS: usize = 2;
/// How many places a layer takes.
pub(super) const LAYER: usize = 3;

// Activations, as kernels know them.
pub(super) const RELU: u32 = 1;
pub(super) const LEAKY_RELU: u32 = 2;
pub(super) const SIGMOID: u32 = 3;
pub(super) const TANH: u32 = 4;
pub(super) const GELU: u32 = 5;
pub(super) const SILU: u32 = 6;

/// The number of an activation in the table.
pub(super) fn code(activation: Activation) -> u32 {
    match activation {
        Activation::Relu => RELU,
        Activation::LeakyRelu => LEAKY_RELU,
        Activation::Sigmoid => SIGMOID,
        Activation::Tanh => TANH,
        Activation::Gelu => GELU,
        Activation::Silu => SILU,
    }
}

/// Numbers in whole quads.
pub(super) fn quads(numbers: usize) -> usize {
    numbers.div_ceil(super::kernels::QUAD)
}
