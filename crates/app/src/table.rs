//! The leaderboard as a person reads it in a terminal: the best trials, which of them differ, and what
//! is wrong with any.

use std::fmt::Write;

use burn_tune_ranking::format::{
    ValueFormat, count, rough_text, seconds_text, step_word, thousands,
};
use burn_tune_ranking::leaderboard::{Evaluation, PruningEntry, State, TrialEntry};
use burn_tune_ranking::{FitTimes, Leaderboard, ObjectiveMeans};
use burn_tune_search::ParamValue;

use crate::about::program_name;
use crate::columns::{Column, Row, columns_text};
use crate::flag_marks::FlagMarks;
use crate::lines::{one_line, params_line, textwrap};

/// Rows that are shown; named trials are shown besides.
const ROWS: usize = 10;
/// What marks the Pareto front.
const FRONT: &str = " ◆";

/// The table and what is to be said about it. Lines are at most `width` columns, if that can be.
/// `measured` and `fit_times` are what a clock decides.
pub fn leaderboard_text(
    leaderboard: &Leaderboard,
    measured: &[ObjectiveMeans],
    fit_times: &FitTimes,
    width: usize,
) -> String {
    let shown: Vec<&TrialEntry> = leaderboard
        .trials
        .iter()
        .enumerate()
        .filter(|(place, trial)| *place < ROWS || trial.name.is_some() || trial.front == Some(true))
        .map(|(_, trial)| trial)
        .filter(|trial| trial.state == State::Complete)
        .collect();
    let objectives = ObjectiveMeans::all(leaderboard, measured);
    let mut text = String::new();
    if !shown.is_empty() {
        text = table(leaderboard, &objectives[1..], &shown, fit_times, width);
        text.push('\n');
    }
    for line in remarks(leaderboard, measured, shown.len()) {
        // A program's last words may be anything.
        let wrapped = textwrap(&one_line(&line), width, "  ");
        let _ = writeln!(text, "{wrapped}");
    }
    text
}

/// Columns of the terminal; wide where the table goes to a file.
pub fn terminal_width() -> usize {
    const FILE_WIDTH: usize = 160;
    let (_, columns) = console::Term::stdout().size_checked().unzip();
    columns.map_or(FILE_WIDTH, usize::from)
}

/// The table: a row for each trial, with its `further` objectives and parameters.
fn table(
    leaderboard: &Leaderboard,
    further: &[ObjectiveMeans],
    shown: &[&TrialEntry],
    fit_times: &FitTimes,
    width: usize,
) -> String {
    let varying = leaderboard.varying_params();
    let marks = flag_marks(leaderboard);
    // Another program's score is one number, and nobody knows the size of what it trains.
    let trained = leaderboard.evaluation.dataset.is_some();
    // Else the size would be told twice.
    let has_size = trained && !further.iter().any(|objective| objective.name == "parameters");
    let has_time = leaderboard.offers_choice();
    let scores = ValueFormat::of(shown.iter().filter_map(|trial| trial.mean_test_score));
    let formats: Vec<ValueFormat> = further
        .iter()
        .map(|objective| {
            ValueFormat::of(shown.iter().filter_map(|t| objective.means.get(&t.trial).copied()))
        })
        .collect();
    let row = |trial: &&TrialEntry| {
        let mark = match (trial.front, trial.within_noise_of_best) {
            (Some(true), _) => FRONT,
            (_, Some(true)) if trial.rank > 1 => " ≈",
            _ => "  ",
        };
        let name = trial.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
        let std = trial.std_test_score.filter(|_| trial.split_test_scores.len() > 1);
        let mut cells = vec![
            format!("{}{mark}", trial.rank),
            format!("{}{name}", trial.trial),
            spread_cell(&scores, trial.mean_test_score, std),
        ];
        if trained {
            cells.push(test_score(leaderboard, trial.trial, &scores));
        }
        if has_size {
            cells.push(trial.size.map_or(String::new(), thousands));
        }
        if has_time {
            cells.push(seconds_text(fit_times.get(&trial.trial).copied()));
        }
        cells.extend(further.iter().zip(&formats).map(|(objective, format)| {
            objective.means.get(&trial.trial).map_or(String::new(), |mean| format.text(*mean))
        }));
        let value = |name: &&str| trial.params.get(name).map_or(String::new(), ParamValue::brief);
        cells.extend(varying.iter().map(value));
        cells.push(marks.marks(&leaderboard.flags(trial)));
        let values = varying.iter().filter_map(|name| Some((*name, trial.params.get(name)?)));
        Row { cells, folded: params_line(values), below: String::new() }
    };
    let rows: Vec<Row> = shown.iter().map(row).collect();
    columns_text(&columns(leaderboard, further, has_size), &rows, width)
}

