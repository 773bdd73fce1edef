//! The leaderboard as a person reads it in a terminal: the best trials, which of them differ, and what
//! is wrong with any.

use std::fmt::Write;

use burn_tune_ranking::leaderboard::{PruningEntry, State, TrialEntry};
use burn_tune_ranking::{Leaderboard, ObjectiveMeans, noise};
use burn_tune_search::{ParamValue, Params};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::brief::brief_params;
use crate::flag_marks::FlagMarks;

/// Rows that are shown; named trials are shown besides.
const ROWS: usize = 10;
/// What marks the Pareto front.
const FRONT: &str = " ◆";

/// The table and what is to be said about it. Lines are at most `width` columns, if that can be. `size`
/// tells how many numbers a configuration trains; `measured` is what a clock decides.
pub fn leaderboard_text(
    leaderboard: &Leaderboard,
    measured: &[ObjectiveMeans],
    size: impl Fn(&Params) -> Option<u64>,
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
        let wide = table(leaderboard, &objectives[1..], &shown, &size, true);
        let fits = wide.iter().all(|line| line.chars().count() <= width);
        let narrow = || params_below(leaderboard, &objectives[1..], &shown, &size, width);
        let lines = if fits { wide } else { narrow() };
        text.extend(lines.iter().flat_map(|line| [line.trim_end(), "\n"]));
        text.push('\n');
    }
    for line in remarks(leaderboard, measured, shown.len()) {
        let wrapped = textwrap(&line, width, "  ");
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

/// The lines of the table without parameters; below each trial a line with its own.
fn params_below(
    leaderboard: &Leaderboard,
    further: &[ObjectiveMeans],
    shown: &[&TrialEntry],
    size: impl Fn(&Params) -> Option<u64>,
    width: usize,
) -> Vec<String> {
    const INDENT: &str = "         ";
    let varying = leaderboard.varying_params();
    let mut lines = table(leaderboard, further, shown, size, false).into_iter();
    let mut all: Vec<String> = lines.next().into_iter().collect();
    for (line, trial) in lines.zip(shown) {
        let values = varying.iter().filter_map(|name| Some((*name, trial.params.get(name)?)));
        let below = textwrap(&format!("{INDENT}{}", brief_params(values)), width, INDENT);
        all.push(line);
        all.extend(below.lines().map(str::to_owned));
    }
    all
}

/// The lines of the table: a header, and one for each trial. With a column for each of the `further`
/// objectives, and one for each parameter, or without any.
fn table(
    leaderboard: &Leaderboard,
    further: &[ObjectiveMeans],
    shown: &[&TrialEntry],
    size: impl Fn(&Params) -> Option<u64>,
    with_params: bool,
) -> Vec<String> {
    let varying = if with_params { leaderboard.varying_params() } else { Vec::new() };
    let marks = flag_marks(leaderboard);
    let metric = &leaderboard.evaluation.metric;
    // Another program's score is one number, and nobody knows the size of what it trains.
    let trained = leaderboard.evaluation.dataset.is_some();
    let mut header = vec!["rank".to_owned(), "trial".into()];
    if trained {
        header.extend([format!("cv {metric}"), format!("test {metric}")]);
    } else {
        header.push(metric.clone());
    }
    // Else the size would be told twice.
    let has_size = trained && !further.iter().any(|objective| objective.name == "parameters");
    header.extend(has_size.then(|| "size".into()));
    header.extend(further.iter().map(|objective| objective.name.replace('_', "_\n")));
    let text_columns = header.len() - further.len() - usize::from(has_size);
    // Names are longer than their values: broken, they leave room for the others.
    header.extend(varying.iter().map(|name| name.replace('_', "_\n")));
    header.push("flags".into());

    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for trial in shown {
        let mark = match (trial.front, trial.within_noise_of_best) {
            (Some(true), _) => FRONT,
            (_, Some(true)) if trial.rank > 1 => " ≈",
            _ => "  ",
        };
        let name = trial.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
        let mut row = vec![
            format!("{}{mark}", trial.rank),
            format!("{}{name}", trial.trial),
            spread_of(trial.mean_test_score, trial.std_test_score.filter(|_| trained)),
        ];
        row.extend(trained.then(|| test_score(leaderboard, trial.trial)));
        row.extend(has_size.then(|| size(&trial.params).map_or(String::new(), thousands)));
        row.extend(further.iter().map(|objective| {
            objective.means.get(&trial.trial).map_or(String::new(), |mean| value_of(*mean))
        }));
        row.extend(
            varying
                .iter()
                .map(|name| trial.params.get(name).map_or_else(String::new, ParamValue::brief)),
        );
        row.push(marks.marks(&leaderboard.flags(trial)));
        table.add_row(row);
    }
    let numbers = text_columns..table.column_count() - 1;
    for number in [0].into_iter().chain(numbers) {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().collect()
}

fn test_score(leaderboard: &Leaderboard, trial: usize) -> String {
    let refit = leaderboard.top_entry(trial).and_then(|entry| entry.refit.as_ref());
    refit.map_or(String::new(), |refit| spread_of(refit.mean, refit.std))
}

fn spread_of(mean: Option<f64>, std: Option<f64>) -> String {
    match (mean, std) {
        (Some(mean), Some(0.0)) if mean.fract() == 0.0 && mean.abs() >= 1e3 => value_of(mean),
        (Some(mean), Some(std)) => format!("{mean:.4} ± {std:.4}"),
        (Some(mean), None) => format!("{mean:.4}"),
        (None, _) => "failed".into(),
    }
}

/// A value of any size: a whole number in full, another to four digits.
fn value_of(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 => format!("{value}"),
        1e3.. => format!("{value:.0}"),
        10.0..1e3 => format!("{value:.2}"),
        0.01..10.0 => format!("{value:.4}"),
        _ => format!("{value:.3e}"),
    }
}

/// `397k`, `1.2M`.
pub fn thousands(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}k", (number as f64 / 1e3).round()),
        _ => format!("{:.1}M", number as f64 / 1e6),
    }
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
        lines.push(format!(
            "Refitted on all {} examples from {}, trial {} scores {} on the {} test examples.",
            leaderboard.evaluation.train_examples.unwrap_or(0),
            count(refit.seeds, "seed"),
            first.trial,
            spread_of(refit.mean, refit.std),
            leaderboard.evaluation.test_examples.unwrap_or(0),
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
    let noun = if reports { "epochs" } else { "folds" };
    let saved = 100.0 * (steps_without - steps) as f64 / (*steps_without).max(1) as f64;
    Some(format!(
        "{pruner} stopped {pruned}: {steps} of {steps_without} {noun} were trained, which saved {saved:.0}%.{none}"
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
            "A clock decides {}: it has no part in the ranks. `burn-tune best` has the Pareto front with it.",
            names.join(" and ")
        )
    })
}

