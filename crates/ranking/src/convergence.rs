//! When the loss of a training became flat.
//!
//! The definition is that of control engineering, where the question is when a system that was given a
//! new target has come to rest. Its *settling time* is the time after which the response stays within
//! a band of 2% of the step around its end value; its *rise time* ends when 90% of the step are done
//! (K. Ogata, "Modern Control Engineering", 5th ed., section 5-3). The step is here the fall of the loss.

/// The share of the fall that the loss may still be away from where it ends, and be flat: the narrower
/// of the two bands that control engineering uses (2% and 5%), for a loss that still falls by a
/// twentieth still learns.
pub const BAND: f64 = 0.02;

/// The share of the fall that is done when the loss has fallen.
pub const FALLEN: f64 = 0.9;

/// The share of the steps over which the end value is averaged, and in which no loss can be called
/// flat: there is too little behind it to see whether it stays.
pub const TAIL: f64 = 0.1;

/// The share of the steps over which the loss is smoothed: the losses of single batches scatter more
/// than the band is wide. Of the models of `search-spaces/report.toml`, from 8 seeds each: with 2%, half
/// of the trainings of the one with 300 steps seem never to settle, for noise; with 10%, the medians of
/// the seven others move by at most 8%.
pub const WINDOW: f64 = 0.05;

/// How a loss fell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convergence {
    /// The first step by which 90% of the fall were done, counted from 1.
    pub fallen_step: usize,
    /// The step from which the smoothed loss stays within 2% of the fall around its end value; `None`
    /// where it does not within this training, since it still moves in the last tenth.
    pub flat_step: Option<usize>,
}

/// How the loss of a training fell, from the loss of each step. `None` where it did not fall, is not
/// finite, or has fewer than ten steps.
pub fn convergence(loss: &[f32]) -> Option<Convergence> {
    let tail = (loss.len() as f64 * TAIL) as usize;
    if tail == 0 || loss.iter().any(|loss| !loss.is_finite()) {
        return None;
    }
    let window = (loss.len() as f64 * WINDOW).ceil() as usize;
    let smooth = smoothed(loss, window);
    let last = &loss[loss.len() - tail..];
    let end = last.iter().map(|&loss| f64::from(loss)).sum::<f64>() / tail as f64;
    // The untrained model's loss; that of a smoothed beginning would have half of the fall in it.
    let fall = f64::from(loss[0]) - end;
    if fall <= 0.0 {
        return None;
    }
    let fallen = smooth.iter().position(|loss| *loss <= end + (1.0 - FALLEN) * fall)?;
    let outside = smooth.iter().rposition(|loss| (loss - end).abs() > BAND * fall);
    let settled = outside.map_or(0, |place| place + 1);
    Some(Convergence {
        fallen_step: fallen + 1,
        flat_step: (settled + tail <= loss.len()).then_some(settled + 1),
    })
}

/// The mean of the `window` values around each; of those that there are, near the ends.
pub fn smoothed(values: &[f32], window: usize) -> Vec<f64> {
    let mut sums = Vec::with_capacity(values.len() + 1);
    sums.push(0.0);
    for &value in values {
        sums.push(sums[sums.len() - 1] + f64::from(value));
    }
    let (before, after) = (window / 2, window.div_ceil(2).max(1));
    (0..values.len())
        .map(|place| {
            let (from, to) = (place.saturating_sub(before), (place + after).min(values.len()));
            (sums[to] - sums[from]) / (to - from) as f64
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An exponential fall from 2.3 to 0.3.
    fn decay(steps: usize, time_constant: f64) -> Vec<f32> {
        (0..steps).map(|step| (0.3 + 2.0 * (-(step as f64) / time_constant).exp()) as f32).collect()
    }

    #[test]
    fn an_exponential_settles_after_four_time_constants() {
        // Ogata's t_s = 4T for the band of 2%, and ln 10 = 2.3 T for 90%.
        let convergence = convergence(&decay(3000, 200.0)).unwrap();
        assert!((convergence.fallen_step as f64 - 460.0).abs() < 15.0, "{convergence:?}");
        assert!((convergence.flat_step.unwrap() as f64 - 783.0).abs() < 15.0, "{convergence:?}");
    }

    #[test]
    fn a_loss_that_still_falls_at_the_end_is_not_flat() {
        assert_eq!(convergence(&decay(300, 200.0)).unwrap().flat_step, None);
        let straight: Vec<f32> = (0..100).map(|step| 2.0 - 0.01 * step as f32).collect();
        assert_eq!(convergence(&straight).unwrap().flat_step, None);
    }

    #[test]
    fn a_loss_that_never_fell_has_no_convergence() {
        assert_eq!(convergence(&[2.3; 200]), None);
        assert_eq!(convergence(&decay(9, 2.0)), None);
        assert_eq!(convergence(&[2.3, f32::NAN].repeat(50)), None);
    }

    #[test]
    fn smoothing_takes_the_values_around_and_fewer_near_the_ends() {
        assert_eq!(smoothed(&[0.0, 3.0, 6.0, 9.0], 3), [1.5, 3.0, 6.0, 7.5]);
        assert_eq!(smoothed(&[1.0, 2.0], 1), [1.0, 2.0]);
        assert_eq!(smoothed(&[], 3), [0.0; 0]);
    }

    proptest! {
        #[test]
        fn a_scaled_and_shifted_loss_is_flat_at_the_same_step(
            values in prop::collection::vec(0u8..=20, 10..200),
            factor in 1u8..5,
            shift in -3i8..4,
        ) {
            // Small whole numbers: the sums are exact.
            let loss: Vec<f32> = values.iter().map(|&value| f32::from(value)).collect();
            let moved: Vec<f32> = loss
                .iter()
                .map(|loss| loss * f32::from(factor).exp2() + f32::from(shift))
                .collect();
            let (one, other) = (convergence(&loss), convergence(&moved));
            prop_assert_eq!(one.is_some(), other.is_some());
            if let (Some(one), Some(_)) = (one, other) {
                prop_assert!(one.fallen_step >= 1 && one.fallen_step <= loss.len());
                let tail = loss.len() / 10;
                prop_assert!(one.flat_step.is_none_or(|step| step <= loss.len() - tail + 1));
            }
        }
    }
}
