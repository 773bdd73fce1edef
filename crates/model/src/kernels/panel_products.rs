//! Products of matrices in panels, with the values of [`product`](super::product::product), bit for bit: each element is
//! a chain of fused multiply-adds along the inner dimension, in the same blocks, whose sums are added one after the
//! other. Vectors lie across elements, so their width changes nothing.
//!
//! The innermost loop sums a tile of up to [`TILE`] rows and a few vectors of columns in registers, as many as keep the
//! multiply-adds of processors with 32 and with 16 vector registers busy.

use pulp::{Arch, Simd, WithSimd};

use super::panels::{LINE, Line, Panels, WIDTH};
use super::product::blocks;

/// Rows of a tile.
const TILE: usize = 6;

/// `lhs · rhs` into `out`, whose rows become those of `lhs`. When a panel of it is done, `finish` gets it, still in
/// the cache, with its number.
///
/// # Panics
///
/// If the inner dimensions or the columns differ.
pub fn product(
    lhs: &Panels,
    rhs: &Panels,
    out: &mut Panels,
    mut finish: impl FnMut(usize, &mut [f32]),
) {
    assert_eq!(lhs.columns(), rhs.rows(), "the inner dimensions of a product are equal");
    assert_eq!(rhs.columns(), out.columns());
    out.set_rows(lhs.rows());
    let arch = Arch::new();
    for panel in 0..out.count() {
        arch.dispatch(Panel { lhs, rhs, out, panel });
        finish(panel, out.panel_mut(panel));
    }
}

/// One panel of `lhs · rhs`.
struct Panel<'a> {
    lhs: &'a Panels,
    rhs: &'a Panels,
    out: &'a mut Panels,
    panel: usize,
}

impl WithSimd for Panel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Panel { lhs, rhs, out, panel } = self;
        let stride = out.stride(panel);
        let (out, rhs) =
            (out.panel_mut(panel), Rhs { panel: rhs.panel(panel), stride, depth: rhs.rows() });
        for (place, out) in out.chunks_mut(TILE * stride).enumerate() {
            let lhs = Lhs::Rows { lhs, top: place * TILE };
            tile_row(simd, lhs, rhs, out);
        }
    }
}

/// Who takes the values of a [`transposed_product`].
pub trait Sink {
    /// Takes some values, whole rows of a panel, and where they begin among [`Panels::values`] of the product.
    fn take<S: Simd>(&mut self, simd: S, begin: usize, values: &[f32]);
}

/// `lhsᵀ · rhs`, a few rows of a panel at a time, for `sink`: the whole of it may never be in memory.
///
/// # Panics
///
/// If the inner dimensions differ.
pub fn transposed_product(lhs: &Panels, rhs: &Panels, sink: &mut impl Sink) {
    assert_eq!(lhs.rows(), rhs.rows(), "the inner dimensions of a product are equal");
    Arch::new().dispatch(Transposed { lhs, rhs, sink });
}

struct Transposed<'a, K> {
    lhs: &'a Panels,
    rhs: &'a Panels,
    sink: &'a mut K,
}

impl<K: Sink> WithSimd for Transposed<'_, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Transposed { lhs, rhs, sink } = self;
        let mut tile = [Line::ZEROS; TILE * WIDTH / LINE];
        for panel in 0..rhs.count() {
            let stride = rhs.stride(panel);
            let begin = panel * WIDTH * lhs.columns();
            let rhs = Rhs { panel: rhs.panel(panel), stride, depth: rhs.rows() };
            for lhs_panel in 0..lhs.count() {
                let columns = lhs.columns_of(lhs_panel);
                let (lhs, lhs_stride) = (lhs.panel(lhs_panel), lhs.stride(lhs_panel));
                for top in columns.clone().step_by(TILE) {
                    let height = TILE.min(columns.end - top);
                    let tile = &mut Line::values_mut(&mut tile)[..height * stride];
                    let lhs = &lhs[top - columns.start..];
                    tile_row(simd, Lhs::Columns { lhs, stride: lhs_stride }, rhs, tile);
                    sink.take(simd, begin + top * stride, tile);
                }
            }
        }
    }
}

