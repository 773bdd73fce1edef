//! A data set in memory: its examples as bytes, and its labels as indices of classes.

use std::fmt;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use crate::error::{DataError, Fault};
use crate::idx::Idx;
use crate::idx_files::IdxFiles;
use crate::mnist;

/// Training and test examples of one classification problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// What the data set is called: `mnist`, or the name of its folder.
    pub name: String,
    /// The examples to train and to cross-validate on; shared with whoever computes elsewhere than where it is asked to.
    pub train: Arc<Examples>,
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
        Self::from_files("mnist".to_owned(), mnist::files()?)
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
        Self::from_files(name, IdxFiles::find(dir)?)
    }

    fn from_files(name: String, files: IdxFiles) -> Result<Self, DataError> {
        let classes = files.check()?;
        Ok(Dataset {
            name,
            train: Arc::new(examples(files.train_images, files.train_labels, &classes)?),
            test: examples(files.test_images, files.test_labels, &classes)?,
            classes: classes.collect(),
        })
    }

    /// The first `examples` of the training set and of the test set, or all where there are fewer.
    ///
    /// At least one of each is kept, and `classes` stays as it is.
    #[must_use]
    pub fn limited(mut self, examples: usize) -> Self {
        Arc::make_mut(&mut self.train).truncate(examples.max(1));
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
