//! The matrix products of a step, tile by tile, with what is done to their results on the way out.
//!
//! A cube computes a tile of one lane's result. Both factors come through shared memory, [`DEPTH`] of the products that
//! an element is the sum of at a time, and each unit keeps a few rows and columns of sums in its registers. An element is
//! one chain of fused multiply-adds from the first product to the last, so it has the same bits in a tile of any size.

use cubecl::prelude::*;

use super::activation::{activate, slopes};
use super::{QUAD, Quad};
use crate::fused::cube::table::{
    ACTIVATION, BATCH, GELU, INPUTS, OUTPUTS, ROWS, SILU, SLOT, WEIGHTS,
};

/// How much of the two factors is in shared memory at a time.
const DEPTH: usize = 16;
const DEPTH_QUADS: usize = DEPTH / QUAD;

/// Units of a cube.
pub(in crate::fused::cube) const UNITS: usize = 128;

/// How a cube's tile is dealt to its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::fused::cube) struct Tiling {
    /// Units below each other.
    rows: usize,
    /// Units beside each other.
    columns: usize,
    /// Quads of rows, and of columns, that each unit computes: one quad in each row of units, then the next.
    quads: usize,
}

impl Tiling {
    /// 64 rows, 128 columns: 64 sums a unit, so that a number in shared memory is used as often as registers allow.
    const WIDE: Tiling = Tiling { rows: 8, columns: 16, quads: 2 };
    /// 64 rows, 32 columns: for results that are no wider, such as those of the classes.
    const NARROW: Tiling = Tiling { rows: 16, columns: 8, quads: 1 };
    /// All that there are.
    pub(in crate::fused::cube) const ALL: [Tiling; 2] = [Tiling::WIDE, Tiling::NARROW];

    /// The one for results of so many columns, in quads.
    pub(in crate::fused::cube) fn of(column_quads: usize) -> Tiling {
        if column_quads <= Tiling::NARROW.tile_columns() { Tiling::NARROW } else { Tiling::WIDE }
    }

    /// Quads of rows in a tile.
    pub(in crate::fused::cube) fn tile_rows(self) -> usize {
        self.rows * self.quads
    }

    /// Quads of columns in a tile.
    pub(in crate::fused::cube) fn tile_columns(self) -> usize {
        self.columns * self.quads
    }

    fn sums(self) -> usize {
        self.quads * QUAD * self.quads
    }
}

/// A matrix in memory, row by row.
#[derive(CubeType)]
struct Matrix {
    /// Where it begins, in quads; of pixels, where in the table its examples are listed.
    begin: usize,
    /// Rows that it has: those beyond are 0.
    rows: usize,
    /// Quads of a row: those beyond are 0.
    quads: usize,
}

/// A layer of a lane, as the table has it.
#[derive(CubeType)]
struct Layer {
    slot: usize,
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
        slot,
        rows: table[lane + ROWS] as usize,
        batch: table[lane + BATCH] as usize,
        activation: table[lane + ACTIVATION],
        inputs: table[lane + layer + INPUTS] as usize,
        outputs,
        quads: outputs.div_ceil(QUAD),
        weights: slot * slot_quads + table[lane + layer + WEIGHTS] as usize,
    }
}

/// Four numbers of a matrix, of `numbers` or of the pixels of a batch's examples; 0 beyond its edges.
#[cube]
fn read(
    table: &[u32],
    pixels: &[u32],
    numbers: &[Quad],
    matrix: &Matrix,
    row: usize,
    quad: usize,
    #[comptime] of_pixels: bool,
) -> Quad {
    let mut values = Quad::new(0.0f32);
    if row < matrix.rows && quad < matrix.quads {
        if of_pixels {
            let example = table[matrix.begin + row] as usize;
            let word = pixels[example * matrix.quads + quad];
            #[unroll]
            for i in 0..QUAD {
                let byte = (word >> (8 * i as u32)) & 255u32;
                values.insert(i, f32::cast_from(byte) / 255.0f32);
            }
        } else {
            values = numbers[matrix.begin + row * matrix.quads + quad];
        }
    }
    values
}

/// Fills a tile of [`DEPTH`] rows, from row `depth` and quad `first` of a matrix on.
#[cube]
fn fill(
    tile: &mut Shared<[Quad]>,
    table: &[u32],
    pixels: &[u32],
    numbers: &[Quad],
    matrix: &Matrix,
    depth: usize,
    first: usize,
    #[comptime] width: usize,
    #[comptime] of_pixels: bool,
) {
    #[unroll]
    for i in 0..comptime!(DEPTH * width / UNITS) {
        let place = UNIT_POS as usize + i * UNITS;
        let (row, quad) = (depth + place / width, first + place % width);
        tile[place] = read(table, pixels, numbers, matrix, row, quad, of_pixels);
    }
}