/// What the rows of a tile are made of.
#[derive(Clone, Copy)]
enum Lhs<'a> {
    /// Rows of a matrix, from `top` on.
    Rows { lhs: &'a Panels, top: usize },
    /// Columns of a panel with this stride, from the first on.
    Columns { lhs: &'a [f32], stride: usize },
}

/// A panel.
#[derive(Clone, Copy)]
struct Rhs<'a> {
    panel: &'a [f32],
    stride: usize,
    /// Its rows: the inner dimension.
    depth: usize,
}

/// Up to [`TILE`] rows of a panel of the product.
#[inline(always)]
fn tile_row<S: Simd>(simd: S, lhs: Lhs, rhs: Rhs, out: &mut [f32]) {
    let most = if S::REGISTER_COUNT >= 32 { 4 } else { 2 };
    let height = out.len() / rhs.stride;
    let mut column = 0;
    while column < rhs.stride {
        let vectors = ((rhs.stride - column) / S::F32_LANES).min(most);
        macro_rules! tile {
            ($($rows:literal),+) => {
                match (height, vectors) {
                    $(
                        ($rows, 4..) => tile::<S, $rows, 4>(simd, lhs, rhs, column, out),
                        ($rows, 2..) => tile::<S, $rows, 2>(simd, lhs, rhs, column, out),
                        ($rows, _) => tile::<S, $rows, 1>(simd, lhs, rhs, column, out),
                    )+
                    _ => unreachable!("a tile has 1 to {TILE} rows"),
                }
            };
        }
        tile!(1, 2, 3, 4, 5, 6);
        let done = if vectors >= 4 {
            4
        } else if vectors >= 2 {
            2
        } else {
            1
        };
        column += done * S::F32_LANES;
    }
}

/// `R` rows and `V` vectors of columns, from `column` on.
#[expect(
    clippy::needless_range_loop,
    reason = "constant ranges are unrolled, and the tile stays in registers"
)]
#[inline(always)]
fn tile<S: Simd, const R: usize, const V: usize>(
    simd: S,
    lhs: Lhs,
    rhs: Rhs,
    column: usize,
    out: &mut [f32],
) {
    assert!(column + V * S::F32_LANES <= rhs.stride && out.len() >= R * rhs.stride);
    for (begin, length) in blocks(rhs.depth) {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        match lhs {
            // A row goes on in the next panel.
            Lhs::Rows { lhs, top } => {
                let end = begin + length;
                let mut k = begin;
                while k < end {
                    let panel = k / WIDTH;
                    let steps = end.min((panel + 1) * WIDTH) - k;
                    let stride = lhs.stride(panel);
                    let values = &lhs.panel(panel)[top * stride + k % WIDTH..];
                    let factors = Factors { values, row: stride, step: 1 };
                    chains::<S, R, V>(simd, &mut sums, factors, rhs, k, column, steps);
                    k += steps;
                }
            }
            Lhs::Columns { lhs, stride } => {
                let factors = Factors { values: &lhs[begin * stride..], row: 1, step: stride };
                chains::<S, R, V>(simd, &mut sums, factors, rhs, begin, column, length);
            }
        }
        for r in 0..R {
            for v in 0..V {
                // SAFETY: R rows and V vectors from `column` on lie within `out`, see above.
                unsafe {
                    let place = out.as_mut_ptr().add(r * rhs.stride + column + v * S::F32_LANES);
                    let place = place.cast::<S::f32s>();
                    let value = match begin {
                        0 => sums[r][v],
                        _ => simd.add_f32s(place.read_unaligned(), sums[r][v]),
                    };
                    place.write_unaligned(value);
                }
            }
        }
    }
}

/// Numbers of which those of row r and inner index k are at `r · row + k · step`.
#[derive(Clone, Copy)]
struct Factors<'a> {
    values: &'a [f32],
    row: usize,
    step: usize,
}

