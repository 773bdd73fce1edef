//! The examples of a batch as tensors on a device.

use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_tune_data::{Examples, gather};

/// The pixels of the examples at `batch`, `[batch, features]`.
pub(crate) fn pixels(examples: &Examples, batch: &[u32], device: &Device) -> Tensor<2> {
    let mut pixels = Vec::with_capacity(batch.len() * examples.features());
    gather(examples, batch, &mut pixels);
    Tensor::from_data(TensorData::new(pixels, [batch.len(), examples.features()]), device)
}

/// The class indices of the examples at `batch`, `[batch]`.
pub(crate) fn labels(examples: &Examples, batch: &[u32], device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i64> = batch.iter().map(|&i| examples.labels()[i as usize].into()).collect();
    Tensor::from_data(TensorData::new(labels, [batch.len()]), device)
}
