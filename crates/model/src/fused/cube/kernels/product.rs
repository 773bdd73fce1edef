//! The matrix products of a step, with what is done to their results on the way out.

use cubecl::prelude::*;

use super::activation::{activate, slopes};
use super::tile::{
    Factors, Matrix, Place, Tiling, column_of_unit, place_of_cube, product, row_of_unit,
    sums_columns, zeros,
};
use super::{QUAD, Quad};
use crate::fused::cube::table::{
    ACTIVATION, BATCH, GELU, INPUTS, OUTPUTS, ROWS, SILU, SLOT, WEIGHTS,
};

/// A layer of a lane, as the table has it.
#[derive(CubeType)]
struct Layer {
    /// Examples in the batch.
    rows: usize,
    /// Where in the table they are listed.
    batch: usize,
    activation: u32,
    /// Quads of its inputs.
    inputs: usize,
    /// Numbers of its outputs.
    outputs: usize,
    /// Quads of its outputs.
    quads: usize,
    /// Where its weights begin among all parameters, in quads.
    weights: usize,
}

/// The layer at place `layer` in the row of this cube's lane; a row has `row` places, a slot `slot_quads` quads of
/// parameters.
#[cube]
fn layer_of_cube(table: &[u32], row: usize, layer: usize, slot_quads: usize) -> Layer {
    let lane = CUBE_POS_Z as usize * row;
    let slot = table[lane + SLOT] as usize;
    let outputs = table[lane + layer + OUTPUTS] as usize;
    Layer {
        rows: table[lane + ROWS] as usize,
        batch: table[lane + BATCH] as usize,
        activation: table[lane + ACTIVATION],
        inputs: table[lane + layer + INPUTS] as usize,
        outputs,
        quads: outputs.div_ceil(QUAD),
        weights: slot * slot_quads + table[lane + layer + WEIGHTS] as usize,
    }
}

/// The inputs of a layer: pixels, of the first layer, or the outputs of the layer before, of which a lane has
/// `lane_inputs` quads.
#[cube]
fn inputs_of(layer: &Layer, lane_inputs: usize, #[comptime] of_pixels: bool) -> Matrix {
    let mut begin = CUBE_POS_Z as usize * lane_inputs;
    if of_pixels {
        begin = layer.batch;
    }
    Matrix { begin, rows: layer.rows, quads: layer.inputs }
}

/// The weights of a layer.
#[cube]
fn weights_of(layer: &Layer) -> Matrix {
    Matrix { begin: layer.weights, rows: layer.inputs * QUAD, quads: layer.quads }
}

/// The gradient of a layer's outputs, of which a lane has `lane_outputs` quads.
#[cube]
fn gradient_of(layer: &Layer, lane_outputs: usize) -> Matrix {
    Matrix { begin: CUBE_POS_Z as usize * lane_outputs, rows: layer.rows, quads: layer.quads }
}

/// `activation(x · weight + bias)` of a layer, for lanes whose outputs have this tiling. What goes into gelu and silu is
/// kept, too: their slopes are computed from it.
#[cube(launch_unchecked)]
pub(in crate::fused::cube) fn forward(
    table: &[u32],
    pixels: &[u32],
    inputs: &[Quad],
    params: &[Quad],
    outputs: &mut [Quad],
    kept: &mut [Quad],
    row: usize,
    layer: usize,
    slot_quads: usize,
    lane_inputs: usize,
    lane_outputs: usize,
    #[comptime] of_pixels: bool,
    #[comptime] is_last: bool,
    #[comptime] tiling: Tiling,
) {
    let layer = layer_of_cube(table, row, layer, slot_quads);
    let (x, weight) = (inputs_of(&layer, lane_inputs, of_pixels), weights_of(&layer));
    let place = place_of_cube(layer.rows, layer.quads, layer.inputs * QUAD, tiling);
    let factors = comptime!(Factors {
        left_by_columns: true,
        of_pixels,
        right_by_columns: false,
        sums_columns: false
    });
    let mut unused = zeros(1usize);
    let sums =
        product(table, pixels, inputs, &x, params, &weight, &place, &mut unused, factors, tiling);
    let begin = CUBE_POS_Z as usize * lane_outputs;
    let biases = layer.weights + layer.inputs * QUAD * layer.quads;
    let quads = comptime!(tiling.quads);
    #[unroll]
    for c in 0..quads {
        let column = column_of_unit(&place, c, tiling);
        let is_column = place.is_ours && column < layer.quads;
        let mut bias = Quad::new(0.0f32);
        if is_column {
            bias = params[biases + column];
        }
        #[unroll]
        for r in 0..comptime!(quads * QUAD) {
            let row = row_of_unit(&place, r, tiling);
            if is_column && row < layer.rows {
                outputs[begin + row * layer.quads + column] = sums[comptime!(r * quads + c)] + bias;
            }
        }
    }
    if comptime!(!is_last) {
        apply(outputs, kept, &layer, &place, begin, tiling);
    }
}

/// Applies the activation to what this unit has written. In a loop that is not unrolled, where sums cannot be: with six
/// activations in each round, shaders would be ten times as long.
#[cube]
fn apply(
    outputs: &mut [Quad],
    kept: &mut [Quad],
    layer: &Layer,
    place: &Place,
    begin: usize,
    #[comptime] tiling: Tiling,
) {
    #[unroll]
    for c in 0..comptime!(tiling.quads) {
        let column = column_of_unit(place, c, tiling);
        if place.is_ours && column < layer.quads {
            for r in 0..comptime!(tiling.quads * QUAD) {
                let row = row_of_unit(place, r, tiling);
                if row < layer.rows {
                    let at = begin + row * layer.quads + column;
                    let sum = outputs[at];
                    if derives_from_input(layer.activation) {
                        kept[at] = sum;
                    }
                    let value = activate(sum, layer.activation);
                    outputs[at] = padded(value, column * QUAD, layer.outputs);
                }
            }
        }
    }
}

