//! Where the files of a study lie: in a folder of its own, so that no other study replaces them, with copies of the
//! last study's beside the database, where a person reviews them.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io};

use burn_tune_ranking::ResultFile;
use serde::{Deserialize, Serialize};

use crate::output_folder::{FileError, OutputFolder};
use crate::results::{
    CURVES, CV_RESULTS, LEADERBOARD, REPORT, REPORT_CURVES, StudyResults, TIMELINE, Written,
};

/// Folders that this process has made.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// Which study a folder is of.
const IDENTITY: &str = "study.json";
/// The database of studies, where it is in the folder of all results.
pub const DATABASE: &str = "studies.db";
/// The folder in that of a study in which the models of its best trials are, where they are kept.
const MODELS: &str = "models";
/// The folder in that of a study in which trainings that are under way keep their checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";
/// Where a leaderboard goes that no study here has written, when it is replaced.
const BEFORE: &str = "leaderboard.before.json";
/// A name is cut to so many characters: file systems take 255 bytes, of which a character has up to four.
const LONGEST_NAME: usize = 50;
/// What a folder of a study cannot be called.
const RESERVED: [&str; 7] =
    [LEADERBOARD, CV_RESULTS, TIMELINE, CURVES, REPORT, REPORT_CURVES, DATABASE];

/// What tells a study from all others, also from those of its name in other databases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyIdentity {
    /// Its name.
    pub study: String,
    /// Its database, without a password.
    pub storage: String,
    /// When it was begun, in seconds since 1970.
    pub created_s: Option<f64>,
}

/// What stands in [`IDENTITY`].
#[derive(Serialize, Deserialize)]
struct Noted<'a> {
    #[serde(flatten)]
    identity: Cow<'a, StudyIdentity>,
    /// What the page says at its bottom: how the search was done.
    #[serde(default)]
    origin: Vec<String>,
}

/// The folder of a study within the folder of all results.
#[derive(Debug)]
pub struct StudyFolder {
    all: OutputFolder,
    own: OutputFolder,
    identity: StudyIdentity,
    /// Its name there.
    pub name: String,
}

impl StudyFolder {
    /// The folder of this study in `all`, which is made where it is not there.
    ///
    /// # Errors
    ///
    /// Where it cannot be written to.
    pub fn open(all: OutputFolder, identity: &StudyIdentity) -> Result<Self, FileError> {
        let name = claimed_name(&all, identity);
        let own = OutputFolder::open(&all.path(&name))?;
        let folder = StudyFolder { all, own, identity: identity.clone(), name };
        let before = origin_of(&folder.all, &folder.name);
        folder.note(&before)?;
        Ok(folder)
    }

    /// Keeps how the search was done, for the pages that are made of these files later.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn note(&self, origin: &[String]) -> Result<(), FileError> {
        let identity = Cow::Borrowed(&self.identity);
        let noted = Noted { identity, origin: origin.to_vec() };
        let json = serde_json::to_string_pretty(&noted)
            .map_err(|error| FileError::Make { name: IDENTITY, problem: error.to_string() })?;
        self.own.write(IDENTITY, format!("{json}\n")).map(drop)
    }

    /// Which study it is of.
    pub fn identity(&self) -> &StudyIdentity {
        &self.identity
    }

    /// The folder of all results.
    pub fn all(&self) -> &OutputFolder {
        &self.all
    }

    /// Where the models of its best trials are, where they are kept.
    pub fn models(&self) -> PathBuf {
        self.own.path(MODELS)
    }

    /// What the page of the study is called, in the folder of all results.
    pub fn page(&self) -> String {
        format!("{}.html", self.name)
    }

    /// Writes all files of a study but the page: into its folder, and as copies beside the others.
    pub fn write(&self, results: &StudyResults) -> Written {
        // Before the study's own is replaced, by which its copy is known.
        let saved = self.save_strange_leaderboard(results);
        let of_study = results.write(&self.own);
        let mut written = results.write(&self.all);
        // What is in the one place is not lost, though the other could not be written: but it is said.
        written.problems.extend(of_study.problems);
        match saved {
            Ok(note) => written.notes.extend(note),
            Err(error) => written.problems.push(error),
        }
        written
    }

    /// Keeps a leaderboard that is in no study's folder, because an earlier version wrote it or somebody put it
    /// there. Says so.
    fn save_strange_leaderboard(
        &self,
        results: &StudyResults,
    ) -> Result<Option<String>, FileError> {
        let path = self.all.path(LEADERBOARD);
        let Ok(there) = fs::read(&path) else { return Ok(None) };
        if there == results.leaderboard.to_json().as_bytes()
            || study_of(&self.all, &there).is_some()
        {
            return Ok(None);
        }
        // While a study goes on, the copy is of its last look at itself.
        let last = fs::read(self.all.path(BEFORE)).unwrap_or_default();
        if last == there {
            return Ok(None);
        }
        let kept = self.all.write(BEFORE, &there)?;
        Ok(Some(format!(
            "{} was of no study here: it is in {} now",
            path.display(),
            kept.display()
        )))
    }
}

