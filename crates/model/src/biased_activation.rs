//! Bias and activation: one pass over memory on burn-flex, Burn's own operations elsewhere, with the
//! gradient for autodiff.
//!
//! Burn composes some activations of several tensor operations, and computes an exponential one value
//! at a time; at batches of 100 that took a third of the training time. Here bias and activation are
//! one vectorised pass, in place, forward and backward.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor};

use crate::activation::{Activation, LEAKY_SLOPE};
use crate::kernels;

impl Activation {
    /// The activation of `product + bias`: `[batch, units]` and `[units]`.
    pub fn of_biased(self, product: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
        let biased = <Dispatch as BiasedActivation>::biased_activation(
            product.into_dispatch(),
            bias.into_dispatch(),
            self,
        );
        Tensor::from_dispatch(biased)
    }
}

/// The operations that burn-flex does in one pass. The default bodies compose Burn's own.
#[backend_extension(Flex, NdArray: cfg(feature = "ndarray"), Cube: cfg(feature = "wgpu"), Autodiff)]
pub trait BiasedActivation: Backend {
    /// `activation(product + bias)`, of `[batch, units]` and `[units]`.
    fn biased_activation(
        product: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        <Self as BiasedActivation>::activation(add_bias::<Self>(product, bias), activation)
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

    /// The gradient of the activation's input. `kept` is that input for gelu and silu, else the
    /// activation's value.
    fn activation_backward(
        kept: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        match activation {
            Activation::Relu => Self::relu_backward(kept, grad),
            Activation::LeakyRelu => {
                // The value has the sign of the input: what relu lets through, and the rest sloped.
                let above = Self::relu_backward(kept, grad.clone());
                let below = Self::float_sub(grad, above.clone());
                Self::float_add(above, Self::float_mul_scalar(below, LEAKY_SLOPE.into()))
            }
            Activation::Sigmoid => Self::sigmoid_backward(kept, grad),
            Activation::Tanh => {
                let square = Self::float_mul(kept.clone(), kept);
                Self::float_sub(grad.clone(), Self::float_mul(grad, square))
            }
            Activation::Gelu => Self::float_mul(grad, gelu_slope::<Self>(kept)),
            Activation::Silu => {
                // s (1 + x (1 - s)) = s + y (1 - s) = s + y - y s
                let sigmoid = Self::sigmoid(kept.clone());
                let value = Self::float_mul(kept, sigmoid.clone());
                let product = Self::float_mul(value.clone(), sigmoid.clone());
                Self::float_mul(grad, Self::float_sub(Self::float_add(sigmoid, value), product))
            }
        }
    }
}

fn add_bias<B: Backend>(product: FloatTensor<B>, bias: FloatTensor<B>) -> FloatTensor<B> {
    let units = bias.shape()[0];
    B::float_add(product, B::float_reshape(bias, Shape::new([1, units])))
}

/// The slope of gelu: the normal distribution's cumulative probability, and x times its density. Burn's
/// own `gelu_backward` is that of gelu's approximation by tanh, except on burn-flex.
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

impl BiasedActivation for Flex {
    fn biased_activation(
        product: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let mut value = product.to_contiguous();
        let bias = bias.to_contiguous();
        kernels::biased_activation(value.storage_mut(), bias.storage(), activation);
        value
    }

    fn activation(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        let mut value = input.to_contiguous();
        kernels::activation(value.storage_mut(), activation);
        value
    }

    fn activation_backward(
        kept: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let mut grad = grad.to_contiguous();
        let kept = kept.to_contiguous();
        kernels::activation_backward(kept.storage(), grad.storage_mut(), activation);
        grad
    }
}

#[cfg(feature = "ndarray")]
impl BiasedActivation for burn::backend::NdArray {}

#[cfg(feature = "wgpu")]
impl BiasedActivation for burn::backend::Cube {}

impl<B: BiasedActivation, C: CheckpointStrategy> BiasedActivation for Autodiff<B, C> {
    fn biased_activation(
        product: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let guards = [product.node(), bias.node()];
        let (product, bias) = (product.into_primitive(), bias.into_primitive());
        match BiasedActivationBackward.prepare::<C>(guards).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (kept, value) = if activation.derives_from_input() {
                    let input = add_bias::<B>(product, bias);
                    (input.clone(), B::activation(input, activation))
                } else {
                    let value = B::biased_activation(product, bias, activation);
                    (value.clone(), value)
                };
                prep.finish((kept, activation), value)
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::biased_activation(product, bias, activation))
            }
        }
    }
}

#[derive(Debug)]
struct BiasedActivationBackward;

impl<B: BiasedActivation> Backward<B, 2> for BiasedActivationBackward {
    /// What the derivative is computed from.
    type State = (FloatTensor<B>, Activation);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [product, bias] = ops.parents;
        let (kept, activation) = ops.state;
        let grad = B::activation_backward(kept, grads.consume::<B>(&ops.node), activation);
        if let Some(bias) = bias {
            grads.register::<B>(bias.id, B::linear_bias_backward(grad.clone()));
        }
        if let Some(product) = product {
            grads.register::<B>(product.id, grad);
        }
    }
}

#[cfg(test)]
mod tests;
