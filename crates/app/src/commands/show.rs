//! `burn-tune show`: everything that a database knows about one trial.

use burn_tune_ranking::format::{count, duration_text, seconds_text, spread_text, value_text};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use burn_tune_storage::attributes::PRUNED_AT_STEP;
use burn_tune_storage::worker::Worker;
use burn_tune_storage::{StudyRecord, TrialRecord, python_json};
use serde::Serialize;
use serde_json::Value;

use crate::about::{known_flags, program_name};
use crate::args::{ShowArgs, ShowFormat};
use crate::columns::{Column, Row, columns_text};
use crate::commands::json::{Object, TrialJson};
use crate::commands::key_value::key_value_text;
use crate::commands::open_study::{StoredStudy, objectives, open_study};
use crate::console::{print, print_json};
use crate::errors::failure;
use crate::flag_marks::flag_remarks;
use crate::format::{date_text, domain_text, size_text, toml, toml_entry};
use crate::lines::{one_line, textwrap};
use crate::table::terminal_width;
use burn_tune_study::trial_view::{Param, TaskResult, TrialView, flags_text, number, plain};

/// Intermediate values that a person is shown.
const MOST_STEPS: usize = 50;
/// Lines of stderr that a person is shown.
const MOST_LINES: usize = 50;

/// Shows the trial.
pub fn show(args: &ShowArgs) -> Result<ExitCode> {
    let StoredStudy { mut storage, study } = open_study(&args.study)?;
    let record = match storage.trial(&study, args.number).map_err(failure)? {
        Some(record) => record,
        None => {
            let trials = storage.trials(&study).map_err(failure)?.len();
            return Err(unknown(args.number, trials, &study));
        }
    };
    let trial = TrialView::new(&record, known_flags()).map_err(failure)?;
    match args.format {
        ShowFormat::Table => print(&trial_text(&trial, &record, &study, terminal_width())),
        ShowFormat::Json => print_json(&json(&trial, &record, &study)),
    }
}

fn unknown(number: usize, trials: usize, study: &StudyRecord) -> anyhow::Error {
    match trials {
        0 => anyhow!("the study `{}` has no trial yet", study.name),
        _ => anyhow!(
            "there is no trial {number} in `{}`: it has 0 to {}, which `{} trials` lists",
            study.name,
            trials - 1,
            program_name()
        ),
    }
}

/// The trial as JSON.
#[derive(Serialize)]
struct ShowJson<'a> {
    study: &'a str,
    #[serde(flatten)]
    trial: TrialJson<'a>,
    datetime_heartbeat: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<&'a Value>,
    distributions: Object<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    folds: Vec<NumberedResult<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refits: Vec<NumberedResult<'a>>,
    intermediate_values: BTreeMap<i64, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    system_attributes: &'a BTreeMap<String, Value>,
    /// The sizes of what was recorded, in bytes.
    curves: BTreeMap<&'a str, usize>,
}

#[derive(Serialize)]
struct NumberedResult<'a> {
    number: usize,
    #[serde(flatten)]
    result: &'a TaskResult,
}

fn json<'a>(trial: &'a TrialView, record: &'a TrialRecord, study: &'a StudyRecord) -> ShowJson<'a> {
    let numbered = |results: &'a BTreeMap<usize, TaskResult>| {
        results.iter().map(|(&number, result)| NumberedResult { number, result }).collect()
    };
    // The verbatim text was read once already, as JSON.
    let distribution = |text: &str| python_json::parse(text).unwrap_or_default();
    let distributions = record.params.iter();
    let distributions = distributions.map(|p| (p.name.as_str(), distribution(&p.distribution)));
    let intermediate = record.intermediate_values.iter();
    ShowJson {
        study: &study.name,
        trial: TrialJson::new(trial, study.directions.len()),
        datetime_heartbeat: trial.heartbeat.as_deref(),
        worker: trial.worker.as_ref(),
        distributions: Object(distributions.collect()),
        folds: numbered(&trial.folds),
        refits: numbered(&trial.refits),
        intermediate_values: intermediate.map(|(&step, &value)| (step, number(value))).collect(),
        stderr: trial.stderr.as_deref(),
        system_attributes: &trial.system_attributes,
        curves: record.curves.iter().map(|(task, npz)| (task.as_str(), npz.len())).collect(),
    }
}