/// Where the models of a study may be in the folder `all` of results, the newest first: in the folders that were
/// written for it, whatever its database was called then.
pub fn models_of(all: &Path, study: &str, created_s: Option<f64>) -> Vec<PathBuf> {
    let folders = fs::read_dir(all).into_iter().flatten().flatten().map(|folder| folder.path());
    let is_its = |folder: &PathBuf| {
        let identity = read_identity(folder);
        identity.is_some_and(|its| its.study == study && its.created_s == created_s)
    };
    let mut models: Vec<PathBuf> =
        folders.filter(is_its).map(|folder| folder.join(MODELS)).collect();
    let changed = |models: &PathBuf| fs::metadata(models).and_then(|found| found.modified()).ok();
    models.sort_by_key(|models| std::cmp::Reverse(changed(models)));
    models
}

/// What the page is called that belongs to the files in `all`, after the study that wrote them or else after
/// `space`; and how that study was done, where it is known.
pub fn page_of_copies(all: &OutputFolder, space: &str) -> (String, Vec<String>) {
    let there = fs::read(all.path(LEADERBOARD)).unwrap_or_default();
    let name = study_of(all, &there).unwrap_or_else(|| file_name(space));
    let origin = origin_of(all, &name);
    (format!("{name}.html"), origin)
}

/// How the study in this folder was done; nothing where that is not known.
pub fn origin_of(all: &OutputFolder, folder: &str) -> Vec<String> {
    let noted = fs::read(all.path(folder).join(IDENTITY)).unwrap_or_default();
    serde_json::from_slice(&noted).map_or_else(|_| Vec::new(), |noted: Noted| noted.origin)
}

/// The folder of the study whose leaderboard these bytes are; the newest of several.
fn study_of(all: &OutputFolder, leaderboard: &[u8]) -> Option<String> {
    let folders = fs::read_dir(all.path("")).ok()?.flatten();
    let same = folders.filter(|folder| {
        let path = folder.path();
        path.join(IDENTITY).is_file()
            && fs::read(path.join(LEADERBOARD)).is_ok_and(|bytes| bytes == leaderboard)
    });
    let changed = |folder: &fs::DirEntry| {
        fs::metadata(folder.path().join(LEADERBOARD)).and_then(|file| file.modified()).ok()
    };
    let newest = same.max_by_key(changed)?;
    newest.file_name().into_string().ok()
}

