//! What is recorded of our model while it trains, and the names that its series have in files.

use burn_tune_search::Curves;
use burn_tune_search::curves::{ACCURACY, LOSS};

/// The course of one training. Steps are counted from 1; a *probe* is a look at the model after a step,
/// on a fixed batch of examples that it is not trained on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MlpCurves {
    /// The loss of each step's batch, from before the step's update.
    pub loss: Vec<f32>,
    /// The steps after which the model was probed, ascending.
    pub probe_steps: Vec<u32>,
    /// For each probe: the share of the probe's examples that were recognised.
    pub accuracy: Vec<f32>,
    /// For each probe: the share of the probe's examples on which the softmax in front of the loss is
    /// saturated. Empty where the model has no such softmax.
    pub softmax_saturated: Vec<f32>,
    /// For each probe: the share of the probe's examples on which that softmax is saturated for a wrong
    /// class, so that hardly any gradient comes from the mistake. Empty likewise.
    pub softmax_stuck: Vec<f32>,
    /// The layers from input to output.
    pub layers: Vec<LayerCurves>,
}

/// What was recorded of one layer, a number for each probe.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LayerCurves {
    /// The Euclidean norm of the gradient of the layer's weights, in the step before the probe.
    pub gradient_norm: Vec<f32>,
    /// The share of units that no example of the probe activates. Empty where the layer's activation
    /// has no such state.
    pub dead: Vec<f32>,
    /// The share of (unit, example) pairs at which the activation is saturated. Empty likewise.
    pub saturated: Vec<f32>,
}

/// By these names, and in this order, `curves.npz` has the series, and pages look for them.
impl From<MlpCurves> for Curves {
    fn from(recorded: MlpCurves) -> Self {
        let mut curves = Curves::default();
        curves.set_probe_steps(recorded.probe_steps);
        let mut add = |name: &str, values| curves.add(name, values);
        add(LOSS, recorded.loss);
        add(ACCURACY, recorded.accuracy);
        add("softmax_saturated", recorded.softmax_saturated);
        add("softmax_stuck", recorded.softmax_stuck);
        for (number, layer) in recorded.layers.into_iter().enumerate() {
            add(&format!("layer{number}_gradient_norm"), layer.gradient_norm);
            add(&format!("layer{number}_dead"), layer.dead);
            add(&format!("layer{number}_saturated"), layer.saturated);
        }
        curves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_have_the_names_and_the_order_of_the_file() {
        let layer = |dead: &[f32]| LayerCurves {
            gradient_norm: vec![0.5, 0.25],
            dead: dead.to_vec(),
            saturated: vec![],
        };
        let curves = Curves::from(MlpCurves {
            loss: vec![2.0, 1.0, 0.5],
            probe_steps: vec![1, 3],
            accuracy: vec![0.5, 0.75],
            softmax_saturated: vec![],
            softmax_stuck: vec![0.25, 0.5],
            layers: vec![layer(&[0.0, 0.1]), layer(&[])],
        });
        let names: Vec<&str> = curves.series().map(|(name, _)| name).collect();
        let expected = "loss accuracy softmax_stuck layer0_gradient_norm layer0_dead \
                        layer1_gradient_norm";
        assert_eq!(names.join(" "), expected);
        assert_eq!(
            (curves.get("layer0_dead"), curves.probe_steps()),
            (&[0.0, 0.1][..], &[1, 3][..])
        );
    }
}
