//! A training between two steps.

use crate::layer_values::Layers;

/// All that a training is between two steps: from it, it goes on in another slot, or another bank, with the same bits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LaneState {
    /// Weights and biases, in their true sizes.
    pub layers: Layers,
    /// Adam's first and second moments of them; `None` where all are 0, before the first step.
    pub moments: Option<[Layers; 2]>,
    /// How many steps were made.
    pub steps: u32,
}

impl LaneState {
    /// A training that begins.
    pub fn fresh(layers: Layers) -> Self {
        LaneState { layers, moments: None, steps: 0 }
    }
}
