//! The four files of a data set, and the rules that they must obey together.

use std::ops::RangeInclusive;
use std::path::Path;

use crate::error::{Content, DataError, Fault};
use crate::idx::Idx;

/// The four files of a data set, each whole in itself, not yet compared with the others.
pub(crate) struct IdxFiles {
    pub(crate) train_images: Idx,
    pub(crate) train_labels: Idx,
    pub(crate) test_images: Idx,
    pub(crate) test_labels: Idx,
}

impl IdxFiles {
    /// Reads the files that a folder has under the names of MNIST's.
    ///
    /// # Errors
    ///
    /// When one is missing, cannot be read, or is no whole IDX file of bytes.
    pub(crate) fn find(dir: &Path) -> Result<Self, DataError> {
        Ok(IdxFiles {
            train_images: Idx::find(dir, "train-images", Content::Images)?,
            train_labels: Idx::find(dir, "train-labels", Content::Labels)?,
            test_images: Idx::find(dir, "t10k-images", Content::Images)?,
            test_labels: Idx::find(dir, "t10k-labels", Content::Labels)?,
        })
    }

    /// Whether they go together; answers which labels are classes.
    ///
    /// # Errors
    ///
    /// When counts or shapes differ, or the training labels begin above 1.
    pub(crate) fn check(&self) -> Result<RangeInclusive<u8>, DataError> {
        check_counts(&self.train_images, &self.train_labels)?;
        check_counts(&self.test_images, &self.test_labels)?;
        check_shapes(&self.train_images, &self.test_images)?;
        find_classes(&self.train_labels)
    }
}

fn check_counts(images: &Idx, labels: &Idx) -> Result<(), DataError> {
    if images.len() == labels.len() {
        return Ok(());
    }
    let fault = Fault::CountMismatch {
        labels: labels.len(),
        images: images.len(),
        origin: images.origin.clone(),
    };
    Err(labels.dimension_fault(0, fault))
}

fn check_shapes(train: &Idx, test: &Idx) -> Result<(), DataError> {
    let (expected, found) = (&train.dimensions[1..], &test.dimensions[1..]);
    if expected == found {
        return Ok(());
    }
    let same = expected.iter().zip(found).take_while(|(a, b)| a == b);
    // Where one shape is the beginning of the other, the last dimension that is there is named.
    let dimension = (1 + same.count()).min(found.len());
    let fault = Fault::ShapeMismatch {
        found: found.to_vec(),
        expected: expected.to_vec(),
        train: train.origin.clone(),
    };
    Err(test.dimension_fault(dimension, fault))
}

/// The labels that are classes: from the lowest training label, which is 0 or 1, up to the first
/// that does not occur.
///
/// EMNIST's letters begin at 1. A byte that was damaged is most likely far from the others, so the
/// label beyond a gap is what is wrong, and not the gap.
fn find_classes(train_labels: &Idx) -> Result<RangeInclusive<u8>, DataError> {
    let labels = &train_labels.elements;
    let mut occurs = [false; 256];
    for &label in labels {
        occurs[usize::from(label)] = true;
    }
    let lowest = labels.iter().copied().min().unwrap_or(0);
    if lowest > 1 {
        let first = labels.iter().position(|&label| label == lowest);
        return Err(train_labels.element_fault(first.unwrap_or(0), Fault::LowestLabel { lowest }));
    }
    let last = (lowest..=u8::MAX).take_while(|&label| occurs[usize::from(label)]).last();
    Ok(lowest..=last.unwrap_or(lowest))
}
