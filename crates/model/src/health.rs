//! What shows that a trained model is sick, whatever its score.

use burn_tune::{Flag, KnownFlag};
use burn_tune_data::Examples;

use crate::config::MlpConfig;
use crate::curves::{LayerCurves, MlpCurves};
use crate::flags::{
    DEAD_UNITS, DIVERGED, LEARNED_NOTHING, NEVER_PREDICTS, SOFTMAX_BEFORE_CROSS_ENTROPY,
    VANISHING_GRADIENT,
};

/// How predictions compare with labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Confusion {
    /// For each class: examples that are of it.
    pub of_class: Vec<u32>,
    /// For each class: examples of it that were recognised.
    pub recognised: Vec<u32>,
    /// For each class: examples that were taken for it.
    pub predicted: Vec<u32>,
}

impl Confusion {
    /// Counts `predicted` against the labels of the examples at `indices`, one by one.
    pub fn count(examples: &Examples, indices: &[u32], predicted: &[u8], classes: usize) -> Self {
        let zeros = vec![0; classes];
        let mut confusion =
            Confusion { of_class: zeros.clone(), recognised: zeros.clone(), predicted: zeros };
        for (&index, &prediction) in indices.iter().zip(predicted) {
            let label = examples.labels()[index as usize];
            confusion.of_class[usize::from(label)] += 1;
            confusion.predicted[usize::from(prediction)] += 1;
            confusion.recognised[usize::from(label)] += u32::from(label == prediction);
        }
        confusion
    }

    /// The share of all examples that were recognised.
    pub fn accuracy(&self) -> f64 {
        let all: u32 = self.of_class.iter().sum();
        let recognised: u32 = self.recognised.iter().sum();
        f64::from(recognised) / f64::from(all)
    }

    /// The share of each class's examples that were recognised; NaN for a class without any.
    pub fn recall(&self) -> Vec<f64> {
        let classes = self.recognised.iter().zip(&self.of_class);
        classes
            .map(|(&recognised, &of_class)| f64::from(recognised) / f64::from(of_class))
            .collect()
    }
}

/// The share of dead units in a hidden layer that makes a model sick: half of them, for then the layer
/// is less than half as wide as it is meant to be.
///
/// Measured with one to three hidden layers of 300 relu units on 15,000 digits: up to a learning rate of
/// 0.003 at most 26% of a layer die, at 0.01 up to 55%, at 0.03, where accuracy begins to suffer, 65% to
/// 99%.
pub const DEAD_SHARE: f32 = 0.5;

/// The norm of the first layer's gradient, as a share of the largest of any layer, below which the
/// gradient counts as vanished on its way: a twentieth, the same as for the slope of one activation
/// ([`SATURATED_SLOPE`](crate::recorder::SATURATED_SLOPE)).
///
/// Measured with one to nine hidden layers of 100 units on 15,000 digits: models that learn have 0.1 and
/// more at the ends of their epochs; sigmoid with three layers and more at a learning rate of 0.001
/// begins with 0.03, and with nine layers, where nothing is learned, has 1e-7.
pub const VANISHED_SHARE: f32 = 0.05;

/// The share of examples on which a softmax in front of the loss is saturated for a wrong class, from
/// which on the gradient counts as vanished there: half of a class out of ten. A single class that is
/// never predicted has about twice this share.
pub const STUCK_SHARE: f32 = 0.05;

/// How much larger than at first the loss has to become before it counts as grown, as a share of what it may differ
/// by: `ln(classes)`, or, behind a softmax, what is left from there to the largest loss that there can be. It is more
/// than the losses of single batches differ by before anything is learned, which is .01 of it at batches of 100
/// digits.
pub const GROWN_SHARE: f32 = 0.02;

/// The losses of a training that its flags depend on.
#[derive(Debug, Clone, Copy)]
pub struct Losses<'a> {
    /// That of the first step.
    pub first: f32,
    /// The mean of each epoch's steps.
    pub epochs: &'a [f32],
}

