//! The four files of MNIST, embedded in the program; only this file knows how they are compressed.

use std::io::Read;
use std::{io, thread};

use ruzstd::decoding::StreamingDecoder;

use crate::error::{Content, DataError, Origin};
use crate::idx::Idx;
use crate::idx_files::IdxFiles;

/// One IDX file, compressed with zstd.
struct EmbeddedFile {
    name: &'static str,
    content: Content,
    zstd: &'static [u8],
}

static TRAIN_IMAGES: EmbeddedFile = EmbeddedFile {
    name: "train-images-idx3-ubyte",
    content: Content::Images,
    zstd: include_bytes!("../mnist/train-images-idx3-ubyte.zst"),
};
static TRAIN_LABELS: EmbeddedFile = EmbeddedFile {
    name: "train-labels-idx1-ubyte",
    content: Content::Labels,
    zstd: include_bytes!("../mnist/train-labels-idx1-ubyte.zst"),
};
static TEST_IMAGES: EmbeddedFile = EmbeddedFile {
    name: "t10k-images-idx3-ubyte",
    content: Content::Images,
    zstd: include_bytes!("../mnist/t10k-images-idx3-ubyte.zst"),
};
static TEST_LABELS: EmbeddedFile = EmbeddedFile {
    name: "t10k-labels-idx1-ubyte",
    content: Content::Labels,
    zstd: include_bytes!("../mnist/t10k-labels-idx1-ubyte.zst"),
};

/// Decodes the four files, the training images (four fifths of the work) beside the others.
pub(crate) fn files() -> Result<IdxFiles, DataError> {
    thread::scope(|scope| {
        let train_images = scope.spawn(|| TRAIN_IMAGES.idx());
        let train_labels = TRAIN_LABELS.idx();
        let test_images = TEST_IMAGES.idx();
        let test_labels = TEST_LABELS.idx();
        let train_images =
            train_images.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(IdxFiles {
            train_images: train_images?,
            train_labels: train_labels?,
            test_images: test_images?,
            test_labels: test_labels?,
        })
    })
}

impl EmbeddedFile {
    fn idx(&self) -> Result<Idx, DataError> {
        Idx::parse(Origin::Embedded(self.name), self.content, self.decode()?)
    }

    fn decode(&self) -> Result<Vec<u8>, DataError> {
        let failed = |offset: usize, source| DataError::Decompress {
            origin: Origin::Embedded(self.name),
            offset: offset as u64,
            source,
        };
        let mut decoder =
            StreamingDecoder::new(self.zstd).map_err(|error| failed(0, io::Error::other(error)))?;
        let mut bytes = Vec::with_capacity(decoder.decoder.content_size() as usize);
        match decoder.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(source) => Err(failed(bytes.len(), source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use sha2::{Digest, Sha256};

    use super::*;

    fn check(file: &EmbeddedFile, sha256: &str) {
        let mut found = String::new();
        for byte in Sha256::digest(file.decode().unwrap()) {
            write!(found, "{byte:02x}").unwrap();
        }
        assert_eq!(found, sha256, "{}", file.name);
    }

    #[test]
    fn the_embedded_files_are_the_originals() {
        check(&TRAIN_IMAGES, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db");
        check(&TRAIN_LABELS, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5");
        check(&TEST_IMAGES, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7");
        check(&TEST_LABELS, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2");
    }

    #[test]
    fn a_damaged_embedded_file_is_an_error() {
        let damaged = EmbeddedFile { zstd: &TEST_LABELS.zstd[..2000], ..TEST_LABELS };
        let error = damaged.decode().unwrap_err();
        assert_eq!(
            error.to_string(),
            "embedded MNIST, t10k-labels-idx1-ubyte: cannot be decompressed beyond byte 0"
        );
    }
}
