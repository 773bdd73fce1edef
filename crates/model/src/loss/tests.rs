//! Softmax and cross-entropy, on every backend that is compiled in, against Burn's own operations on flex.

use burn::tensor::{TensorData, activation};

use super::{cross_entropy, softmax};
use crate::backend::Backend as Choice;
use burn::tensor::{Int, Tensor};

const BATCH: usize = 6;
const CLASSES: usize = 4;

fn outputs(choice: Choice) -> Tensor<2> {
    let numbers: Vec<f32> =
        (0..BATCH * CLASSES).map(|i| ((i * 37) % 19) as f32 * 0.3 - 2.0).collect();
    let data = TensorData::new(numbers, [BATCH, CLASSES]);
    Tensor::<2>::from_data(data, &choice.device().autodiff()).require_grad()
}

fn targets(choice: Choice) -> Tensor<1, Int> {
    let data = TensorData::new(vec![0i64, 3, 1, 2, 2, 0], [BATCH]);
    Tensor::from_data(data, &choice.device().autodiff())
}

fn close(ours: &TensorData, theirs: &TensorData, what: &str) {
    for (ours, theirs) in ours.iter::<f32>().zip(theirs.iter::<f32>()) {
        assert!((ours - theirs).abs() < 1e-6, "{what}: {ours} against {theirs}");
    }
}

#[test]
fn loss_and_gradient_are_those_of_burns_own_operations_on_flex() {
    for (choice, with_softmax) in
        Choice::processors().flat_map(|choice| [(choice, false), (choice, true)])
    {
        let what = format!("{} with softmax: {with_softmax}", choice.name());
        let (x, x2) = (outputs(choice), outputs(Choice::Flex));
        // Three times, so that the gradient that comes back is not one.
        let ours = cross_entropy(x.clone(), targets(choice), with_softmax) * 3.0;
        let scores = if with_softmax { activation::softmax(x2.clone(), 1) } else { x2.clone() };
        let logs = activation::log_softmax(scores, 1);
        let index = targets(Choice::Flex).unsqueeze_dim(1);
        let theirs = logs.gather(1, index).mean().neg() * 3.0;
        close(&ours.clone().into_data(), &theirs.clone().into_data(), &what);
        let (ours, theirs) = (ours.backward(), theirs.backward());
        let (grad, their_grad) = (x.grad(&ours).unwrap(), x2.grad(&theirs).unwrap());
        close(&grad.into_data(), &their_grad.into_data(), &format!("gradient on {what}"));
    }
}

#[test]
fn a_softmax_and_its_gradient_are_burns_own_on_flex() {
    for choice in Choice::processors() {
        let (x, x2) = (outputs(choice), outputs(Choice::Flex));
        let (ours, theirs) = (softmax(x.clone()), activation::softmax(x2.clone(), 1));
        close(&ours.clone().into_data(), &theirs.clone().into_data(), choice.name());
        let ours = (ours.clone() * ours).sum().backward();
        let theirs = (theirs.clone() * theirs).sum().backward();
        let (grad, their_grad) = (x.grad(&ours).unwrap(), x2.grad(&theirs).unwrap());
        close(&grad.into_data(), &their_grad.into_data(), choice.name());
    }
}
