//! Weights and biases as plain numbers of this process.

/// The numbers of a model, from the first layer to the last: what crosses between a model and who trains it.
pub(crate) type Layers = Vec<LayerValues>;

/// Weights and biases of one layer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LayerValues {
    /// `[inputs, outputs]`, row by row.
    pub weight: Vec<f32>,
    /// `[outputs]`, which is never empty.
    pub bias: Vec<f32>,
}

impl LayerValues {
    /// How many numbers go into the layer.
    pub fn inputs(&self) -> usize {
        self.weight.len() / self.bias.len()
    }

    /// How many come out of it.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }
}
