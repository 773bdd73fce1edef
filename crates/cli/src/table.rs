//! The leaderboard as a person reads it in a terminal: the best trials, which of them differ, and what
//! is wrong with any.

use std::fmt::Write;

use burn_tune_ranking::leaderboard::{State, TopEntry, TrialEntry};
use burn_tune_ranking::{Leaderboard, noise};
use burn_tune_search::{Flag, ParamValue, Params};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// Rows that are shown; named trials are shown besides.
const ROWS: usize = 10;

/// The table and what is to be said about it. Lines are at most `width` columns, if that can be. `size`
/// tells how many numbers a configuration trains.
pub fn leaderboard_text(
    leaderboard: &Leaderboard,
    size: impl Fn(&Params) -> Option<u64>,
    width: usize,
) -> String {
    let shown: Vec<&TrialEntry> = leaderboard
        .trials
        .iter()
        .enumerate()
        .filter(|(place, trial)| *place < ROWS || trial.name.is_some())
        .map(|(_, trial)| trial)
        .filter(|trial| trial.state == State::Complete)
        .collect();
    let mut text = String::new();
    if !shown.is_empty() {
        let wide = table(leaderboard, &shown, &size, true).to_string();
        let fits = wide.lines().all(|line| line.chars().count() <= width);
        let mut table = if fits {
            wide
        } else {
            table(leaderboard, &shown, &size, false).set_width(width as u16).to_string()
        };
        table.push('\n');
        text.extend(table.lines().flat_map(|line| [line.trim_end(), "\n"]));
        text.push('\n');
    }
    let lines = remarks(leaderboard, shown.len());
    for line in lines {
        let wrapped = textwrap(&line, width);
        let _ = writeln!(text, "{wrapped}");
    }
    text
}

