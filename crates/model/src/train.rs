//! Training one model on one device.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use burn_tune::{Progress, Purpose, Result, Trial};
use burn_tune_data::Examples;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::adam::Adam;
use crate::backend::Backend;
use crate::batch::{labels, pixels};
use crate::config::MlpConfig;
use crate::mlp::Mlp;
use crate::recorder::{Probe, Recorded, Recorder};

/// What a model is trained on.
#[derive(Debug, Clone, Copy)]
pub struct TrainingSet<'a> {
    /// Where the examples are.
    pub examples: &'a Examples,
    /// Which of them.
    pub indices: &'a [u32],
    /// How many classes there are.
    pub classes: usize,
}

/// A model that has been trained.
pub struct Trained {
    /// The model, without what only training needs.
    pub model: Mlp,
    /// The mean loss of the steps of each epoch. It ends with the first that is not finite: the
    /// training went no further. It is shorter, too, where the training was stopped.
    pub epoch_losses: Vec<f32>,
    /// The loss of the first step: that of the initial weights, on one batch.
    pub first_loss: f32,
    /// What was seen of the model on the way.
    pub recorded: Recorded,
}

/// Trains a fresh model on `training`, looking at it with `probe`, which changes nothing about the
/// training. Initial weights and the order of the examples come from generators of the trial. After each
/// epoch, from 1, `after_epoch` is shown the model, and says whether to go on.
///
/// # Errors
///
/// Where the trial is to be abandoned, or `after_epoch` fails.
pub fn train(
    config: &MlpConfig,
    training: TrainingSet,
    probe: Probe,
    backend: Backend,
    trial: &Trial,
    mut after_epoch: impl FnMut(usize, &Mlp) -> Result<Progress>,
) -> Result<Trained> {
    let TrainingSet { examples, indices, classes } = training;
    let inner = backend.numbered_device(trial.device_index());
    let device = inner.clone().autodiff();
    let rng = |purpose| ChaCha8Rng::from_seed(trial.rng_key(purpose));
    let mut weights_rng = rng(Purpose::InitialWeights);
    let mut order_rng = rng(Purpose::Shuffle);
    let mut model = Mlp::init(config, examples.features(), classes, &mut weights_rng, &device);
    let mut adam = Adam::new(config.lr, backend.is_cpu());
    let mut order = indices.to_vec();
    let mut epoch_losses = Vec::with_capacity(config.epochs);
    let mut recorder = Recorder::new(config, &probe, &inner);
    let mut first: Option<Tensor<1>> = None;
    for epoch in 1..=config.epochs {
        order.shuffle(&mut order_rng);
        let mut total: Option<Tensor<1>> = None;
        let steps = order.chunks(config.batch_size).len();
        for (place, batch) in order.chunks(config.batch_size).enumerate() {
            trial.check_stop()?;
            let (loss, grads) = gradients(&model, examples, batch, &device);
            let ends_epoch = place + 1 == steps;
            let probes = recorder.before_update(&model, &loss, &grads, ends_epoch);
            model = adam.step(model, grads);
            if probes {
                recorder.probe(&model, ends_epoch);
            }
            // Summed on the device: reading each loss would make a graphics card wait.
            first.get_or_insert_with(|| loss.clone());
            total = Some(match total {
                Some(total) => total + loss,
                None => loss,
            });
        }
        let mean = total.map_or(f32::NAN, |total| total.into_scalar::<f32>() / steps as f32);
        epoch_losses.push(mean);
        if let Some(accuracy) = recorder.last_accuracy() {
            trial.show(epoch as u64, Some(config.epochs as u64), accuracy.into());
        }
        if !mean.is_finite() || after_epoch(epoch, &model)?.is_stop() {
            break;
        }
    }
    let first_loss = first.map_or(f32::NAN, |loss| loss.into_scalar::<f32>());
    Ok(Trained { model: model.valid(), epoch_losses, first_loss, recorded: recorder.finish() })
}

/// Goes on after each epoch: for [`train`].
///
/// # Errors
///
/// None.
pub fn to_the_end(_: usize, _: &Mlp) -> Result<Progress> {
    Ok(Progress::Continue)
}

/// The mean loss over the examples at `batch`, `[1]`, and its gradients. `device` does autodiff.
pub fn gradients(
    model: &Mlp,
    examples: &Examples,
    batch: &[u32],
    device: &Device,
) -> (Tensor<1>, GradientsParams) {
    let loss = model.loss(pixels(examples, batch, device), labels(examples, batch, device));
    let grads = GradientsParams::from_grads(loss.backward(), model);
    (loss.inner(), grads)
}