/// The name of the study's folder. A new one says from its first moment whose it is: another process that begins with
/// the same study now would take it for another's.
fn claimed_name(all: &OutputFolder, identity: &StudyIdentity) -> String {
    let name = folder_name(all, identity);
    let path = all.path(&name);
    if path.exists() {
        return name;
    }
    let made = MADE.fetch_add(1, Ordering::Relaxed);
    let beside = all.path(&format!(".{name}.{}-{made}", std::process::id()));
    let noted = Noted { identity: Cow::Borrowed(identity), origin: Vec::new() };
    // What fails is said by whoever opens the folder next, unless another process was faster.
    if fs::create_dir(&beside).is_ok() {
        let written = serde_json::to_vec_pretty(&noted)
            .map_err(io::Error::from)
            .and_then(|json| fs::write(beside.join(IDENTITY), json))
            .and_then(|()| fs::rename(&beside, &path));
        if written.is_err() {
            let _ = fs::remove_dir_all(&beside);
        }
    }
    folder_name(all, identity)
}

/// The study's name as one of a folder; with a sum behind it where another study has that folder.
fn folder_name(all: &OutputFolder, identity: &StudyIdentity) -> String {
    let name = file_name(&identity.study);
    let is_cut = name.chars().count() < identity.study.chars().count();
    let taken = |name: &str| {
        let path = all.path(name);
        path.exists() && read_identity(&path).as_ref() != Some(identity)
    };
    let is_reserved = RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(&name));
    if !is_cut && !is_reserved && !taken(&name) {
        return name;
    }
    let StudyIdentity { study, storage, created_s } = identity;
    let sum = crc32fast::hash(format!("{study}\0{storage}\0{created_s:?}").as_bytes());
    format!("{name}-{sum:08x}")
}

fn read_identity(folder: &Path) -> Option<StudyIdentity> {
    serde_json::from_slice(&fs::read(folder.join(IDENTITY)).ok()?).ok()
}

/// A name that users choose, as one that every file system takes.
pub fn file_name(name: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let name = name.chars().map(|c| if allowed(c) { c } else { '_' });
    let name: String = name.take(LONGEST_NAME).collect();
    let name = name.trim_start_matches(['.', '-']).trim_end_matches('.');
    if name.is_empty() { "study".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(study: &str, storage: &str) -> StudyIdentity {
        StudyIdentity { study: study.into(), storage: storage.into(), created_s: Some(1.5) }
    }

    #[test]
    fn any_name_of_a_study_is_a_name_of_a_file() {
        assert_eq!(file_name("mlp"), "mlp");
        assert_eq!(file_name("../a b/ü"), "_a_b_ü");
        assert_eq!(file_name(".."), "study");
        assert_eq!(file_name("-rf"), "rf");
        assert!(file_name(&"🦀é".repeat(256)).len() <= 200);
    }

    #[test]
    fn no_two_studies_share_a_folder() {
        let temporary = tempfile::tempdir().unwrap();
        let open = |identity: &StudyIdentity| {
            let all = OutputFolder::open(temporary.path()).unwrap();
            StudyFolder::open(all, identity).unwrap().name
        };
        let long = "n".repeat(512);
        let names = ["mlp", "a/b", "a_b", "a b", "leaderboard.json", "studies.db", &long];
        let mut seen = Vec::new();
        for storage in ["a.db", "b.db"] {
            for name in names {
                let folder = open(&identity(name, storage));
                assert!(!seen.contains(&folder), "{name} in {storage}: {folder}");
                assert_eq!(open(&identity(name, storage)), folder, "it finds its own again");
                seen.push(folder);
            }
        }
        assert_eq!(seen[0], "mlp");
    }

    #[test]
    fn processes_that_begin_at_once_with_one_study_have_one_folder() {
        for _ in 0..50 {
            let temporary = tempfile::tempdir().unwrap();
            let all = OutputFolder::open(temporary.path()).unwrap();
            let open = || StudyFolder::open(all.clone(), &identity("mlp", "a.db")).unwrap().name;
            // As if each were another process.
            let names = std::thread::scope(|scope| {
                [0; 4].map(|_| scope.spawn(open)).map(|thread| thread.join().unwrap())
            });
            assert_eq!(names, ["mlp"; 4]);
            let inside: Vec<_> = fs::read_dir(temporary.path()).unwrap().flatten().collect();
            assert_eq!(inside.len(), 1, "{inside:?}");
        }
    }
}
