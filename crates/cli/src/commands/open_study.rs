//! Opening the database and the study that the arguments name.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use burn_tune_search::{Stop, did_you_mean};
use burn_tune_storage::attributes::METRIC_NAMES;
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageError, StorageUrl, StudyRecord};

use crate::WorkFailed;
use crate::args::{StorageArgs, StudyArgs};
use crate::commands::trial::TrialView;
use crate::console::say;
use crate::lines::one_line;

/// How long a database that another program holds is asked again.
const PATIENCE: Duration = Duration::from_secs(30);
/// Names that an error lists.
const LISTED: usize = 20;

/// A study in its database.
pub struct OpenStudy {
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
    let retry_policy = RetryPolicy { limit: PATIENCE, stop: Stop::default() };
    Storage::open(&url, existence, retry_policy).map_err(failure)
}

fn must_exist(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    bail!(
        "there is no database {}: `burn-tune search` makes one, or name another with --storage",
        path.display()
    )
}

/// Opens the study of this name, or else the newest one.
pub fn open_study(args: &StudyArgs) -> Result<OpenStudy> {
    match &args.study {
        Some(name) => open_named(&args.database, name),
        None => open_newest(&args.database),
    }
}

/// Opens the study of this name.
pub fn open_named(args: &StorageArgs, name: &str) -> Result<OpenStudy> {
    let mut storage = open(args, OpenMode::MustExist)?;
    match storage.study(name).map_err(failure)? {
        Some(study) => Ok(OpenStudy { storage, study }),
        None => Err(unknown(name, &mut storage)?),
    }
}

fn open_newest(args: &StorageArgs) -> Result<OpenStudy> {
    let mut storage = open(args, OpenMode::MustExist)?;
    let Some(study) = storage.newest_study().map_err(failure)? else {
        return Err(no_study(&storage));
    };
    let others = names(&mut storage)?.len() - 1;
    if others > 0 {
        let name = &study.name;
        say(&format!("study: {name}, the newest of {}; --study names another", others + 1));
    }
    Ok(OpenStudy { storage, study })
}

impl OpenStudy {
    /// All trials of the study, by number.
    pub fn trials(&mut self) -> Result<Vec<TrialView>> {
        let records = self.storage.trials(&self.study).map_err(failure)?;
        records.iter().map(TrialView::new).collect()
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
pub fn no_study(storage: &Storage) -> anyhow::Error {
    anyhow!("there is no study in {}: `burn-tune search` makes one", storage.url())
}

/// What is said of a name that no study has.
pub fn unknown(name: &str, storage: &mut Storage) -> Result<anyhow::Error> {
    let names = names(storage)?;
    if names.is_empty() {
        return Ok(no_study(storage));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let help = match did_you_mean::nearest(name, names.iter().copied()) {
        _ if names.len() <= LISTED => did_you_mean::help(name, &names),
        Some(nearest) => format!("did you mean `{nearest}`? `burn-tune studies` lists all"),
        None => format!("`burn-tune studies` lists the {} that there are", names.len()),
    };
    Ok(anyhow!("there is no study `{name}` in {}: {help}", storage.url()))
}

fn names(storage: &mut Storage) -> Result<Vec<String>> {
    let studies = storage.studies().map_err(failure)?;
    Ok(studies.into_iter().map(|summary| summary.record.name).collect())
}

/// What a database says as an error with the right exit code: wrong input, or work that failed.
pub fn failure(error: StorageError) -> anyhow::Error {
    match error {
        StorageError::Input(problem) => anyhow!(problem),
        error => anyhow!(WorkFailed(error.to_string())),
    }
}
