//! A data set in memory: its examples as bytes, its labels as indices of classes, and the rules
//! that its four files must obey together.

use std::fmt;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use crate::error::{Content, DataError, Fault};
use crate::idx::Idx;
use crate::mnist;

/// Training and test examples of one classification problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// What the data set is called: `mnist`, or the name of its folder.
    pub name: String,
    /// The examples to train and to cross-validate on.
    pub train: Examples,
    /// The examples held out until the end.
    pub test: Examples,
    /// The original label of every class: `classes[i]` is what the files call class index `i`.
    pub classes: Vec<u8>,
}

impl Dataset {
    /// The embedded MNIST: 60,000 training and 10,000 test images of 28×28 pixels, ten digits.
    ///
    /// Decoding takes about a quarter of a second.
    ///
    /// # Errors
    ///
    /// None, unless the program itself is damaged.
    pub fn mnist() -> Result<Self, DataError> {
        mnist::files()?.into_dataset("mnist".to_owned())
    }

    /// Any data set in the four IDX files of MNIST, such as Fashion-MNIST or KMNIST.
    ///
    /// The files may be gzipped, and an image may have any number of pixels. The labels of the
    /// training set begin at 0 or 1 and have no gaps.
    ///
    /// # Errors
    ///
    /// When a file is missing, cannot be read, is no whole IDX file of bytes, or does not go with
    /// the others. The error names the file, the byte, what was found and what was expected.
    pub fn from_dir(dir: &Path) -> Result<Self, DataError> {
        let io_error = |source| DataError::Io { path: dir.to_owned(), source };
        fs::read_dir(dir).map_err(io_error)?;
        let name = match dir.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            // `.` and `..` have a name only when they are resolved, and `/` never has.
            None => {
                let dir = dir.canonicalize().map_err(io_error)?;
                let name = dir.file_name().unwrap_or(dir.as_os_str());
                name.to_string_lossy().into_owned()
            }
        };
        let files = Files {
            train_images: Idx::find(dir, "train-images", Content::Images)?,
            train_labels: Idx::find(dir, "train-labels", Content::Labels)?,
            test_images: Idx::find(dir, "t10k-images", Content::Images)?,
            test_labels: Idx::find(dir, "t10k-labels", Content::Labels)?,
        };
        files.into_dataset(name)
    }

    /// The first `examples` of the training set and of the test set, or all where there are fewer.
    ///
    /// At least one of each is kept, and `classes` stays as it is.
    #[must_use]
    pub fn limited(mut self, examples: usize) -> Self {
        self.train.truncate(examples.max(1));
        self.test.truncate(examples.max(1));
        self
    }
}

/// Examples of one length each, with their classes. There is at least one.
#[derive(Clone, PartialEq, Eq)]
pub struct Examples {
    features: usize,
    /// Row-major, `labels.len()` × `features`.
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Examples {
    /// Examples of `features` pixels each, one after the other in `pixels`.
    ///
    /// # Panics
    ///
    /// When there are no labels or no features, or `pixels` is not `labels.len()` × `features`
    /// bytes long.
    #[must_use]
    pub fn new(features: usize, pixels: Vec<u8>, labels: Vec<u8>) -> Self {
        assert!(features > 0, "an example has at least one feature");
        assert!(!labels.is_empty(), "there is at least one example");
        assert_eq!(
            pixels.len(),
            labels.len() * features,
            "every label has an example of {features} pixels"
        );
        Self { features, pixels, labels }
    }

    /// How many examples there are: at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// How many pixels an example has.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// The pixels of example `index`, from 0 (background) to 255.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`Examples::len`].
    #[must_use]
    pub fn pixels(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.features..][..self.features]
    }

    /// The class index of every example.
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    fn truncate(&mut self, examples: usize) {
        if examples < self.len() {
            self.labels.truncate(examples);
            self.pixels.truncate(examples * self.features);
            self.labels.shrink_to_fit();
            self.pixels.shrink_to_fit();
        }
    }
}

/// The sizes alone: nobody wants 47 million pixels in a message.
impl fmt::Debug for Examples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examples")
            .field("len", &self.len())
            .field("features", &self.features)
            .finish_non_exhaustive()
    }
}

/// The four files of a data set, each whole in itself, not yet compared with the others.
pub(crate) struct Files {
    pub(crate) train_images: Idx,
    pub(crate) train_labels: Idx,
    pub(crate) test_images: Idx,
    pub(crate) test_labels: Idx,
}

impl Files {
    pub(crate) fn into_dataset(self, name: String) -> Result<Dataset, DataError> {
        check_counts(&self.train_images, &self.train_labels)?;
        check_counts(&self.test_images, &self.test_labels)?;
        check_shapes(&self.train_images, &self.test_images)?;
        let classes = find_classes(&self.train_labels)?;
        Ok(Dataset {
            name,
            train: examples(self.train_images, self.train_labels, &classes)?,
            test: examples(self.test_images, self.test_labels, &classes)?,
            classes: classes.collect(),
        })
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

fn examples(
    images: Idx,
    mut labels: Idx,
    classes: &RangeInclusive<u8>,
) -> Result<Examples, DataError> {
    if let Some(index) = labels.elements.iter().position(|l| !classes.contains(l)) {
        let fault = Fault::NoClass { label: labels.elements[index], classes: classes.clone() };
        return Err(labels.element_fault(index, fault));
    }
    for label in &mut labels.elements {
        *label -= classes.start();
    }
    let features = images.elements.len() / labels.elements.len();
    Ok(Examples::new(features, images.elements, labels.elements))
}

#[cfg(test)]
mod tests;
