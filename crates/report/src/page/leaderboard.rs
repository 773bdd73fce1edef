//! The leaderboard in words and as a table.

use std::collections::BTreeMap;

use burn_tune_ranking::format::{grouped, rough_text, seconds_text, step_word, value_text};
use burn_tune_ranking::leaderboard::{PruningEntry, State, StepScore, TopEntry, TrialEntry};
use burn_tune_ranking::{FitTimes, Leaderboard, ObjectiveMeans};
use burn_tune_search::Direction;

use super::Remark;
use super::details::details;
use super::flags::{self, FlagKind};
use super::table::{Cell, Column, Mark, Row, Table};
use crate::numbers::{self, count, numeric, spread};
use crate::study::StudyResults;

/// What the study is, in a line.
pub fn facts(leaderboard: &Leaderboard, objectives: &[ObjectiveMeans]) -> Vec<String> {
    let evaluation = &leaderboard.evaluation;
    let better = |direction: Direction| match direction {
        Direction::Maximize => "higher is better",
        Direction::Minimize => "lower is better",
    };
    let of_objective =
        |objective: &ObjectiveMeans| format!("{}, {}", objective.name, better(objective.direction));
    let mut facts = vec![count(leaderboard.trials.len(), "trial")];
    if let Some(dataset) = &evaluation.dataset {
        facts.push(match evaluation.folds {
            1 => "a fifth held out".into(),
            folds => format!("{folds} folds"),
        });
        facts.push(format!(
            "{dataset}: {} training and {} test examples",
            grouped(evaluation.train_examples.unwrap_or(0) as u64),
            grouped(evaluation.test_examples.unwrap_or(0) as u64),
        ));
    }
    if evaluation.dataset.is_none() && evaluation.folds > 1 {
        facts.push(format!("{} folds", evaluation.folds));
    }
    facts.extend(evaluation.command.as_ref().map(|command| format!("scored by {command}")));
    facts.extend(objectives.iter().map(of_objective));
    facts.push(format!("seed {}", leaderboard.seed));
    facts.extend(evaluation.backend.as_ref().map(|backend| format!("backend {backend}")));
    facts
}

/// `60,000 test examples`, or where their number is not known, `test data`.
fn examples(number: Option<usize>, sort: &str) -> String {
    match number {
        Some(number) => format!("{} {sort}examples", grouped(number as u64)),
        None => format!("{sort}data"),
    }
}

/// What came of the study, in words.
pub fn summary(leaderboard: &Leaderboard) -> Vec<Remark> {
    let remarks = [
        best_remark(leaderboard),
        noise_remark(leaderboard),
        refit_remark(leaderboard),
        pruning_remark(leaderboard),
        failure_remark(leaderboard),
    ];
    remarks.into_iter().flatten().collect()
}

/// The kinds of flags that occur.
pub fn flag_kinds(leaderboard: &Leaderboard) -> Vec<FlagKind> {
    flags::flag_kinds(leaderboard.trials.iter().map(|trial| leaderboard.flags(trial)), "trial")
}

/// All trials, by rank; with a column for each of the `further` objectives, and with what a trial costs where
/// there is a choice among the best.
pub fn table(
    results: StudyResults,
    further: &[ObjectiveMeans],
    stderr: &BTreeMap<usize, String>,
) -> Table {
    let StudyResults { leaderboard, fit_times, .. } = results;
    let metric = &leaderboard.evaluation.metric;
    let varying = leaderboard.varying_params();
    let mut columns = vec![
        Column::number("rank"),
        Column::number("trial"),
        Column::number(match leaderboard.evaluation.folds {
            1 => metric.clone(),
            _ => format!("cv {metric}"),
        }),
    ];
    let has_refits = !leaderboard.top.is_empty();
    if has_refits {
        columns.push(Column::number(format!("test {metric}")));
    }
    let has_size = has_size(leaderboard, further);
    let has_time = has_fit_time(leaderboard, fit_times);
    columns.extend(has_size.then(|| Column::number("size")));
    columns.extend(has_time.then(|| Column::number("fit time")));
    columns.extend(further.iter().map(|objective| Column::number(&objective.name)));
    columns.extend(varying.iter().map(|name| param_column(leaderboard, name)));
    columns.push(Column::text("flags"));
    let rows = leaderboard.trials.iter().map(|trial| {
        let mut cells = vec![rank_cell(trial), trial_cell(trial), score_cell(trial)];
        if has_refits {
            cells.push(refit_cell(leaderboard.top_entry(trial.trial)));
        }
        cells.extend(has_size.then(|| size_cell(trial)));
        cells.extend(has_time.then(|| fit_time_cell(trial, fit_times)));
        cells.extend(further.iter().map(|objective| objective_cell(objective, trial)));
        cells.extend(varying.iter().map(|name| param_cell(trial, name)));
        cells.push(Cell::troubles(leaderboard.flags(trial), errors_of(leaderboard, trial)));
        Row { mark: mark(trial), cells, details: details(results, trial, stderr) }
    });
    let label = "All trials by rank";
    Table { id: "leaderboard", label, rows: rows.collect(), columns, sorted_by: Some(0) }
}

