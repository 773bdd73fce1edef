//! Writing result files: beside their place, then renamed, so that a crash leaves the old or the new
//! one and never half.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::Builder;
use thiserror::Error;

/// Why a file of results cannot be written or read. Each says where.
#[derive(Debug, Error)]
pub enum FileError {
    /// Nothing can be written into the folder.
    #[error("cannot write to the folder {}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// There is no such folder.
    #[error("there is no folder {}", path.display())]
    NoFolder {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot write {}; {}: {error}", path.display(), whereabouts(rescued.as_deref()))]
    Write {
        /// The file.
        path: PathBuf,
        /// Where its content went instead, if anywhere.
        rescued: Option<PathBuf>,
        /// What the system says.
        error: io::Error,
    },
    /// The file of an earlier run cannot be removed.
    #[error("cannot remove {}: {error}", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// There is no content for the file.
    #[error("cannot make {name}: {problem}")]
    Make {
        /// What the file is called.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
}

fn whereabouts(rescued: Option<&Path>) -> String {
    match rescued {
        Some(rescued) => format!("what it would hold is in {}", rescued.display()),
        None => "and no other place took it".to_owned(),
    }
}

/// A folder that result files are written to.
#[derive(Debug, Clone)]
pub struct OutputFolder(PathBuf);

impl OutputFolder {
    /// Makes the folder and tries to write in it: before hours of work, not after.
    ///
    /// # Errors
    ///
    /// [`FileError::Folder`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let error = |error| FileError::Folder { path: path.to_owned(), error };
        fs::create_dir_all(path).map_err(error)?;
        tempfile::tempfile_in(path).map_err(error)?;
        Ok(OutputFolder(path.to_owned()))
    }

    /// The folder at `path`, which has to be there.
    ///
    /// # Errors
    ///
    /// [`FileError::NoFolder`].
    pub fn existing(path: &Path) -> Result<Self, FileError> {
        match path.is_dir() {
            true => Ok(OutputFolder(path.to_owned())),
            false => Err(FileError::NoFolder { path: path.to_owned() }),
        }
    }

    /// The path of the file called `name`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Replaces the file called `name`, and says where it is. Where that fails, the content goes to the
    /// system's folder for temporary files instead of being lost, and the error says so.
    ///
    /// # Errors
    ///
    /// [`FileError::Write`].
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf, FileError> {
        let (path, content) = (self.path(name), content.as_ref());
        let Err(error) = replace(&path, content) else { return Ok(path) };
        let rescue = std::env::temp_dir().join(format!("burn-tune-{}-{name}", std::process::id()));
        let rescued = replace(&rescue, content).is_ok().then_some(rescue);
        Err(FileError::Write { path, rescued, error })
    }

    /// The content of the file called `name`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`FileError::Read`].
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        let path = self.path(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::Read { path, error }),
        }
    }

    /// Removes the file called `name` of an earlier run, where there is one.
    ///
    /// # Errors
    ///
    /// [`FileError::Remove`].
    pub fn remove(&self, name: &str) -> Result<(), FileError> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(FileError::Remove { path, error })
            }
            _ => Ok(()),
        }
    }
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_with(path, |file| file.write_all(content))
}

/// Replaces the file at `path` by what `write` writes, once that is all there. A symbolic link is followed; what
/// is no file, such as a pipe or a device, is written to as it is.
///
/// # Errors
///
/// What the system or `write` says.
pub fn replace_with(
    path: &Path,
    write: impl FnOnce(&mut fs::File) -> io::Result<()>,
) -> io::Result<()> {
    if is_stream(path) {
        let mut stream = fs::OpenOptions::new().write(true).open(path)?;
        write(&mut stream)?;
        return stream.flush();
    }
    let path = &link_target(path);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut beside = Builder::new();
    // Readable by all whom the user's own settings let read; temporary files are private by default.
    #[cfg(unix)]
    beside.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut beside = beside.prefix(".burn-tune-").tempfile_in(folder)?;
    write(beside.as_file_mut())?;
    beside.as_file().sync_all()?;
    beside.persist(path)?;
    Ok(())
}

/// Whether a path leads to what bytes are sent to rather than kept in. That holds for all that the system shows
/// of processes and devices: there, even what is a file is somebody else's open one.
fn is_stream(path: &Path) -> bool {
    let system = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    // A directory is no place to write to either; the attempt to replace it says so.
    fs::metadata(path).is_ok_and(|found| system || !(found.is_file() || found.is_dir()))
}

/// What a chain of symbolic links leads to, be it there or not.
fn link_target(path: &Path) -> PathBuf {
    // As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = match path.parent() {
            Some(folder) => folder.join(target),
            None => target,
        };
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let output = OutputFolder::open(&folder.path().join("new/results")).unwrap();
        output.write("a.json", "first").unwrap();
        let path = output.write("a.json", "second").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_goes_to_the_temporary_folder() {
        let folder = tempfile::tempdir().unwrap();
        let output = OutputFolder::open(folder.path()).unwrap();
        fs::create_dir(folder.path().join("a.json")).unwrap();
        let error = format!("{:#}", output.write("a.json", "kept").unwrap_err());
        let rescue = error.split("is in ").nth(1).and_then(|rest| rest.split(": ").next()).unwrap();
        assert_eq!(fs::read_to_string(rescue).unwrap(), "kept");
        fs::remove_file(rescue).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_are_written_to() {
        use std::os::unix::fs::{FileTypeExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("target"), "old").unwrap();
        symlink("target", path("link")).unwrap();
        symlink("link", path("link to a link")).unwrap();
        replace(&path("link to a link"), b"new").unwrap();
        assert!(path("link").is_symlink() && path("link to a link").is_symlink());
        assert_eq!(fs::read_to_string(path("target")).unwrap(), "new");
        symlink("not there", path("dangling")).unwrap();
        replace(&path("dangling"), b"new").unwrap();
        assert_eq!(fs::read_to_string(path("not there")).unwrap(), "new");
        symlink("/dev/null", path("device")).unwrap();
        replace(&path("device"), b"gone").unwrap();
        assert!(path("device").is_symlink());
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    #[test]
    fn a_folder_that_cannot_be_is_refused_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(OutputFolder::open(file.path()).is_err());
    }
}
