//! Where the numbers of a bank are in its buffers.

use super::kernels::QUAD;
use super::table::quads;
use crate::fused::bank::BankShape;
use crate::layer_values::{LayerValues, Layers};

/// Bytes of a quad.
pub(super) const QUAD_BYTES: usize = QUAD * size_of::<f32>();

/// Where the parameters of one training are in its slot, in quads: of each layer the weights, row by row, then the
/// biases, all rows padded to whole quads, and so many rows that they are the padded outputs of the layer before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameters {
    /// The sizes of the layers' outputs, the inputs first, without padding.
    pub widths: Vec<usize>,
    /// Where the weights of each layer begin.
    pub begins: Vec<usize>,
    /// How many there are.
    pub quads: usize,
}

impl Parameters {
    /// Those of a training of layers of these sizes.
    pub fn new(widths: Vec<usize>) -> Self {
        let (mut begins, mut end) = (Vec::new(), 0);
        for pair in widths.windows(2) {
            begins.push(end);
            end += (quads(pair[0]) * QUAD + 1) * quads(pair[1]);
        }
        Parameters { widths, begins, quads: end }
    }

    /// Those of a training of these numbers.
    pub fn of(layers: &Layers) -> Self {
        let inputs = layers.iter().take(1).map(LayerValues::inputs);
        Parameters::new(inputs.chain(layers.iter().map(LayerValues::outputs)).collect())
    }

    /// The numbers as a slot has them.
    pub fn pack(&self, layers: &Layers) -> Vec<f32> {
        let mut packed = vec![0.0; self.quads * QUAD];
        for (layer, &begin) in layers.iter().zip(&self.begins) {
            let (outputs, padded) = (layer.outputs(), quads(layer.outputs()) * QUAD);
            let rows = packed[begin * QUAD..].chunks_exact_mut(padded);
            for (row, weights) in rows.zip(layer.weight.chunks_exact(outputs)) {
                row[..outputs].copy_from_slice(weights);
            }
            let biases = begin * QUAD + quads(layer.inputs()) * QUAD * padded;
            packed[biases..biases + outputs].copy_from_slice(&layer.bias);
        }
        packed
    }

    /// The numbers of a slot without padding.
    pub fn unpack(&self, packed: &[f32]) -> Layers {
        let layers = self.widths.windows(2).zip(&self.begins).map(|(pair, &begin)| {
            let (inputs, outputs, padded) = (pair[0], pair[1], quads(pair[1]) * QUAD);
            let rows = packed[begin * QUAD..].chunks_exact(padded);
            let weight = rows.take(inputs).flat_map(|row| &row[..outputs]).copied().collect();
            let biases = begin * QUAD + quads(inputs) * QUAD * padded;
            LayerValues { weight, bias: packed[biases..biases + outputs].to_vec() }
        });
        layers.collect()
    }
}

/// How large the buffers of a bank are, for each slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlotSizes {
    /// Quads of parameters.
    pub parameters: usize,
    /// Quads of each layer's outputs, for the largest batch.
    pub outputs: Vec<usize>,
}

impl SlotSizes {
    /// Those of a bank of this shape.
    pub fn new(shape: &BankShape) -> Self {
        let outputs = shape.widths[1..].iter().map(|width| quads(*width) * shape.batch_size);
        SlotSizes {
            parameters: Parameters::new(shape.widths.clone()).quads,
            outputs: outputs.collect(),
        }
    }

    /// Bytes of all buffers together: parameters, gradients and both moments; outputs, and of hidden layers what goes
    /// into their activations.
    pub fn bytes(&self) -> u64 {
        let outputs: usize = self.outputs.iter().sum();
        let hidden = outputs - self.outputs.last().copied().unwrap_or(0);
        ((4 * self.parameters + outputs + hidden) * QUAD_BYTES) as u64
    }

    /// Bytes of the largest buffer.
    pub fn largest_bytes(&self) -> u64 {
        let quads = self.outputs.iter().copied().chain([self.parameters]).max();
        (quads.unwrap_or(0) * QUAD_BYTES) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_the_padding_is_0() {
        let layer = |inputs: usize, outputs: usize| LayerValues {
            weight: (0..inputs * outputs).map(|i| i as f32 + 1.0).collect(),
            bias: (0..outputs).map(|i| -(i as f32) - 1.0).collect(),
        };
        let layers = vec![layer(5, 3), layer(3, 4), layer(4, 2)];
        let parameters = Parameters::of(&layers);
        assert_eq!(parameters.widths, [5, 3, 4, 2]);
        assert_eq!(parameters.begins, [0, 9, 14]);
        assert_eq!(parameters.quads, 19);
        let packed = parameters.pack(&layers);
        assert_eq!(packed[..8], [1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0]);
        let numbers =
            layers.iter().map(|layer| layer.weight.len() + layer.bias.len()).sum::<usize>();
        assert_eq!(packed.iter().filter(|number| **number != 0.0).count(), numbers);
        assert_eq!(parameters.unpack(&packed), layers);
    }

    #[test]
    fn a_slot_is_as_large_as_its_buffers() {
        let shape = BankShape { widths: vec![784, 500, 10], batch_size: 100 };
        let sizes = SlotSizes::new(&shape);
        assert_eq!(sizes.parameters, 785 * 125 + 501 * 3);
        assert_eq!(sizes.outputs, [12_500, 300]);
        assert_eq!(sizes.bytes(), (4 * (785 * 125 + 501 * 3) + 2 * 12_500 + 300) * 16);
        assert_eq!(sizes.largest_bytes(), (785 * 125 + 501 * 3) * 16);
    }
}