/// As [`fill`], of the transposed matrix: its rows, from four times `first` on, are the tile's columns.
#[cube]
fn fill_transposed(
    tile: &mut Shared<[Quad]>,
    table: &[u32],
    pixels: &[u32],
    numbers: &[Quad],
    matrix: &Matrix,
    depth: usize,
    first: usize,
    #[comptime] width: usize,
    #[comptime] of_pixels: bool,
) {
    let blocks = comptime!(DEPTH_QUADS * width);
    #[unroll]
    for i in 0..comptime!(blocks.div_ceil(UNITS)) {
        let block = UNIT_POS as usize + i * UNITS;
        if block < blocks {
            // Units beside each other read along a row.
            let (column, quad) = (block / DEPTH_QUADS, block % DEPTH_QUADS);
            let row = (first + column) * QUAD;
            let from = depth / QUAD + quad;
            let a = read(table, pixels, numbers, matrix, row, from, of_pixels);
            let b = read(table, pixels, numbers, matrix, row + 1, from, of_pixels);
            let c = read(table, pixels, numbers, matrix, row + 2, from, of_pixels);
            let d = read(table, pixels, numbers, matrix, row + 3, from, of_pixels);
            #[unroll]
            for j in 0..QUAD {
                let mut values = Quad::new(0.0f32);
                values.insert(0usize, a.extract(j));
                values.insert(1usize, b.extract(j));
                values.insert(2usize, c.extract(j));
                values.insert(3usize, d.extract(j));
                tile[(quad * QUAD + j) * width + column] = values;
            }
        }
    }
}

/// Adds the products of two tiles to this unit's sums: quads of columns, row by row.
#[cube]
fn multiply(
    sums: &mut Array<Quad>,
    left: &Shared<[Quad]>,
    right: &Shared<[Quad]>,
    #[comptime] tiling: Tiling,
) {
    let quads = comptime!(tiling.quads);
    let unit_row = UNIT_POS as usize / comptime!(tiling.columns);
    let unit_column = UNIT_POS as usize % comptime!(tiling.columns);
    for k in 0..DEPTH {
        let mut columns = Array::<Quad>::new(quads);
        #[unroll]
        for c in 0..quads {
            let place = k * comptime!(tiling.tile_columns()) + comptime!(c * tiling.columns);
            columns[c] = right[place + unit_column];
        }
        #[unroll]
        for r in 0..quads {
            let place = k * comptime!(tiling.tile_rows()) + comptime!(r * tiling.rows);
            let rows = left[place + unit_row];
            #[unroll]
            for i in 0..QUAD {
                let row = Quad::new(rows.extract(i));
                #[unroll]
                for c in 0..quads {
                    let sum = comptime!((r * QUAD + i) * quads + c);
                    sums[sum] = fma(row, columns[c], sums[sum]);
                }
            }
        }
    }
}

/// `sums` of zeros.
#[cube]
fn zeros(#[comptime] count: usize) -> Array<Quad> {
    let mut sums = Array::<Quad>::new(count);
    #[unroll]
    for i in 0..count {
        sums[i] = Quad::new(0.0f32);
    }
    sums
}

/// The row of the result that is `index`th of this unit's; `quads` apart by whole rows of units.
#[cube]
fn row_of_unit(#[comptime] quad: usize, #[comptime] i: usize, #[comptime] tiling: Tiling) -> usize {
    let unit_row = UNIT_POS as usize / comptime!(tiling.columns);
    let tile = CUBE_POS_Y as usize * comptime!(tiling.tile_rows());
    (tile + comptime!(quad * tiling.rows) + unit_row) * QUAD + i
}

