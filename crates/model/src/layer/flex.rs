//! A layer on burn-flex, whose tensors are slices of this process's memory.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::tensor::FloatTensor;
use burn::tensor::TensorData;

use super::{Kept, LayerGradients, LayerOps};
use crate::activation::Activation;
use crate::kernels::product::{Matrix, product};
use crate::kernels::{activation, sums};

type FlexTensor = FloatTensor<Flex>;

impl LayerOps for Flex {
    fn forward(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        activation: Option<Activation>,
    ) -> FlexTensor {
        let (x, weight, bias) = (x.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
        let (lhs, rhs) = (matrix(&x), matrix(&weight));
        let mut values = product(lhs, rhs);
        activation::biased_activation(&mut values, bias.storage(), activation);
        tensor(values, [x.shape()[0], weight.shape()[1]])
    }

    fn activation(input: FlexTensor, activation: Activation) -> FlexTensor {
        let mut value = input.to_contiguous();
        activation::activation(value.storage_mut(), activation);
        value
    }

    fn backward(kept: &Kept<Self>, grad: FlexTensor, wants_x: bool) -> LayerGradients<Self> {
        let Kept { x, weight, value, activation } = kept;
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let mut grad = grad.to_contiguous();
        let [inputs, outputs] = [weight.shape()[0], weight.shape()[1]];
        let mut bias = vec![0.0; outputs];
        match (activation, value) {
            (Some(activation), Some(value)) => {
                let (value, grad) = (value.to_contiguous(), grad.storage_mut());
                activation::activation_backward(value.storage(), grad, &mut bias, *activation);
            }
            _ => sums::column_sums(grad.storage(), &mut bias),
        }
        let grad = matrix(&grad);
        let of_weight = product(matrix(&x).transposed(), grad);
        let of_x = wants_x.then(|| product(grad, matrix(&weight).transposed()));
        LayerGradients {
            x: of_x.map(|of_x| tensor(of_x, [x.shape()[0], inputs])),
            weight: tensor(of_weight, [inputs, outputs]),
            bias: FlexTensor::from_data(TensorData::new(bias, [outputs])),
        }
    }
}

/// What a contiguous tensor of two dimensions has.
fn matrix(tensor: &FlexTensor) -> Matrix<'_> {
    let [rows, columns] = [tensor.shape()[0], tensor.shape()[1]];
    // A slice of a larger tensor is contiguous, too.
    Matrix::new(&tensor.storage()[..rows * columns], [rows, columns])
}

fn tensor(values: Vec<f32>, shape: [usize; 2]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
