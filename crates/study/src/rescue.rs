//! When the database fails: what this process has computed goes into a file that `import` reads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use burn_tune_search::Objective;
use burn_tune_search::runner::RunOptions;
use burn_tune_search::timeline::Span;
use burn_tune_storage::TrialRecord;
use burn_tune_storage::transfer::write_export;
use burn_tune_storage::trial_codec::{Rescued, trial_record};

use crate::definition::distributions;
use crate::open_or_create::OpenStudy;
use crate::output_folder::{FileError, OutputFolder};
use crate::plan::StudyPlan;
use crate::state::StudyState;

/// Where the file is that was written, or why it is elsewhere or nowhere.
pub type Rescue = Result<PathBuf, FileError>;

/// Writes the trials of this process, which is `worker`, into the file called `name`.
pub(crate) fn rescue<O: Objective>(
    study: &OpenStudy<O>,
    options: &RunOptions,
    state: &StudyState,
    worker: String,
    (folder, name): (&OutputFolder, &str),
) -> Rescue {
    let trials = trials(&study.plan, options, state, worker);
    let mut bytes = Vec::new();
    write_export(&study.record, &trials, &mut bytes)
        .map_err(|error| FileError::Make { name: "the rescue file", problem: error.to_string() })?;
    // Beside a database on a full disk there is no room for it either: then it goes elsewhere, and the error
    // says where.
    folder.write(name, bytes)
}

fn trials<O: Objective>(
    plan: &StudyPlan<O>,
    options: &RunOptions,
    state: &StudyState,
    worker: String,
) -> Vec<TrialRecord> {
    let began = options.since.began(options.before_s);
    let date = |seconds: f64| date(began + Duration::from_secs_f64(seconds.max(0.0)));
    let spans: BTreeMap<(usize, usize), Span> =
        state.spans.iter().map(|(key, entry)| (*key, entry.span)).collect();
    let rescued = Rescued {
        spans: &spans,
        stderr: &state.stderr,
        refits: &state.refits,
        distributions: &distributions(&plan.spec),
        report_unit: plan.report_unit(),
        worker,
        date: &date,
    };
    let ours = state.history.trials().iter().filter(|trial| !trial.is_foreign());
    ours.map(|trial| trial_record(trial, &rescued)).collect()
}

/// As databases write it.
fn date(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_micros(time).to_string();
    text.replace('T', " ").trim_end_matches('Z').to_owned()
}
