//! Products of matrices, whose bits are the same on every processor with a fused multiply-add.
//!
//! An element of the product is a chain of fused multiply-adds along the inner dimension, in blocks of at most
//! [`DEPTH`], whose sums are added one after the other. gemm's kernels do just that, whatever the width of a vector, as
//! long as they need not split a block (they split by the sizes of the caches, but never below [`DEPTH`]) and the
//! shape is none of those for which they sum lanes: those are loops of our own.

use gemm::{Parallelism, gemm};
use pulp::Arch;

/// The longest block of the inner dimension.
const DEPTH: usize = 512;

/// Up to so many elements gemm sums lanes, for some layouts.
const SMALL: usize = 16 * 16;

/// A view of a matrix, row by row or column by column.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    is_transposed: bool,
}

impl<'a> Matrix<'a> {
    /// `[rows, columns]`, row by row.
    ///
    /// # Panics
    ///
    /// If there are not `rows · columns` values.
    pub fn new(values: &'a [f32], [rows, columns]: [usize; 2]) -> Self {
        assert_eq!(values.len(), rows * columns, "[{rows}, {columns}]");
        Matrix { values, rows, columns, is_transposed: false }
    }

    /// The same values with rows for columns.
    pub fn transposed(self) -> Self {
        let Matrix { values, rows, columns, is_transposed } = self;
        Matrix { values, rows: columns, columns: rows, is_transposed: !is_transposed }
    }

    /// How far apart in memory neighbours in a row and in a column are.
    fn strides(self) -> (usize, usize) {
        if self.is_transposed { (self.rows, 1) } else { (1, self.columns) }
    }
}

