//! Finding and reading a search-space file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use burn_tune_search::StudyFile;

/// The folder in which files are looked up by name.
const FOLDER: &str = "search-spaces";

/// A search space and the file that it came from.
pub struct Found {
    /// What the file says.
    pub file: StudyFile,
    /// The file that was read.
    pub path: PathBuf,
}

/// Reads the file at `path`, or else the one of its name in `search-spaces/`.
pub fn find(path: &Path) -> Result<Found> {
    let path = locate(path)?;
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = StudyFile::parse(&path, &text)?;
    Ok(Found { file, path })
}

fn locate(path: &Path) -> Result<PathBuf> {
    if path.exists() {
        return Ok(path.to_owned());
    }
    let by_name = path.file_name().map(|name| Path::new(FOLDER).join(name));
    match by_name {
        Some(by_name) if by_name.exists() => Ok(by_name),
        _ => bail!("there is no file {}{}", path.display(), known_files()),
    }
}

fn known_files() -> String {
    let names = fs::read_dir(FOLDER).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    match names.len() {
        0 => format!(", and no folder {FOLDER}/ beside you to look in"),
        _ => format!("; {FOLDER}/ has {}", names.join(", ")),
    }
}
