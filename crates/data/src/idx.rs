//! Reads IDX files of unsigned bytes, gzipped or not; only this file knows their layout.
//!
//! An IDX file is `00 00`, a byte for the element type, a byte for the number of dimensions, the
//! dimensions as big-endian `u32`, and then the elements in row-major order.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::{Content, DataError, Fault, Origin};

/// An IDX file whose length is what its header says, and none of whose dimensions is 0.
#[derive(Debug)]
pub(crate) struct Idx {
    pub(crate) origin: Origin,
    /// The extents: one for labels, two or more for images. The first counts the examples.
    pub(crate) dimensions: Vec<u32>,
    /// The elements, without the header.
    pub(crate) elements: Vec<u8>,
}

impl Idx {
    /// Reads the first of the names of `stem` that is a file in `folder`.
    ///
    /// `stem` is a name without its ending, as `train-images`.
    pub(crate) fn find(folder: &Path, stem: &str, content: Content) -> Result<Self, DataError> {
        let names = names(stem, content);
        for name in &names {
            let path = folder.join(name);
            // Some archives unpack into a folder that has the name of the file in it.
            if path.is_dir() {
                continue;
            }
            match fs::read(&path) {
                Ok(bytes) => return Self::decompress(&path, content, bytes),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(DataError::Io { path, source }),
            }
        }
        let folder = folder.to_owned();
        Err(DataError::Missing { folder, names })
    }

    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path, content: Content) -> Result<Self, DataError> {
        let bytes = fs::read(path);
        let bytes = bytes.map_err(|source| DataError::Io { path: path.to_owned(), source })?;
        Self::decompress(path, content, bytes)
    }

    /// Parses a file that is gzipped if its first bytes say so, whatever its name says.
    fn decompress(path: &Path, content: Content, bytes: Vec<u8>) -> Result<Self, DataError> {
        if !bytes.starts_with(&[0x1F, 0x8B]) {
            return Self::parse(Origin::File(path.to_owned()), content, bytes);
        }
        let origin = Origin::Gzip(path.to_owned());
        let mut decompressed = Vec::new();
        match MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut decompressed) {
            Ok(_) => Self::parse(origin, content, decompressed),
            Err(source) => {
                Err(DataError::Decompress { origin, offset: decompressed.len() as u64, source })
            }
        }
    }

    /// Parses the bytes of a file that is not compressed.
    pub(crate) fn parse(
        origin: Origin,
        content: Content,
        mut bytes: Vec<u8>,
    ) -> Result<Self, DataError> {
        match parse_header(content, &bytes) {
            Ok(dimensions) => {
                bytes.drain(..header_len(dimensions.len()));
                Ok(Self { origin, dimensions, elements: bytes })
            }
            Err((offset, fault)) => Err(DataError::Malformed { origin, offset, fault }),
        }
    }

    /// How many examples there are.
    pub(crate) fn len(&self) -> u32 {
        self.dimensions[0]
    }

    /// The error that says what is wrong with a dimension.
    pub(crate) fn dimension_fault(&self, dimension: usize, fault: Fault) -> DataError {
        self.fault(header_len(dimension), fault)
    }

    /// The error that says what is wrong with an element.
    pub(crate) fn element_fault(&self, element: usize, fault: Fault) -> DataError {
        self.fault(header_len(self.dimensions.len()) + element, fault)
    }

    fn fault(&self, offset: usize, fault: Fault) -> DataError {
        DataError::Malformed { origin: self.origin.clone(), offset: offset as u64, fault }
    }
}

/// The dimensions of a whole file, or what is wrong with it, and at which byte.
fn parse_header(content: Content, bytes: &[u8]) -> Result<Vec<u32>, (u64, Fault)> {
    let len = bytes.len() as u64;
    let truncated = |expected| Err((len, Fault::Truncated { expected }));

    let Some((&[first, second, element_type, dimensions], rest)) = bytes.split_first_chunk() else {
        return truncated(header_len(0) as u64);
    };
    if [first, second] != [0, 0] {
        let found = [first, second];
        return Err((0, Fault::Magic { found }));
    }
    if element_type != 0x08 {
        let found = element_type;
        return Err((2, Fault::ElementType { found }));
    }
    let expected = match content {
        Content::Images => dimensions >= 2,
        Content::Labels => dimensions == 1,
    };
    if !expected {
        let found = dimensions;
        return Err((3, Fault::Dimensions { found, content }));
    }

    let header_len = header_len(usize::from(dimensions)) as u64;
    let (extents, _) = rest.as_chunks();
    let Some(extents) = extents.get(..usize::from(dimensions)) else {
        return truncated(header_len);
    };
    let dimensions: Vec<u32> = extents.iter().map(|&e| u32::from_be_bytes(e)).collect();
    if let Some(empty) = dimensions.iter().position(|&extent| extent == 0) {
        let offset = self::header_len(empty) as u64;
        return Err((offset, Fault::Empty { content }));
    }

    // A header can promise more than any file holds: then saturation is as good as the product.
    let expected = dimensions
        .iter()
        .fold(1, |product: u64, &extent| product.saturating_mul(extent.into()))
        .saturating_add(header_len);
    if len < expected {
        return truncated(expected);
    }
    if len > expected {
        let extra = len - expected;
        return Err((expected, Fault::Trailing { extra }));
    }
    Ok(dimensions)
}

/// The length in bytes of a header, which is also the offset of the dimension after its last one.
fn header_len(dimensions: usize) -> usize {
    4 + 4 * dimensions
}

