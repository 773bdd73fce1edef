//! Opening the database and the study that the arguments name.

use std::path::Path;

use anyhow::{Result, bail};
use burn_tune_storage::attributes::METRIC_NAMES;
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageUrl, StudyRecord};
use burn_tune_study::StudyError;
use burn_tune_study::open_or_create::unknown;

use crate::about::{known_flags, program_name};
use crate::args::{StorageArgs, StudyArgs};
use crate::console::say;
use crate::errors::failure;
use crate::lines::one_line;
use burn_tune_study::trial_view::TrialView;

/// A study in its database.
pub struct StoredStudy {
    /// The database.
    pub storage: Storage,
    /// The study.
    pub study: StudyRecord,
}

/// Opens the database.
pub fn open(args: &StorageArgs, existence: OpenMode) -> Result<Storage> {
    let url: StorageUrl = args.storage.parse().map_err(failure)?;
    if let (StorageUrl::Sqlite(path), OpenMode::MustExist) = (&url, existence) {
        must_exist(path)?;
    }
    Storage::open(&url, existence, RetryPolicy::default()).map_err(failure)
}

fn must_exist(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    bail!(
        "there is no database {}: `{} search` makes one, or name another with --storage",
        path.display(),
        program_name()
    )
}

/// Opens the study of this name, or else the newest one.
pub fn open_study(args: &StudyArgs) -> Result<StoredStudy> {
    match &args.study {
        Some(name) => open_named(&args.database, name),
        None => open_newest(&args.database),
    }
}

/// Opens the study of this name.
pub fn open_named(args: &StorageArgs, name: &str) -> Result<StoredStudy> {
    let mut storage = open(args, OpenMode::MustExist)?;
    match storage.study(name).map_err(failure)? {
        Some(study) => Ok(StoredStudy { storage, study }),
        None => Err(unknown(name, &mut storage).map_err(failure)?.into()),
    }
}

fn open_newest(args: &StorageArgs) -> Result<StoredStudy> {
    let mut storage = open(args, OpenMode::MustExist)?;
    let Some(study) = storage.newest_study().map_err(failure)? else {
        return Err(no_study(&storage).into());
    };
    let others = storage.studies().map_err(failure)?.len() - 1;
    if others > 0 {
        let name = &study.name;
        say(&format!("study: {name}, the newest of {}; --study names another", others + 1));
    }
    Ok(StoredStudy { storage, study })
}

impl StoredStudy {
    /// All trials of the study, by number.
    pub fn trials(&mut self) -> Result<Vec<TrialView>> {
        let records = self.storage.trials(&self.study).map_err(failure)?;
        let view = |record| TrialView::new(record, known_flags()).map_err(failure);
        records.iter().map(view).collect()
    }
}

/// What the values of a trial are called: `value`, or `value0`, `value1` … with the names that Optuna's
/// `set_metric_names` has given them below.
pub fn objectives(study: &StudyRecord) -> Vec<String> {
    let names = study.system_attributes.get(METRIC_NAMES);
    let names: Vec<String> =
        names.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let header = |objective: usize| {
        let key = match study.directions.len() {
            1 => "value".to_owned(),
            _ => format!("value{objective}"),
        };
        match names.get(objective) {
            Some(name) => format!("{key}\n{}", one_line(name)),
            None => key,
        }
    };
    (0..study.directions.len()).map(header).collect()
}

/// What is said of a database without studies.
pub fn no_study(storage: &Storage) -> StudyError {
    StudyError::NoStudy { storage: storage.url().to_string() }
}