/// What the columns of the table do not say of it.
pub fn notes(
    leaderboard: &Leaderboard,
    measured: &[ObjectiveMeans],
    fit_times: &FitTimes,
) -> Vec<String> {
    let mut notes = Vec::new();
    if !front(leaderboard).is_empty() {
        notes.push("◆ and the tint mark the Pareto front, which shares rank 1. Later ranks are the fronts behind it.".into());
    }
    for ObjectiveMeans { name, .. } in measured {
        notes.push(format!("{name} is wall-clock time, another in each run: shown, never ranked."));
    }
    if let Some(band) = &leaderboard.noise_band {
        notes.push(format!(
            "≈ and the tint mark the trials within {} of the best: they cannot be told from it. The band is the one-sided 95% quantile of the difference of two means over {} folds, from the residuals of {} (standard deviation {}, {} degrees of freedom), corrected for folds that share training data.",
            rough_text(band.width),
            leaderboard.evaluation.folds,
            count(band.pooled_trials, "trial"),
            rough_text(band.residual_std),
            band.degrees_of_freedom,
        ));
    }
    if has_fit_time(leaderboard, fit_times) {
        notes.push("Fit time is how long one fold trained, as the mean of all folds: wall-clock time, another in each run.".into());
    }
    if leaderboard.trials.iter().any(|trial| trial.mean_test_score.is_some()) {
        notes.push("± is one standard deviation over the folds or, for refits, the seeds.".into());
    }
    let varying = leaderboard.varying_params();
    let first = leaderboard.trials.first();
    let fixed = first.into_iter().flat_map(|trial| trial.params.iter());
    let fixed: Vec<String> = fixed
        .filter(|(name, _)| !varying.contains(name))
        .map(|(name, value)| format!("{name} = {}", value.brief()))
        .collect();
    if !fixed.is_empty() {
        notes.push(format!("The same in all trials: {}.", fixed.join(", ")));
    }
    notes
}

/// Whether sizes are known, and are not an objective, which has a column of its own.
fn has_size(leaderboard: &Leaderboard, further: &[ObjectiveMeans]) -> bool {
    let is_objective = further.iter().any(|objective| objective.name == "parameters");
    !is_objective && leaderboard.trials.iter().any(|trial| trial.size.is_some())
}

/// Whether there is a choice to make by speed, and times to make it by.
fn has_fit_time(leaderboard: &Leaderboard, fit_times: &FitTimes) -> bool {
    leaderboard.offers_choice() && !fit_times.is_empty()
}

fn is_complete(trial: &TrialEntry) -> bool {
    trial.state == State::Complete
}

/// The complete trials of rank 1.
fn firsts(leaderboard: &Leaderboard) -> Vec<&TrialEntry> {
    let trials = leaderboard.trials.iter();
    trials.filter(|trial| trial.rank == 1 && is_complete(trial)).collect()
}

/// The trials of the Pareto front, where there are several objectives.
fn front(leaderboard: &Leaderboard) -> Vec<&TrialEntry> {
    leaderboard.trials.iter().filter(|trial| trial.front == Some(true)).collect()
}

/// What is on the Pareto front.
fn front_remark(leaderboard: &Leaderboard, front: &[&TrialEntry]) -> Remark {
    let objectives = ObjectiveMeans::all(leaderboard, &[]);
    let best_in = |objective: &ObjectiveMeans| {
        let of_front =
            front.iter().filter_map(|trial| Some((trial, *objective.means.get(&trial.trial)?)));
        let loss = |value: f64| objective.direction.loss(value);
        let best = of_front.min_by(|(_, a), (_, b)| loss(*a).total_cmp(&loss(*b)));
        best.map(|(trial, value)| {
            format!(
                "{} is best in {}, with {}",
                titled(trial),
                objective.name,
                numbers::value(value)
            )
        })
    };
    let best: Vec<String> = objectives.iter().filter_map(best_in).collect();
    let text = format!(
        "{} of {}: no other is better in one objective without being worse in another. {}.",
        grouped(front.len() as u64),
        count(leaderboard.counts.complete, "complete trial"),
        best.join("; ")
    );
    Remark::new("Pareto front", text)
}