/// The quad of the result's columns that is this unit's, the `quad`th of them.
#[cube]
fn column_of_unit(#[comptime] quad: usize, #[comptime] tiling: Tiling) -> usize {
    let unit_column = UNIT_POS as usize % comptime!(tiling.columns);
    CUBE_POS_X as usize * comptime!(tiling.tile_columns())
        + comptime!(quad * tiling.columns)
        + unit_column
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

/// `activation(x · weight + bias)` of a layer, for lanes whose outputs have this tiling. The inputs `x` are pixels, of
/// the first layer, or the outputs of the layer before, of which a lane has `lane_inputs` quads. What goes into gelu and
/// silu is kept, too: their slopes are computed from it.
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
    let lane = CUBE_POS_Z as usize;
    let layer = layer_of_cube(table, row, layer, slot_quads);
    let begin = if of_pixels { layer.batch } else { lane * lane_inputs };
    let x = Matrix { begin, rows: layer.rows, quads: layer.inputs };
    let depth = layer.inputs * QUAD;
    let weight = Matrix { begin: layer.weights, rows: depth, quads: layer.quads };
    let first_row = CUBE_POS_Y as usize * comptime!(tiling.tile_rows());
    let first_column = CUBE_POS_X as usize * comptime!(tiling.tile_columns());
    let mut left = Shared::<[Quad]>::new_slice(comptime!(DEPTH * tiling.tile_rows()));
    let mut right = Shared::<[Quad]>::new_slice(comptime!(DEPTH * tiling.tile_columns()));
    let mut sums = zeros(comptime!(tiling.sums()));
    let is_ours = comptime!(tiling.columns) == columns_of_units(layer.quads);
    let tiles = tiles_of(depth, is_ours, first_row * QUAD < layer.rows, first_column < layer.quads);
    for tile in 0..tiles {
        let k = tile * DEPTH;
        fill_transposed(
            &mut left,
            table,
            pixels,
            inputs,
            &x,
            k,
            first_row,
            comptime!(tiling.tile_rows()),
            of_pixels,
        );
        fill(
            &mut right,
            table,
            pixels,
            params,
            &weight,
            k,
            first_column,
            comptime!(tiling.tile_columns()),
            false,
        );
        sync_cube();
        multiply(&mut sums, &left, &right, tiling);
        sync_cube();
    }
    if is_ours {
        let quads = comptime!(tiling.quads);
        #[unroll]
        for c in 0..quads {
            let column = column_of_unit(c, tiling);
            if column < layer.quads {
                let bias = params[layer.weights + depth * layer.quads + column];
                #[unroll]
                for r in 0..quads {
                    #[unroll]
                    for i in 0..QUAD {
                        let row = row_of_unit(r, i, tiling);
                        if row < layer.rows {
                            let place = lane * lane_outputs + row * layer.quads + column;
                            let sum = sums[comptime!((r * QUAD + i) * quads + c)] + bias;
                            if is_last {
                                outputs[place] = sum;
                            } else {
                                let value = activate(sum, layer.activation);
                                outputs[place] = padded(value, column * QUAD, layer.outputs);
                                if derives_from_input(layer.activation) {
                                    kept[place] = sum;
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The gradients of a layer's weights, `xᵀ · grad`, and of its biases, the sums of `grad`'s columns, for lanes whose
/// outputs have this tiling. `x` as in [`forward`]; of `grad` a lane has `lane_outputs` quads.
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
    let lane = CUBE_POS_Z as usize;
    let layer = layer_of_cube(table, row, layer, slot_quads);
    let begin = if of_pixels { layer.batch } else { lane * lane_inputs };
    let x = Matrix { begin, rows: layer.rows, quads: layer.inputs };
    let grad_rows = Matrix { begin: lane * lane_outputs, rows: layer.rows, quads: layer.quads };
    let first_row = CUBE_POS_Y as usize * comptime!(tiling.tile_rows());
    let first_column = CUBE_POS_X as usize * comptime!(tiling.tile_columns());
    let mut left = Shared::<[Quad]>::new_slice(comptime!(DEPTH * tiling.tile_rows()));
    let mut right = Shared::<[Quad]>::new_slice(comptime!(DEPTH * tiling.tile_columns()));
    let quads = comptime!(tiling.quads);
    let mut sums = zeros(comptime!(tiling.sums()));
    let mut bias_sums = zeros(quads);
    let is_ours = comptime!(tiling.columns) == columns_of_units(layer.quads);
    let sums_bias = CUBE_POS_Y == 0u32 && (UNIT_POS as usize) < comptime!(tiling.columns);
    let tiles = tiles_of(layer.rows, is_ours, first_row < layer.inputs, first_column < layer.quads);
    for tile in 0..tiles {
        let k = tile * DEPTH;
        fill(
            &mut left,
            table,
            pixels,
            inputs,
            &x,
            k,
            first_row,
            comptime!(tiling.tile_rows()),
            of_pixels,
        );
        fill(
            &mut right,
            table,
            pixels,
            grad,
            &grad_rows,
            k,
            first_column,
            comptime!(tiling.tile_columns()),
            false,
        );
        sync_cube();
        multiply(&mut sums, &left, &right, tiling);
        if sums_bias {
            for k in 0..DEPTH {
                #[unroll]
                for c in 0..quads {
                    let place =
                        k * comptime!(tiling.tile_columns()) + comptime!(c * tiling.columns);
                    bias_sums[c] = bias_sums[c] + right[place + UNIT_POS as usize];
                }
            }
        }
        sync_cube();
    }
    if is_ours {
        #[unroll]
        for c in 0..quads {
            let column = column_of_unit(c, tiling);
            if column < layer.quads {
                #[unroll]
                for r in 0..quads {
                    #[unroll]
                    for i in 0..QUAD {
                        let row = row_of_unit(r, i, tiling);
                        if row < layer.inputs * QUAD {
                            let place = layer.weights + row * layer.quads + column;
                            grads[place] = sums[comptime!((r * QUAD + i) * quads + c)];
                        }
                    }
                }
                if sums_bias {
                    let biases = layer.weights + layer.inputs * QUAD * layer.quads;
                    grads[biases + column] = bias_sums[c];
                }
            }
        }
    }
}

/// The gradient of what goes into the layer before's activation, `grad · weightᵀ` times its slope, for lanes whose inputs
/// have this tiling. `values` are the outputs of the layer before, and the gradient takes their place; `kept` are its
/// inputs where [`forward`] has kept them. Of these a lane has `lane_inputs` quads, of `grad` `lane_outputs`.
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
    let lane = CUBE_POS_Z as usize;
    let layer = layer_of_cube(table, row, layer, slot_quads);
    let grad_rows = Matrix { begin: lane * lane_outputs, rows: layer.rows, quads: layer.quads };
    let weight = Matrix { begin: layer.weights, rows: layer.inputs * QUAD, quads: layer.quads };
    let first_row = CUBE_POS_Y as usize * comptime!(tiling.tile_rows());
    let first_column = CUBE_POS_X as usize * comptime!(tiling.tile_columns());
    let mut left = Shared::<[Quad]>::new_slice(comptime!(DEPTH * tiling.tile_rows()));
    let mut right = Shared::<[Quad]>::new_slice(comptime!(DEPTH * tiling.tile_columns()));
    let mut sums = zeros(comptime!(tiling.sums()));
    let is_ours = comptime!(tiling.columns) == columns_of_units(layer.inputs);
    let tiles = tiles_of(
        layer.quads * QUAD,
        is_ours,
        first_row * QUAD < layer.rows,
        first_column < layer.inputs,
    );
    for tile in 0..tiles {
        let k = tile * DEPTH;
        fill_transposed(
            &mut left,
            table,
            table,
            grad,
            &grad_rows,
            k,
            first_row,
            comptime!(tiling.tile_rows()),
            false,
        );
        fill_transposed(
            &mut right,
            table,
            table,
            params,
            &weight,
            k,
            first_column,
            comptime!(tiling.tile_columns()),
            false,
        );
        sync_cube();
        multiply(&mut sums, &left, &right, tiling);
        sync_cube();
    }
    if is_ours {
        let quads = comptime!(tiling.quads);
        #[unroll]
        for c in 0..quads {
            let column = column_of_unit(c, tiling);
            if column < layer.inputs {
                #[unroll]
                for r in 0..quads {
                    #[unroll]
                    for i in 0..QUAD {
                        let row = row_of_unit(r, i, tiling);
                        if row < layer.rows {
                            let place = lane * lane_inputs + row * layer.inputs + column;
                            let mut slope_of = values[place];
                            if derives_from_input(layer.activation) {
                                slope_of = kept[place];
                            }
                            let slope = slopes(slope_of, layer.activation);
                            values[place] = sums[comptime!((r * QUAD + i) * quads + c)] * slope;
                        }
                    }
                }
            }
        }
    }
}

/// How many tiles of both factors a cube goes through: none where it has nothing to compute.
#[cube]
fn tiles_of(depth: usize, is_ours: bool, has_rows: bool, has_columns: bool) -> usize {
    let mut tiles = 0usize.runtime();
    if is_ours && has_rows && has_columns {
        tiles = depth.div_ceil(DEPTH);
    }
    tiles
}

/// Columns of units in the tiling of results of so many columns, in quads: as [`Tiling::of`].
#[cube]
fn columns_of_units(quads: usize) -> usize {
    let mut columns = comptime!(Tiling::WIDE.columns).runtime();
    if quads <= comptime!(Tiling::NARROW.tile_columns()) {
        columns = comptime!(Tiling::NARROW.columns).runtime();
    }
    columns
}

#[cube]
fn derives_from_input(activation: u32) -> bool {
    activation == GELU || activation == SILU
}
