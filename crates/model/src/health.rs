//! What shows that a trained model is sick, whatever its score.

use burn_tune_data::Examples;
use burn_tune_search::Flag;

use crate::config::MlpConfig;

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

/// The flags of one training. `labels_of_classes[i]` is what the data set calls class `i`.
///
/// A class is never predicted where it has test examples and no prediction names it. A training has
/// diverged where its last epoch's mean loss is not finite, or above `ln(classes)`: what a model that
/// knows nothing has.
pub fn flags(
    config: &MlpConfig,
    epoch_losses: &[f32],
    confusion: &Confusion,
    labels_of_classes: &[u8],
) -> Vec<Flag> {
    let mut flags = Vec::new();
    let know_nothing = (labels_of_classes.len() as f32).ln();
    if epoch_losses.last().is_some_and(|loss| !loss.is_finite() || *loss > know_nothing) {
        flags.push(Flag::Diverged);
    }
    let counts = confusion.predicted.iter().zip(&confusion.of_class).zip(labels_of_classes);
    let never: Vec<u8> = counts
        .filter(|((predicted, of_class), _)| **predicted == 0 && **of_class > 0)
        .map(|(_, label)| *label)
        .collect();
    if !never.is_empty() {
        flags.push(Flag::NeverPredicts(never));
    }
    if config.softmax {
        flags.push(Flag::SoftmaxBeforeCrossEntropy);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags_of(softmax: bool, losses: &[f32], predicted: &[u32]) -> Vec<String> {
        let confusion = Confusion {
            of_class: vec![4, 4, 0],
            recognised: vec![0, 0, 0],
            predicted: predicted.to_vec(),
        };
        let config = MlpConfig { softmax, ..Default::default() };
        flags(&config, losses, &confusion, &[1, 2, 3]).iter().map(Flag::to_string).collect()
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
}
