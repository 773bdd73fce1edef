//! The pages of a server: made of the database when a browser asks for them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Error, Result};
use burn_tune_ranking::format::value_text;
use burn_tune_report::page::{PageState, study_page};
use burn_tune_report::server::{StudyLine, login_page, message_page, studies_page};
use burn_tune_search::clock::Stopwatch;
use burn_tune_storage::http::{Page, Pages};
use burn_tune_storage::studies::StudySummary;
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageUrl};

use crate::args::{StorageArgs, StudyArgs};
use crate::errors::{failure, text};
use crate::format::minute_text;
use crate::live_page::running;
use crate::rank::{Ranked, ranked};

/// A page is made again after this time.
const FRESH: Duration = Duration::from_secs(2);
/// Making one takes no more than this share of the time, however many ask.
const MOST_SHARE: f64 = 0.05;
/// How long a page waits for whoever holds the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pages of the studies in a file.
pub struct StudyPages {
    path: PathBuf,
    /// One is made at a time: that needs a processor, which trainings have, too.
    made: Mutex<HashMap<String, Made>>,
}

struct Made {
    page: Page,
    since: Stopwatch,
    cost: Duration,
}

impl StudyPages {
    /// Of the file at `path`.
    pub fn of(path: &Path) -> Self {
        StudyPages { path: path.to_owned(), made: Mutex::default() }
    }

    fn summaries(&self) -> Result<Vec<StudySummary>> {
        let url = StorageUrl::Sqlite(self.path.clone());
        let retry_policy = RetryPolicy { limit: PATIENCE, ..RetryPolicy::default() };
        let mut storage =
            Storage::open(&url, OpenMode::MustExist, retry_policy).map_err(failure)?;
        storage.studies().map_err(failure)
    }

    fn make(&self, name: &str) -> Result<Option<String>> {
        let summaries = self.summaries()?;
        let Some(summary) = summaries.iter().find(|summary| summary.record.name == name) else {
            return Ok(None);
        };
        let storage = self.path.display().to_string();
        let args = StudyArgs { database: StorageArgs { storage }, study: Some(name.to_owned()) };
        let Ranked { study, mut results, state } = ranked(&args)?;
        // Studies of one space are told apart by their own names.
        results.leaderboard.name = study;
        let state = match summary.record.is_finished() {
            true => state,
            false => PageState { stderr: state.stderr, ..running(ended(summary), trials(summary)) },
        };
        let burn_tune_study::results::StudyResults {
            leaderboard,
            timeline,
            curves,
            measured,
            fit_times,
            ..
        } = &results;
        let results =
            burn_tune_report::StudyResults { leaderboard, timeline, curves, measured, fit_times };
        Ok(Some(study_page(results, &state)))
    }
}

impl Pages for StudyPages {
    fn login(&self, again: bool) -> String {
        login_page(again)
    }

    fn studies(&self) -> Page {
        match self.summaries() {
            Ok(summaries) => {
                let lines: Vec<StudyLine> = summaries.iter().rev().map(line).collect();
                Page { status: 200, html: studies_page(&lines) }
            }
            Err(error) => failed(&error),
        }
    }

    fn study(&self, name: &str) -> Page {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Made { page, since, cost }) = made.get(name)
            && since.elapsed() < FRESH.max(cost.div_f64(MOST_SHARE))
        {
            return page.clone();
        }
        let since = Stopwatch::start();
        let page = match self.make(name) {
            Ok(Some(html)) => Page { status: 200, html },
            // Not kept: who asks for names that are none would fill the memory.
            Ok(None) => {
                let text = format!("There is no study “{name}” here.");
                return Page { status: 404, html: message_page("No such study", &text) };
            }
            Err(error) => failed(&error),
        };
        let entry = Made { page: page.clone(), since: Stopwatch::start(), cost: since.elapsed() };
        made.insert(name.to_owned(), entry);
        page
    }
}

fn failed(error: &Error) -> Page {
    Page { status: 500, html: message_page("This page cannot be made", &text(error)) }
}

fn ended(summary: &StudySummary) -> usize {
    let counts = &summary.counts;
    counts.complete + counts.failed + counts.pruned
}

/// How many there will be, as far as is known.
fn trials(summary: &StudySummary) -> usize {
    let counts = &summary.counts;
    let known = ended(summary) + counts.running + counts.waiting + counts.lost;
    summary.record.budget().unwrap_or(known).max(known)
}

fn line(summary: &StudySummary) -> StudyLine {
    let StudySummary { record, counts, best, start, last } = summary;
    let state = match (record.is_ours(), record.is_finished()) {
        (false, _) => "another program’s",
        (true, true) => "finished",
        (true, false) if counts.running > 0 => "running",
        (true, false) => "unfinished",
    };
    let minute = |date: &Option<String>| {
        date.as_deref().map_or(String::new(), |date| format!("{} UTC", minute_text(date)))
    };
    StudyLine {
        name: record.name.clone(),
        state: state.to_owned(),
        trials: format!("{} of {}", ended(summary), trials(summary)),
        best: best.map_or(String::new(), value_text),
        begun: minute(start),
        last_active: minute(last),
    }
}