impl Losses<'_> {
    /// What a training has come to whose loss is no better in the end than that of a model that knows nothing,
    /// `ln(classes)`. It has diverged where the loss grew on the way, or is no number; else it has not learned.
    fn fault(&self, classes: usize, softmax: bool) -> Option<KnownFlag> {
        let know_nothing = (classes as f32).ln();
        let last = *self.epochs.last()?;
        if !last.is_finite() {
            return Some(DIVERGED);
        }
        if last <= know_nothing {
            return None;
        }
        // A probability of 1 for a wrong class: the logarithm of e^1 and, for each other class, e^0.
        let worst = (std::f32::consts::E + classes as f32 - 1.0).ln();
        let room = if softmax { worst - know_nothing } else { know_nothing };
        let most = self.first + GROWN_SHARE * room;
        let grew = self.epochs.iter().any(|loss| *loss > most);
        Some(if grew { DIVERGED } else { LEARNED_NOTHING })
    }
}

/// The flags of one training. `labels_of_classes[i]` is what the data set calls class `i`; `seen` are
/// the probes at the ends of the epochs.
///
/// A class is never predicted where it has test examples and no prediction names it. A training
/// whose last epoch's mean loss is above `ln(classes)`, what a model that knows nothing has, has diverged where
/// the loss grew, and else learned nothing.
pub fn flags(
    config: &MlpConfig,
    losses: Losses,
    seen: &MlpCurves,
    confusion: &Confusion,
    labels_of_classes: &[u8],
) -> Vec<Flag> {
    let fault = losses.fault(labels_of_classes.len(), config.softmax);
    let mut flags = Vec::from_iter(fault.map(|fault| fault.flag()));
    if seen.layers.iter().any(|layer| layer.dead.last().is_some_and(|dead| *dead >= DEAD_SHARE)) {
        flags.push(DEAD_UNITS.flag());
    }
    if gradient_vanishes(seen) {
        flags.push(VANISHING_GRADIENT.flag());
    }
    let counts = confusion.predicted.iter().zip(&confusion.of_class).zip(labels_of_classes);
    let never: Vec<i64> = counts
        .filter(|((predicted, of_class), _)| **predicted == 0 && **of_class > 0)
        .map(|(_, label)| i64::from(*label))
        .collect();
    if !never.is_empty() {
        flags.push(NEVER_PREDICTS.with(never));
    }
    if config.softmax {
        flags.push(SOFTMAX_BEFORE_CROSS_ENTROPY.flag());
    }
    flags
}