fn trial_text(
    trial: &TrialView,
    record: &TrialRecord,
    study: &StudyRecord,
    width: usize,
) -> String {
    let name = trial.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
    let headline =
        format!("Trial {}{name} of `{}`: {}", trial.number, study.name, trial.state.name());
    let mut sections = vec![textwrap(&one_line(&headline), width, "") + "\n"];
    sections.push(key_value_text(&facts(trial, study), width));
    sections.push(params_text(trial, width));
    sections.push(results_text("fold", &trial.folds, width));
    sections.push(results_text("refit", &trial.refits, width));
    sections.push(key_value_text(&recorded(trial, record), width));
    let mut flags = String::new();
    for line in flag_remarks(trial) {
        let _ = writeln!(flags, "{}", textwrap(&line, width, "  "));
    }
    sections.push(flags);
    sections.push(stderr_text(trial));
    sections.retain(|section| !section.is_empty());
    sections.join("\n")
}

fn facts(trial: &TrialView, study: &StudyRecord) -> Vec<(&'static str, String)> {
    let values: Vec<String> = match (trial.values.as_slice(), trial.spread()) {
        ([mean], Some(std)) => vec![spread_text(*mean, std)],
        ([value], None) => vec![value_text(*value)],
        (values, _) => {
            let named = objectives(study).into_iter().zip(values);
            named.map(|(name, &value)| format!("{name} {}", value_text(value))).collect()
        }
    };
    let utc = |date: &Option<String>| {
        date.as_ref().map_or(String::new(), |date| format!("{} UTC", date_text(date)))
    };
    let began = utc(&trial.start);
    let ended = match trial.duration() {
        Some(duration) => format!("{}, after {}", utc(&trial.complete), duration_text(duration)),
        None => utc(&trial.complete),
    };
    let heartbeat = if trial.complete.is_none() { utc(&trial.heartbeat) } else { String::new() };
    vec![
        ("value", values.join(", ").replace('\n', " ")),
        ("error", trial.error.clone().unwrap_or_default()),
        ("pruned after step", trial.pruned_at_step.map_or(String::new(), |step| step.to_string())),
        ("began", began),
        ("ended", ended),
        ("worker", trial.worker.as_ref().map_or(String::new(), worker_text)),
        ("last sign of life", heartbeat),
    ]
}

/// The last lines that a program has written to stderr, as they are.
fn stderr_text(trial: &TrialView) -> String {
    let Some(stderr) = &trial.stderr else { return String::new() };
    let lines: Vec<&str> = stderr.lines().collect();
    let hidden = lines.len().saturating_sub(MOST_LINES);
    let title = match hidden {
        0 => "stderr".to_owned(),
        hidden => format!("stderr ({} before these: see --format json)", count(hidden, "line")),
    };
    let mut text = title + "\n";
    for line in &lines[hidden..] {
        // It may have been meant for a terminal: what moves the cursor stays out.
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(text, "  {}", line.trim_end());
    }
    text
}

/// Which process on which machine.
fn worker_text(worker: &Value) -> String {
    let text = plain(worker);
    match text.parse() {
        Ok(Worker { host, pid, .. }) => format!("process {pid} on {host}"),
        Err(_) => text,
    }
}

/// Each param with what it was drawn from.
fn params_text(trial: &TrialView, width: usize) -> String {
    let fact = |param: &Param| {
        let entry = one_line(&toml_entry(&param.name, &param.value));
        (entry, domain_text(&param.distribution))
    };
    let mut facts = vec![("params".to_owned(), "searched in".to_owned())];
    facts.extend(trial.params.iter().map(fact));
    if trial.params.is_empty() { String::new() } else { key_value_text(&facts, width) }
}

/// A table of the folds, or of the refits.
fn results_text(noun: &str, results: &BTreeMap<usize, TaskResult>, width: usize) -> String {
    let columns = [
        Column::fixed(noun),
        Column::number("score"),
        Column::number("training").yielding(),
        Column::number("scoring").yielding(),
        Column::number("duration").yielding(),
        Column::number("worker").yielding(),
        Column::fixed("flags"),
    ];
    let rows: Vec<Row> = results
        .iter()
        .map(|(number, result)| Row {
            cells: vec![
                number.to_string(),
                match (&result.score, result.finite()) {
                    (_, Some(score)) => value_text(score),
                    (Some(score), None) => plain(score),
                    (None, None) => "failed".into(),
                },
                seconds_text(result.fit_s),
                seconds_text(result.score_s),
                seconds_text(result.duration_s()),
                result.worker.map_or(String::new(), |worker| worker.to_string()),
                flags_text(&result.flags),
            ],
            folded: String::new(),
            below: result.error.clone().unwrap_or_default(),
        })
        .collect();
    if rows.is_empty() { String::new() } else { columns_text(&columns, &rows, width) }
}

