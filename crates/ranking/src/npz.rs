//! Arrays of one dimension in a `.npz` file, as numpy's `np.load` reads them: a zip archive of `.npy` files.

use std::io::{Cursor, Read, Seek, Write};

use thiserror::Error;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// What each `.npy` file begins with; its version follows.
const MAGIC: &[u8] = b"\x93NUMPY";
/// The values begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// Why an archive, or an array in it, cannot be written or read.
#[derive(Debug, Error)]
pub enum NpzError {
    /// It is no archive, or a damaged one.
    #[error("no archive of arrays")]
    Archive(#[from] ZipError),
    /// It ends too early, or cannot be decompressed.
    #[error("`{name}` cannot be read")]
    Read {
        /// The array.
        name: String,
        /// Why not.
        source: std::io::Error,
    },
    /// An entry is no array that we write.
    #[error("`{name}` is no array of one dimension of the type {expected}")]
    Array {
        /// The array.
        name: String,
        /// Its type in numpy's words.
        expected: &'static str,
    },
}

/// A number that an array may be of: four bytes, little-endian.
pub(crate) trait Element: Copy {
    /// The type in numpy's words.
    const DESCR: &'static str;

    fn to_bytes(self) -> [u8; 4];
    fn from_bytes(bytes: [u8; 4]) -> Self;
}

impl Element for f32 {
    const DESCR: &'static str = "<f4";

    fn to_bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }

    fn from_bytes(bytes: [u8; 4]) -> Self {
        Self::from_le_bytes(bytes)
    }
}

impl Element for u32 {
    const DESCR: &'static str = "<u4";

    fn to_bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }

    fn from_bytes(bytes: [u8; 4]) -> Self {
        Self::from_le_bytes(bytes)
    }
}

/// Writes an archive into memory.
pub(crate) struct NpzWriter {
    zip: ZipWriter<Cursor<Vec<u8>>>,
}

impl NpzWriter {
    pub fn new() -> Self {
        NpzWriter { zip: ZipWriter::new(Cursor::new(Vec::new())) }
    }

    /// Adds an array, compressed.
    pub fn add<T: Element>(&mut self, name: &str, values: &[T]) -> Result<(), NpzError> {
        // Not the time of now, whatever features others give to `zip`: equal arrays are equal bytes.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default());
        self.zip.start_file(format!("{name}.npy"), options)?;
        let mut bytes = header::<T>(values.len());
        bytes.extend(values.iter().flat_map(|value| value.to_bytes()));
        self.zip.write_all(&bytes).map_err(ZipError::from)?;
        Ok(())
    }

    pub fn finish(self) -> Result<Vec<u8>, NpzError> {
        Ok(self.zip.finish()?.into_inner())
    }
}

/// Of the version 1.0: magic, version, length, and a Python dict, padded with spaces.
fn header<T: Element>(len: usize) -> Vec<u8> {
    let dict = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({len},), }}", T::DESCR);
    let before = MAGIC.len() + 4;
    let padded = (before + dict.len() + 1).next_multiple_of(ALIGNMENT) - before - 1;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend(((padded + 1) as u16).to_le_bytes());
    bytes.extend(format!("{dict:padded$}\n").bytes());
    bytes
}

/// Reads an archive.
pub(crate) struct NpzReader<R> {
    zip: ZipArchive<R>,
}

impl<R: Read + Seek> NpzReader<R> {
    pub fn new(archive: R) -> Result<Self, NpzError> {
        Ok(NpzReader { zip: ZipArchive::new(archive)? })
    }

    /// The names of all arrays, without their ending.
    pub fn names(&self) -> Vec<String> {
        self.zip
            .file_names()
            .filter_map(|name| name.strip_suffix(".npy"))
            .map(str::to_owned)
            .collect()
    }

    /// The values of one.
    pub fn array<T: Element>(&mut self, name: &str) -> Result<Vec<T>, NpzError> {
        let mut bytes = Vec::new();
        let mut file = self.zip.by_name(&format!("{name}.npy"))?;
        file.read_to_end(&mut bytes)
            .map_err(|source| NpzError::Read { name: name.to_owned(), source })?;
        values(&bytes).ok_or(NpzError::Array { name: name.to_owned(), expected: T::DESCR })
    }
}

/// The values of a `.npy` file, also of one that numpy has written; `None` where it has others.
fn values<T: Element>(bytes: &[u8]) -> Option<Vec<T>> {
    let (version, rest) = bytes.strip_prefix(MAGIC)?.split_at_checked(2)?;
    let (len, rest) = match version[0] {
        1 => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_le_bytes(*len)), rest)
        }
        _ => {
            let (len, rest) = rest.split_first_chunk::<4>()?;
            (usize::try_from(u32::from_le_bytes(*len)).ok()?, rest)
        }
    };
    let (dict, data) = rest.split_at_checked(len)?;
    let dict = std::str::from_utf8(dict).ok()?;
    let shape = dict.split_once("'shape': (")?.1.split_once(')')?.0;
    let count: usize = shape.trim().strip_suffix(',')?.parse().ok()?;
    let (chunks, rest) = data.as_chunks::<4>();
    let fits = dict.contains(&format!("'descr': '{}'", T::DESCR))
        && rest.is_empty()
        && chunks.len() == count;
    fits.then(|| chunks.iter().map(|bytes| T::from_bytes(*bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(dict: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((dict.len() as u16).to_le_bytes());
        bytes.extend(dict.bytes().chain(data.iter().copied()));
        bytes
    }

    #[test]
    fn the_header_is_that_of_numpy() {
        // np.save("a.npy", np.zeros(3, dtype="<f4"))
        let dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
        let mut numpy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        numpy.extend(format!("{dict:117}\n").bytes());
        assert_eq!(header::<f32>(3), numpy);
        assert_eq!(numpy.len() % ALIGNMENT, 0);
    }

    #[test]
    fn what_is_no_such_array_is_refused() {
        let dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
        assert_eq!(values::<f32>(&npy(dict, &[0, 0, 128, 63])), Some(vec![1.0]));
        assert_eq!(values::<u32>(&npy(dict, &[0; 4])), None, "of another type");
        assert_eq!(values::<f32>(&npy(dict, &[0; 8])), None, "longer than it says");
        assert_eq!(values::<f32>(&npy(&dict.replace("(1,)", "(1, 1)"), &[0; 4])), None);
        assert_eq!(values::<f32>(b"\x93NUMPY\x01\x00\xff\xff"), None, "ends in its header");
    }
}
