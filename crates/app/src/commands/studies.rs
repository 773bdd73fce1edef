//! `burn-tune studies`: the studies of a database, and how far each is.

use burn_tune_ranking::format::value_text;
use std::process::ExitCode;

use anyhow::Result;
use burn_tune_storage::studies::{Counts, StudySummary};
use burn_tune_storage::{OpenMode, StudyRecord};
use burn_tune_study::trial_view::number;
use serde::Serialize;
use serde_json::Value;

use crate::args::{ListFormat, StudiesArgs};
use crate::columns::{Column, Row, columns_text};
use crate::commands::csv::csv_text;
use crate::commands::open_study::{no_study, open};
use crate::console::{print, print_json, say};
use crate::errors::{failure, text};
use crate::format::minute_text;
use crate::table::terminal_width;

/// Lists the studies.
pub fn studies(args: &StudiesArgs) -> Result<ExitCode> {
    let mut storage = open(&args.database, OpenMode::MustExist)?;
    let studies = storage.studies().map_err(failure)?;
    if studies.is_empty() {
        say(&text(&no_study(&storage).into()));
    }
    let studies: Vec<StudyJson> = studies.iter().map(StudyJson::new).collect();
    match args.format {
        ListFormat::Table if studies.is_empty() => Ok(ExitCode::SUCCESS),
        ListFormat::Table => print(&studies_text(&studies, terminal_width())),
        ListFormat::Json => print_json(&studies),
        ListFormat::Csv => print(&studies_csv(&studies)),
    }
}

/// What is said of a study.
#[derive(Serialize)]
struct StudyJson<'a> {
    name: &'a str,
    directions: Vec<String>,
    #[serde(flatten)]
    counts: CountsJson,
    /// How many trials were asked for; null for the studies of other programs.
    budget: Option<usize>,
    best_value: Option<Value>,
    datetime_start: Option<&'a str>,
    /// The last sign of life.
    datetime_last: Option<&'a str>,
    /// Null for the studies of other programs, which do not say.
    finished: Option<bool>,
    #[serde(skip)]
    best: Option<f64>,
}

#[derive(Serialize)]
struct CountsJson {
    complete: usize,
    failed: usize,
    pruned: usize,
    running: usize,
    #[serde(skip_serializing_if = "is_none")]
    lost: usize,
    waiting: usize,
}

fn is_none(number: &usize) -> bool {
    *number == 0
}

impl<'a> StudyJson<'a> {
    fn new(summary: &'a StudySummary) -> Self {
        let StudySummary { record, counts, best, start, last } = summary;
        let Counts { complete, pruned, failed, running, lost, waiting } = *counts;
        StudyJson {
            name: &record.name,
            directions: record.directions.iter().map(|d| d.to_lowercase()).collect(),
            counts: CountsJson { complete, failed, pruned, running, lost, waiting },
            budget: record.budget(),
            best_value: best.map(number),
            datetime_start: start.as_deref(),
            datetime_last: last.as_deref(),
            finished: finished(record),
            best: *best,
        }
    }
}

/// Whether as many trials have ended as were asked for the last time.
fn finished(study: &StudyRecord) -> Option<bool> {
    study.is_ours().then(|| study.is_finished())
}

fn studies_text(studies: &[StudyJson], width: usize) -> String {
    let columns = [
        Column::fixed("study"),
        Column::number("complete"),
        Column::number("failed").yielding(),
        Column::number("pruned").yielding(),
        Column::number("running").yielding(),
        Column::number("lost").yielding(),
        Column::number("waiting").yielding(),
        Column::number("budget").yielding(),
        Column::number("best"),
        Column::fixed("direction").folding(),
        Column::fixed("begun (UTC)").folding(),
        Column::fixed("last active").folding(),
        Column::fixed(""),
    ];
    let rows: Vec<Row> = studies.iter().map(row).collect();
    columns_text(&columns, &rows, width)
}

fn row(study: &StudyJson) -> Row {
    let number = |number: usize| if number == 0 { String::new() } else { number.to_string() };
    let date = |date: Option<&str>| date.map_or(String::new(), |date| minute_text(date).to_owned());
    let CountsJson { complete, failed, pruned, running, lost, waiting } = study.counts;
    let (start, last) = (date(study.datetime_start), date(study.datetime_last));
    let directions = study.directions.join(", ");
    let folded = match (start.as_str(), last.as_str()) {
        ("", _) => directions.clone(),
        (start, "") => format!("{directions}; begun {start} UTC"),
        (start, last) => format!("{directions}; begun {start} UTC, last active {last}"),
    };
    let finished = match study.finished {
        None => "",
        Some(true) => "finished",
        Some(false) => "unfinished",
    };
    let mut cells = vec![study.name.to_owned()];
    cells.extend([complete, failed, pruned, running, lost, waiting].map(number));
    cells.push(study.budget.map_or(String::new(), |budget| budget.to_string()));
    cells.push(study.best.map_or(String::new(), value_text));
    cells.extend([directions, start, last, finished.to_owned()]);
    Row { cells, folded, below: String::new() }
}

fn studies_csv(studies: &[StudyJson]) -> String {
    let header = [
        "name",
        "directions",
        "complete",
        "failed",
        "pruned",
        "running",
        "waiting",
        "budget",
        "best_value",
        "datetime_start",
        "datetime_last",
        "finished",
        "lost",
    ];
    let rows = studies.iter().map(|study| {
        let CountsJson { complete, failed, pruned, running, waiting, lost } = study.counts;
        vec![
            Value::from(study.name),
            Value::from(study.directions.join(" ")),
            Value::from(complete),
            Value::from(failed),
            Value::from(pruned),
            Value::from(running),
            Value::from(waiting),
            Value::from(study.budget),
            Value::from(study.best_value.clone()),
            Value::from(study.datetime_start),
            Value::from(study.datetime_last),
            Value::from(study.finished),
            Value::from(lost),
        ]
    });
    csv_text(&header.map(str::to_owned), rows)
}
