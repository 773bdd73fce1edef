//! When the database fails: what this process has computed goes into a file that `import` reads.

use std::collections::BTreeMap;
use std::time::SystemTime;

use burn_tune_search::store::StoreError;
use burn_tune_storage::transfer::write_export;
use burn_tune_storage::trial_codec::{Rescued, trial_record};

use super::Search;
use crate::console::quoted;
use crate::study_state::StudyState;

/// Writes the file, and says where it is and what to do.
pub fn rescue(search: &Search, state: &StudyState, error: &StoreError) -> String {
    let record = &search.chosen.record;
    let name = format!("{}-rescue.jsonl", search.folder.name);
    let mut bytes = Vec::new();
    let written = write_export(record, &trials(search, state), &mut bytes)
        .map_err(|error| error.to_string())
        .and_then(|()| {
            // Beside a database on a full disk there is no room for it either: then it goes elsewhere,
            // and the error says where.
            search.folder.all().write(&name, bytes).map_err(|error| format!("{error:#}"))
        });
    let url = search.storage_argument();
    match written {
        Ok(path) => format!(
            "{error}\nwhat was computed is in {path}: when the database is well again, `burn-tune import {path}{url}`, and then `search --resume --study {}` goes on",
            quoted(&record.name),
            path = quoted(&path.display()),
        ),
        Err(problem) => format!(
            "{error}\n{problem}\nwhen the database is well again, `burn-tune import` reads that file, and `search --resume --study {}` goes on",
            quoted(&record.name),
        ),
    }
}

fn trials(search: &Search, state: &StudyState) -> Vec<burn_tune_storage::TrialRecord> {
    let began = search.options.since.began(search.options.before_s);
    let date = |seconds: f64| date(began + std::time::Duration::from_secs_f64(seconds.max(0.0)));
    let distributions = super::distributions(&search.chosen.plan.file);
    let worker = search.store.worker();
    let spans: BTreeMap<(usize, usize), _> =
        state.spans.iter().map(|(key, entry)| (*key, entry.span)).collect();
    let rescued = Rescued {
        spans: &spans,
        stderr: &state.stderr,
        refits: &state.refits,
        distributions: &distributions,
        report_unit: search.chosen.plan.report_unit(),
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
