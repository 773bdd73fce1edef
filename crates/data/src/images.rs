//! Images to predict on, of a file or of the test set of a folder; with labels, where there are any.

use std::path::{Path, PathBuf};

use crate::dataset::Examples;
use crate::error::{Content, DataError, Fault};
use crate::idx::Idx;

/// Images, and what they are labelled, as far as that is known.
#[derive(Debug, Clone)]
pub struct Images {
    /// Where they come from, for people.
    pub name: String,
    /// The images. Where there are no labels, all of these are 0.
    pub examples: Examples,
    /// Whether there are labels. These are as in the files, not indices of classes.
    pub has_labels: bool,
}

impl Images {
    /// Images in an IDX file, gzipped or not: those of a file, with the labels beside it (`x-labels-idx1-ubyte` for
    /// `x-images-idx3-ubyte`), or the test images `t10k-images-idx3-ubyte` of a folder. Labels may lack.
    ///
    /// # Errors
    ///
    /// Where there are none, a file is no whole IDX file of bytes, or there are more or fewer labels.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let (images, labels) = match path.is_dir() {
            true => {
                let images = Idx::find(path, "t10k-images", Content::Images)?;
                (images, optional(Idx::find(path, "t10k-labels", Content::Labels))?)
            }
            false => {
                let images = Idx::read(path, Content::Images)?;
                let labels = labels_beside(path).map(|path| Idx::read(&path, Content::Labels));
                (images, labels.transpose()?)
            }
        };
        if let Some(labels) = labels.as_ref().filter(|labels| labels.len() != images.len()) {
            let (images, found) = (&images, labels.len());
            let origin = images.origin.clone();
            let fault = Fault::CountMismatch { labels: found, images: images.len(), origin };
            return Err(labels.dimension_fault(0, fault));
        }
        let count = images.len() as usize;
        let features = images.elements.len() / count;
        let has_labels = labels.is_some();
        let labels = labels.map_or_else(|| vec![0; count], |labels| labels.elements);
        let examples = Examples::new(features, images.elements, labels);
        Ok(Images { name: path.display().to_string(), examples, has_labels })
    }
}

fn optional(labels: Result<Idx, DataError>) -> Result<Option<Idx>, DataError> {
    match labels {
        Ok(labels) => Ok(Some(labels)),
        Err(DataError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file with the labels of the images in this one, by the names of MNIST.
fn labels_beside(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let labels = images.with_file_name(name.replace("images", "labels").replace("idx3", "idx1"));
    (labels != images && labels.is_file()).then_some(labels)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn idx(dimensions: &[u32], elements: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
        bytes.extend(dimensions.iter().flat_map(|extent| extent.to_be_bytes()));
        bytes.extend(elements);
        bytes
    }

    #[test]
    fn images_are_found_in_a_file_or_a_folder_with_labels_where_there_are_any() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t10k-images-idx3-ubyte");
        fs::write(&file, idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6])).unwrap();
        for path in [folder.path(), &file] {
            let images = Images::open(path).unwrap();
            assert!(!images.has_labels);
            assert_eq!((images.examples.len(), images.examples.features()), (2, 3));
            assert_eq!(images.examples.pixels(1), [4, 5, 6]);
        }
        let labels = folder.path().join("t10k-labels-idx1-ubyte");
        fs::write(&labels, idx(&[2], &[7, 9])).unwrap();
        for path in [folder.path(), &file] {
            let images = Images::open(path).unwrap();
            assert!(images.has_labels);
            assert_eq!(images.examples.labels(), [7, 9]);
        }
        fs::write(&labels, idx(&[3], &[7, 9, 1])).unwrap();
        let error = Images::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("more labels than images"), "{error}");
        let error = Images::open(&labels).unwrap_err().to_string();
        assert!(error.contains("the number of dimensions is 1"), "{error}");
        assert!(Images::open(&folder.path().join("none")).is_err());
    }
}
