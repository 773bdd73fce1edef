//! What a trained model takes examples for.

use burn::tensor::Device;
use burn_tune::{Error, Result, Trial};
use burn_tune_data::Examples;

use crate::batch::pixels;
use crate::mlp::Mlp;

/// Large enough for full speed, small enough to stay in the processor's cache.
pub(crate) const BATCH: usize = 500;

/// The class with the largest output for each of the examples at `indices`, on the model's device. The first one of
/// equals.
///
/// # Errors
///
/// Where the trial is to be abandoned.
pub fn predict(
    model: &Mlp,
    examples: &Examples,
    indices: &[u32],
    device: &Device,
    trial: &Trial,
) -> Result<Vec<u8>> {
    let mut predicted = Vec::with_capacity(indices.len());
    for batch in indices.chunks(BATCH) {
        trial.check_stop()?;
        let outputs = outputs(model, examples, batch, device).map_err(Error::new)?;
        let classes = outputs.len() / batch.len();
        predicted.extend(outputs.chunks_exact(classes).map(largest));
    }
    Ok(predicted)
}

/// The outputs for a batch of examples, one example after the other.
pub(crate) fn outputs(
    model: &Mlp,
    examples: &Examples,
    batch: &[u32],
    device: &Device,
) -> Result<Vec<f32>, String> {
    let outputs = model.forward(pixels(examples, batch, device)).into_data();
    let outputs = outputs.try_into_vec::<f32>();
    outputs.map_err(|error| format!("the model's outputs cannot be read: {error:?}"))
}

/// The place of the largest output; the first one of equals.
pub(crate) fn largest(outputs: &[f32]) -> u8 {
    let mut best = 0;
    for (class, output) in outputs.iter().enumerate() {
        if *output > outputs[best] {
            best = class;
        }
    }
    best as u8
}