fn noise_remark(leaderboard: &Leaderboard) -> Option<String> {
    if !leaderboard.objectives.is_empty() {
        return None;
    }
    let folds = leaderboard.evaluation.folds;
    // A program of the user's has one score, whatever is asked for.
    leaderboard.evaluation.dataset.as_ref()?;
    let like_best =
        leaderboard.trials.iter().filter(|trial| trial.within_noise_of_best == Some(true)).count();
    match like_best {
        0 if folds == 1 && leaderboard.counts.complete > 0 => Some(
            "One score a trial says nothing about noise: use --folds 3 or more to see which differences are real.".into(),
        ),
        0 => None,
        1 => Some("The best differs from every other trial by more than noise.".into()),
        _ => Some(format!(
            "≈ The best differs from {} by no more than noise (corrected resampled t-test over {folds} folds, p ≥ {}): choose among them by size.",
            count(like_best - 1, "trial"),
            noise::SIGNIFICANCE,
        )),
    }
}

/// The kinds of flags that occur, in the order of the ranking.
fn flag_marks(leaderboard: &Leaderboard) -> FlagMarks {
    FlagMarks::of(leaderboard.trials.iter().map(|trial| leaderboard.flags(trial)))
}

/// `1 trial`, `2 trials`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Breaks a line at single spaces, with later lines indented.
pub fn textwrap(line: &str, width: usize, indent: &str) -> String {
    let body = line.trim_start();
    let mut text = line[..line.len() - body.len()].to_owned();
    let mut column = text.len();
    for (place, word) in body.split(' ').enumerate() {
        let len = word.chars().count();
        if place > 0 && column + 1 + len > width {
            text.push('\n');
            text.push_str(indent);
            column = indent.len();
        } else if place > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += len;
    }
    text
}

#[cfg(test)]
mod tests;