/// The product `[lhs.rows, rhs.columns]`, row by row.
///
/// # Panics
///
/// If the inner dimensions differ.
pub fn product(lhs: Matrix, rhs: Matrix) -> Vec<f32> {
    assert_eq!(lhs.columns, rhs.rows, "the inner dimensions of a product are equal");
    let (m, n, k) = (lhs.rows, rhs.columns, lhs.columns);
    if m == 1 || n == 1 || k <= 2 || m * n <= SMALL {
        return special_product(lhs, rhs);
    }
    let mut values = Vec::with_capacity(m * n);
    let ((lhs_cs, lhs_rs), (rhs_cs, rhs_rs)) = (lhs.strides(), rhs.strides());
    for (begin, depth) in blocks(k) {
        let (lhs, rhs) = (&lhs.values[begin * lhs_cs..], &rhs.values[begin * rhs_rs..]);
        // SAFETY: the strides keep `depth` columns of lhs and rows of rhs within their values, which `Matrix` has
        // counted, and m · n elements within the capacity. The first block writes all of them without reading any.
        unsafe {
            gemm(
                m,
                n,
                depth,
                values.as_mut_ptr(),
                1,
                n as isize,
                begin > 0,
                lhs.as_ptr(),
                lhs_cs as isize,
                lhs_rs as isize,
                rhs.as_ptr(),
                rhs_cs as isize,
                rhs_rs as isize,
                1.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }
    // SAFETY: all of them are written: the inner dimension is more than 2, so there is a block.
    unsafe { values.set_len(m * n) };
    values
}

/// Where each block of the inner dimension begins, and how long it is: as few as may be, of about one length.
pub fn blocks(k: usize) -> impl Iterator<Item = (usize, usize)> {
    let length = k.div_ceil(k.div_ceil(DEPTH).max(1)).max(1);
    (0..k).step_by(length).map(move |begin| (begin, length.min(k - begin)))
}

/// The same by loops: for shapes at which gemm sums in another order, all of them small or rare.
fn special_product(lhs: Matrix, rhs: Matrix) -> Vec<f32> {
    if rhs.columns == 1 && lhs.rows > 1 {
        // A column is in memory what a row is, and a long row is what vectorises.
        return special_product(rhs.transposed(), lhs.transposed());
    }
    let mut values = vec![0.0; lhs.rows * rhs.columns];
    let mut block_sums = vec![0.0; rhs.columns];
    let ((lhs_cs, lhs_rs), (rhs_cs, rhs_rs)) = (lhs.strides(), rhs.strides());
    Arch::new().dispatch(|| {
        for (i, row) in values.chunks_exact_mut(rhs.columns).enumerate() {
            for (begin, depth) in blocks(lhs.columns) {
                block_sums.fill(0.0);
                for k in begin..begin + depth {
                    let factor = lhs.values[i * lhs_rs + k * lhs_cs];
                    let others = rhs.values[k * rhs_rs..].iter().step_by(rhs_cs);
                    for (sum, &other) in block_sums.iter_mut().zip(others) {
                        *sum = factor.mul_add(other, *sum);
                    }
                }
                for (value, &sum) in row.iter_mut().zip(&block_sums) {
                    *value = if begin == 0 { sum } else { *value + sum };
                }
            }
        }
    });
    values
}

/// Whether this processor has the fused multiply-add that the products' bits depend on.
pub fn has_fused_multiply_add() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    cfg!(target_arch = "aarch64")
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Element by element, as the module says.
    fn by_hand(lhs: Matrix, rhs: Matrix) -> Vec<u32> {
        let ((lhs_cs, lhs_rs), (rhs_cs, rhs_rs)) = (lhs.strides(), rhs.strides());
        let element = |i: usize, j: usize| {
            let block = |(begin, depth): (usize, usize)| {
                (begin..begin + depth).fold(0.0f32, |sum, k| {
                    lhs.values[i * lhs_rs + k * lhs_cs]
                        .mul_add(rhs.values[k * rhs_rs + j * rhs_cs], sum)
                })
            };
            blocks(lhs.columns).map(block).reduce(|sum, block| sum + block).unwrap_or(0.0)
        };
        let elements = (0..lhs.rows).flat_map(|i| (0..rhs.columns).map(move |j| (i, j)));
        elements.map(|(i, j)| element(i, j).to_bits()).collect()
    }

    fn numbers(len: usize, seed: u64) -> Vec<f32> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        (0..len).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect()
    }

    /// Runs on whatever the processor has; `.ci/run` runs it on emulated ones, too.
    #[test]
    fn each_element_is_one_chain_of_fused_multiply_adds_whatever_the_shape_and_the_layout() {
        let sizes = [1, 2, 3, 5, 10, 16, 17, 31, 33, 64, 100];
        let inner = [1, 2, 3, 17, 100, 511, 512, 513, 784, 1_025];
        for (place, k) in inner.into_iter().enumerate() {
            for m in sizes {
                // All widths for all heights and inner sizes would take a while for nothing.
                for n in sizes.into_iter().skip((m + place) % 3).step_by(3) {
                    compare(m, n, k);
                }
            }
        }
    }

    fn compare(m: usize, n: usize, k: usize) {
        let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
        let lhs = [Matrix::new(&a, [m, k]), Matrix::new(&a, [k, m]).transposed()];
        let rhs = [Matrix::new(&b, [k, n]), Matrix::new(&b, [n, k]).transposed()];
        for (lhs, rhs) in lhs.iter().flat_map(|lhs| rhs.iter().map(move |rhs| (*lhs, *rhs))) {
            let product: Vec<u32> = product(lhs, rhs).into_iter().map(f32::to_bits).collect();
            let layout = [lhs.is_transposed, rhs.is_transposed];
            assert!(product == by_hand(lhs, rhs), "{m} × {k} × {n}, transposed: {layout:?}");
        }
    }

    #[test]
    fn blocks_are_even_and_at_most_512_long() {
        assert_eq!(Vec::from_iter(blocks(784)), [(0, 392), (392, 392)]);
        assert_eq!(Vec::from_iter(blocks(512)), [(0, 512)]);
        assert_eq!(Vec::from_iter(blocks(1_025)), [(0, 342), (342, 342), (684, 341)]);
        assert_eq!(Vec::from_iter(blocks(0)), []);
    }
}