/// Whether the gradient was lost on its way through the layers, at the end of any epoch; or in a
/// saturated softmax, at the end of the training.
fn gradient_vanishes(seen: &MlpCurves) -> bool {
    let norm = |layer: &LayerCurves, epoch: usize| layer.gradient_norm.get(epoch).copied();
    let vanished = |epoch: usize| {
        let norms: Vec<f32> = seen.layers.iter().filter_map(|layer| norm(layer, epoch)).collect();
        let largest = norms.iter().copied().fold(0.0, f32::max);
        // No gradient at all is a vanished one, too; one that is no number is another fault.
        norms.first().is_some_and(|first| *first <= VANISHED_SHARE * largest)
    };
    (0..seen.probe_steps.len()).any(vanished)
        || seen.softmax_stuck.last().is_some_and(|stuck| *stuck >= STUCK_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags_of(softmax: bool, losses: &[f32], predicted: &[u32]) -> Vec<String> {
        flags_of_seen(softmax, losses, predicted, &MlpCurves::default())
    }

    fn flags_of_seen(
        softmax: bool,
        losses: &[f32],
        predicted: &[u32],
        seen: &MlpCurves,
    ) -> Vec<String> {
        let confusion = Confusion {
            of_class: vec![4, 4, 0],
            recognised: vec![0, 0, 0],
            predicted: predicted.to_vec(),
        };
        let config = MlpConfig { softmax, ..Default::default() };
        let losses = Losses { first: 1.1, epochs: losses };
        flags(&config, losses, seen, &confusion, &[1, 2, 3]).iter().map(Flag::to_string).collect()
    }

    #[test]
    fn a_healthy_model_has_no_flag() {
        assert_eq!(flags_of(false, &[2.0, 0.5], &[4, 4, 0]), [""; 0]);
    }

    #[test]
    fn sick_models_are_flagged_by_the_labels_of_the_data_set() {
        assert_eq!(flags_of(false, &[2.0, 1.2], &[8, 0, 0]), ["diverged", "never_predicts:[2]"]);
        assert_eq!(
            flags_of(true, &[f32::NAN], &[4, 4, 0]),
            ["diverged", "softmax_before_cross_entropy"]
        );
    }

    #[test]
    fn a_loss_that_stays_where_it_began_is_no_divergence() {
        let fault = |first, epochs: &[f32]| Losses { first, epochs }.fault(10, false);
        assert_eq!(fault(2.3137, &[2.3125, 2.3071]), Some(LEARNED_NOTHING));
        // A single step: nothing can have grown.
        assert_eq!(fault(2.35, &[2.35]), Some(LEARNED_NOTHING));
        assert_eq!(fault(2.31, &[2.36, 2.36]), Some(DIVERGED));
        // It came back from far above, to what a dead network has.
        assert_eq!(fault(2.31, &[170.0, 2.305]), Some(DIVERGED));
        assert_eq!(fault(2.31, &[2.0, f32::INFINITY]), Some(DIVERGED));
        assert_eq!(fault(2.31, &[2.29]), None);
        assert_eq!(fault(2.31, &[]), None);
        // Behind a softmax there is little room above.
        let fault = |first, epochs: &[f32]| Losses { first, epochs }.fault(10, true);
        assert_eq!(fault(2.304, &[2.335]), Some(DIVERGED));
        assert_eq!(fault(2.3030, &[2.3028]), Some(LEARNED_NOTHING));
    }

    fn seen(norms: [&[f32]; 2], dead: &[f32], stuck: &[f32]) -> MlpCurves {
        let layer = |norms: &[f32], dead: &[f32]| LayerCurves {
            gradient_norm: norms.to_vec(),
            dead: dead.to_vec(),
            saturated: vec![],
        };
        MlpCurves {
            probe_steps: (1..=norms[0].len() as u32).collect(),
            softmax_stuck: stuck.to_vec(),
            layers: vec![layer(norms[0], dead), layer(norms[1], &[])],
            ..MlpCurves::default()
        }
    }

    fn flags_seen(seen: &MlpCurves) -> Vec<String> {
        flags_of_seen(false, &[0.5], &[4, 4, 0], seen)
    }

    #[test]
    fn a_gradient_that_vanishes_in_any_epoch_is_flagged() {
        assert_eq!(flags_seen(&seen([&[0.2, 0.1], &[1.0, 1.0]], &[], &[])), [""; 0]);
        assert_eq!(
            flags_seen(&seen([&[0.01, 0.1], &[1.0, 1.0]], &[], &[])),
            ["vanishing_gradient"]
        );
        assert_eq!(flags_seen(&seen([&[0.0], &[0.0]], &[], &[])), ["vanishing_gradient"]);
        assert_eq!(flags_seen(&seen([&[f32::NAN], &[f32::NAN]], &[], &[])), [""; 0]);
    }

    #[test]
    fn mistakes_behind_a_saturated_softmax_are_flagged_if_they_are_there_at_the_end() {
        let norms: [&[f32]; 2] = [&[1.0, 1.0], &[1.0, 1.0]];
        assert_eq!(flags_seen(&seen(norms, &[], &[0.1, 0.1])), ["vanishing_gradient"]);
        assert_eq!(flags_seen(&seen(norms, &[], &[0.1, 0.01])), [""; 0]);
    }

    #[test]
    fn half_of_a_layer_dead_at_the_end_is_flagged() {
        let norms: [&[f32]; 2] = [&[1.0, 1.0], &[1.0, 1.0]];
        assert_eq!(flags_seen(&seen(norms, &[0.1, 0.6], &[])), ["dead_units"]);
        assert_eq!(flags_seen(&seen(norms, &[0.6, 0.3], &[])), [""; 0]);
    }
}
