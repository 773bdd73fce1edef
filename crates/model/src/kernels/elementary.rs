//! The elementary functions: polynomials that vectorise, within a few units in the last place of the exact value.
//! Each is inlined into the loop that calls it, where it is compiled for vectors.

/// The exponential: `2^n · e^r` with `|r| ≤ ln 2 / 2`.
///
/// Source of the polynomial: Moshier's Cephes library, `expf.c`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    /// Beyond these, the result is 0 or infinity to single precision.
    const RANGE: (f32, f32) = (-87.3, 88.3);
    /// Adding it leaves a float's nearest whole number in its lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first of few bits, so that n times it is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(RANGE.0, RANGE.1);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let mut series = 1.987_569_1e-4;
    series = series * r + 1.398_2e-3;
    series = series * r + 8.333_452e-3;
    series = series * r + 4.166_579_6e-2;
    series = series * r + 1.666_666_5e-1;
    series = series * r + 5.0e-1;
    let power = series * r * r + r + 1.0;
    f32::from_bits(power.to_bits().wrapping_add(rounded.to_bits() << 23))
}

/// What many numbers are divided by: the quotients are those of `/`, to the last bit, and take a third of the time.
///
/// The reciprocal in two parts gives a quotient that is one of the two floats beside the exact one, and its remainder,
/// which is exact, says which.
///
/// Source: Markstein (1990), "Computation of elementary functions on the IBM RISC System/6000 processor", theorem 8.4.
#[derive(Debug, Clone, Copy)]
pub struct Divisor {
    divisor: f32,
    reciprocal: f32,
    /// What the reciprocal lacks.
    rest: f32,
}

impl Divisor {
    /// Not 0, and like what it divides neither very small nor very large: quotients and what they lack are normal.
    pub fn new(divisor: f32) -> Self {
        let reciprocal = 1.0 / divisor;
        let rest = (1.0 / f64::from(divisor) - f64::from(reciprocal)) as f32;
        Divisor { divisor, reciprocal, rest }
    }

    /// `number / divisor`.
    #[inline(always)]
    pub fn quotient(self, number: f32) -> f32 {
        let near = number.mul_add(self.reciprocal, number * self.rest);
        let remainder = (-self.divisor).mul_add(near, number);
        let exact = remainder.mul_add(self.reciprocal, near);
        // Of infinity, the remainder is no number.
        if near < f32::INFINITY { exact } else { near }
    }
}

/// The hyperbolic tangent, as a quotient of polynomials.
///
/// Source of the coefficients: Eigen, `generic_fast_tanh_float`.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    /// Beyond it, the tangent is ±1 to single precision.
    const LIMIT: f32 = 7.905_311;
    let x = x.clamp(-LIMIT, LIMIT);
    let square = x * x;
    let mut above = -2.760_768_5e-16;
    above = above * square + 2.000_188e-13;
    above = above * square - 8.604_672e-11;
    above = above * square + 5.122_297e-8;
    above = above * square + 1.485_722_4e-5;
    above = above * square + 6.372_619_3e-4;
    above = above * square + 4.893_524_6e-3;
    let mut below = 1.198_258_4e-6;
    below = below * square + 1.185_347_1e-4;
    below = below * square + 2.268_434_6e-3;
    below = below * square + 4.893_525e-3;
    x * above / below
}

/// The error function, as a quotient of polynomials.
///
/// Source of the coefficients: Eigen and XLA, `ErfImpl32`.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    /// Beyond it, the function is ±1 to single precision.
    const LIMIT: f32 = 4.0;
    let x = x.clamp(-LIMIT, LIMIT);
    let square = x * x;
    let mut above = -2.726_142_3e-10;
    above = above * square + 2.770_681_4e-8;
    above = above * square - 2.101_024e-6;
    above = above * square - 5.692_506_4e-5;
    above = above * square - 7.349_906_3e-4;
    above = above * square - 2.954_6e-3;
    above = above * square - 1.609_603_3e-2;
    let mut below = -1.456_607_2e-5;
    below = below * square - 2.133_740_6e-4;
    below = below * square - 1.682_827e-3;
    below = below * square - 7.373_329_2e-3;
    below = below * square - 1.426_473_9e-2;
    x * above / below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn largest_error(
        range: f32,
        ours: fn(f32) -> f32,
        exact: fn(f64) -> f64,
        relative: bool,
    ) -> f64 {
        let error = |i: i32| {
            let x = range * i as f32 / 100_000.0;
            let exact = exact(f64::from(x));
            let scale = if relative { exact.abs() } else { 1.0 };
            (f64::from(ours(x)) - exact).abs() / scale
        };
        (-100_000..=100_000).map(error).fold(0.0, f64::max)
    }

    /// Abramowitz & Stegun 7.1.5 where it converges, 1 beyond.
    fn exact_erf(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn the_elementary_functions_are_exact_to_single_precision() {
        assert!(largest_error(87.0, exp, f64::exp, true) < 2e-7);
        assert!(largest_error(12.0, tanh, f64::tanh, false) < 4e-7);
        assert!(largest_error(4.0, erf, exact_erf, false) < 5e-7);
    }
}
