//! What is recorded of our model while it trains, and the names that its series have in files.

use burn_tune::Trial;

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

impl MlpCurves {
    /// Gives them to the trial: by these names, and in this order, `curves.npz` has the series, and pages look for them.
    pub fn give(&self, trial: &Trial) {
        for loss in &self.loss {
            trial.step_curve("loss", f64::from(*loss));
        }
        let model = [
            ("accuracy", &self.accuracy),
            ("softmax_saturated", &self.softmax_saturated),
            ("softmax_stuck", &self.softmax_stuck),
        ];
        let model = model.map(|(name, values)| (name.to_owned(), values));
        let layers = self.layers.iter().enumerate().flat_map(|(number, layer)| {
            [
                (format!("layer{number}_gradient_norm"), &layer.gradient_norm),
                (format!("layer{number}_dead"), &layer.dead),
                (format!("layer{number}_saturated"), &layer.saturated),
            ]
        });
        let series: Vec<(String, &Vec<f32>)> = model.into_iter().chain(layers).collect();
        for (probe, step) in self.probe_steps.iter().enumerate() {
            for (name, values) in &series {
                let Some(value) = values.get(probe) else { continue };
                trial.curve(name, u64::from(*step), f64::from(*value));
            }
        }
    }
}
