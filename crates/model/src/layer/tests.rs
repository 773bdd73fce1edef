//! A layer, on every backend that is compiled in, against Burn's own operations on flex.

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
        let tolerance = 1e-5 * theirs.abs().max(1.0);
        assert!((ours - theirs).abs() < tolerance, "{what}: {ours} against {theirs}");
    }
}

/// Values and gradients of a layer of 12 inputs and 5 outputs, with and without an activation.
#[test]
fn value_and_gradients_are_those_of_burns_own_operations_on_flex() {
    let numbers = |len: usize, scale: f32| -> Vec<f32> {
        (0..len).map(|i| ((i * 29) % 35) as f32 * scale - 17.0 * scale).collect()
    };
    let leaves = |choice: Choice| {
        let device = choice.device().autodiff();
        let x = TensorData::new(numbers(7 * 12, 0.05), [7, 12]);
        let weight = TensorData::new(numbers(12 * 5, 0.09), [12, 5]);
        let bias = TensorData::new(vec![-0.5f32, 0.0, 0.1, 0.7, 1.0], [5]);
        let x = Tensor::<2>::from_data(x, &device).require_grad();
        let weight = Tensor::<2>::from_data(weight, &device).require_grad();
        (x, weight, Tensor::<1>::from_data(bias, &device).require_grad())
    };
    let activations = ALL.into_iter().map(Some).chain([None]);
    for (choice, activation) in activations.flat_map(|a| Choice::processors().map(move |c| (c, a)))
    {
        let what = format!("{activation:?} on {}", choice.name());
        let ((x, w, b), (x2, w2, b2)) = (leaves(choice), leaves(Choice::Flex));
        let ours = layer(x.clone(), w.clone(), b.clone(), activation);
        let biased = x2.clone().matmul(w2.clone()) + b2.clone().unsqueeze();
        let theirs = match activation {
            None => biased,
            Some(activation) => burns_own(activation, biased),
        };
        close(ours.clone().inner(), theirs.clone().inner(), &what);
        // A square in between, so that the gradient is not one everywhere.
        let ours = (ours.clone() * ours).sum().backward();
        let theirs = (theirs.clone() * theirs).sum().backward();
        let (grad, their_grad) = (x.grad(&ours).unwrap(), x2.grad(&theirs).unwrap());
        close(grad, their_grad, &format!("gradient of x, {what}"));
        let (grad, their_grad) = (w.grad(&ours).unwrap(), w2.grad(&theirs).unwrap());
        close(grad, their_grad, &format!("gradient of the weight, {what}"));
        let (grad, their_grad) = (b.grad(&ours).unwrap(), b2.grad(&theirs).unwrap());
        close(grad.unsqueeze(), their_grad.unsqueeze(), &format!("gradient of the bias, {what}"));
    }
}
