//! Sum and mean of the scores of a trial, to the last bit those of numpy.

/// The sum in the order in which numpy adds the elements of a contiguous row: pairwise.
///
/// Ranks compare means by exact equality, so the last bit decides what is a tie. The order is that of
/// `pairwise_sum` in numpy's `loops_utils.h.src`: below 8 values one after the other, up to 128 in
/// eight accumulators, above that as the sum of two halves.
pub fn sum(values: &[f64]) -> f64 {
    match values.len() {
        0..8 => values.iter().fold(0.0, |sum, value| sum + value),
        8..=128 => {
            let (blocks, rest) = values.as_chunks::<8>();
            let mut r = [0.0; 8];
            for block in blocks {
                for (accumulator, value) in r.iter_mut().zip(block) {
                    *accumulator += value;
                }
            }
            let blocks_sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
            rest.iter().fold(blocks_sum, |sum, value| sum + value)
        }
        len => {
            let half = len / 2;
            let (left, right) = values.split_at(half - half % 8);
            sum(left) + sum(right)
        }
    }
}

/// The mean, unweighted; NaN where there are no values, or one of them is NaN.
pub fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}
