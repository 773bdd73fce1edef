//! Training and scoring one model on one device.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_tune_data::{Examples, gather};
use burn_tune_search::keyed_rng::Purpose;
use burn_tune_search::{ObjectiveError, TaskHandle};
use rand::seq::SliceRandom;

use crate::adam::Adam;
use crate::backend::Backend;
use crate::config::MlpConfig;
use crate::mlp::Mlp;

/// A model that has been trained.
pub struct Trained {
    /// The model, without what only training needs.
    pub model: Mlp,
    /// The mean loss of the steps of each epoch. It ends with the first that is not finite: the
    /// training went no further.
    pub epoch_losses: Vec<f32>,
}

/// Trains a fresh model on the examples at `indices`. Initial weights and the order of the examples
/// come from the handle's generators.
///
/// # Errors
///
/// Where the handle asks to stop.
pub fn train(
    config: &MlpConfig,
    examples: &Examples,
    classes: usize,
    indices: &[u32],
    backend: Backend,
    handle: &TaskHandle,
) -> Result<Trained, ObjectiveError> {
    let device = backend.device().autodiff();
    let mut weights_rng = handle.rng(Purpose::InitialWeights);
    let mut order_rng = handle.rng(Purpose::Shuffle);
    let mut model = Mlp::init(config, examples.features(), classes, &mut weights_rng, &device);
    let mut adam = Adam::new(config.lr, backend.is_cpu());
    let mut order = indices.to_vec();
    let mut epoch_losses = Vec::with_capacity(config.epochs);
    for _ in 0..config.epochs {
        order.shuffle(&mut order_rng);
        let mut total: Option<Tensor<1>> = None;
        for batch in order.chunks(config.batch_size) {
            handle.check_stop()?;
            let loss;
            (model, loss) = step(model, &mut adam, examples, batch, &device);
            // Summed on the device: reading each loss would make a graphics card wait.
            total = Some(match total {
                Some(total) => total + loss,
                None => loss,
            });
        }
        let steps = order.chunks(config.batch_size).len();
        let mean = total.map_or(f32::NAN, |total| total.into_scalar::<f32>() / steps as f32);
        epoch_losses.push(mean);
        if !mean.is_finite() {
            break;
        }
    }
    Ok(Trained { model: model.valid(), epoch_losses })
}

/// The model after one step along the gradient of the mean loss over the examples at `batch`, and
/// that loss, `[1]`, from before the step. `device` does autodiff.
pub fn step(
    model: Mlp,
    adam: &mut Adam,
    examples: &Examples,
    batch: &[u32],
    device: &Device,
) -> (Mlp, Tensor<1>) {
    let loss = model.loss(pixels(examples, batch, device), labels(examples, batch, device));
    let grads = GradientsParams::from_grads(loss.backward(), &model);
    (adam.step(model, grads), loss.inner())
}

/// The class with the largest output for each of the examples at `indices`. The first one of equals.
///
/// # Errors
///
/// Where the handle asks to stop.
pub fn predict(
    model: &Mlp,
    examples: &Examples,
    indices: &[u32],
    backend: Backend,
    handle: &TaskHandle,
) -> Result<Vec<u8>, ObjectiveError> {
    // Large enough for full speed, small enough to stay in the processor's cache.
    const BATCH: usize = 500;
    let device = backend.device();
    let mut predicted = Vec::with_capacity(indices.len());
    for batch in indices.chunks(BATCH) {
        handle.check_stop()?;
        let outputs = model.forward(pixels(examples, batch, &device));
        let classes = outputs.dims()[1];
        let outputs =
            outputs.into_data().try_into_vec::<f32>().map_err(|error| ObjectiveError::Failed {
                reason: format!("the model's outputs cannot be read: {error:?}"),
                flags: vec![],
            })?;
        predicted.extend(outputs.chunks_exact(classes).map(largest));
    }
    Ok(predicted)
}

fn largest(outputs: &[f32]) -> u8 {
    let mut best = 0;
    for (class, output) in outputs.iter().enumerate() {
        if *output > outputs[best] {
            best = class;
        }
    }
    best as u8
}

fn pixels(examples: &Examples, batch: &[u32], device: &Device) -> Tensor<2> {
    let mut pixels = Vec::with_capacity(batch.len() * examples.features());
    gather(examples, batch, &mut pixels);
    Tensor::from_data(TensorData::new(pixels, [batch.len(), examples.features()]), device)
}

fn labels(examples: &Examples, batch: &[u32], device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i64> = batch.iter().map(|&i| examples.labels()[i as usize].into()).collect();
    Tensor::from_data(TensorData::new(labels, [batch.len()]), device)
}
