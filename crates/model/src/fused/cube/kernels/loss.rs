//! Cross-entropy and its gradient, one pass per example.

use cubecl::prelude::*;

use super::QUAD;
use crate::fused::cube::table::{BATCH, LOSS, OUTPUTS, ROWS, SLOT, SOFTMAX};

/// Units of a cube: a lane's batch is dealt to them.
pub(in crate::fused::cube) const UNITS: usize = 128;

/// The mean cross-entropy of each lane's batch, into its place of `losses`, and the gradient in place of the outputs. A
/// unit takes every [`UNITS`]th example, and the units' sums are added in their order. The cubes along z are lanes, of
/// which each has `lane_numbers` outputs and `losses_kept` losses; `layer` is where the last layer is in a row of the
/// table.
#[cube(launch_unchecked)]
pub(in crate::fused::cube) fn cross_entropy(
    table: &[u32],
    labels: &[u32],
    outputs: &mut [f32],
    losses: &mut [f32],
    row: usize,
    layer: usize,
    lane_numbers: usize,
    losses_kept: usize,
) {
    let lane = CUBE_POS_Z as usize * row;
    let rows = table[lane + ROWS] as usize;
    let classes = table[lane + layer + OUTPUTS] as usize;
    let batch = table[lane + BATCH] as usize;
    let with_softmax = table[lane + SOFTMAX] == 1u32;
    let width = classes.div_ceil(QUAD) * QUAD;
    let share = 1.0f32 / f32::cast_from(rows as u32);
    let mut sum = 0.0f32;
    let mut example = UNIT_POS as usize;
    while example < rows {
        let begin = CUBE_POS_Z as usize * lane_numbers + example * width;
        let label = labels[table[batch + example] as usize] as usize;
        if with_softmax {
            softmax(outputs, begin, classes);
        }
        sum += of_one(outputs, begin, classes, label, share, with_softmax);
        example += UNITS;
    }
    let mut sums = Shared::<[f32]>::new_slice(UNITS);
    sums[UNIT_POS as usize] = sum;
    sync_cube();
    if UNIT_POS == 0u32 {
        let mut total = 0.0f32;
        for unit in 0..UNITS {
            total += sums[unit];
        }
        let place = table[lane + SLOT] as usize * losses_kept + table[lane + LOSS] as usize;
        losses[place] = total * share;
    }
}

/// The softmax of one example's outputs, in place.
#[cube]
fn softmax(outputs: &mut [f32], begin: usize, classes: usize) {
    let largest = largest(&*outputs, begin, classes);
    let mut sum = 0.0f32;
    for class in 0..classes {
        let power = f32::exp(outputs[begin + class] - largest);
        outputs[begin + class] = power;
        sum += power;
    }
    for class in 0..classes {
        outputs[begin + class] /= sum;
    }
}

/// The cross-entropy of one example, and in place of its outputs `share` of the gradient. With `after_softmax` the
/// outputs are probabilities, and the gradient is that of what they were made of.
#[cube]
fn of_one(
    outputs: &mut [f32],
    begin: usize,
    classes: usize,
    label: usize,
    share: f32,
    after_softmax: bool,
) -> f32 {
    let largest = largest(&*outputs, begin, classes);
    let mut sum = 0.0f32;
    for class in 0..classes {
        sum += f32::exp(outputs[begin + class] - largest);
    }
    let loss = f32::ln(sum) - (outputs[begin + label] - largest);
    let mut common = 0.0f32;
    if after_softmax {
        for class in 0..classes {
            let output = outputs[begin + class];
            common += output * gradient(output - largest, sum, share, class == label);
        }
    }
    for class in 0..classes {
        let output = outputs[begin + class];
        let mut gradient = gradient(output - largest, sum, share, class == label);
        if after_softmax {
            gradient = output * (gradient - common);
        }
        outputs[begin + class] = gradient;
    }
    loss
}

#[cube]
fn gradient(output: f32, sum: f32, share: f32, is_label: bool) -> f32 {
    let mut gradient = f32::exp(output) / sum * share;
    if is_label {
        gradient -= share;
    }
    gradient
}

#[cube]
fn largest(outputs: &[f32], begin: usize, classes: usize) -> f32 {
    let mut largest = outputs[begin];
    for class in 1..classes {
        let output = outputs[begin + class];
        if output > largest {
            largest = output;
        }
    }
    largest
}