fn best_remark(leaderboard: &Leaderboard) -> Option<Remark> {
    let front = front(leaderboard);
    if !front.is_empty() {
        return Some(front_remark(leaderboard, &front));
    }
    let firsts = firsts(leaderboard);
    let score = |trial: &TrialEntry| match (trial.mean_test_score, trial.std_test_score) {
        (Some(mean), Some(std)) if leaderboard.evaluation.folds > 1 => {
            format!("{} over {} folds", spread(mean, std), leaderboard.evaluation.folds)
        }
        (Some(mean), _) => value_text(mean),
        (None, _) => "no score".into(),
    };
    let text = match &firsts[..] {
        [] if leaderboard.trials.is_empty() => "No trial has ended.".into(),
        [] if leaderboard.counts.pruned > 0 => {
            "No trial came to a score: all of them failed or were pruned.".into()
        }
        [] => "No trial came to a score: all of them failed.".into(),
        [best] => format!("{}, with {}.", titled(best), score(best)),
        [first, ..] => {
            let all: Vec<String> = firsts.iter().map(|trial| titled(trial)).collect();
            format!("{} share the first rank, with {}.", all.join(" and "), score(first))
        }
    };
    Some(Remark::new("Best", text))
}

fn titled(trial: &TrialEntry) -> String {
    match &trial.name {
        Some(name) => format!("Trial {} ({name})", trial.trial),
        None => format!("Trial {}", trial.trial),
    }
}

fn noise_remark(leaderboard: &Leaderboard) -> Option<Remark> {
    let near = leaderboard.trials.iter().filter(|trial| mark(trial) == Mark::NearBest).count();
    let complete = leaderboard.counts.complete;
    let width =
        || leaderboard.noise_band.map_or_else(|| "noise".into(), |band| rough_text(band.width));
    let text = match near {
        _ if complete < 2 || !leaderboard.objectives.is_empty() => return None,
        0 if leaderboard.evaluation.folds == 1 => {
            "One score a trial says nothing about noise: search with --folds 3 or more to see which differences are real.".into()
        }
        0 => return None,
        1 => format!("The best is ahead of every other trial by more than noise ({}).", width()),
        _ => format!(
            "Trials within {} of the best cannot be told apart: {} of the {} others (≈). Choose among them by {}fit time, not by rank.",
            width(),
            grouped(near as u64 - 1),
            grouped(complete as u64 - 1),
            if leaderboard.trials.iter().any(|trial| trial.size.is_some()) { "size or " } else { "" },
        ),
    };
    Some(Remark::new("Noise", text))
}

fn refit_remark(leaderboard: &Leaderboard) -> Option<Remark> {
    let evaluation = &leaderboard.evaluation;
    let first = leaderboard.top.first()?;
    let Some(refit) = &first.refit else {
        return Some(Remark::new("Refits", "Not all of them are done."));
    };
    let (Some(mean), Some(std)) = (refit.mean, refit.std) else {
        let text = format!("A refit of trial {} failed: see its row.", first.trial);
        return Some(Remark::new("Refits", text));
    };
    let all = match evaluation.train_examples {
        None => "all of the data".to_owned(),
        known => format!("all {}", examples(known, "")),
    };
    let text = format!(
        "Trained on {all} from {}, trial {} scores {} on the {}, which the search has not seen. This is the figure to quote.",
        count(refit.seeds, "seed"),
        first.trial,
        spread(mean, std),
        examples(evaluation.test_examples, "test "),
    );
    Some(Remark::new("Refits", text))
}

fn failure_remark(leaderboard: &Leaderboard) -> Option<Remark> {
    let failed: Vec<&TrialEntry> =
        leaderboard.trials.iter().filter(|trial| trial.state == State::Failed).collect();
    let first = failed.first()?;
    let reason = first.error.as_deref().unwrap_or("without a reason");
    let text = match failed.len() {
        1 => format!("Trial {} failed: {reason}", first.trial),
        many => format!("{many} trials failed, such as trial {}: {reason}", first.trial),
    };
    Some(Remark::new("Failures", text))
}

