//! One step of Adam for all lanes, each number read and written once.

use cubecl::prelude::*;

use super::Quad;
use crate::fused::cube::table::{CORRECTION, PARAMETERS, SLOT, STEP_SIZE};

/// Units of a cube.
pub(in crate::fused::cube) const UNITS: u32 = 256;

/// Moments first, then `weight -= step_size · m / (√v / c + ε)`, as `crate::kernels::adam`. The cubes along z are lanes;
/// a row of the table has `row` places, a slot `slot_quads` quads of parameters.
#[cube(launch_unchecked)]
pub(in crate::fused::cube) fn adam(
    table: &[u32],
    grads: &[Quad],
    params: &mut [Quad],
    first: &mut [Quad],
    second: &mut [Quad],
    row: usize,
    slot_quads: usize,
    share_1: f32,
    beta_2: f32,
    share_2: f32,
    epsilon: f32,
) {
    let lane = CUBE_POS_Z as usize * row;
    let step_size = Quad::new(f32::reinterpret(table[lane + STEP_SIZE]));
    let correction = Quad::new(f32::reinterpret(table[lane + CORRECTION]));
    let own = table[lane + PARAMETERS] as usize;
    let base = table[lane + SLOT] as usize * slot_quads;
    let mut quad = (CUBE_POS_X * UNITS + UNIT_POS) as usize;
    while quad < own {
        let place = base + quad;
        let grad = grads[place];
        let m = first[place] + (grad - first[place]) * Quad::new(share_1);
        let v = second[place] * Quad::new(beta_2) + grad * grad * Quad::new(share_2);
        first[place] = m;
        second[place] = v;
        let denominator = v.sqrt() / correction + Quad::new(epsilon);
        params[place] -= step_size * (m / denominator);
        quad += (CUBE_COUNT_X * UNITS) as usize;
    }
}
