//! What was recorded while a model trained: plain series of numbers, for figures and flags.

use std::fmt;

/// The course of one training. Steps are counted from 1; a *probe* is a look at the model after a step,
/// on a fixed batch of examples that it is not trained on.
#[derive(Clone, PartialEq, Default)]
pub struct Curves {
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

impl Curves {
    /// How many steps the training had.
    pub fn steps(&self) -> usize {
        self.loss.len()
    }

    /// All series by name, such as `loss`, `probe_steps` or `layer0_gradient_norm`: what a file or a
    /// user's own figure needs to know. Empty series are left out.
    pub fn series(&self) -> Vec<(String, &[f32])> {
        let mut series = vec![
            ("loss".to_owned(), self.loss.as_slice()),
            ("accuracy".to_owned(), &self.accuracy),
            ("softmax_saturated".to_owned(), &self.softmax_saturated),
            ("softmax_stuck".to_owned(), &self.softmax_stuck),
        ];
        for (number, layer) in self.layers.iter().enumerate() {
            let name = |what: &str| format!("layer{number}_{what}");
            series.push((name("gradient_norm"), &layer.gradient_norm));
            series.push((name("dead"), &layer.dead));
            series.push((name("saturated"), &layer.saturated));
        }
        series.retain(|(_, values)| !values.is_empty());
        series
    }

    /// The series called `name`, to be filled, with as many layers as that takes; `None` for a name
    /// that [`Curves::series`] never has.
    pub fn series_mut(&mut self, name: &str) -> Option<&mut Vec<f32>> {
        match name {
            "loss" => return Some(&mut self.loss),
            "accuracy" => return Some(&mut self.accuracy),
            "softmax_saturated" => return Some(&mut self.softmax_saturated),
            "softmax_stuck" => return Some(&mut self.softmax_stuck),
            _ => {}
        }
        let (number, what) = name.strip_prefix("layer")?.split_once('_')?;
        let number: usize = number.parse().ok().filter(|&number| number <= MOST_LAYERS)?;
        if self.layers.len() <= number {
            self.layers.resize(number + 1, LayerCurves::default());
        }
        let layer = &mut self.layers[number];
        match what {
            "gradient_norm" => Some(&mut layer.gradient_norm),
            "dead" => Some(&mut layer.dead),
            "saturated" => Some(&mut layer.saturated),
            _ => None,
        }
    }
}

/// Short, for logs: the numbers are thousands.
impl fmt::Debug for Curves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Curves({} steps, {} probes)", self.steps(), self.probe_steps.len())
    }
}

/// So that a damaged name makes no model of a billion layers.
const MOST_LAYERS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_can_be_filled_by_the_names_that_they_are_listed_under() {
        let layer = |dead: &[f32]| LayerCurves {
            gradient_norm: vec![0.5, 0.25],
            dead: dead.to_vec(),
            saturated: vec![],
        };
        let curves = Curves {
            loss: vec![2.0, 1.0, 0.5],
            probe_steps: vec![],
            accuracy: vec![0.5, 0.75],
            softmax_saturated: vec![],
            softmax_stuck: vec![0.25, 0.5],
            layers: vec![layer(&[0.0, 0.1]), layer(&[])],
        };
        let mut copy = Curves::default();
        for (name, values) in curves.series() {
            *copy.series_mut(&name).unwrap() = values.to_vec();
        }
        assert_eq!(copy, curves);
        assert_eq!(copy.series_mut("layer1_weights"), None);
        assert_eq!(copy.series_mut("layer99999999999_dead"), None);
    }
}
