//! The words and numbers that the text and the Markdown of a comparison have in common.

use burn_tune_ranking::Comparison;
use burn_tune_ranking::comparison::{RefitChange, ScoreChange, SettingChange, TrialSide, Verdict};
use burn_tune_ranking::format::{ValueFormat, count, spread_text, value_text};
use burn_tune_ranking::leaderboard::State;
use burn_tune_search::{Flag, Params};
use serde_json::Value;

use crate::lines::{one_line, params_line};

/// What became of the best, in a few words.
pub fn headline(comparison: &Comparison) -> &'static str {
    match (comparison.verdict, &comparison.best.old, &comparison.best.new) {
        (_, None, None) => "no trial is complete on either side",
        (_, Some(_), None) => "no trial is complete any more",
        (_, None, Some(_)) => "there is a best trial now",
        (Verdict::Worse, ..) => "the best got worse",
        (Verdict::Better, ..) => "the best got better",
        (Verdict::Same, ..) if comparison.best.difference == Some(0.0) => {
            "the best is as good as before"
        }
        (Verdict::Same, ..) => "the best is as good as before, up to noise",
    }
}

/// By how much the best moved, and how that stands to noise.
pub fn verdict_sentence(comparison: &Comparison) -> String {
    let metric = one_line(&comparison.metric);
    let score = |side: &Option<TrialSide>| side.as_ref().and_then(|side| side.score);
    let (old, new) = (score(&comparison.best.old), score(&comparison.best.new));
    let (Some(old), Some(new), Some(difference)) = (old, new, comparison.best.difference) else {
        return match (old, new) {
            (Some(old), None) => format!("The best {metric} was {}.", value_text(old)),
            (None, Some(new)) => format!("Its {metric} is {}.", value_text(new)),
            _ => "There is nothing to compare.".into(),
        };
    };
    if difference == 0.0 {
        return format!("The best {metric} is {}, to the last digit what it was.", value_text(new));
    }
    let format = ValueFormat::of([old, new]);
    let moved = format!(
        "The best {metric} went from {} to {} ({})",
        format.text(old),
        format.text(new),
        signed(difference, format)
    );
    match (comparison.noise, comparison.verdict) {
        (None, _) => format!(
            "{moved}. Nothing tells how large noise is (one fold, or a program's scores), so each difference counts: --tolerance says what is to pass."
        ),
        (Some(noise), Verdict::Same) => {
            format!("{moved}: within noise, which is up to {}.", format.text(noise))
        }
        (Some(noise), _) => {
            format!("{moved}: more than noise, which is up to {}.", format.text(noise))
        }
    }
}

/// How many trials there are, which are the same, and which came or went.
pub fn counts_sentence(comparison: &Comparison) -> String {
    let counts = &comparison.counts;
    let beyond = comparison.scores.len();
    let moved = match (counts.moved, comparison.noise) {
        (0, _) if counts.both == 0 => String::new(),
        (0, _) => ", with the same scores to the last digit".into(),
        (moved, None) => format!(", {moved} with another score"),
        (moved, Some(_)) => format!(", {moved} with another score, {beyond} beyond noise"),
    };
    format!(
        "{} before, {} now: {} on both sides{moved}; {} new, {} gone.",
        count(counts.old, "trial"),
        count(counts.new, "trial"),
        counts.both,
        comparison.new_trials.len(),
        comparison.gone_trials.len(),
    )
}

/// What is to be held against the comparison.
pub fn doubts(comparison: &Comparison) -> Option<String> {
    let doubtful = comparison.settings.iter().filter(|setting| setting.doubtful);
    let names: Vec<&str> = doubtful.map(|setting| setting.setting.as_str()).collect();
    (!names.is_empty()).then(|| {
        let verb = if names.len() == 1 { "is" } else { "are" };
        format!(
            "The comparison is doubtful: {} {verb} not the same, so scores mean something else.",
            names.join(" and ")
        )
    })
}

/// Which params were not looked at.
pub fn set_aside(comparison: &Comparison) -> Option<String> {
    let names: Vec<String> =
        comparison.params_set_aside.iter().map(|name| one_line(name)).collect();
    (!names.is_empty()).then(|| {
        format!("Set aside, because one side alone has it, with one value: {}.", names.join(", "))
    })
}