fn columns(leaderboard: &Leaderboard, further: &[ObjectiveMeans], has_size: bool) -> Vec<Column> {
    let metric = &leaderboard.evaluation.metric;
    // Names are longer than their values: broken, they leave room for the others.
    let broken = |name: &str| one_line(name).replace('_', "_\n");
    let mut columns = vec![Column::number("rank"), Column::fixed("trial")];
    if leaderboard.evaluation.dataset.is_some() {
        columns.push(Column::fixed(&format!("cv {metric}")));
        columns.push(Column::fixed(&format!("test {metric}")).yielding());
    } else {
        columns.push(Column::number(metric));
    }
    columns.extend(has_size.then(|| Column::number("size").yielding()));
    // Where there is a choice, this is what to choose by.
    let has_time = leaderboard.offers_choice();
    columns.extend(has_time.then(|| Column::number("fit\ntime").yielding()));
    let further = further.iter().map(|objective| Column::number(&broken(&objective.name)));
    columns.extend(further.map(Column::yielding));
    let varying = leaderboard.varying_params().into_iter();
    columns.extend(varying.map(|name| Column::number(&broken(name)).folding()));
    columns.push(Column::fixed("flags"));
    columns
}

fn test_score(leaderboard: &Leaderboard, trial: usize, format: &ValueFormat) -> String {
    let refit = leaderboard.top_entry(trial).and_then(|entry| entry.refit.as_ref());
    refit.map_or(String::new(), |refit| {
        spread_cell(format, refit.mean, refit.std.filter(|_| refit.seeds > 1))
    })
}

fn spread_cell(format: &ValueFormat, mean: Option<f64>, std: Option<f64>) -> String {
    match (mean, std) {
        (Some(mean), Some(0.0)) if mean.fract() == 0.0 => format.text(mean),
        (Some(mean), Some(std)) => format.spread(mean, std),
        (Some(mean), None) => format.text(mean),
        (None, _) => "failed".into(),
    }
}

fn spread_of(mean: Option<f64>, std: Option<f64>) -> String {
    spread_cell(&ValueFormat::of(mean), mean, std)
}

fn remarks(leaderboard: &Leaderboard, measured: &[ObjectiveMeans], shown: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if leaderboard.trials.is_empty() {
        lines.push("No trial has ended.".into());
    }
    let complete = leaderboard.counts.complete;
    if shown < complete {
        lines.push(format!(
            "{} more in the files below.",
            count(complete - shown, "complete trial")
        ));
    }
    lines.extend(front_remark(leaderboard));
    lines.extend(clock_remark(measured));
    lines.extend(noise_remark(leaderboard));
    if let Some((first, refit)) =
        leaderboard.top.first().and_then(|first| Some((first, first.refit.as_ref()?)))
    {
        let Evaluation { train_examples, test_examples, .. } = &leaderboard.evaluation;
        let of = |examples: &Option<usize>, sort: &str| match examples {
            Some(examples) => format!("{examples} {sort}examples"),
            None => format!("{sort}data"),
        };
        let all = match train_examples {
            Some(_) => format!("all {}", of(train_examples, "")),
            None => "all of the data".to_owned(),
        };
        lines.push(format!(
            "Refitted on {all} from {}, trial {} scores {} on the {}.",
            count(refit.seeds, "seed"),
            first.trial,
            spread_of(refit.mean, refit.std.filter(|_| refit.seeds > 1)),
            of(test_examples, "test "),
        ));
    }
    lines.extend(flag_marks(leaderboard).remarks());
    lines.extend(pruning_remark(leaderboard));
    let failed: Vec<&TrialEntry> =
        leaderboard.trials.iter().filter(|trial| trial.state == State::Failed).collect();
    if let Some(first) = failed.first() {
        let reason = first.error.as_deref().unwrap_or_default();
        lines.push(format!(
            "{} failed, such as trial {}: {reason}",
            count(failed.len(), "trial"),
            first.trial
        ));
    }
    lines
}

