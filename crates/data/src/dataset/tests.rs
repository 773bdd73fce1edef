//! Data sets in folders, whole and broken in every way that an error has a name for.

use std::error::Error;
use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

use super::*;

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

fn idx(dimensions: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    for extent in dimensions {
        bytes.extend(extent.to_be_bytes());
    }
    bytes.extend(elements);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Four training and two test images of 1×3 pixels, in three classes.
fn tiny() -> [Vec<u8>; 4] {
    [
        idx(&[4, 1, 3], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        idx(&[4], &[2, 0, 1, 0]),
        idx(&[2, 1, 3], &[13, 14, 15, 16, 17, 18]),
        idx(&[2], &[1, 2]),
    ]
}

fn write(names: [&str; 4], contents: &[Vec<u8>; 4]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in names.iter().zip(contents) {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

/// Replaces one file of the tiny set, and checks the message, in which `DIR` is the folder.
fn check_error(file: usize, bytes: Vec<u8>, message: &str) {
    let mut contents = tiny();
    contents[file] = bytes;
    let dir = write(NAMES, &contents);
    let error = Dataset::from_dir(dir.path()).unwrap_err().to_string();
    assert_eq!(error.replace(dir.path().to_str().unwrap(), "DIR"), message);
}

#[test]
fn mnist_is_embedded() {
    let mnist = Dataset::mnist().unwrap();
    assert_eq!(mnist.name, "mnist");
    assert_eq!((mnist.train.len(), mnist.train.features()), (60_000, 784));
    assert_eq!((mnist.test.len(), mnist.test.features()), (10_000, 784));
    assert_eq!(mnist.classes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(mnist.train.labels()[..5], [5, 0, 4, 1, 9]);
    assert_eq!(mnist.test.labels()[..5], [7, 2, 1, 0, 4]);
    // The mean brightness that everybody normalises with: 0.1307.
    let sum: u64 = (0..60_000)
        .flat_map(|index| mnist.train.pixels(index))
        .map(|&pixel| u64::from(pixel))
        .sum();
    assert_eq!(format!("{:.4}", sum as f64 / (60_000.0 * 784.0 * 255.0)), "0.1307");
}

#[test]
fn a_folder_is_a_data_set_of_its_name() {
    let dir = write(NAMES, &tiny());
    let dataset = Dataset::from_dir(dir.path()).unwrap();
    assert_eq!(dataset.name, dir.path().file_name().unwrap().to_str().unwrap());
    assert_eq!(dataset.train.labels(), [2, 0, 1, 0]);
    assert_eq!(dataset.train.pixels(3), [10, 11, 12]);
    assert_eq!(dataset.test.labels(), [1, 2]);
    assert_eq!(dataset.test.pixels(0), [13, 14, 15]);
    assert_eq!(dataset.classes, [0, 1, 2]);
}

#[test]
fn files_may_be_gzipped_and_dotted_whatever_their_name_says() {
    let plain = Dataset::from_dir(write(NAMES, &tiny()).path()).unwrap();
    let [train_images, train_labels, test_images, test_labels] = tiny();
    let mixed = write(
        [
            "train-images-idx3-ubyte.gz",
            "train-labels.idx1-ubyte",
            "t10k-images.idx3-ubyte.gz",
            "t10k-labels-idx1-ubyte.gz",
        ],
        &[gzip(&train_images), gzip(&train_labels), gzip(&test_images), test_labels],
    );
    // Kaggle's archive unpacks into such folders.
    fs::create_dir(mixed.path().join("train-labels-idx1-ubyte")).unwrap();
    let mixed = Dataset::from_dir(mixed.path()).unwrap();
    assert_eq!((mixed.train, mixed.test, mixed.classes), (plain.train, plain.test, plain.classes));
}

#[test]
fn classes_may_begin_at_one() {
    let mut contents = tiny();
    contents[1] = idx(&[4], &[3, 1, 2, 1]);
    contents[3] = idx(&[2], &[2, 3]);
    let dataset = Dataset::from_dir(write(NAMES, &contents).path()).unwrap();
    assert_eq!(dataset.classes, [1, 2, 3]);
    assert_eq!(dataset.train.labels(), [2, 0, 1, 0]);
    assert_eq!(dataset.test.labels(), [1, 2]);
}

#[test]
fn all_256_labels_can_be_classes() {
    let labels: Vec<u8> = (0..=255).rev().collect();
    let contents =
        [idx(&[256, 1], &labels), idx(&[256], &labels), idx(&[1, 1], &[0]), idx(&[1], &[255])];
    let dataset = Dataset::from_dir(write(NAMES, &contents).path()).unwrap();
    assert_eq!(dataset.classes.len(), 256);
    assert_eq!(dataset.train.labels(), labels);
}

#[test]
fn a_limited_set_keeps_the_first_examples_and_all_classes() {
    let dir = write(NAMES, &tiny());
    let whole = Dataset::from_dir(dir.path()).unwrap();
    let three = whole.clone().limited(3);
    assert_eq!(three.train.labels(), [2, 0, 1]);
    assert_eq!(three.train.pixels(2), [7, 8, 9]);
    assert_eq!(three.test, whole.test);
    let one = whole.clone().limited(0);
    assert_eq!((one.train.len(), one.test.len()), (1, 1));
    assert_eq!(one.classes, [0, 1, 2]);
    assert_eq!(whole.clone().limited(usize::MAX), whole);
}

#[test]
fn examples_are_printed_by_their_size() {
    let examples = Examples::new(2, vec![1, 2, 3, 4], vec![0, 1]);
    assert_eq!(format!("{examples:?}"), "Examples { len: 2, features: 2, .. }");
}

#[test]
fn a_missing_file_lists_the_names_looked_for() {
    let dir = write(NAMES, &tiny());
    fs::remove_file(dir.path().join(NAMES[3])).unwrap();
    let error = Dataset::from_dir(dir.path()).unwrap_err().to_string();
    assert_eq!(
        error.replace(dir.path().to_str().unwrap(), "DIR"),
        "no t10k-labels-idx1-ubyte in DIR; looked for t10k-labels-idx1-ubyte, \
         t10k-labels-idx1-ubyte.gz, t10k-labels.idx1-ubyte, t10k-labels.idx1-ubyte.gz"
    );
}

#[test]
fn a_folder_that_is_not_there_or_no_folder_cannot_be_read() {
    let dir = write(NAMES, &tiny());
    for name in ["nowhere", NAMES[0]] {
        let path = dir.path().join(name);
        let error = Dataset::from_dir(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot read {}", path.display()));
        assert!(error.source().is_some());
    }
}

#[test]
fn a_gzipped_file_that_is_cut_off_or_has_trailing_bytes_cannot_be_decompressed() {
    let whole = gzip(&tiny()[1]);
    check_error(
        1,
        whole[..whole.len() - 3].to_vec(),
        "DIR/train-labels-idx1-ubyte (decompressed): cannot be decompressed beyond byte 12",
    );
    check_error(
        1,
        [whole.as_slice(), b"garbage"].concat(),
        "DIR/train-labels-idx1-ubyte (decompressed): cannot be decompressed beyond byte 12",
    );
}

#[test]
fn a_fault_inside_a_gzipped_file_counts_decompressed_bytes() {
    check_error(
        2,
        gzip(&tiny()[2][..20]),
        "DIR/t10k-images-idx3-ubyte (decompressed), byte 20: the file ends here, \
         expected are 22 bytes",
    );
}

#[test]
fn a_fault_inside_a_file_names_the_file() {
    check_error(
        0,
        tiny()[1].clone(),
        "DIR/train-images-idx3-ubyte, byte 3: the number of dimensions is 1, \
         expected is 2 or more for images",
    );
}

#[test]
fn more_labels_than_images_are_an_error() {
    check_error(
        1,
        idx(&[5], &[2, 0, 1, 0, 1]),
        "DIR/train-labels-idx1-ubyte, byte 4: there are more labels than images: 5 labels, \
         expected are 4 as in DIR/train-images-idx3-ubyte",
    );
}

#[test]
fn more_images_than_labels_are_an_error() {
    check_error(
        3,
        idx(&[1], &[2]),
        "DIR/t10k-labels-idx1-ubyte, byte 4: there are fewer labels than images: 1 labels, \
         expected are 2 as in DIR/t10k-images-idx3-ubyte",
    );
}

#[test]
fn test_images_have_the_shape_of_the_training_images() {
    check_error(
        2,
        idx(&[2, 1, 2], &[0; 4]),
        "DIR/t10k-images-idx3-ubyte, byte 12: an image is 1×2 here, \
         expected is 1×3 as in DIR/train-images-idx3-ubyte",
    );
    check_error(
        2,
        idx(&[2, 1], &[0; 2]),
        "DIR/t10k-images-idx3-ubyte, byte 8: an image is 1 here, \
         expected is 1×3 as in DIR/train-images-idx3-ubyte",
    );
    check_error(
        2,
        idx(&[2, 1, 3, 2], &[0; 12]),
        "DIR/t10k-images-idx3-ubyte, byte 16: an image is 1×3×2 here, \
         expected is 1×3 as in DIR/train-images-idx3-ubyte",
    );
}

#[test]
fn a_training_label_beyond_a_gap_is_no_class() {
    check_error(
        1,
        idx(&[4], &[1, 0, 3, 0]),
        "DIR/train-labels-idx1-ubyte, byte 10: label 3 is no class, expected is 0 to 1: \
         the training labels, from the lowest to the first gap",
    );
}

#[test]
fn a_test_label_that_is_no_training_label_is_no_class() {
    check_error(
        3,
        idx(&[2], &[1, 200]),
        "DIR/t10k-labels-idx1-ubyte, byte 9: label 200 is no class, expected is 0 to 2: \
         the training labels, from the lowest to the first gap",
    );
}

#[test]
fn a_label_below_the_first_class_is_no_class() {
    let mut contents = tiny();
    contents[1] = idx(&[4], &[3, 1, 2, 1]);
    contents[3] = idx(&[2], &[0, 1]);
    let dir = write(NAMES, &contents);
    let error = Dataset::from_dir(dir.path()).unwrap_err().to_string();
    assert_eq!(
        error.replace(dir.path().to_str().unwrap(), "DIR"),
        "DIR/t10k-labels-idx1-ubyte, byte 8: label 0 is no class, expected is 1 to 3: \
         the training labels, from the lowest to the first gap"
    );
}

#[test]
fn training_labels_begin_at_zero_or_one() {
    check_error(
        1,
        idx(&[4], &[3, 2, 3, 2]),
        "DIR/train-labels-idx1-ubyte, byte 9: the lowest training label is 2, expected is 0 or 1",
    );
}