/// Goes on with the chains of multiply-adds for `steps` steps of the inner dimension, which begin at row `k` of `rhs`.
#[expect(
    clippy::needless_range_loop,
    reason = "constant ranges are unrolled, and the tile stays in registers"
)]
#[inline(always)]
fn chains<S: Simd, const R: usize, const V: usize>(
    simd: S,
    sums: &mut [[S::f32s; V]; R],
    factors: Factors,
    rhs: Rhs,
    k: usize,
    column: usize,
    steps: usize,
) {
    let Factors { values, row, step } = factors;
    assert!(steps > 0 && (R - 1) * row + (steps - 1) * step < values.len());
    assert!((k + steps) * rhs.stride <= rhs.panel.len());
    assert!(column + V * S::F32_LANES <= rhs.stride);
    let mut factors = values.as_ptr();
    let mut others = rhs.panel[k * rhs.stride + column..].as_ptr();
    // Values of its own, which stay in registers.
    let mut chains = *sums;
    for _ in 0..steps {
        // SAFETY: the three assertions keep what is read within `values` and `rhs.panel`. The pointers are not read
        // after their last step, which may lead beyond.
        unsafe {
            let mut vectors = [simd.splat_f32s(0.0); V];
            for v in 0..V {
                vectors[v] = others.add(v * S::F32_LANES).cast::<S::f32s>().read_unaligned();
            }
            for r in 0..R {
                let factor = simd.splat_f32s(*factors.add(r * row));
                for v in 0..V {
                    chains[r][v] = simd.mul_add_f32s(factor, vectors[v], chains[r][v]);
                }
            }
        }
        factors = factors.wrapping_add(step);
        others = others.wrapping_add(rhs.stride);
    }
    *sums = chains;
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::kernels::product::{self, Matrix};

    fn numbers(len: usize, seed: u64) -> Vec<f32> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        (0..len).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect()
    }

    struct Whole(Panels);

    impl Sink for Whole {
        fn take<S: Simd>(&mut self, _: S, begin: usize, values: &[f32]) {
            self.0.values_mut()[begin..][..values.len()].copy_from_slice(values);
        }
    }

    /// On each instruction set that this processor has; `.ci/run` runs it on emulated ones, too.
    #[test]
    fn products_are_those_of_gemm_in_the_same_blocks_to_the_last_bit() {
        let sizes = [1, 2, 5, 6, 7, 16, 33, 64, 65, 100, 130];
        for (place, k) in [1, 2, 3, 63, 64, 65, 200, 512, 513, 784, 1_025].into_iter().enumerate() {
            for m in sizes {
                for n in sizes.into_iter().skip((m + place) % 3).step_by(3) {
                    compare(m, n, k);
                }
            }
        }
    }

    fn compare(m: usize, n: usize, k: usize) {
        let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
        let bits = |values: Vec<f32>| Vec::from_iter(values.into_iter().map(f32::to_bits));
        let rhs = Panels::from_rows(&b, [k, n]);
        let (mut out, mut finished) = (Panels::zeros(0, n), Vec::new());
        product(&Panels::from_rows(&a, [m, k]), &rhs, &mut out, |panel, _| finished.push(panel));
        let wanted = product::product(Matrix::new(&a, [m, k]), Matrix::new(&b, [k, n]));
        assert!(bits(out.to_rows()) == bits(wanted), "{m} × {k} × {n}");
        assert_eq!(finished, Vec::from_iter(0..out.count()));

        let mut whole = Whole(Panels::zeros(m, n));
        transposed_product(&Panels::from_rows(&a, [k, m]), &rhs, &mut whole);
        let wanted =
            product::product(Matrix::new(&a, [k, m]).transposed(), Matrix::new(&b, [k, n]));
        assert!(bits(whole.0.to_rows()) == bits(wanted), "{m} × {k} × {n}, transposed");
    }
}