/// The names under which a file is published: by LeCun, and with a dot by some mirrors.
fn names(stem: &str, content: Content) -> [String; 4] {
    let ending = match content {
        Content::Images => "idx3-ubyte",
        Content::Labels => "idx1-ubyte",
    };
    [
        format!("{stem}-{ending}"),
        format!("{stem}-{ending}.gz"),
        format!("{stem}.{ending}"),
        format!("{stem}.{ending}.gz"),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LABELS: &[u8] = &[0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9];
    const IMAGES: &[u8] = &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];

    fn parse(content: Content, bytes: &[u8]) -> Result<Idx, DataError> {
        Idx::parse(Origin::File("set".into()), content, bytes.to_vec())
    }

    fn check_error(content: Content, bytes: &[u8], message: &str) {
        assert_eq!(parse(content, bytes).unwrap_err().to_string(), message);
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_are_as_many_as_they_say(
            labels in any::<bool>(),
            header in prop::collection::vec(prop_oneof![Just(0_u8), Just(8), 1..4_u8, any::<u8>()], 0..20),
            rest in prop::collection::vec(any::<u8>(), 0..40),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let content = if labels { Content::Labels } else { Content::Images };
            let mut valid = if labels { LABELS } else { IMAGES }.to_vec();
            for (at, byte) in changes {
                let at = at.index(valid.len());
                valid[at] = byte;
            }
            for bytes in [valid, [header, rest].concat()] {
                if let Ok(idx) = parse(content, &bytes) {
                    let product: u64 = idx.dimensions.iter().map(|d| u64::from(*d)).product();
                    prop_assert_eq!(product, idx.elements.len() as u64);
                }
            }
        }
    }

    #[test]
    fn dimensions_and_elements_are_read() {
        let labels = parse(Content::Labels, LABELS).unwrap();
        assert_eq!((labels.len(), labels.elements), (3, vec![7, 8, 9]));
        let images = parse(Content::Images, IMAGES).unwrap();
        assert_eq!(images.dimensions, [2, 1, 3]);
        assert_eq!(images.elements, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn images_may_have_any_number_of_dimensions_from_two() {
        let flat = parse(Content::Images, &[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 5, 6]).unwrap();
        assert_eq!(flat.dimensions, [1, 2]);
    }

    #[test]
    fn a_file_that_is_no_idx_file_has_the_wrong_magic_number() {
        check_error(
            Content::Images,
            b"<!DOCTYPE html>",
            "set, byte 0: the file begins with 3C 21, where an IDX file begins with 00 00 \
             (and a gzipped one with 1F 8B)",
        );
    }

    #[test]
    fn only_unsigned_bytes_are_taken() {
        check_error(
            Content::Labels,
            &[0, 0, 0x0C, 1, 0, 0, 0, 1, 0, 0, 0, 7],
            "set, byte 2: the elements are of type 0x0C (32-bit integer), \
             expected is 0x08 (unsigned byte)",
        );
        check_error(
            Content::Labels,
            &[0, 0, 0x2A, 1],
            "set, byte 2: the elements are of type 0x2A (unknown), \
             expected is 0x08 (unsigned byte)",
        );
    }

    #[test]
    fn images_and_labels_are_not_mistaken_for_each_other() {
        check_error(
            Content::Images,
            LABELS,
            "set, byte 3: the number of dimensions is 1, expected is 2 or more for images",
        );
        check_error(
            Content::Labels,
            IMAGES,
            "set, byte 3: the number of dimensions is 3, expected is 1 for labels",
        );
    }

    #[test]
    fn a_file_that_ends_early_says_where_and_how_long_it_should_be() {
        let ends = |content, bytes: &[u8], expected: u64| {
            let len = bytes.len();
            let message =
                format!("set, byte {len}: the file ends here, expected are {expected} bytes");
            check_error(content, bytes, &message);
        };
        for len in 0..4 {
            ends(Content::Images, &IMAGES[..len], 4);
        }
        for len in 4..16 {
            ends(Content::Images, &IMAGES[..len], 16);
        }
        for len in 16..IMAGES.len() {
            ends(Content::Images, &IMAGES[..len], IMAGES.len() as u64);
        }
    }

    #[test]
    fn a_header_that_promises_more_than_can_be_is_truncated() {
        let mut bytes = vec![0, 0, 8, 4];
        bytes.extend([0xFF; 16]);
        check_error(
            Content::Images,
            &bytes,
            "set, byte 20: the file ends here, expected are 18446744073709551615 bytes",
        );
    }

    #[test]
    fn bytes_after_the_end_are_an_error() {
        check_error(
            Content::Labels,
            &[LABELS, &[1, 2]].concat(),
            "set, byte 11: the file should end here, but 2 more bytes follow",
        );
    }

    #[test]
    fn an_empty_set_is_an_error_at_its_dimension() {
        check_error(
            Content::Labels,
            &[0, 0, 8, 1, 0, 0, 0, 0],
            "set, byte 4: the set is empty: this dimension of the labels is 0, \
             expected is at least 1",
        );
        check_error(
            Content::Images,
            &[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 0],
            "set, byte 12: the set is empty: this dimension of the images is 0, \
             expected is at least 1",
        );
    }

    #[test]
    fn no_bytes_can_make_the_parser_panic() {
        proptest::proptest!(|(
            mut bytes in proptest::collection::vec(0..4u8, 4..40),
            header in proptest::bool::ANY,
        )| {
            if header {
                bytes[..3].copy_from_slice(&[0, 0, 8]);
            }
            for content in [Content::Images, Content::Labels] {
                if let Ok(idx) = parse(content, &bytes) {
                    let product: u32 = idx.dimensions.iter().product();
                    proptest::prop_assert_eq!(idx.elements.len(), product as usize);
                }
            }
        });
    }
}
