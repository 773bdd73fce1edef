//! Eigenvalues and eigenvectors of a symmetric matrix.

/// After so many sweeps the off-diagonal is what rounding leaves. It takes 6 to 10.
const SWEEPS: u32 = 50;

/// The eigenvalues of the symmetric `matrix` (rows one after another), and as columns of a matrix of the
/// same shape its eigenvectors. In no particular order.
///
/// Jacobi's method, cyclic: slower than others above some 50 rows, short, and exact for small eigenvalues
/// too. Source: Golub and Van Loan, "Matrix Computations", 4th edition, algorithms 8.5.1 and 8.5.3.
pub(super) fn eigen(matrix: &[f64], rows: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = matrix.to_vec();
    let mut vectors = vec![0.0; rows * rows];
    (0..rows).for_each(|i| vectors[i * rows + i] = 1.0);
    for _ in 0..SWEEPS {
        let mut is_diagonal = true;
        for p in 0..rows {
            for q in p + 1..rows {
                let off = a[p * rows + q];
                let scale = (a[p * rows + p] * a[q * rows + q]).abs().sqrt();
                if off.abs() > f64::EPSILON * scale && off.abs() > f64::MIN_POSITIVE {
                    is_diagonal = false;
                    rotate(&mut a, &mut vectors, rows, p, q);
                }
            }
        }
        if is_diagonal {
            break;
        }
    }
    ((0..rows).map(|i| a[i * rows + i]).collect(), vectors)
}

/// Turns the plane of the axes `p` and `q` so that `a[p, q]` becomes 0.
fn rotate(a: &mut [f64], vectors: &mut [f64], rows: usize, p: usize, q: usize) {
    let (app, aqq, apq) = (a[p * rows + p], a[q * rows + q], a[p * rows + q]);
    let tau = (aqq - app) / (2.0 * apq);
    let tangent = tau.signum() / (tau.abs() + tau.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for k in 0..rows {
        let (kp, kq) = (a[k * rows + p], a[k * rows + q]);
        a[k * rows + p] = cosine * kp - sine * kq;
        a[k * rows + q] = sine * kp + cosine * kq;
    }
    for k in 0..rows {
        let (pk, qk) = (a[p * rows + k], a[q * rows + k]);
        a[p * rows + k] = cosine * pk - sine * qk;
        a[q * rows + k] = sine * pk + cosine * qk;
    }
    // What is left of them is rounding.
    (a[p * rows + q], a[q * rows + p]) = (0.0, 0.0);
    for k in 0..rows {
        let (kp, kq) = (vectors[k * rows + p], vectors[k * rows + q]);
        vectors[k * rows + p] = cosine * kp - sine * kq;
        vectors[k * rows + q] = sine * kp + cosine * kq;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn vectors_are_orthonormal_and_make_the_matrix_again(
            rows in 1..12usize, draws in prop::collection::vec(-1.0..1.0f64, 144), small in -8..=0i32
        ) {
            let mut matrix = vec![0.0; rows * rows];
            for i in 0..rows {
                for j in 0..=i {
                    let scale = if i == 0 || j == 0 { 10f64.powi(small) } else { 1.0 };
                    matrix[i * rows + j] = draws[i * 12 + j] * scale;
                    matrix[j * rows + i] = matrix[i * rows + j];
                }
            }
            let (values, vectors) = eigen(&matrix, rows);
            for i in 0..rows {
                for j in 0..rows {
                    let sum = |term: &dyn Fn(usize) -> f64| (0..rows).map(term).sum::<f64>();
                    let made = sum(&|k| vectors[i * rows + k] * values[k] * vectors[j * rows + k]);
                    prop_assert!((made - matrix[i * rows + j]).abs() < 1e-12);
                    let product = sum(&|k| vectors[k * rows + i] * vectors[k * rows + j]);
                    prop_assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
                }
            }
        }
    }
}
