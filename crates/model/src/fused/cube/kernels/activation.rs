//! Activations and their slopes, as `crate::kernels::activation` has them for the processor.

use cubecl::prelude::*;

use super::{QUAD, Quad};
use crate::activation::LEAKY_SLOPE;
use crate::fused::cube::table::{GELU, LEAKY_RELU, RELU, SIGMOID, SILU, TANH};

/// The activation called `code` of each number.
#[cube]
pub(super) fn activate(values: Quad, code: u32) -> Quad {
    let mut activated = Quad::new(0.0f32);
    #[unroll]
    for i in 0..QUAD {
        activated.insert(i, activate_one(values.extract(i), code));
    }
    activated
}

/// The slopes of the activation called `code`: from its input for gelu and silu, else from its value.
#[cube]
pub(super) fn slopes(kept: Quad, code: u32) -> Quad {
    let mut slopes = Quad::new(0.0f32);
    #[unroll]
    for i in 0..QUAD {
        slopes.insert(i, slope(kept.extract(i), code));
    }
    slopes
}

#[cube]
fn activate_one(x: f32, code: u32) -> f32 {
    let mut value = x;
    if code == RELU {
        // A comparison that NaN fails, so that NaN stays NaN.
        if x <= 0.0f32 {
            value = 0.0f32;
        }
    } else if code == LEAKY_RELU {
        if x <= 0.0f32 {
            value = x * LEAKY_SLOPE;
        }
    } else if code == SIGMOID {
        value = sigmoid(x);
    } else if code == TANH {
        value = tanh(x);
    } else if code == GELU {
        value = x * 0.5f32 * (erf(x * std::f32::consts::FRAC_1_SQRT_2) + 1.0f32);
    } else if code == SILU {
        value = x * sigmoid(x);
    }
    value
}

#[cube]
fn slope(kept: f32, code: u32) -> f32 {
    let mut slope = 1.0f32;
    if code == RELU {
        if kept <= 0.0f32 {
            slope = 0.0f32;
        }
    } else if code == LEAKY_RELU {
        if kept <= 0.0f32 {
            slope = LEAKY_SLOPE;
        }
    } else if code == SIGMOID {
        slope = kept * (1.0f32 - kept);
    } else if code == TANH {
        slope = 1.0f32 - kept * kept;
    } else if code == GELU {
        let density = f32::exp(kept * kept * -0.5f32) * 0.398_942_3f32;
        slope = (erf(kept * std::f32::consts::FRAC_1_SQRT_2) + 1.0f32) * 0.5f32 + kept * density;
    } else if code == SILU {
        let s = sigmoid(kept);
        slope = s * (1.0f32 + kept * (1.0f32 - s));
    }
    slope
}

/// No exponential is infinite here: what a card does with infinities, it may choose.
#[cube]
fn sigmoid(x: f32) -> f32 {
    1.0f32 / (1.0f32 + f32::exp(within(-x, 87.0f32)))
}

/// `x`, or the limit beyond which it lies, `limit` or `-limit`. NaN stays.
#[cube]
fn within(x: f32, limit: f32) -> f32 {
    let mut value = x;
    if x > limit {
        value = limit;
    } else if x < -limit {
        value = -limit;
    }
    value
}

/// As `kernels::elementary::tanh`: cards may compute a large one as infinity over infinity.
#[cube]
fn tanh(x: f32) -> f32 {
    let x = within(x, 7.905_311f32);
    let square = x * x;
    let above = square * -2.760_768_5e-16f32 + 2.000_188e-13f32;
    let above = above * square - 8.604_672e-11f32;
    let above = above * square + 5.122_297e-8f32;
    let above = above * square + 1.485_722_4e-5f32;
    let above = above * square + 6.372_619_3e-4f32;
    let above = above * square + 4.893_524_6e-3f32;
    let below = square * 1.198_258_4e-6f32 + 1.185_347_1e-4f32;
    let below = below * square + 2.268_434_6e-3f32;
    let below = below * square + 4.893_525e-3f32;
    x * above / below
}

/// As `kernels::elementary::erf`; shaders have none.
#[cube]
fn erf(x: f32) -> f32 {
    let x = within(x, 4.0f32);
    let square = x * x;
    let above = square * -2.726_142_3e-10f32 + 2.770_681_4e-8f32;
    let above = above * square - 2.101_024e-6f32;
    let above = above * square - 5.692_506_4e-5f32;
    let above = above * square - 7.349_906_3e-4f32;
    let above = above * square - 2.954_6e-3f32;
    let above = above * square - 1.609_603_3e-2f32;
    let below = square * -1.456_607_2e-5f32 - 2.133_740_6e-4f32;
    let below = below * square - 1.682_827e-3f32;
    let below = below * square - 7.373_329_2e-3f32;
    let below = below * square - 1.426_473_9e-2f32;
    x * above / below
}
