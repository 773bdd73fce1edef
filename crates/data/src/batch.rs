//! Gathers examples by index into the floats that a network takes.
//!
//! The batches of an epoch are `indices.chunks(batch_size)` of a shuffled list of indices: no type
//! of ours would add to that.

use crate::Examples;

/// Replaces `pixels` by the pixels of the examples at `indices`, in [0, 1], row-major
/// `indices.len()` × [`Examples::features`].
///
/// Each is exactly `pixel as f32 / 255.0`, as in PyTorch's `ToTensor`.
///
/// # Panics
///
/// When an index is not below [`Examples::len`].
pub fn gather(examples: &Examples, indices: &[u32], pixels: &mut Vec<f32>) {
    pixels.clear();
    pixels.reserve(indices.len() * examples.features());
    for &index in indices {
        let row = examples.pixels(index as usize);
        // A product with 1/255 is another number for half of the pixels; a table of the 256
        // quotients takes half as long again, because it does not vectorise.
        pixels.extend(row.iter().map(|&pixel| f32::from(pixel) / 255.0));
    }
}

/// Replaces `labels` by the class indices of the examples at `indices`, as the integers that the
/// backend takes.
///
/// # Panics
///
/// When an index is not below [`Examples::len`].
pub fn gather_labels<T: From<u8>>(examples: &Examples, indices: &[u32], labels: &mut Vec<T>) {
    let all = examples.labels();
    labels.clear();
    labels.extend(indices.iter().map(|&index| T::from(all[index as usize])));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_becomes_its_quotient_by_255() {
        let examples = Examples::new(256, (0..=255).collect(), vec![0]);
        let mut pixels = Vec::new();
        gather(&examples, &[0], &mut pixels);
        let quotients: Vec<f32> = (0..=255_u8).map(|pixel| f32::from(pixel) / 255.0).collect();
        assert_eq!(pixels, quotients);
        let products = (0..=255_u8).map(|pixel| f32::from(pixel) * (1.0 / 255.0));
        assert_eq!(
            products.zip(quotients).filter(|(a, b)| a != b).count(),
            126,
            "a product with 1/255 would be another number for many pixels"
        );
    }

    #[test]
    fn examples_are_gathered_in_the_order_of_the_indices() {
        let examples = Examples::new(2, vec![0, 51, 102, 153, 204, 255], vec![4, 0, 2]);
        let (mut pixels, mut labels) = (vec![9.0; 7], vec![9_i64]);
        gather(&examples, &[2, 0, 2], &mut pixels);
        gather_labels(&examples, &[2, 0, 2], &mut labels);
        assert_eq!(pixels, [0.8, 1.0, 0.0, 0.2, 0.8, 1.0]);
        assert_eq!(labels, [2, 4, 2]);
        gather(&examples, &[], &mut pixels);
        gather_labels(&examples, &[], &mut labels);
        assert!(pixels.is_empty() && labels.is_empty());
    }

    #[test]
    fn a_buffer_that_is_large_enough_is_used_again() {
        let examples = Examples::new(3, vec![7; 12], vec![0; 4]);
        let mut pixels = Vec::with_capacity(12);
        let buffer = pixels.as_ptr();
        for indices in [&[0, 1, 2, 3][..], &[3], &[2, 1]] {
            gather(&examples, indices, &mut pixels);
            assert_eq!(pixels.len(), 3 * indices.len());
            assert_eq!(pixels.as_ptr(), buffer);
        }
    }
}