fn pruning_remark(leaderboard: &Leaderboard) -> Option<Remark> {
    let PruningEntry { pruner, steps, steps_without } = leaderboard.pruning.as_ref()?;
    let reports = leaderboard.trials.iter().any(|trial| !trial.reports.is_empty());
    let noun = if reports { step_word(&leaderboard.evaluation) } else { "fold" };
    let text = format!(
        "{pruner} stopped {} of {}: {} of {} {noun}s were trained.",
        grouped(leaderboard.counts.pruned as u64),
        count(leaderboard.trials.len(), "trial"),
        grouped(*steps),
        grouped(*steps_without),
    );
    Some(Remark::new("Pruning", text))
}

fn errors_of(leaderboard: &Leaderboard, trial: &TrialEntry) -> Vec<String> {
    let refit = leaderboard.top_entry(trial.trial).and_then(|entry| entry.refit.as_ref());
    let refit = refit.and_then(|refit| refit.error.as_ref());
    let refit = refit.map(|error| format!("refit failed: {error}"));
    trial.error.clone().into_iter().chain(refit).collect()
}

fn mark(trial: &TrialEntry) -> Mark {
    match trial.within_noise_of_best {
        _ if trial.state == State::Pruned => Mark::Pruned,
        _ if !is_complete(trial) => Mark::Failed,
        _ if trial.front == Some(true) => Mark::NearBest,
        Some(true) => Mark::NearBest,
        _ => Mark::None,
    }
}

fn rank_cell(trial: &TrialEntry) -> Cell {
    let cell = Cell::number(trial.rank.to_string(), trial.rank as f64);
    match mark(trial) {
        Mark::NearBest if trial.front == Some(true) => cell.with_symbol("◆", "on the Pareto front"),
        Mark::NearBest if trial.rank > 1 => cell.with_symbol("≈", "within noise of the best"),
        Mark::Failed | Mark::Pruned => Cell { text: "–".into(), ..cell },
        _ => cell,
    }
}

fn trial_cell(trial: &TrialEntry) -> Cell {
    Cell::number(trial.trial.to_string(), trial.trial as f64)
        .with_note(trial.name.clone().unwrap_or_default())
}

fn score_cell(trial: &TrialEntry) -> Cell {
    match (trial.mean_test_score, trial.std_test_score) {
        (Some(mean), Some(_)) if trial.split_test_scores.len() < 2 => {
            Cell::number(value_text(mean), mean)
        }
        (Some(mean), Some(std)) => Cell::number(spread(mean, std), mean),
        (Some(mean), None) => Cell::number(value_text(mean), mean),
        (None, _) if trial.state == State::Pruned => Cell::missing(pruned_text(trial)),
        (None, _) => Cell::missing("failed"),
    }
}

/// `pruned at 3: 0.8688`.
fn pruned_text(trial: &TrialEntry) -> String {
    match trial.pruned_at {
        Some(StepScore { step, score: Some(score) }) => {
            format!("pruned at {step}: {}", value_text(score))
        }
        _ => "pruned".into(),
    }
}

fn size_cell(trial: &TrialEntry) -> Cell {
    trial.size.map_or_else(Cell::default, |size| Cell::number(grouped(size), size as f64))
}

fn fit_time_cell(trial: &TrialEntry, fit_times: &FitTimes) -> Cell {
    match fit_times.get(&trial.trial) {
        Some(&seconds) => Cell::number(seconds_text(Some(seconds)), seconds),
        None => Cell::default(),
    }
}

fn objective_cell(objective: &ObjectiveMeans, trial: &TrialEntry) -> Cell {
    match objective.means.get(&trial.trial) {
        Some(&mean) => Cell::number(numbers::value(mean), mean),
        None => Cell::default(),
    }
}

fn refit_cell(entry: Option<&TopEntry>) -> Cell {
    match entry.map(|entry| &entry.refit) {
        None => Cell::default(),
        Some(None) => Cell::missing("not done"),
        Some(Some(refit)) => match (refit.mean, refit.std) {
            (Some(mean), Some(std)) => Cell::number(spread(mean, std), mean),
            _ => Cell::missing("failed"),
        },
    }
}

fn param_column(leaderboard: &Leaderboard, name: &str) -> Column {
    let mut values = leaderboard.trials.iter().filter_map(|trial| trial.params.get(name));
    match values.all(|value| numeric(value).is_some()) {
        true => Column::number(name),
        false => Column::text(name),
    }
}

fn param_cell(trial: &TrialEntry, name: &str) -> Cell {
    let Some(value) = trial.params.get(name) else { return Cell::default() };
    match numeric(value) {
        Some(number) => Cell::number(value.brief(), number),
        None => Cell::text(value.brief()),
    }
}
