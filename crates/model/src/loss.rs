//! Softmax and cross-entropy as one operation each, with their own gradients: on burn-flex loops of ours, elsewhere
//! Burn's operations.
//!
//! Burn's sums depend on the width of the processor's vectors, its exponentials and logarithms on the system's library.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{IndexingUpdateOp, Int, Shape, Tensor, TensorData};

use crate::kernels::softmax;

/// The mean cross-entropy, `[1]`, of `[batch, classes]` outputs against the class of each example, `[batch]`; with
/// `with_softmax`, the outputs go through a softmax first.
pub fn cross_entropy(outputs: Tensor<2>, targets: Tensor<1, Int>, with_softmax: bool) -> Tensor<1> {
    let (outputs, targets) = (outputs.into_dispatch(), targets.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Loss>::cross_entropy(outputs, targets, with_softmax))
}

/// The softmax of each row, `[batch, classes]`.
pub fn softmax(outputs: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Loss>::row_softmax(outputs.into_dispatch()))
}

/// The operations on each backend, and on those that do autodiff.
#[backend_extension(Flex, NdArray: cfg(feature = "ndarray"), Autodiff)]
pub trait Loss: Backend {
    /// The mean cross-entropy, `[1]`.
    fn cross_entropy(
        outputs: FloatTensor<Self>,
        targets: IntTensor<Self>,
        with_softmax: bool,
    ) -> FloatTensor<Self>;

    /// The softmax of each row.
    fn row_softmax(outputs: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// What they are made of on one backend, without autodiff. The bodies here compose Burn's operations.
pub trait LossOps: Backend {
    /// The mean cross-entropy, `[1]`, and the gradient of the outputs.
    fn loss_and_gradient(
        outputs: FloatTensor<Self>,
        targets: IntTensor<Self>,
        with_softmax: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let batch = outputs.shape()[0];
        let index = Self::int_reshape(targets, Shape::new([batch, 1]));
        let probabilities = with_softmax.then(|| Self::softmax_of(outputs.clone()));
        let scores = probabilities.clone().unwrap_or(outputs);
        let logs = Self::log_softmax(scores, 1);
        let chosen = Self::float_gather(1, logs.clone(), index.clone());
        let ones = Self::float_ones(chosen.shape(), &chosen.device(), chosen.dtype().into());
        let minus_one = Self::float_neg(ones);
        let loss = Self::float_neg(Self::float_mean(chosen));
        let excess =
            Self::float_scatter(1, Self::float_exp(logs), index, minus_one, IndexingUpdateOp::Add);
        let gradient = Self::float_mul_scalar(excess, (1.0 / batch as f32).into());
        let gradient = match probabilities {
            None => gradient,
            Some(probabilities) => softmax_backward::<Self>(probabilities, gradient),
        };
        (loss, gradient)
    }

    /// The softmax of each row.
    fn softmax_of(outputs: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::softmax(outputs, 1)
    }
}

/// The gradient of what went into a softmax: p (g - Σ g p).
fn softmax_backward<B: Backend>(
    probabilities: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> FloatTensor<B> {
    let common = B::float_sum_dim(B::float_mul(grad.clone(), probabilities.clone()), 1);
    B::float_mul(probabilities, B::float_sub(grad, common))
}

impl LossOps for Flex {
    fn loss_and_gradient(
        outputs: FloatTensor<Self>,
        targets: IntTensor<Self>,
        with_softmax: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let classes = outputs.shape()[1];
        let targets: Vec<usize> = targets.into_data().iter::<i64>().map(|t| t as usize).collect();
        let mut gradient = outputs.to_contiguous();
        let mut memory = Vec::new();
        let memory = with_softmax.then_some(&mut memory);
        let loss = softmax::cross_entropy(gradient.storage_mut(), classes, &targets, memory);
        (FloatTensor::<Self>::from_data(TensorData::new(vec![loss], [1])), gradient)
    }

    fn softmax_of(outputs: FloatTensor<Self>) -> FloatTensor<Self> {
        let classes = outputs.shape()[1];
        let mut probabilities = outputs.to_contiguous();
        softmax::softmax(probabilities.storage_mut(), classes);
        probabilities
    }
}

#[cfg(feature = "ndarray")]
impl LossOps for burn::backend::NdArray {}

macro_rules! loss_without_autodiff {
    ($($(#[$attribute:meta])* $backend:ty),+) => {$(
        $(#[$attribute])*
        impl Loss for $backend {
            fn cross_entropy(
                outputs: FloatTensor<Self>,
                targets: IntTensor<Self>,
                with_softmax: bool,
            ) -> FloatTensor<Self> {
                Self::loss_and_gradient(outputs, targets, with_softmax).0
            }

            fn row_softmax(outputs: FloatTensor<Self>) -> FloatTensor<Self> {
                Self::softmax_of(outputs)
            }
        }
    )+};
}

loss_without_autodiff!(
    Flex,
    #[cfg(feature = "ndarray")]
    burn::backend::NdArray
);

impl<B: LossOps, C: CheckpointStrategy> Loss for Autodiff<B, C> {
    fn cross_entropy(
        outputs: FloatTensor<Self>,
        targets: IntTensor<Self>,
        with_softmax: bool,
    ) -> FloatTensor<Self> {
        let guards = [outputs.node()];
        let (loss, gradient) =
            B::loss_and_gradient(outputs.into_primitive(), targets, with_softmax);
        match CrossEntropyBackward.prepare::<C>(guards).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(gradient, loss),
            OpsKind::UnTracked(prep) => prep.finish(loss),
        }
    }

    fn row_softmax(outputs: FloatTensor<Self>) -> FloatTensor<Self> {
        let guards = [outputs.node()];
        let probabilities = B::softmax_of(outputs.into_primitive());
        match SoftmaxBackward.prepare::<C>(guards).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(probabilities.clone(), probabilities),
            OpsKind::UnTracked(prep) => prep.finish(probabilities),
        }
    }
}

#[derive(Debug)]
struct CrossEntropyBackward;

impl<B: LossOps> Backward<B, 1> for CrossEntropyBackward {
    /// The gradient of the outputs.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [outputs] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        if let Some(outputs) = outputs {
            let grad = B::float_reshape(grad, Shape::new([1, 1]));
            grads.register::<B>(outputs.id, B::float_mul(ops.state, grad));
        }
    }
}

#[derive(Debug)]
struct SoftmaxBackward;

impl<B: LossOps> Backward<B, 1> for SoftmaxBackward {
    /// The probabilities.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [outputs] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        if let Some(outputs) = outputs {
            grads.register::<B>(outputs.id, softmax_backward::<B>(ops.state, grad));
        }
    }
}

#[cfg(test)]
mod tests;
