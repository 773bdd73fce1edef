//! A comparison as a person reads it in a terminal.

use std::fmt::Write;

use burn_tune_ranking::Comparison;
use burn_tune_ranking::comparison::TrialSide;

use super::captions::{self, BestLine, name_of, numbers, params};

use crate::lines::{one_line, textwrap};

/// Rows of a list that are shown.
const ROWS: usize = 10;

/// All of it, in lines of at most `width` columns, if that can be.
pub fn comparison_text(comparison: &Comparison, width: usize) -> String {
    let mut text = Lines { text: String::new(), width };
    let headline = captions::headline(comparison);
    let capital = headline.chars().take(1).flat_map(char::to_uppercase);
    text.line(&format!("{}{}.", capital.collect::<String>(), &headline[1..]));
    text.line(&captions::verdict_sentence(comparison));
    for BestLine { when, side, place } in captions::best_lines(comparison) {
        let name = name_of(side.name.as_deref());
        let params = params(comparison, &side.params);
        text.row(&format!("best of {when}: trial {}{name}{place}: {params}", side.trial));
    }
    text.line(&captions::counts_sentence(comparison));
    let remarks = [captions::doubts(comparison), captions::set_aside(comparison)];
    remarks.into_iter().flatten().for_each(|remark| text.line(&remark));
    lists(comparison, &mut text);
    text.text
}

fn lists(comparison: &Comparison, text: &mut Lines) {
    text.list("Settings that differ", &comparison.settings, |setting| {
        let [old, new] = captions::setting_values(setting);
        format!("{}: {old} → {new}", one_line(&setting.setting))
    });
    text.list(captions::scores_title(comparison), &comparison.scores, |change| {
        let [old, new, by] = captions::moved(change);
        format!("{old} → {new}  {by}  {}", titled(comparison, change.old.trial, &change.new))
    });
    text.list("Trials that ended otherwise", &comparison.states, |change| {
        let (old, new) = (captions::state(change.old.state), captions::state(change.new.state));
        let why = change.error.as_ref().map_or(String::new(), |error| {
            format!(" ({})", one_line(error.lines().next().unwrap_or_default()))
        });
        format!("{old} → {new}  {}{why}", titled(comparison, change.old.trial, &change.new))
    });
    text.list("Flags that came (+) or went (-)", &comparison.flags, |change| {
        let flags = captions::flags(&change.came, &change.went);
        format!("{flags}  {}", titled(comparison, change.old_trial, &change.new))
    });
    text.list("Refits, scored on the test data", &comparison.refits, |refit| {
        let [old, new] = captions::refit_values(refit);
        let noise = captions::refit_noise(refit);
        let trial = numbers(refit.old_trial, refit.new_trial);
        let name = name_of(refit.name.as_deref());
        format!(
            "{old} → {new}  {noise}  trial {trial}{name}: {}",
            params(comparison, &refit.params)
        )
    });
    text.list("Pareto front, came (+) or went (-)", &comparison.front, |change| {
        let sign = if change.came { '+' } else { '-' };
        format!("{sign} {}", titled(comparison, change.trial.trial, &change.trial))
    });
    let alone = |side: &TrialSide| {
        format!(
            "rank {}, {}  {}",
            side.rank,
            captions::outcome(side),
            titled(comparison, side.trial, side)
        )
    };
    text.list("New trials", &comparison.new_trials, alone);
    text.list("Trials that are gone", &comparison.gone_trials, alone);
}

/// `trial 13 → 7 (name): lr=0.01`.
fn titled(comparison: &Comparison, old: usize, new: &TrialSide) -> String {
    let name = name_of(new.name.as_deref());
    format!("trial {}{name}: {}", numbers(old, new.trial), params(comparison, &new.params))
}

/// Lines of a width.
struct Lines {
    text: String,
    width: usize,
}

impl Lines {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}", textwrap(line, self.width, "  "));
    }

    fn row(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}", textwrap(&format!("  {line}"), self.width, "      "));
    }

    /// A title and a row for each; nothing where there are none.
    fn list<T>(&mut self, title: &str, all: &[T], row: impl Fn(&T) -> String) {
        if all.is_empty() {
            return;
        }
        self.text.push('\n');
        self.line(&format!("{title}: {}", all.len()));
        all.iter().take(ROWS).for_each(|one| self.row(&row(one)));
        if all.len() > ROWS {
            self.row(&format!("and {} more, which --format json has", all.len() - ROWS));
        }
    }
}
