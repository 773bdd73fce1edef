//! The hyperparameters of the multilayer perceptron.

use burn_tune_search::Rejection;
use serde::{Deserialize, Serialize};

use crate::activation::Activation;

/// What one trial is configured by. Every field has a default: the well-known PyTorch tutorial's
/// model, 784-500-10 with Adam at 0.001.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpConfig {
    /// Examples per step; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Adam's learning rate.
    pub lr: f64,
    /// Passes over the training data.
    pub epochs: usize,
    /// What stands behind each hidden layer.
    pub activation: Activation,
    /// Hidden layers; 0 is a linear classifier.
    pub depth: usize,
    /// Units of each hidden layer, but for those that have a size of their own below.
    pub hidden_size: usize,
    /// Units of the second hidden layer.
    pub hidden_size_2: Option<usize>,
    /// Units of the third.
    pub hidden_size_3: Option<usize>,
    /// Units of the fourth.
    pub hidden_size_4: Option<usize>,
    /// Whether a softmax stands in front of the cross-entropy, which applies softmax itself: the
    /// mistake of the report that this project began from.
    pub softmax: bool,
}

impl Default for MlpConfig {
    fn default() -> Self {
        MlpConfig {
            batch_size: 100,
            lr: 1e-3,
            epochs: 5,
            activation: Activation::Relu,
            depth: 1,
            hidden_size: 500,
            hidden_size_2: None,
            hidden_size_3: None,
            hidden_size_4: None,
            softmax: false,
        }
    }
}

impl MlpConfig {
    /// Whether training can begin with these values at all.
    ///
    /// # Errors
    ///
    /// The first hyperparameter that is out of its range.
    pub fn check(&self) -> Result<(), Rejection> {
        let MlpConfig { batch_size, lr, epochs, depth, hidden_size, .. } = self;
        Rejection::unless(
            *batch_size >= 1,
            "batch_size",
            batch_size,
            "a whole number, at least 1",
        )?;
        Rejection::unless(*lr > 0.0 && lr.is_finite(), "lr", lr, "a number above 0")?;
        Rejection::unless(*epochs >= 1, "epochs", epochs, "a whole number, at least 1")?;
        Rejection::unless(*depth <= 1_000, "depth", depth, "a whole number from 0 to 1000")?;
        let sizes = 1..=1_000_000;
        let allowed = "a whole number from 1 to 1000000";
        Rejection::unless(sizes.contains(hidden_size), "hidden_size", hidden_size, allowed)?;
        for (layer, name, size) in self.own_sizes() {
            let Some(size) = size else { continue };
            Rejection::unless(sizes.contains(&size), name, size, allowed)?;
            if layer > *depth {
                return Err(Rejection {
                    param: name.to_owned(),
                    problem: format!("`{name}` is set where `depth` is {depth}"),
                    allowed: format!(
                        "a size of layer {layer} only where there is one: in [space], `when = {{ depth = {{ low = {layer} }} }}`"
                    ),
                });
            }
        }
        Ok(())
    }

    /// The hidden layers that may have a size of their own: number, name and size.
    fn own_sizes(&self) -> [(usize, &'static str, Option<usize>); 3] {
        [
            (2, "hidden_size_2", self.hidden_size_2),
            (3, "hidden_size_3", self.hidden_size_3),
            (4, "hidden_size_4", self.hidden_size_4),
        ]
    }

    /// The sizes of the layers' outputs, the input first: `[features, hidden, …, classes]`.
    pub fn widths(&self, features: usize, classes: usize) -> Vec<usize> {
        let mut widths = vec![features];
        widths.extend((1..=self.depth).map(|layer| {
            let own = self.own_sizes().into_iter().find(|(number, ..)| *number == layer);
            own.and_then(|(_, _, size)| size).unwrap_or(self.hidden_size)
        }));
        widths.push(classes);
        widths
    }

    /// How many numbers are trained: weights and biases.
    pub fn parameters(&self, features: usize, classes: usize) -> u64 {
        let widths = self.widths(features, classes);
        widths.windows(2).map(|pair| (pair[0] as u64 + 1) * pair[1] as u64).sum()
    }

    /// Floating-point operations of the matrix products of one example in training: forward, the
    /// gradient of each weight, and the gradient of each layer's input but the first.
    pub fn training_flops(&self, features: usize, classes: usize) -> u64 {
        let widths = self.widths(features, classes);
        let products = widths.windows(2).enumerate();
        products.map(|(i, pair)| if i == 0 { 4 } else { 6 } * pair[0] as u64 * pair[1] as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_tutorials_model() {
        let config = MlpConfig::default();
        assert_eq!(config.widths(784, 10), [784, 500, 10]);
        assert_eq!(config.parameters(784, 10), 784 * 500 + 500 + 500 * 10 + 10);
        assert_eq!(config.training_flops(784, 10), 4 * 784 * 500 + 6 * 500 * 10);
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn a_layer_may_have_a_size_of_its_own() {
        let config = MlpConfig {
            depth: 3,
            hidden_size: 100,
            hidden_size_3: Some(50),
            ..MlpConfig::default()
        };
        assert_eq!(config.widths(784, 10), [784, 100, 100, 50, 10]);
        assert_eq!(config.check(), Ok(()));
        let shallow = MlpConfig { depth: 2, ..config };
        assert_eq!(shallow.check().unwrap_err().param, "hidden_size_3");
    }

    #[test]
    fn values_without_a_training_are_refused() {
        let refused = |config: MlpConfig| config.check().unwrap_err().param;
        assert_eq!(refused(MlpConfig { lr: 0.0, ..Default::default() }), "lr");
        assert_eq!(refused(MlpConfig { lr: f64::NAN, ..Default::default() }), "lr");
        assert_eq!(refused(MlpConfig { batch_size: 0, ..Default::default() }), "batch_size");
        assert_eq!(refused(MlpConfig { epochs: 0, ..Default::default() }), "epochs");
        assert_eq!(refused(MlpConfig { hidden_size: 0, ..Default::default() }), "hidden_size");
        assert_eq!(MlpConfig { depth: 0, ..Default::default() }.check(), Ok(()));
    }
}
