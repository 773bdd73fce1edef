//! Trials as a person reads them in a terminal: a row each, with the params that vary.

use burn_tune_ranking::format::{ValueFormat, count, duration_text, spread_text};
use serde_json::Value;

use crate::columns::{Column, Row, columns_text};
use crate::flag_marks::FlagMarks;
use crate::format::brief;
use crate::lines::{one_line, textwrap};
use burn_tune_study::trial_view::{State, TrialView, param_names};

/// The table of some trials of a study, and what is to be said about it. `objectives` are what the
/// values are called. Lines are at most `width` columns, if that can be.
pub fn trials_text(
    all: &[TrialView],
    shown: &[&TrialView],
    objectives: &[String],
    width: usize,
) -> String {
    let (varying, fixed) = split_params(all);
    let marks = FlagMarks::of(shown.iter().map(|trial| trial.flags.clone()));
    let mut text = String::new();
    if !shown.is_empty() {
        let formats: Vec<ValueFormat> =
            (0..objectives.len()).map(|objective| format_of(shown, objective)).collect();
        let rows: Vec<Row> =
            shown.iter().map(|trial| row(trial, &formats, &varying, &marks)).collect();
        text = columns_text(&columns(objectives, &varying), &rows, width);
        text.push('\n');
    }
    let same = fixed.iter().map(|(name, value)| format!("{name}={}", brief(value)));
    let same: Vec<String> = same.collect();
    let mut remarks = Vec::new();
    if all.is_empty() {
        remarks.push("There is no trial yet.".to_owned());
    } else if shown.len() < all.len() {
        remarks.push(format!("{} of {}.", shown.len(), count(all.len(), "trial")));
    }
    if !same.is_empty() && !shown.is_empty() {
        remarks.push(format!("The same in all: {}", same.join(" ")));
    }
    for remark in remarks.into_iter().chain(marks.remarks()) {
        text.push_str(&textwrap(&one_line(&remark), width, "  "));
        text.push('\n');
    }
    text
}

/// The params that are not the same in all trials, and those that are. Of a single trial all count as
/// varying: they are what it is about.
fn split_params(all: &[TrialView]) -> (Vec<&str>, Vec<(&str, Value)>) {
    let (mut varying, mut fixed) = (Vec::new(), Vec::new());
    for name in param_names(all) {
        let mut values = all.iter().map(|trial| trial.param(name));
        let first = values.next().flatten();
        match first {
            Some(first) if all.len() > 1 && values.all(|value| value == Some(first)) => {
                fixed.push((name, first.clone()));
            }
            _ => varying.push(name),
        }
    }
    (varying, fixed)
}

fn columns(objectives: &[String], varying: &[&str]) -> Vec<Column> {
    let mut columns = vec![Column::fixed("trial"), Column::fixed("state")];
    columns.extend(objectives.iter().enumerate().map(|(place, objective)| {
        let column = Column::number(objective);
        if place == 0 { column } else { column.yielding() }
    }));
    columns.push(Column::number("duration").yielding());
    // Names are longer than their values: broken, they leave room for the others.
    let header = |name: &&str| one_line(name).replace('_', "_\n");
    columns.extend(varying.iter().map(|name| Column::number(&header(name)).folding()));
    columns.push(Column::fixed("flags"));
    columns
}

fn format_of(shown: &[&TrialView], objective: usize) -> ValueFormat {
    ValueFormat::of(shown.iter().filter_map(|trial| trial.values.get(objective).copied()))
}

fn row(trial: &TrialView, formats: &[ValueFormat], varying: &[&str], marks: &FlagMarks) -> Row {
    let name = trial.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
    let mut cells = vec![format!("{}{name}", trial.number), trial.state.name().into()];
    cells.extend(
        formats.iter().enumerate().map(|(objective, format)| value_cell(trial, objective, format)),
    );
    cells.push(trial.duration().map_or(String::new(), duration_text));
    let params: Vec<Option<String>> =
        varying.iter().map(|name| Some(brief(trial.param(name)?))).collect();
    cells.extend(params.iter().map(|param| param.clone().unwrap_or_default()));
    cells.push(marks.marks(&trial.flags));
    let pairs = varying.iter().zip(params).filter_map(|(n, value)| Some(format!("{n}={}", value?)));
    Row {
        cells,
        folded: pairs.collect::<Vec<String>>().join(" "),
        below: trial.error.clone().unwrap_or_default(),
    }
}

/// The value; how far a trial is that has none yet.
fn value_cell(trial: &TrialView, objective: usize, format: &ValueFormat) -> String {
    match (trial.values.get(objective), trial.spread()) {
        // The deviation is that of the score, which is the first objective.
        (Some(&mean), Some(std)) if objective == 0 => spread_text(mean, std),
        (Some(&value), _) => format.text(value),
        (None, _) if trial.state == State::Running && !trial.folds.is_empty() => {
            format!("{} done", count(trial.folds.len(), "fold"))
        }
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::about::known_flags;
    use crate::commands::fixtures::{optunas, ours};
    use crate::commands::open_study::objectives;

    fn text(of_ours: bool, width: usize) -> String {
        let (study, records) = if of_ours { ours() } else { optunas() };
        let trials: Vec<TrialView> =
            records.iter().map(|record| TrialView::new(record, known_flags()).unwrap()).collect();
        trials_text(&trials, &trials.iter().collect::<Vec<_>>(), &objectives(&study), width)
    }

    #[test]
    fn params_have_columns_where_there_is_room() {
        assert_snapshot!(text(true, 100));
    }

    #[test]
    fn params_stand_below_their_trials_where_there_is_none() {
        assert_snapshot!(text(true, 60));
    }

    #[test]
    fn several_objectives_have_their_names_above_them() {
        assert_snapshot!(text(false, 80));
    }

    #[test]
    fn of_a_single_trial_all_params_are_shown() {
        let (study, records) = ours();
        let trials = [TrialView::new(&records[1], known_flags()).unwrap()];
        let text = trials_text(&trials, &[&trials[0]], &objectives(&study), 100);
        assert!(text.contains("epochs") && !text.contains("The same in all"), "{text}");
        assert_eq!(trials_text(&[], &[], &objectives(&study), 80), "There is no trial yet.\n");
    }
}