fn pruning_remark(leaderboard: &Leaderboard) -> Option<String> {
    let pruned = match leaderboard.counts.pruned {
        0 => "no trial".to_owned(),
        pruned => count(pruned, "trial"),
    };
    let none = match (leaderboard.counts.pruned, leaderboard.counts.complete) {
        (1.., 0) => " No trial is complete, so there is no best one: try a milder pruner.",
        _ => "",
    };
    let known = leaderboard.pruning.as_ref().filter(|pruning| pruning.steps_without > 0);
    let Some(PruningEntry { pruner, steps, steps_without }) = known else {
        // Of a program nobody knows how many steps there would have been.
        let pruned = (leaderboard.counts.pruned > 0).then_some(pruned)?;
        return Some(format!("The pruner stopped {pruned}.{none}"));
    };
    // Without reports the steps are folds.
    let reports = leaderboard.trials.iter().any(|trial| !trial.reports.is_empty());
    let noun = if reports { step_word(&leaderboard.evaluation) } else { "fold" };
    let saved = 100.0 * (steps_without - steps) as f64 / (*steps_without).max(1) as f64;
    Some(format!(
        "{pruner} stopped {pruned}: {steps} of {steps_without} {noun}s were trained, which saved {saved:.0}%.{none}"
    ))
}

fn front_remark(leaderboard: &Leaderboard) -> Option<String> {
    let front = leaderboard.trials.iter().filter(|trial| trial.front == Some(true)).count();
    let objectives = ObjectiveMeans::all(leaderboard, &[]);
    let objectives: Vec<String> = objectives.iter().map(ObjectiveMeans::label).collect();
    (front > 0).then(|| {
        format!(
            "◆ The Pareto front of {}: {}. No other is better in one of these without being worse in another; later ranks are the fronts behind.",
            objectives.join(" and "),
            count(front, "trial"),
        )
    })
}

fn clock_remark(measured: &[ObjectiveMeans]) -> Option<String> {
    let names: Vec<&str> = measured.iter().map(|objective| objective.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} is wall-clock time: shown, never ranked. `{} best` has the Pareto front with it.",
            names.join(" and "),
            program_name()
        )
    })
}

fn noise_remark(leaderboard: &Leaderboard) -> Option<String> {
    if !leaderboard.objectives.is_empty() {
        return None;
    }
    let folds = leaderboard.evaluation.folds;
    // Whoever has a program or a function of one score knows that it is one.
    if folds == 1 && leaderboard.evaluation.dataset.is_none() {
        return None;
    }
    if folds == 1 && leaderboard.counts.complete > 0 {
        return Some(
            "One score a trial says nothing about noise: use --folds 3 or more to see which differences are real.".into(),
        );
    }
    let band = leaderboard.noise_band.as_ref()?;
    let near = leaderboard.trials.iter().filter(|trial| trial.within_noise_of_best == Some(true));
    let width = rough_text(band.width);
    Some(match near.count().saturating_sub(1) {
        0 => format!("The best is ahead of every other trial by more than noise ({width})."),
        near => format!(
            "≈ Trials within {width} of the best cannot be told apart: {}. Choose among them by {}fit time.",
            count(near, "other trial"),
            if leaderboard.trials.iter().any(|trial| trial.size.is_some()) {
                "size or "
            } else {
                ""
            },
        ),
    })
}

/// The kinds of flags that occur, in the order of the ranking.
fn flag_marks(leaderboard: &Leaderboard) -> FlagMarks {
    FlagMarks::of(leaderboard.trials.iter().map(|trial| leaderboard.flags(trial)))
}

#[cfg(test)]
mod tests;