/// The best of one side, with where it stands on the other.
pub struct BestLine<'a> {
    /// Of which side.
    pub when: &'static str,
    /// The trial there.
    pub side: &'a TrialSide,
    /// What becomes of it on the other side; nothing where it is the best there.
    pub place: String,
}

/// The best of either side; one line where they are the same trial.
pub fn best_lines(comparison: &Comparison) -> Vec<BestLine<'_>> {
    let best = &comparison.best;
    if let (Some(1), Some(1), Some(side)) = (best.rank_of_old, best.rank_of_new, &best.new) {
        return vec![BestLine { when: "both", side, place: String::new() }];
    }
    let old = best.rank_of_old.map_or(", gone".into(), |rank| format!(", now rank {rank}"));
    let new = best.rank_of_new.map_or(", new".into(), |rank| format!(", was rank {rank}"));
    let lines = [("old", &best.old, old), ("new", &best.new, new)].into_iter();
    lines
        .filter_map(|(when, side, place)| Some(BestLine { when, side: side.as_ref()?, place }))
        .collect()
}

/// `13`, or `13 → 7` where the number is another one.
pub fn numbers(old: usize, new: usize) -> String {
    if old == new { new.to_string() } else { format!("{old} → {new}") }
}

/// ` (yunjey)`, where there is a name.
pub fn name_of(name: Option<&str>) -> String {
    name.map_or(String::new(), |name| format!(" ({})", one_line(name)))
}

/// The params in a line, without those that are the same in all trials; all of them where none varies.
pub fn params(comparison: &Comparison, params: &Params) -> String {
    let vary = &comparison.params_that_vary;
    let shown =
        params.iter().filter(|(name, _)| vary.is_empty() || vary.iter().any(|one| one == name));
    one_line(&params_line(shown))
}

/// A score, or how a trial ended without one.
pub fn outcome(side: &TrialSide) -> String {
    match (side.score, side.state) {
        (Some(score), State::Complete) => value_text(score),
        _ => state(side.state).into(),
    }
}

pub fn state(state: State) -> &'static str {
    match state {
        State::Complete => "complete",
        State::Pruned => "pruned",
        State::Failed => "failed",
    }
}

/// What a setting was and is, in JSON; nothing where there was none.
pub fn setting_values(setting: &SettingChange) -> [String; 2] {
    [&setting.old, &setting.new].map(|value| match value {
        Value::Null => "none".into(),
        Value::String(text) => one_line(text),
        value => one_line(&value.to_string()),
    })
}

/// `+dead_units −diverged`.
pub fn flags(came: &[Flag], went: &[Flag]) -> String {
    let came = came.iter().map(|flag| format!("+{flag}"));
    let all: Vec<String> = came.chain(went.iter().map(|flag| format!("-{flag}"))).collect();
    all.join(" ")
}

/// What refits came to on either side.
pub fn refit_values(refit: &RefitChange) -> [String; 2] {
    [refit.old, refit.new].map(|side| match (side.mean, side.std) {
        (Some(mean), Some(std)) => spread_text(mean, std),
        _ => "failed".into(),
    })
}

/// How the difference of refits stands to that of their seeds.
pub fn refit_noise(refit: &RefitChange) -> &'static str {
    match refit.beyond_noise {
        Some(true) => "beyond noise",
        Some(false) => "within noise",
        None => "",
    }
}

/// A score that moved: what it was, what it is, and by how much, such as `+0.0031`.
pub fn moved(change: &ScoreChange) -> [String; 3] {
    let format =
        ValueFormat::of([&change.old, &change.new].into_iter().filter_map(|one| one.score));
    [outcome(&change.old), outcome(&change.new), signed(change.difference, format)]
}

/// What the list of scores is called.
pub fn scores_title(comparison: &Comparison) -> &'static str {
    match comparison.noise {
        Some(_) => "Scores that moved by more than noise",
        None => "Scores that moved",
    }
}

/// A difference, in the form of what differs.
fn signed(difference: f64, format: ValueFormat) -> String {
    let sign = if difference < 0.0 { "-" } else { "+" };
    format!("{sign}{}", format.text(difference.abs()))
}