/// Intermediate values, attributes and curves.
fn recorded(trial: &TrialView, record: &TrialRecord) -> Vec<(&'static str, String)> {
    let mut facts = vec![("intermediate values", intermediate_text(trial, record))];
    let attributes = [
        ("user attributes", &trial.user_attributes),
        ("system attributes", &trial.system_attributes),
    ];
    for (label, attributes) in attributes {
        let mut label = label;
        for (key, value) in attributes {
            if key == PRUNED_AT_STEP && trial.pruned_at_step.is_some() {
                continue;
            }
            facts.push((label, format!("{key} = {}", toml(value))));
            label = "";
        }
    }
    let curves: Vec<String> = record
        .curves
        .iter()
        .map(|(task, npz)| format!("{task} {}", size_text(npz.len())))
        .collect();
    facts.push(("curves", curves.join(", ")));
    facts
}

/// By step, the last of them; nothing where they are but the scores of the folds.
fn intermediate_text(trial: &TrialView, record: &TrialRecord) -> String {
    let steps = &record.intermediate_values;
    let of_fold = |step: i64| trial.folds.get(&usize::try_from(step).ok()?)?.finite();
    if steps.iter().all(|(&step, &value)| of_fold(step) == Some(value)) {
        return String::new();
    }
    let hidden = steps.len().saturating_sub(MOST_STEPS);
    let shown = steps.iter().skip(hidden);
    let shown: Vec<String> =
        shown.map(|(step, &value)| format!("{step}: {}", value_text(value))).collect();
    let before = match hidden {
        0 => String::new(),
        hidden => format!("({} before these: see --format json) ", count(hidden, "step")),
    };
    format!("{before}{}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::commands::fixtures::{optunas, ours};

    fn text(number: usize, of_ours: bool) -> String {
        let (study, records) = if of_ours { ours() } else { optunas() };
        let trial = TrialView::new(&records[number], known_flags()).unwrap();
        trial_text(&trial, &records[number], &study, 80)
    }

    #[test]
    fn a_trial_of_ours_has_folds_refits_curves_and_advice() {
        assert_snapshot!(text(0, true));
    }

    #[test]
    fn a_failed_trial_says_why() {
        assert_snapshot!(text(2, true));
    }

    #[test]
    fn a_running_trial_says_who_is_at_it() {
        let text = text(3, true);
        assert!(text.contains("last sign of life  2026-11-24 11:20:00 UTC"), "{text}");
        assert!(text.contains("process 1234 on node1"), "{text}");
    }

    #[test]
    fn where_a_trial_was_pruned_is_no_other_programs_attribute() {
        let pruned = |(study, mut records): (StudyRecord, Vec<TrialRecord>)| {
            let step = (PRUNED_AT_STEP.to_owned(), "4".to_owned());
            records[0].user_attributes.extend([step]);
            let trial = TrialView::new(&records[0], known_flags()).unwrap();
            trial_text(&trial, &records[0], &study, 80)
        };
        let text = pruned(ours());
        assert!(text.contains("\npruned after step  4\n"), "{text}");
        assert!(!text.contains(PRUNED_AT_STEP), "{text}");
        assert!(pruned(optunas()).contains("pruned_at_step = 4"));
    }

    #[test]
    fn a_trial_of_optuna_has_intermediate_values_and_attributes() {
        assert_snapshot!(text(0, false));
    }

    #[test]
    fn of_many_intermediate_values_the_last_are_shown() {
        let (_, mut records) = optunas();
        records[1].intermediate_values = (0..120).map(|step| (step, step as f64)).collect();
        let trial = TrialView::new(&records[1], known_flags()).unwrap();
        let text = intermediate_text(&trial, &records[1]);
        assert!(text.starts_with("(70 steps before these: see --format json) 70: 70, 71: "));
        assert!(text.ends_with("119: 119"), "{text}");
    }
}
