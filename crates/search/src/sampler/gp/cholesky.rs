//! Symmetric positive definite matrices, as their Cholesky factor. All loops over memory are here.

/// The lower triangle `L` with `L Lᵀ = A`, row by row.
#[derive(Debug, Clone)]
pub struct Cholesky {
    size: usize,
    rows: Vec<f64>,
}

/// So many sums run side by side, for the processor's vector registers. The order of the additions is the
/// same on every machine.
const LANES: usize = 4;

/// So many rows share each number that is loaded of another one.
const ROWS: usize = 4;

impl Cholesky {
    /// Factors the matrix of this size of which `rows` has the lower triangle, row by row; what stands above
    /// the diagonal is not read. `None` where it is not positive definite, to the precision of the numbers.
    pub fn new(size: usize, mut rows: Vec<f64>) -> Option<Self> {
        assert_eq!(rows.len(), size * size, "a matrix has as many rows as columns");
        for first in (0..size).step_by(ROWS) {
            let end = size.min(first + ROWS);
            let (above, here) = rows.split_at_mut(first * size);
            let here = &mut here[..(end - first) * size];
            if end - first == ROWS {
                for column in 0..first {
                    let pivot = &above[column * size..][..=column];
                    let sums = dots(here, size, 0, &pivot[..column]);
                    for (row, sum) in sums.iter().enumerate() {
                        let entry = &mut here[row * size + column];
                        *entry = (*entry - sum) / pivot[column];
                    }
                }
            } else {
                for row in here.chunks_exact_mut(size) {
                    substitute(above, size, &mut row[..first]);
                }
            }
            for row in first..end {
                let (above, here) = rows.split_at_mut(row * size);
                for column in first..row {
                    let pivot = &above[column * size..][..=column];
                    here[column] =
                        (here[column] - dot(&here[..column], &pivot[..column])) / pivot[column];
                }
                let square = here[row] - dot(&here[..row], &here[..row]);
                // Not `square <= 0.0`: NaN has to be refused, too.
                if !(square > 0.0 && square.is_finite()) {
                    return None;
                }
                here[row] = square.sqrt();
            }
        }
        Some(Cholesky { size, rows })
    }

    /// The number of rows.
    pub fn size(&self) -> usize {
        self.size
    }

    /// A row, up to its diagonal.
    fn row(&self, row: usize) -> &[f64] {
        &self.rows[row * self.size..][..=row]
    }

    /// The logarithm of the determinant of `A`.
    pub fn log_determinant(&self) -> f64 {
        2.0 * (0..self.size).map(|row| self.row(row)[row].ln()).sum::<f64>()
    }

    /// Makes of `right` the solution of `L x = right`. A shorter `right` is one for the leading rows.
    pub fn solve_lower(&self, right: &mut [f64]) {
        substitute(&self.rows, self.size, right);
    }

    /// [`Self::solve_lower`] for many right sides, each as long as the matrix, one after the other.
    pub fn solve_lower_many(&self, rights: &mut [f64]) {
        let mut blocks = rights.chunks_exact_mut(ROWS * self.size);
        for block in &mut blocks {
            for row in 0..self.size {
                let entries = self.row(row);
                let sums = dots(block, self.size, 0, &entries[..row]);
                for (right, sum) in sums.iter().enumerate() {
                    let entry = &mut block[right * self.size + row];
                    *entry = (*entry - sum) / entries[row];
                }
            }
        }
        blocks
            .into_remainder()
            .chunks_exact_mut(self.size)
            .for_each(|right| self.solve_lower(right));
    }

    /// Makes of `right` the solution of `Lᵀ x = right`. A shorter `right` is one for the leading rows.
    pub fn solve_upper(&self, right: &mut [f64]) {
        for row in (0..right.len()).rev() {
            let entries = self.row(row);
            let (before, here) = right.split_at_mut(row);
            here[0] /= entries[row];
            before.iter_mut().zip(entries).for_each(|(entry, factor)| *entry -= here[0] * factor);
        }
    }