/// The gradients of a layer's weights, `xᵀ · grad`, and of its biases, the sums of `grad`'s columns, for lanes whose
/// outputs have this tiling.
#[cube(launch_unchecked)]
pub(in crate::fused::cube) fn gradients(
    table: &[u32],
    pixels: &[u32],
    inputs: &[Quad],
    grad: &[Quad],
    grads: &mut [Quad],
    row: usize,
    layer: usize,
    slot_quads: usize,
    lane_inputs: usize,
    lane_outputs: usize,
    #[comptime] of_pixels: bool,
    #[comptime] tiling: Tiling,
) {
    let layer = layer_of_cube(table, row, layer, slot_quads);
    let x = inputs_of(&layer, lane_inputs, of_pixels);
    let grad_rows = gradient_of(&layer, lane_outputs);
    let rows = layer.inputs * QUAD;
    let place = place_of_cube(rows, layer.quads, layer.rows, tiling);
    let factors = comptime!(Factors {
        left_by_columns: false,
        of_pixels,
        right_by_columns: false,
        sums_columns: true
    });
    let quads = comptime!(tiling.quads);
    let mut biases = zeros(quads);
    let sums =
        product(table, pixels, inputs, &x, grad, &grad_rows, &place, &mut biases, factors, tiling);
    #[unroll]
    for c in 0..quads {
        let column = column_of_unit(&place, c, tiling);
        if place.is_ours && column < layer.quads {
            #[unroll]
            for r in 0..comptime!(quads * QUAD) {
                let row = row_of_unit(&place, r, tiling);
                if row < rows {
                    grads[layer.weights + row * layer.quads + column] =
                        sums[comptime!(r * quads + c)];
                }
            }
            if sums_columns(tiling) {
                grads[layer.weights + rows * layer.quads + column] = biases[c];
            }
        }
    }
}

/// The gradient of what goes into the layer before's activation, `grad · weightᵀ` times its slope, for lanes whose inputs
/// have this tiling. `values` are the outputs of the layer before, and the gradient takes their place; `kept` are its
/// inputs where [`forward`] has kept them.
#[cube(launch_unchecked)]
pub(in crate::fused::cube) fn backward(
    table: &[u32],
    grad: &[Quad],
    params: &[Quad],
    kept: &[Quad],
    values: &mut [Quad],
    row: usize,
    layer: usize,
    slot_quads: usize,
    lane_inputs: usize,
    lane_outputs: usize,
    #[comptime] tiling: Tiling,
) {
    let layer = layer_of_cube(table, row, layer, slot_quads);
    let (grad_rows, weight) = (gradient_of(&layer, lane_outputs), weights_of(&layer));
    let place = place_of_cube(layer.rows, layer.inputs, layer.quads * QUAD, tiling);
    let factors = comptime!(Factors {
        left_by_columns: true,
        of_pixels: false,
        right_by_columns: true,
        sums_columns: false
    });
    let mut unused = zeros(1usize);
    let sums = product(
        table,
        table,
        grad,
        &grad_rows,
        params,
        &weight,
        &place,
        &mut unused,
        factors,
        tiling,
    );
    let begin = CUBE_POS_Z as usize * lane_inputs;
    find_slopes(values, kept, &layer, &place, begin, tiling);
    let quads = comptime!(tiling.quads);
    #[unroll]
    for c in 0..quads {
        let column = column_of_unit(&place, c, tiling);
        if place.is_ours && column < layer.inputs {
            #[unroll]
            for r in 0..comptime!(quads * QUAD) {
                let row = row_of_unit(&place, r, tiling);
                if row < layer.rows {
                    let at = begin + row * layer.inputs + column;
                    values[at] = sums[comptime!(r * quads + c)] * values[at];
                }
            }
        }
    }
}

/// Puts the activation's slopes in place of what this unit is about to write; as [`apply`], in a loop.
#[cube]
fn find_slopes(
    values: &mut [Quad],
    kept: &[Quad],
    layer: &Layer,
    place: &Place,
    begin: usize,
    #[comptime] tiling: Tiling,
) {
    #[unroll]
    for c in 0..comptime!(tiling.quads) {
        let column = column_of_unit(place, c, tiling);
        if place.is_ours && column < layer.inputs {
            for r in 0..comptime!(tiling.quads * QUAD) {
                let row = row_of_unit(place, r, tiling);
                if row < layer.rows {
                    let at = begin + row * layer.inputs + column;
                    let mut found_from = values[at];
                    if derives_from_input(layer.activation) {
                        found_from = kept[at];
                    }
                    values[at] = slopes(found_from, layer.activation);
                }
            }
        }
    }
}

/// `values`, but 0 from column `columns` on; the first is in column `first`.
#[cube]
fn padded(values: Quad, first: usize, columns: usize) -> Quad {
    let mut padded = Quad::new(0.0f32);
    #[unroll]
    for i in 0..QUAD {
        if first + i < columns {
            padded.insert(i, values.extract(i));
        }
    }
    padded
}

#[cube]
fn derives_from_input(activation: u32) -> bool {
    activation == GELU || activation == SILU
}
