//! Looking at a model while it trains: its loss, its accuracy on a probe, and of each layer the
//! gradient, dead units and saturation. What flags and curves are made of.

use burn::tensor::{Device, Tensor};
use burn_tune_data::Examples;

use crate::activation::Activation;
use crate::batch::pixels;
use crate::config::MlpConfig;
use crate::curves::{LayerCurves, MlpCurves};
use crate::lane::Steps;
use crate::mlp::Mlp;
use crate::predict::largest;

/// How often a model is probed where curves are recorded, in steps: as often as in the report that this
/// project began from.
pub const PROBE_EVERY: usize = 10;

/// How many examples a probe has at most. At 97% accuracy, the standard error of a thousand is half a
/// percent; the whole test set at each probe would cost more than the training itself.
pub const PROBE_EXAMPLES: usize = 1_000;

/// The share of its largest slope below which an activation counts as saturated: a gradient that goes
/// through it keeps less than a twentieth of what it could. For a sigmoid, that is a value below 0.013
/// or above 0.987; for tanh, beyond ±0.975.
pub const SATURATED_SLOPE: f32 = 0.05;

/// What a model is looked at with while it trains.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    /// Where the probe's examples are.
    pub examples: &'a Examples,
    /// Examples that the model is not trained on; a sample of them is taken.
    pub indices: &'a [u32],
    /// Whether to record curves: the loss of each step, and a probe every [`PROBE_EVERY`] steps. Else
    /// there is a probe at the end of each epoch alone, which is what flags need.
    pub curves: bool,
}

/// Records one training.
pub struct Recorder {
    record_curves: bool,
    activation: Activation,
    softmax: bool,
    pixels: Tensor<2>,
    labels: Vec<u8>,
    curves: MlpCurves,
    steps: u32,
    epoch_ends: Vec<usize>,
}

impl Recorder {
    /// A recorder of the training of `config`'s model, on `device`, which does no autodiff.
    pub fn new(config: &MlpConfig, probe: &Probe, device: &Device) -> Self {
        let sample = evenly_spaced(probe.indices, PROBE_EXAMPLES);
        Recorder {
            record_curves: probe.curves,
            activation: config.activation,
            softmax: config.softmax,
            pixels: pixels(probe.examples, &sample, device),
            labels: sample.iter().map(|&i| probe.examples.labels()[i as usize]).collect(),
            curves: MlpCurves {
                layers: vec![LayerCurves::default(); config.depth + 1],
                ..MlpCurves::default()
            },
            steps: 0,
            epoch_ends: Vec::new(),
        }
    }

    /// After how many more steps the model is to be probed next, where the epoch has `left` more.
    pub(crate) fn steps_to_probe(&self, left: usize) -> usize {
        if !self.record_curves {
            return left;
        }
        let to_interval = match self.steps as usize {
            0 => 1,
            steps => PROBE_EVERY - steps % PROBE_EVERY,
        };
        to_interval.min(left)
    }

    /// Looks at the model after the steps that [`Recorder::steps_to_probe`] has named; it does no autodiff.
    pub(crate) fn probe(&mut self, steps: &Steps, model: &Mlp, ends_epoch: bool) {
        self.steps += steps.losses.len() as u32;
        if self.record_curves {
            self.curves.loss.extend(&steps.losses);
        }
        for (norm, curves) in steps.gradient_norms.iter().zip(&mut self.curves.layers) {
            curves.gradient_norm.push(*norm);
        }
        if ends_epoch {
            self.epoch_ends.push(self.curves.probe_steps.len());
        }
        self.curves.probe_steps.push(self.steps);
        let (mut hidden, activation) = (self.curves.layers.iter_mut(), self.activation);
        let outputs = model.forward_watched(self.pixels.clone(), |values| {
            let layer = hidden.next().expect("there is one more layer than hidden ones");
            layer.dead.extend(dead_share(activation, values));
            layer.saturated.extend(saturated_share(activation, values));
        });
        self.look_at_outputs(outputs);
    }

    /// The accuracy on the last probe.
    pub fn last_accuracy(&self) -> Option<f32> {
        self.curves.accuracy.last().copied()
    }

