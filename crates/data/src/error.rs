//! What can be wrong with a data set: in which file, at which byte, and what was expected there.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use thiserror::Error;

/// Why a data set could not be loaded.
#[derive(Debug, Error)]
pub enum DataError {
    /// None of the names under which a file of the data set may stand is in the folder.
    #[error("no {} in {}; looked for {}", .names[0], .folder.display(), .names.join(", "))]
    Missing {
        /// The folder that was searched.
        folder: PathBuf,
        /// Every name looked for, the usual one first.
        names: [String; 4],
    },
    /// A file or the folder cannot be read.
    #[error("cannot read {}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The compressed contents of a file are damaged or cut off.
    #[error("{origin}: cannot be decompressed beyond byte {offset}")]
    Decompress {
        /// The compressed file.
        origin: Origin,
        /// How many decompressed bytes came before the damage.
        offset: u64,
        /// What the decoder says.
        source: io::Error,
    },
    /// A file was read, but what it holds is no IDX file, or does not go with the other files.
    #[error("{origin}, byte {offset}: {fault}")]
    Malformed {
        /// The file.
        origin: Origin,
        /// Where in the (decompressed) file the fault shows, counted from 0.
        offset: u64,
        /// What was found and what was expected.
        fault: Fault,
    },
}

/// Where the bytes of an IDX file come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file of the embedded MNIST, by its name.
    Embedded(&'static str),
    /// A file that is not compressed.
    File(PathBuf),
    /// A gzipped file: offsets count the bytes of its decompressed contents.
    Gzip(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(name) => write!(f, "embedded MNIST, {name}"),
            Self::File(path) => path.display().fmt(f),
            Self::Gzip(path) => write!(f, "{} (decompressed)", path.display()),
        }
    }
}

/// What an IDX file is expected to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Examples, in the first of at least two dimensions.
    Images,
    /// One label an example, in one dimension.
    Labels,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Images => "images",
            Self::Labels => "labels",
        })
    }
}

/// What is wrong at one byte of an IDX file, and what was expected instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The file does not begin as an IDX file does.
    #[error(
        "the file begins with {:02X} {:02X}, where an IDX file begins with 00 00 \
         (and a gzipped one with 1F 8B)", .found[0], .found[1]
    )]
    Magic {
        /// The first two bytes.
        found: [u8; 2],
    },
    /// The elements are not unsigned bytes.
    #[error(
        "the elements are of type 0x{found:02X} ({}), expected is 0x08 (unsigned byte)",
        element_name(*.found)
    )]
    ElementType {
        /// The type's code.
        found: u8,
    },
    /// The number of dimensions is not what the contents need.
    #[error(
        "the number of dimensions is {found}, expected is {} for {content}",
        match .content { Content::Images => "2 or more", Content::Labels => "1" }
    )]
    Dimensions {
        /// The number of dimensions.
        found: u8,
        /// What the file should hold.
        content: Content,
    },
    /// A dimension has no extent, so that there are no images, no pixels or no labels.
    #[error("the set is empty: this dimension of the {content} is 0, expected is at least 1")]
    Empty {
        /// What the file should hold.
        content: Content,
    },
    /// The file ends early.
    #[error("the file ends here, expected are {expected} bytes")]
    Truncated {
        /// How long the file should be: up to the end of its header where that is cut off.
        expected: u64,
    },
    /// The file goes on after its last element.
    #[error("the file should end here, but {extra} more bytes follow")]
    Trailing {
        /// How many bytes too many there are.
        extra: u64,
    },
    /// The test images have another shape than the training images.
    #[error("an image is {} here, expected is {} as in {train}", shape(.found), shape(.expected))]
    ShapeMismatch {
        /// The extents of one image here.
        found: Vec<u32>,
        /// The extents of one training image.
        expected: Vec<u32>,
        /// The training images.
        train: Origin,
    },
    /// The labels are more or fewer than the images.
    #[error(
        "there are {} labels than images: {labels} labels, expected are {images} as in {origin}",
        if .labels > .images { "more" } else { "fewer" }
    )]
    CountMismatch {
        /// How many labels there are.
        labels: u32,
        /// How many images there are.
        images: u32,
        /// The images.
        origin: Origin,
    },
    /// The lowest training label is neither 0 nor 1.
    #[error("the lowest training label is {lowest}, expected is 0 or 1")]
    LowestLabel {
        /// The lowest label.
        lowest: u8,
    },
    /// A label lies outside of the classes.
    #[error(
        "label {label} is no class, expected is {} to {}: \
         the training labels, from the lowest to the first gap",
        .classes.start(), .classes.end()
    )]
    NoClass {
        /// The label.
        label: u8,
        /// The labels that are classes.
        classes: RangeInclusive<u8>,
    },
}

/// The name of an IDX element type.
fn element_name(code: u8) -> &'static str {
    match code {
        0x08 => "unsigned byte",
        0x09 => "signed byte",
        0x0B => "16-bit integer",
        0x0C => "32-bit integer",
        0x0D => "32-bit float",
        0x0E => "64-bit float",
        _ => "unknown",
    }
}

/// Extents as people write them: `28×28`.
fn shape(extents: &[u32]) -> String {
    let extents: Vec<String> = extents.iter().map(u32::to_string).collect();
    extents.join("×")
}
