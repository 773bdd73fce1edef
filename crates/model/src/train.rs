//! Training one model on one device.

use burn_tune::{Progress, Purpose, Result, Trial};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::config::MlpConfig;
use crate::lane::Lane;
pub use crate::lane::gradients;
use crate::lanes::Lanes;
pub use crate::lanes::TrainingSet;
use crate::mlp::{Mlp, initial_layers};
use crate::recorder::{Probe, Recorded, Recorder};

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
    lanes: &Lanes,
    trial: &Trial,
    mut after_epoch: impl FnMut(usize, &Mlp) -> Result<Progress>,
) -> Result<Trained> {
    let TrainingSet { examples, indices, classes } = training;
    let rng = |purpose| ChaCha8Rng::from_seed(trial.rng_key(purpose));
    let mut weights_rng = rng(Purpose::InitialWeights);
    let initial = initial_layers(config, examples.features(), classes, &mut weights_rng);
    let mut lane = lanes.begin(config, initial, &training, trial.device_index())?;
    let mut order_rng = rng(Purpose::Shuffle);
    let mut order = indices.to_vec();
    let mut recorder = Recorder::new(config, &probe, &lanes.backend().device());
    let (mut first_loss, mut epoch_losses) = (f32::NAN, Vec::with_capacity(config.epochs));
    let mut model = None;
    for epoch in 1..=config.epochs {
        // While somebody holds the old numbers, the new ones need memory of their own.
        drop(model.take());
        order.shuffle(&mut order_rng);
        let batches: Vec<&[u32]> = order.chunks(config.batch_size).collect();
        let (losses, trained) = train_epoch(&mut *lane, &batches, &mut recorder, trial)?;
        if epoch == 1 {
            first_loss = losses.first().copied().unwrap_or(f32::NAN);
        }
        let total = losses.into_iter().reduce(|total, loss| total + loss);
        let mean = total.map_or(f32::NAN, |total| total / batches.len() as f32);
        epoch_losses.push(mean);
        if let Some(accuracy) = recorder.last_accuracy() {
            trial.show(epoch as u64, Some(config.epochs as u64), accuracy.into());
        }
        let goes_on = mean.is_finite() && !after_epoch(epoch, &trained)?.is_stop();
        model = Some(trained);
        if !goes_on {
            break;
        }
    }
    let model = model.map_or_else(|| lane.model(), Ok)?;
    Ok(Trained { model, epoch_losses, first_loss, recorded: recorder.finish() })
}

/// Trains on all of the batches: the loss of each, and the model after the last.
fn train_epoch(
    lane: &mut dyn Lane,
    batches: &[&[u32]],
    recorder: &mut Recorder,
    trial: &Trial,
) -> Result<(Vec<f32>, Mlp)> {
    let (mut losses, mut model) = (Vec::with_capacity(batches.len()), None);
    let mut left = batches;
    while !left.is_empty() {
        drop(model.take());
        let (now, later) = left.split_at(recorder.steps_to_probe(left.len()));
        let steps = lane.train(now, &|| trial.check_stop())?;
        let probed = lane.model()?;
        recorder.probe(&steps, &probed, later.is_empty());
        losses.extend(steps.losses);
        (left, model) = (later, Some(probed));
    }
    Ok((losses, model.map_or_else(|| lane.model(), Ok)?))
}

/// Goes on after each epoch: for [`train`].
///
/// # Errors
///
/// None.
pub fn to_the_end(_: usize, _: &Mlp) -> Result<Progress> {
    Ok(Progress::Continue)
}