    /// The inverse of `A`: its lower triangle, row by row. What stands above the diagonal means nothing.
    pub fn inverse(&self) -> Vec<f64> {
        let size = self.size;
        // Row `c` has column `c` of L's inverse, which begins at its diagonal.
        let mut columns = vec![0.0; size * size];
        for first in (0..size).step_by(ROWS) {
            let end = size.min(first + ROWS);
            let block = &mut columns[first * size..end * size];
            for column in first..end {
                block[(column - first) * size + column] = 1.0;
            }
            for row in first..size {
                let entries = self.row(row);
                let sums = dots_or_fewer(block, size, first, &entries[first..row]);
                for (entry, sum) in block.iter_mut().skip(row).step_by(size).zip(sums) {
                    *entry = (*entry - sum) / entries[row];
                }
            }
        }
        let mut inverse = vec![0.0; size * size];
        for first in (0..size).step_by(ROWS) {
            let end = size.min(first + ROWS);
            let block = &columns[first * size..end * size];
            for row in first..size {
                let sums =
                    dots_or_fewer(block, size, row, &columns[row * size + row..][..size - row]);
                inverse[row * size + first..][..end - first].copy_from_slice(&sums[..end - first]);
            }
        }
        inverse
    }
}

fn substitute(rows: &[f64], size: usize, right: &mut [f64]) {
    for row in 0..right.len() {
        let entries = &rows[row * size..][..=row];
        right[row] = (right[row] - dot(&right[..row], &entries[..row])) / entries[row];
    }
}

/// The sum of the products of two rows of equal length.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// [`dot`] of `other` with each of the rows of a block, from the column `from` on.
fn dots(block: &[f64], size: usize, from: usize, other: &[f64]) -> [f64; ROWS] {
    let length = other.len();
    let row = |row: usize| block[row * size + from..][..length].as_chunks::<LANES>();
    let ((a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest)) = (row(0), row(1), row(2), row(3));
    let (other, other_rest) = other.as_chunks::<LANES>();
    let mut sums = [[0.0; LANES]; ROWS];
    for ((((other, a), b), c), d) in other.iter().zip(a).zip(b).zip(c).zip(d) {
        for lane in 0..LANES {
            sums[0][lane] += a[lane] * other[lane];
            sums[1][lane] += b[lane] * other[lane];
            sums[2][lane] += c[lane] * other[lane];
            sums[3][lane] += d[lane] * other[lane];
        }
    }
    let rests = [a_rest, b_rest, c_rest, d_rest];
    std::array::from_fn(|row| {
        let sums = &sums[row];
        let rest: f64 = rests[row].iter().zip(other_rest).map(|(a, b)| a * b).sum();
        (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
    })
}

/// [`dots`] of a block that may be the last and have fewer rows.
fn dots_or_fewer(block: &[f64], size: usize, from: usize, other: &[f64]) -> [f64; ROWS] {
    if block.len() == ROWS * size {
        return dots(block, size, from, other);
    }
    let mut sums = [0.0; ROWS];
    for (sum, row) in sums.iter_mut().zip(block.chunks_exact(size)) {
        *sum = dot(&row[from..][..other.len()], other);
    }
    sums
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_solves_and_inverts(size in 1..23_usize, entries in prop::collection::vec(-1.0..1.0f64, 23 * 23)) {
            let root = |row: usize, column: usize| entries[row * 23 + column];
            let matrix: Vec<f64> = (0..size * size)
                .map(|entry| (entry / size, entry % size))
                .map(|(row, column)| {
                    let sum: f64 = (0..size).map(|k| root(row, k) * root(column, k)).sum();
                    sum + f64::from(row == column)
                })
                .collect();
            let factor = Cholesky::new(size, matrix.clone()).unwrap();
            let mut x = entries[..size].to_vec();
            factor.solve_lower(&mut x);
            factor.solve_upper(&mut x);
            for (row, right) in matrix.chunks_exact(size).zip(&entries) {
                prop_assert!((dot(row, &x) - right).abs() < 1e-9);
            }
            let inverse = factor.inverse();
            let full = |row: usize, column: usize| inverse[row.max(column) * size + row.min(column)];
            for (row, entries) in matrix.chunks_exact(size).enumerate() {
                for column in 0..size {
                    let sum: f64 = (0..size).map(|k| entries[k] * full(k, column)).sum();
                    prop_assert!((sum - f64::from(row == column)).abs() < 1e-8);
                }
            }
            let mut many: Vec<f64> = entries[..6 * size.min(entries.len() / 6)].to_vec();
            let mut single = many.clone();
            factor.solve_lower_many(&mut many);
            single.chunks_exact_mut(size).for_each(|right| factor.solve_lower(right));
            many.iter().zip(&single).for_each(|(a, b)| assert!((a - b).abs() < 1e-9));
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_refused() {
        assert!(Cholesky::new(2, vec![1.0, 0.0, 2.0, 1.0]).is_none());
        assert!(Cholesky::new(1, vec![f64::NAN]).is_none());
    }
}
