//! A layer, activation(x · weight + bias), as one operation with its own gradient: on burn-flex loops and products of
//! ours, elsewhere Burn's operations.
//!
//! Burn composes some activations of several tensor operations, and computes an exponential one value at a time; its
//! sums depend on the width of the processor's vectors, its products on the sizes of caches. Here bias and activation
//! are one pass, in place, forward and backward, and all processors compute the same bits.

mod flex;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor};

use crate::activation::{Activation, LEAKY_SLOPE};

/// `activation(x · weight + bias)`, or without the activation: of `[batch, inputs]`, `[inputs, outputs]` and
/// `[outputs]`.
pub fn layer(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    activation: Option<Activation>,
) -> Tensor<2> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Layer>::layer(x, weight, bias, activation))
}

/// A layer on each backend, and on those that do autodiff.
#[backend_extension(Flex, NdArray: cfg(feature = "ndarray"), Autodiff)]
pub trait Layer: Backend {
    /// `activation(x · weight + bias)`.
    fn layer(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Option<Activation>,
    ) -> FloatTensor<Self>;
}

/// The gradients of a layer.
pub struct LayerGradients<B: Backend> {
    x: Option<FloatTensor<B>>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
}

/// What a layer is made of on one backend, without autodiff. The bodies here compose Burn's operations.
pub trait LayerOps: Backend {
    /// `activation(x · weight + bias)`.
    fn forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Option<Activation>,
    ) -> FloatTensor<Self> {
        let biased = affine::<Self>(x, weight, bias);
        match activation {
            None => biased,
            Some(activation) => Self::activation(biased, activation),
        }
    }

    /// `activation(input)`.
    fn activation(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        match activation {
            Activation::Relu => Self::relu(input),
            Activation::LeakyRelu => Self::leaky_relu(input, LEAKY_SLOPE.into()),
            Activation::Sigmoid => Self::sigmoid(input),
            Activation::Tanh => Self::float_tanh(input),
            Activation::Gelu => Self::gelu(input),
            Activation::Silu => Self::float_mul(input.clone(), Self::sigmoid(input)),
        }
    }

    /// The gradients of what went in. `kept` is the activation's input for gelu and silu, else its value; that of `x`
    /// is computed only if it is wanted.
    fn backward(kept: &Kept<Self>, grad: FloatTensor<Self>, wants_x: bool) -> LayerGradients<Self> {
        let grad = match (kept.activation, kept.value.clone()) {
            (Some(activation), Some(value)) => activation_backward::<Self>(value, grad, activation),
            _ => grad,
        };
        let x = wants_x
            .then(|| Self::float_matmul(grad.clone(), Self::float_transpose(kept.weight.clone())));
        let weight = Self::float_matmul(Self::float_transpose(kept.x.clone()), grad.clone());
        LayerGradients { x, weight, bias: Self::linear_bias_backward(grad) }
    }
}

/// What the gradients of a layer are computed from.
#[derive(Debug, Clone)]
pub struct Kept<B: Backend> {
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    /// What the activation's derivative is computed from, where there is one.
    value: Option<FloatTensor<B>>,
    activation: Option<Activation>,
}

fn affine<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
) -> FloatTensor<B> {
    let outputs = bias.shape()[0];
    B::float_add(B::float_matmul(x, weight), B::float_reshape(bias, Shape::new([1, outputs])))
}

