//! The fused activation, on every backend that is compiled in, against Burn's own operations on flex.

use burn::tensor::{TensorData, activation};

use super::*;
use crate::backend::Backend as Choice;

const ALL: [Activation; 6] = [
    Activation::Relu,
    Activation::LeakyRelu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Gelu,
    Activation::Silu,
];

fn burns_own(activation: Activation, x: Tensor<2>) -> Tensor<2> {
    match activation {
        Activation::Relu => activation::relu(x),
        Activation::LeakyRelu => activation::leaky_relu(x, 0.01),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::Tanh => activation::tanh(x),
        Activation::Gelu => activation::gelu(x),
        Activation::Silu => activation::silu(x),
    }
}

fn close(ours: Tensor<2>, theirs: Tensor<2>, what: &str) {
    let (ours, theirs) = (ours.into_data(), theirs.into_data());
    let pairs = ours.iter::<f32>().zip(theirs.iter::<f32>());
    for (ours, theirs) in pairs {
        // Relative above 1: there, single precision itself is no finer.
        let tolerance = 2e-6 * theirs.abs().max(1.0);
        assert!((ours - theirs).abs() < tolerance, "{what}: {ours} against {theirs}");
    }
}

#[test]
fn value_and_gradients_are_those_of_burns_own_operations_on_flex() {
    let numbers: Vec<f32> = (0..35).map(|i| (i as f32 - 17.0) * 0.23).collect();
    let product = TensorData::new(numbers, [7, 5]);
    let bias = TensorData::new(vec![-0.5f32, 0.0, 0.1, 0.7, 1.0], [5]);
    let leaves = |choice: Choice| {
        let device = choice.device().autodiff();
        let product = Tensor::<2>::from_data(product.clone(), &device).require_grad();
        let bias = Tensor::<1>::from_data(bias.clone(), &device).require_grad();
        (product, bias)
    };
    for (&choice, activation) in Choice::compiled_in().iter().flat_map(|c| ALL.map(|a| (c, a))) {
        let what = format!("{activation:?} on {}", choice.name());
        let ((x, b), (x2, b2)) = (leaves(choice), leaves(Choice::Flex));
        let ours = activation.of_biased(x.clone(), b.clone());
        let theirs = burns_own(activation, x2.clone() + b2.clone().unsqueeze());
        close(ours.clone().inner(), theirs.clone().inner(), &what);
        // A square in between, so that the gradient is not one everywhere.
        let ours = (ours.clone() * ours).sum().backward();
        let theirs = (theirs.clone() * theirs).sum().backward();
        let (grad, their_grad) = (x.grad(&ours).unwrap(), x2.grad(&theirs).unwrap());
        close(grad, their_grad, &format!("gradient of {what}"));
        let (grad, their_grad) = (b.grad(&ours).unwrap(), b2.grad(&theirs).unwrap());
        close(grad.unsqueeze(), their_grad.unsqueeze(), &format!("bias gradient of {what}"));
    }
}