    /// What was recorded, and of all probes those at the ends of epochs.
    pub fn finish(self) -> Recorded {
        let at_epoch_ends = at_places(&self.curves, &self.epoch_ends);
        Recorded { curves: self.record_curves.then_some(self.curves), at_epoch_ends }
    }

    /// Outputs `[examples, classes]`: logits, or the probabilities of a softmax.
    fn look_at_outputs(&mut self, outputs: Tensor<2>) {
        let classes = outputs.dims()[1];
        let outputs: Vec<f32> = outputs.into_data().iter::<f32>().collect();
        let (mut recognised, mut saturated, mut stuck) = (0, 0, 0);
        for (outputs, &label) in outputs.chunks_exact(classes).zip(&self.labels) {
            let class = largest(outputs);
            let is_saturated = self.softmax && is_saturated(outputs[usize::from(class)]);
            recognised += usize::from(class == label);
            saturated += usize::from(is_saturated);
            stuck += usize::from(is_saturated && class != label);
        }
        let share = |count: usize| count as f32 / self.labels.len() as f32;
        self.curves.accuracy.push(share(recognised));
        if self.softmax {
            self.curves.softmax_saturated.push(share(saturated));
            self.curves.softmax_stuck.push(share(stuck));
        }
    }
}

/// What a training left behind besides its model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recorded {
    /// The curves, where they were asked for.
    pub curves: Option<MlpCurves>,
    /// The probes at the ends of the epochs: the same, whether there are curves or not.
    pub at_epoch_ends: MlpCurves,
}

/// At most `most` of `all`, with equal gaps: a sample without a generator, of sorted data too.
fn evenly_spaced(all: &[u32], most: usize) -> Vec<u32> {
    let count = all.len().min(most);
    (0..count).map(|place| all[place * all.len() / count]).collect()
}

fn at_places(curves: &MlpCurves, places: &[usize]) -> MlpCurves {
    let pick = |values: &[f32]| -> Vec<f32> {
        places.iter().filter_map(|&place| values.get(place).copied()).collect()
    };
    MlpCurves {
        loss: Vec::new(),
        probe_steps: places.iter().map(|&place| curves.probe_steps[place]).collect(),
        accuracy: pick(&curves.accuracy),
        softmax_saturated: pick(&curves.softmax_saturated),
        softmax_stuck: pick(&curves.softmax_stuck),
        layers: curves
            .layers
            .iter()
            .map(|layer| LayerCurves {
                gradient_norm: pick(&layer.gradient_norm),
                dead: pick(&layer.dead),
                saturated: pick(&layer.saturated),
            })
            .collect(),
    }
}

/// The share of units whose value is 0 for every example; `None` for activations that are never dead:
/// a leaky relu always has a slope, and of gelu and silu none is exactly 0.
fn dead_share(activation: Activation, values: &Tensor<2>) -> Option<f32> {
    let units = values.dims()[1];
    let largest = (activation == Activation::Relu).then(|| values.clone().max_dim(0).into_data());
    largest.map(|largest| {
        largest.iter::<f32>().filter(|largest| *largest <= 0.0).count() as f32 / units as f32
    })
}

/// The share of (example, unit) pairs at which the activation is saturated; `None` for activations that
/// are not bounded.
fn saturated_share(activation: Activation, values: &Tensor<2>) -> Option<f32> {
    let values = values.clone();
    match activation {
        // σ' = σ (1 - σ), at most 1/4; tanh' = 1 - tanh², at most 1.
        Activation::Sigmoid => {
            let slope = values.clone() - values.clone() * values;
            Some(share_below(slope, SATURATED_SLOPE / 4.0))
        }
        Activation::Tanh => Some(share_below(1.0 - values.clone() * values, SATURATED_SLOPE)),
        Activation::Relu | Activation::LeakyRelu | Activation::Gelu | Activation::Silu => None,
    }
}

/// Whether a softmax with this largest probability p has a slope p (1 - p) below a twentieth of what
/// it can be, 1/4: hardly any gradient gets back through it.
fn is_saturated(probability: f32) -> bool {
    probability * (1.0 - probability) < SATURATED_SLOPE / 4.0
}

fn share_below(values: Tensor<2>, bound: f32) -> f32 {
    values.lower_elem(bound).float().mean().into_scalar::<f32>()
}
