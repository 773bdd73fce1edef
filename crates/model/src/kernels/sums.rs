//! Sums whose order is fixed, whatever the width of the processor's vectors.

use pulp::Arch;

/// The sum of each column, from the first row to the last, into `sums`, a number for each column.
pub fn column_sums(values: &[f32], sums: &mut [f32]) {
    sums.fill(0.0);
    Arch::new().dispatch(|| {
        for row in values.chunks_exact(sums.len()) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    });
}

/// The Euclidean norm: of the squares, those 16 places apart are added, then these 16 sums, in double precision.
pub fn norm(values: &[f32]) -> f32 {
    let mut sums = [0.0f64; 16];
    Arch::new().dispatch(|| {
        for chunk in values.chunks(sums.len()) {
            for (sum, &value) in sums.iter_mut().zip(chunk) {
                *sum += f64::from(value) * f64::from(value);
            }
        }
    });
    sums.iter().sum::<f64>().sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_their_columns() {
        let mut sums = [9.0; 3];
        column_sums(&[1.0, 2.0, 3.0, 10.0, 20.0, 30.0], &mut sums);
        assert_eq!(sums, [11.0, 22.0, 33.0]);
        column_sums(&[], &mut sums);
        assert_eq!(sums, [0.0; 3]);
    }

    #[test]
    fn a_norm_takes_all_values_and_keeps_nan() {
        let values: Vec<f32> = (1..=100).map(|i| i as f32).collect();
        assert_eq!(norm(&values), 338_350f64.sqrt() as f32);
        assert_eq!(norm(&[]), 0.0);
        assert!(norm(&[1.0, f32::NAN]).is_nan());
    }
}
