//! Softmax, and the cross-entropy with its gradient.

use pulp::Arch;

use super::elementary::exp;

/// The softmax of each row of `classes` values, in place.
pub fn softmax(values: &mut [f32], classes: usize) {
    Arch::new().dispatch(|| {
        for row in values.chunks_exact_mut(classes) {
            let largest = largest(row);
            row.iter_mut().for_each(|value| *value -= largest);
        }
        values.iter_mut().for_each(|value| *value = exp(*value));
        for row in values.chunks_exact_mut(classes) {
            let sum = sum(row);
            row.iter_mut().for_each(|value| *value /= sum);
        }
    });
}

/// The mean cross-entropy of rows of `classes` outputs against the class of each, and in place of the outputs its
/// gradient. With `softmaxed`, memory of any size, the outputs go through a softmax
/// first.
///
/// # Panics
///
/// If a target is no class.
pub fn cross_entropy(
    outputs: &mut [f32],
    classes: usize,
    targets: &[usize],
    softmaxed: Option<&mut Vec<f32>>,
) -> f32 {
    let share = 1.0 / targets.len() as f32;
    let Some(probabilities) = softmaxed else {
        return logits_cross_entropy(outputs, classes, targets, share);
    };
    softmax(outputs, classes);
    probabilities.clear();
    probabilities.extend_from_slice(outputs);
    let loss = logits_cross_entropy(outputs, classes, targets, share);
    let rows = outputs.chunks_exact_mut(classes).zip(probabilities.chunks_exact(classes));
    for (gradient, probabilities) in rows {
        let products = gradient.iter().zip(probabilities).map(|(g, p)| g * p);
        let common: f32 = products.fold(0.0, |sum, product| sum + product);
        for (gradient, probability) in gradient.iter_mut().zip(probabilities) {
            *gradient = probability * (*gradient - common);
        }
    }
    loss
}

fn logits_cross_entropy(outputs: &mut [f32], classes: usize, targets: &[usize], share: f32) -> f32 {
    let mut total = 0.0f64;
    Arch::new().dispatch(|| {
        for (row, &target) in outputs.chunks_exact_mut(classes).zip(targets) {
            let largest = largest(row);
            row.iter_mut().for_each(|value| *value -= largest);
            total -= f64::from(row[target]);
        }
        outputs.iter_mut().for_each(|value| *value = exp(*value));
        for (row, &target) in outputs.chunks_exact_mut(classes).zip(targets) {
            let sum = sum(row);
            total += f64::from(libm::logf(sum));
            row.iter_mut().for_each(|value| *value = *value / sum * share);
            row[target] -= share;
        }
    });
    (total / targets.len() as f64) as f32
}

#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// From the first to the last.
#[inline(always)]
fn sum(row: &[f32]) -> f32 {
    row.iter().fold(0.0, |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_softmax_sums_to_one_and_does_not_overflow() {
        let mut values = [1_000.0, 1_000.0, -1_000.0, 0.0, 1.0, 2.0];
        softmax(&mut values, 3);
        assert_eq!(values[..2], [0.5, 0.5]);
        assert!(values[2] < 1e-37);
        assert!((values[3..].iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn outputs_that_are_equal_cost_the_logarithm_of_the_classes() {
        let mut outputs = [3.0; 8];
        let loss = cross_entropy(&mut outputs, 4, &[0, 3], None);
        assert_eq!(loss, 4.0f32.ln());
        assert_eq!(outputs, [-0.375, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, -0.375]);
    }

    /// The gradient of one, and of the other, by differences in double precision.
    #[test]
    fn gradients_are_differences_of_the_loss() {
        let exact = |z: &[f64], with_softmax: bool| {
            let probabilities = |z: &[f64]| {
                let sum: f64 = z.iter().map(|z| z.exp()).sum();
                Vec::from_iter(z.iter().map(|z| z.exp() / sum))
            };
            let z = if with_softmax { probabilities(z) } else { z.to_vec() };
            -probabilities(&z)[1].ln()
        };
        let z = [0.3, -1.2, 2.0, 0.7];
        for with_softmax in [false, true] {
            let mut gradient = z.map(|z| z as f32);
            let mut memory = Vec::new();
            let memory = with_softmax.then_some(&mut memory);
            let loss = cross_entropy(&mut gradient, z.len(), &[1], memory);
            assert!((f64::from(loss) - exact(&z, with_softmax)).abs() < 1e-6);
            for (i, gradient) in gradient.iter().enumerate() {
                let at = |step: f64| {
                    let mut z = z;
                    z[i] += step;
                    exact(&z, with_softmax)
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((f64::from(*gradient) - difference).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let mut outputs = [0.0, f32::NAN, 1.0];
        assert!(cross_entropy(&mut outputs, 3, &[0], None).is_nan());
        assert!(outputs.iter().all(|gradient| gradient.is_nan()));
        let mut outputs = [f32::INFINITY, 0.0];
        assert!(cross_entropy(&mut outputs, 2, &[0], Some(&mut Vec::new())).is_nan());
    }
}