/// The gradient of the activation's input.
fn activation_backward<B: Backend>(
    kept: FloatTensor<B>,
    grad: FloatTensor<B>,
    activation: Activation,
) -> FloatTensor<B> {
    match activation {
        Activation::Relu => B::relu_backward(kept, grad),
        Activation::LeakyRelu => {
            // The value has the sign of the input: what relu lets through, and the rest sloped.
            let above = B::relu_backward(kept, grad.clone());
            let below = B::float_sub(grad, above.clone());
            B::float_add(above, B::float_mul_scalar(below, LEAKY_SLOPE.into()))
        }
        Activation::Sigmoid => B::sigmoid_backward(kept, grad),
        Activation::Tanh => {
            let square = B::float_mul(kept.clone(), kept);
            B::float_sub(grad.clone(), B::float_mul(grad, square))
        }
        Activation::Gelu => B::float_mul(grad, gelu_slope::<B>(kept)),
        Activation::Silu => {
            // s (1 + x (1 - s)) = s + y (1 - s) = s + y - y s
            let sigmoid = B::sigmoid(kept.clone());
            let value = B::float_mul(kept, sigmoid.clone());
            let product = B::float_mul(value.clone(), sigmoid.clone());
            B::float_mul(grad, B::float_sub(B::float_add(sigmoid, value), product))
        }
    }
}

/// The slope of gelu: the normal distribution's cumulative probability, and x times its density. Burn's own
/// `gelu_backward` is that of gelu's approximation by tanh, except on burn-flex.
fn gelu_slope<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    const DENSITY_AT_0: f32 = 0.398_942_3;
    let scaled = B::float_mul_scalar(x.clone(), std::f32::consts::FRAC_1_SQRT_2.into());
    let error = B::float_add_scalar(B::float_erf(scaled), 1.0f32.into());
    let cumulative = B::float_mul_scalar(error, 0.5f32.into());
    let square = B::float_mul(x.clone(), x.clone());
    let density = B::float_exp(B::float_mul_scalar(square, (-0.5f32).into()));
    let density = B::float_mul_scalar(density, DENSITY_AT_0.into());
    B::float_add(cumulative, B::float_mul(x, density))
}

#[cfg(feature = "ndarray")]
impl LayerOps for burn::backend::NdArray {}

macro_rules! layer_without_autodiff {
    ($($(#[$attribute:meta])* $backend:ty),+) => {$(
        $(#[$attribute])*
        impl Layer for $backend {
            fn layer(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                activation: Option<Activation>,
            ) -> FloatTensor<Self> {
                Self::forward(x, weight, bias, activation)
            }
        }
    )+};
}

layer_without_autodiff!(
    Flex,
    #[cfg(feature = "ndarray")]
    burn::backend::NdArray
);

impl<B: LayerOps, C: CheckpointStrategy> Layer for Autodiff<B, C> {
    fn layer(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Option<Activation>,
    ) -> FloatTensor<Self> {
        let guards = [x.node(), weight.node(), bias.node()];
        let (x, weight, bias) =
            (x.into_primitive(), weight.into_primitive(), bias.into_primitive());
        match LayerBackward.prepare::<C>(guards).compute_bound().stateful() {
            OpsKind::UnTracked(prep) => prep.finish(B::forward(x, weight, bias, activation)),
            OpsKind::Tracked(prep) => {
                let (kept, value) = match activation {
                    Some(activation) if activation.derives_from_input() => {
                        let input = B::forward(x.clone(), weight.clone(), bias, None);
                        (Some(input.clone()), B::activation(input, activation))
                    }
                    _ => {
                        let value = B::forward(x.clone(), weight.clone(), bias, activation);
                        (activation.map(|_| value.clone()), value)
                    }
                };
                prep.finish(Kept { x, weight, value: kept, activation }, value)
            }
        }
    }
}

#[derive(Debug)]
struct LayerBackward;

impl<B: LayerOps> Backward<B, 3> for LayerBackward {
    type State = Kept<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x, weight, bias] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let gradients = B::backward(&ops.state, grad, x.is_some());
        if let (Some(x), Some(grad)) = (x, gradients.x) {
            grads.register::<B>(x.id, grad);
        }
        if let Some(weight) = weight {
            grads.register::<B>(weight.id, gradients.weight);
        }
        if let Some(bias) = bias {
            grads.register::<B>(bias.id, gradients.bias);
        }
    }
}

#[cfg(test)]
mod tests;
