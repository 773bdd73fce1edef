//! A search whose workers an engine starts: what it has the engine start, and what it says of that.

use std::time::Duration;

use anyhow::{Result, anyhow};
use burn_tune_search::Objective;
use burn_tune_storage::records::StudyRecord;
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageUrl};
use crossbeam_channel::Receiver;

use super::Search;
use crate::engine::{self, Engine, Placed};
use crate::exit::WorkFailed;

/// How long a database may take to say who works.
const PATIENCE: Duration = Duration::from_secs(5);

impl<O: Objective> Search<'_, O> {
    /// Has the engine start workers on the study. `signals` tell that the user wants an end.
    ///
    /// # Errors
    ///
    /// What the engine says, and how to go on with the study.
    pub(super) fn place(
        &mut self,
        engine: Box<dyn Engine>,
        signals: Option<Receiver<()>>,
    ) -> Result<()> {
        let Search { args, describe, url, folder, .. } = &*self;
        let device = args.run.device.first().copied();
        let fuses = describe.fused(self.plan(), device).is_some();
        let study = &self.active.study().record.name;
        let own = folder.all().path(&folder.name);
        let more = (describe.worker_arguments(), fuses);
        let workers = engine::workers(args, study, url, &own, more)?;
        let mut placed = Placed { engine, workers, signals, job: None };
        if !self.asked.is_requested() {
            placed.submit().map_err(|error| {
                let text = format!(
                    "{error:#}\nthe study `{study}` is begun, and nothing of it is lost; to go on: {}",
                    self.resume_command()
                );
                // With the exit code that it had.
                if error.is::<WorkFailed>() { anyhow!(WorkFailed(text)) } else { anyhow!(text) }
            })?;
        }
        self.placed = Some(placed);
        Ok(())
    }
}

/// Counts the processes that hold trials or refits of a study, by a connection of its own. Where the database does not
/// answer, nobody knows: then it is as if there were one.
pub fn others(url: &StorageUrl, study: &StudyRecord) -> impl FnMut() -> usize + Send + use<> {
    let (url, study) = (url.clone(), study.clone());
    move || {
        let retry_policy = RetryPolicy { limit: PATIENCE, ..RetryPolicy::default() };
        let storage = Storage::open(&url, OpenMode::MustExist, retry_policy);
        storage.and_then(|mut storage| storage.active_workers(&study)).unwrap_or(1)
    }
}
