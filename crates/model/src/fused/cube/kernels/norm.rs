//! Norms of gradients.

use cubecl::prelude::*;

use super::{QUAD, Quad};
use crate::fused::cube::table::{INPUTS, LAYER, LAYERS, OUTPUTS, SLOT, WEIGHTS};

/// Units of a cube: a layer's weights are dealt to them.
pub(in crate::fused::cube) const UNITS: usize = 256;

/// Of each layer of each lane the Euclidean norm of its weights' gradient, into its place of `norms`. The cubes along y
/// are layers, those along z lanes. A unit takes every [`UNITS`]th quad, and the units' sums are added in their order.
#[cube(launch_unchecked)]
pub(in crate::fused::cube) fn norm(
    table: &[u32],
    grads: &[Quad],
    norms: &mut [f32],
    row: usize,
    slot_quads: usize,
) {
    let layer = CUBE_POS_Y as usize;
    let lane = CUBE_POS_Z as usize * row;
    let slot = table[lane + SLOT] as usize;
    let place = lane + LAYERS + layer * LAYER;
    let outputs = (table[place + OUTPUTS] as usize).div_ceil(QUAD);
    let quads = table[place + INPUTS] as usize * QUAD * outputs;
    let begin = slot * slot_quads + table[place + WEIGHTS] as usize;
    let mut sum = Quad::new(0.0f32);
    let mut quad = UNIT_POS as usize;
    while quad < quads {
        let grad = grads[begin + quad];
        sum = fma(grad, grad, sum);
        quad += UNITS;
    }
    let mut sums = Shared::<[f32]>::new_slice(UNITS);
    sums[UNIT_POS as usize] =
        (sum.extract(0usize) + sum.extract(1usize)) + (sum.extract(2usize) + sum.extract(3usize));
    sync_cube();
    if UNIT_POS == 0u32 {
        let mut total = 0.0f32;
        for unit in 0..UNITS {
            total += sums[unit];
        }
        norms[slot * CUBE_COUNT_Y as usize + layer] = f32::sqrt(total);
    }
}
