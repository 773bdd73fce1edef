//! Where a training keeps its checkpoints: a folder that is found again when the training is run again, and no other.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use burn_tune_search::Params;
use burn_tune_search::keyed_rng::Task;
use burn_tune_study::models::{folder_of, remove};
use burn_tune_study::output_folder::replace_with;
use burn_tune_worker::CheckpointPlace;
use serde::Serialize;
use tempfile::TempDir;

/// The file that says whose checkpoints they are.
const OWNER: &str = "training.json";
/// Whoever removes an empty folder may do so between the making of it and of one in it.
const ATTEMPTS: usize = 5;

/// The folder of one training. Where it has a place, whoever watches the search removes it.
#[derive(Debug)]
pub(crate) struct CheckpointFolder {
    /// Where it is kept, and for whom; else it is a temporary one.
    place: Option<(PathBuf, Owner)>,
    opened: Mutex<Option<Opened>>,
}

#[derive(Debug)]
enum Opened {
    Temporary(TempDir),
    Kept(PathBuf),
}

/// Everything that a training follows from: what another one has left is of no use to it.
#[derive(Debug, Serialize)]
struct Owner {
    study: String,
    trial: usize,
    task: Task,
    seed: u64,
    params: Params,
}

impl CheckpointFolder {
    /// That of a fold or refit of a trial.
    pub fn new(
        place: Option<&CheckpointPlace>,
        trial: usize,
        task: Task,
        seed: u64,
        params: Params,
    ) -> Self {
        let place = place.map(|CheckpointPlace { folder, study }| {
            let owner = Owner { study: study.clone(), trial, task, seed, params };
            (folder_of(folder, trial, task), owner)
        });
        CheckpointFolder { place, opened: Mutex::default() }
    }

    /// Whether another run finds it again.
    #[cfg(feature = "train")]
    pub fn is_kept(&self) -> bool {
        self.place.is_some()
    }

    /// Makes it, unless it is there.
    pub fn open(&self, warn: &dyn Fn(&str)) -> io::Result<PathBuf> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = match opened.take() {
            Some(folder) => folder,
            None => match &self.place {
                None => Opened::Temporary(tempfile::Builder::new().prefix("burn-tune-").tempdir()?),
                Some((path, owner)) => {
                    take_over(path, owner, warn)?;
                    Opened::Kept(path.clone())
                }
            },
        };
        let path = match &folder {
            Opened::Temporary(folder) => folder.path().to_owned(),
            Opened::Kept(path) => path.clone(),
        };
        *opened = Some(folder);
        Ok(path)
    }
}

/// Makes the folder at `path` that of `owner`: with what is in it, where it was before.
fn take_over(path: &Path, owner: &Owner, warn: &dyn Fn(&str)) -> io::Result<()> {
    let owner = serde_json::to_vec_pretty(owner)?;
    match fs::read(path.join(OWNER)) {
        Ok(before) if before == owner => return Ok(()),
        Ok(_) => warn(&format!(
            "{} had the checkpoints of another training: this one begins afresh",
            path.display()
        )),
        Err(_) => {}
    }
    remove(path)?;
    make(path)?;
    write(&path.join(OWNER), &[&owner])
}

fn make(path: &Path) -> io::Result<()> {
    let made = (1..ATTEMPTS).find_map(|_| fs::create_dir_all(path).ok());
    made.map_or_else(|| fs::create_dir_all(path), Ok)
}

/// Writes a file that is there whole or not at all, also after a failure of power.
pub(crate) fn write(path: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    replace_with(path, |file| pieces.iter().try_for_each(|piece| file.write_all(piece)))?;
    // Elsewhere a folder cannot be opened, or need not be written out.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use burn_tune_search::ParamValue;

    use super::*;

    fn params(lr: f64) -> Params {
        [("lr".to_owned(), ParamValue::Float(lr))].into_iter().collect()
    }

    #[test]
    fn a_training_finds_its_own_folder_again_and_that_of_no_other() {
        let all = tempfile::tempdir().unwrap();
        let place = |study: &str| CheckpointPlace {
            folder: all.path().join("checkpoints"),
            study: study.to_owned(),
        };
        let open = |study: &str, seed, lr| {
            let place = place(study);
            let folder = CheckpointFolder::new(Some(&place), 3, Task::Fold(1), seed, params(lr));
            let mut warned = std::cell::Cell::new(0);
            let warn = |_: &str| warned.set(warned.get() + 1);
            let path = folder.open(&warn).unwrap();
            assert_eq!(folder.open(&warn).unwrap(), path, "a second time changes nothing");
            (path, *warned.get_mut())
        };
        let (path, warned) = open("net 1.5", 7, 0.1);
        assert_eq!(warned, 0);
        assert!(path.ends_with("checkpoints/trial-3/fold-1"));
        fs::write(path.join("epoch-1"), "so far").unwrap();
        let is_found = || path.join("epoch-1").exists();
        assert_eq!(open("net 1.5", 7, 0.1), (path.clone(), 0));
        assert!(is_found());
        for (study, seed, lr) in [("net 2.5", 7, 0.1), ("net 2.5", 8, 0.1), ("net 2.5", 8, 0.2)] {
            assert_eq!(open(study, seed, lr), (path.clone(), 1));
            assert!(!is_found(), "{study} {seed} {lr}");
            fs::write(path.join("epoch-1"), "so far").unwrap();
        }
    }

    #[test]
    fn without_a_place_a_folder_is_there_while_its_training_is() {
        let folder = CheckpointFolder::new(None, 0, Task::Refit(0), 7, params(0.1));
        let open = || folder.open(&|_| ()).unwrap();
        let path = open();
        assert!(path.is_dir() && path == open());
        drop(folder);
        assert!(!path.exists());
    }
}
