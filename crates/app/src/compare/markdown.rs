//! A comparison as Markdown, for a comment in a pull request.

use std::fmt::Write;

use burn_tune_ranking::Comparison;
use burn_tune_ranking::comparison::TrialSide;

use super::captions::{self, BestLine};

use crate::lines::one_line;

/// Rows of a table: a comment on GitHub has at most 65,536 characters.
const ROWS: usize = 20;
/// Characters of a cell, for the same reason.
const CELL: usize = 200;

/// All of it. What comes from the files stands as code: it is no Markdown, and calls nobody.
pub fn comparison_markdown(comparison: &Comparison) -> String {
    let mut text = format!("### burn-tune: {}\n\n", captions::headline(comparison));
    let _ = writeln!(text, "{}\n", escaped(&captions::verdict_sentence(comparison)));
    let best = captions::best_lines(comparison).into_iter();
    let rows = best.map(|BestLine { when, side, place }| {
        let [trial, params] = trial_cells(comparison, side.trial.to_string(), side);
        let place = place.trim_start_matches(", ").to_owned();
        vec![when.into(), trial, captions::outcome(side), place, params]
    });
    table(&mut text, &["best of", "trial", "score", "", "params"], rows.collect());
    let _ = writeln!(text, "{}\n", captions::counts_sentence(comparison));
    let remarks = [captions::doubts(comparison), captions::set_aside(comparison)];
    for remark in remarks.into_iter().flatten() {
        let _ = writeln!(text, "{}\n", escaped(&remark));
    }
    tables(comparison, &mut text);
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn tables(comparison: &Comparison, text: &mut String) {
    section(
        text,
        "Settings that differ",
        &["setting", "before", "now"],
        &comparison.settings,
        |one| {
            let [old, new] = captions::setting_values(one);
            vec![code(&one.setting), code(&old), code(&new)]
        },
    );
    let header = ["trial", "before", "now", "change", "params"];
    section(text, captions::scores_title(comparison), &header, &comparison.scores, |one| {
        let [trial, params] =
            trial_cells(comparison, captions::numbers(one.old.trial, one.new.trial), &one.new);
        let [old, new, by] = captions::moved(one);
        vec![trial, old, new, by, params]
    });
    let header = ["trial", "before", "now", "reason", "params"];
    section(text, "Trials that ended otherwise", &header, &comparison.states, |one| {
        let [trial, params] =
            trial_cells(comparison, captions::numbers(one.old.trial, one.new.trial), &one.new);
        let [old, new] =
            [one.old.state, one.new.state].map(|state| captions::state(state).to_owned());
        vec![trial, old, new, one.error.as_deref().map_or(String::new(), code), params]
    });
    let header = ["trial", "flags", "params"];
    section(text, "Flags that came (+) or went (-)", &header, &comparison.flags, |one| {
        let [trial, params] =
            trial_cells(comparison, captions::numbers(one.old_trial, one.new.trial), &one.new);
        vec![trial, code(&captions::flags(&one.came, &one.went)), params]
    });
    let header = ["trial", "before", "now", "", "params"];
    section(text, "Refits, scored on the test data", &header, &comparison.refits, |one| {
        let trial = captions::numbers(one.old_trial, one.new_trial);
        let name = one.name.as_deref().map_or(String::new(), |name| format!(" {}", code(name)));
        let [old, new] = captions::refit_values(one);
        let noise = captions::refit_noise(one).to_owned();
        vec![
            format!("{trial}{name}"),
            old,
            new,
            noise,
            code(&captions::params(comparison, &one.params)),
        ]
    });
    section(text, "Pareto front", &["trial", "", "params"], &comparison.front, |one| {
        let [trial, params] = trial_cells(comparison, one.trial.trial.to_string(), &one.trial);
        vec![trial, if one.came { "came" } else { "went" }.into(), params]
    });
    let header = ["rank", "trial", "score", "params"];
    let alone = |one: &TrialSide| {
        let [trial, params] = trial_cells(comparison, one.trial.to_string(), one);
        vec![one.rank.to_string(), trial, captions::outcome(one), params]
    };
    section(text, "New trials", &header, &comparison.new_trials, alone);
    section(text, "Trials that are gone", &header, &comparison.gone_trials, alone);
}

/// The number with the name, and the params.
fn trial_cells(comparison: &Comparison, number: String, side: &TrialSide) -> [String; 2] {
    let name = side.name.as_deref().map_or(String::new(), |name| format!(" {}", code(name)));
    [format!("{number}{name}"), code(&captions::params(comparison, &side.params))]
}

/// A table that unfolds; nothing where there are no rows.
fn section<T>(
    text: &mut String,
    title: &str,
    header: &[&str],
    all: &[T],
    row: impl Fn(&T) -> Vec<String>,
) {
    if all.is_empty() {
        return;
    }
    let _ = writeln!(text, "<details><summary>{title}: {}</summary>\n", all.len());
    table(text, header, all.iter().take(ROWS).map(row).collect());
    if all.len() > ROWS {
        let _ = writeln!(text, "And {} more, which `--format json` has.\n", all.len() - ROWS);
    }
    text.push_str("</details>\n\n");
}

fn table(text: &mut String, header: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "| {} |", header.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(header.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text.push('\n');
}

/// A text as code in a table, in which nothing has a meaning but the bar.
fn code(value: &str) -> String {
    let value = one_line(value);
    let mut short: String = value.chars().take(CELL).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    // A span ends where as many backticks stand as it began with.
    let run = short.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(run + 1);
    let gap = if run > 0 { " " } else { "" };
    match short.trim() {
        "" => String::new(),
        _ => format!("{fence}{gap}{}{gap}{fence}", short.replace('|', "\\|")),
    }
}

/// A sentence with the name of a metric in it, as it stands.
fn escaped(sentence: &str) -> String {
    let special = |c: char| "\\`*_[]<>#@|".contains(c);
    let escape = |c: char| if special(c) { vec!['\\', c] } else { vec![c] };
    sentence.chars().flat_map(escape).collect()
}