/// One column a parameter, or all of them in one.
fn table(
    leaderboard: &Leaderboard,
    shown: &[&TrialEntry],
    size: impl Fn(&Params) -> Option<u64>,
    spread: bool,
) -> Table {
    let varying = varying_params(leaderboard);
    let metric = &leaderboard.evaluation.metric;
    let mut header = vec![
        "rank".to_owned(),
        "trial".into(),
        format!("cv {metric}"),
        format!("test {metric}"),
        "size".into(),
    ];
    if spread {
        header.extend(varying.iter().map(|name| (*name).to_owned()));
    } else {
        header.push("params".into());
    }
    header.push("flags".into());

    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if spread {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(header);
    for trial in shown {
        let noise =
            if trial.rank > 1 && trial.within_noise_of_best == Some(true) { " ≈" } else { "  " };
        let name = trial.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
        let mut row = vec![
            format!("{}{noise}", trial.rank),
            format!("{}{name}", trial.trial),
            spread_of(trial.mean_test_score, trial.std_test_score),
            test_score(leaderboard, trial.trial),
            size(&trial.params).map_or(String::new(), thousands),
        ];
        let values = varying.iter().filter_map(|name| Some((*name, trial.params.get(name)?)));
        if spread {
            row.extend(values.map(|(_, value)| short(value)));
        } else {
            let pairs: Vec<String> =
                values.map(|(name, value)| format!("{name}={}", short(value))).collect();
            row.push(pairs.join(" "));
        }
        let flags: Vec<String> = flags_of(leaderboard, trial).iter().map(Flag::to_string).collect();
        row.push(flags.join(" "));
        table.add_row(row);
    }
    for number in [0, 4].into_iter().chain(5..5 + if spread { varying.len() } else { 0 }) {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Parameters that are not fixed by the space.
fn varying_params(leaderboard: &Leaderboard) -> Vec<&str> {
    let trials = &leaderboard.trials;
    let domains = leaderboard.space.domains.iter();
    domains
        .map(|(name, _)| name.as_str())
        .filter(|name| {
            trials.iter().any(|trial| trial.params.get(name) != trials[0].params.get(name))
        })
        .collect()
}

fn refit_of(leaderboard: &Leaderboard, trial: usize) -> Option<&TopEntry> {
    leaderboard.top.iter().find(|entry| entry.trial == trial)
}

fn flags_of(leaderboard: &Leaderboard, trial: &TrialEntry) -> Vec<Flag> {
    let refitted = refit_of(leaderboard, trial.trial).map_or(&[][..], |entry| &entry.flags);
    Flag::union(trial.flags.iter().chain(refitted).cloned())
}

fn test_score(leaderboard: &Leaderboard, trial: usize) -> String {
    let refit = refit_of(leaderboard, trial).and_then(|entry| entry.refit.as_ref());
    refit.map_or(String::new(), |refit| spread_of(refit.mean, refit.std))
}

fn spread_of(mean: Option<f64>, std: Option<f64>) -> String {
    match (mean, std) {
        (Some(mean), Some(std)) => format!("{mean:.4} ± {std:.4}"),
        _ => "failed".into(),
    }
}

/// A value in at most a few characters: floats to three significant digits.
fn short(value: &ParamValue) -> String {
    match value {
        ParamValue::Float(float) if *float != 0.0 => {
            let exponent = float.abs().log10().floor() as i32;
            if (-4..6).contains(&exponent) {
                let digits = usize::try_from(2 - exponent).unwrap_or(0);
                let text = format!("{float:.digits$}");
                if text.contains('.') {
                    text.trim_end_matches('0').trim_end_matches('.').to_owned()
                } else {
                    text
                }
            } else {
                format!("{float:.2e}")
            }
        }
        value => value.to_string(),
    }
}

/// `397k`, `1.2M`.
fn thousands(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}k", (number as f64 / 1e3).round()),
        _ => format!("{:.1}M", number as f64 / 1e6),
    }
}

fn remarks(leaderboard: &Leaderboard, shown: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let complete = leaderboard.counts.complete;
    if shown < complete {
        lines.push(format!("{} more complete trials are in the files below.", complete - shown));
    }
    lines.extend(noise_remark(leaderboard));
    if let Some((first, refit)) =
        leaderboard.top.first().and_then(|first| Some((first, first.refit.as_ref()?)))
    {
        lines.push(format!(
            "Refitted on all {} examples from {} seeds, trial {} scores {} on the {} test examples.",
            leaderboard.evaluation.train_examples,
            refit.seeds,
            first.trial,
            spread_of(refit.mean, refit.std),
            leaderboard.evaluation.test_examples,
        ));
    }
    lines.extend(flag_remarks(leaderboard));
    let failed: Vec<&TrialEntry> =
        leaderboard.trials.iter().filter(|trial| trial.state == State::Failed).collect();
    if let Some(first) = failed.first() {
        let reason = first.error.as_deref().unwrap_or_default();
        lines.push(format!(
            "{} trials failed, such as trial {}: {reason}",
            failed.len(),
            first.trial
        ));
    }
    lines
}

fn noise_remark(leaderboard: &Leaderboard) -> Option<String> {
    let folds = leaderboard.evaluation.folds;
    let like_best =
        leaderboard.trials.iter().filter(|trial| trial.within_noise_of_best == Some(true)).count();
    match like_best {
        0 if folds == 1 && leaderboard.counts.complete > 0 => Some(
            "One score a trial says nothing about noise: use --folds 3 or more to see which differences are real.".into(),
        ),
        0 => None,
        1 => Some("The best differs from every other trial by more than noise.".into()),
        _ => Some(format!(
            "≈ {} trials do not differ from the best by more than noise (corrected resampled t-test over {folds} folds, p ≥ {}): choose among them by size.",
            like_best - 1,
            noise::SIGNIFICANCE,
        )),
    }
}

/// What each kind of flag means, with how many trials have it.
fn flag_remarks(leaderboard: &Leaderboard) -> Vec<String> {
    let mut kinds: Vec<(String, &'static str, usize)> = Vec::new();
    for trial in &leaderboard.trials {
        for flag in flags_of(leaderboard, trial) {
            let name = flag.to_string();
            let name = name.split(':').next().unwrap_or_default().to_owned();
            match kinds.iter_mut().find(|(known, ..)| *known == name) {
                Some((.., count)) => *count += 1,
                None => kinds.push((name, flag.advice(), 1)),
            }
        }
    }
    kinds
        .into_iter()
        .map(|(name, advice, count)| format!("{name} ({count} trials): {advice}"))
        .collect()
}

/// Breaks a line at spaces, with later lines indented.
fn textwrap(line: &str, width: usize) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in line.split(' ') {
        let len = word.chars().count();
        if column > 0 && column + 1 + len > width {
            text.push_str("\n  ");
            column = 2;
        } else if column > 0 {
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
