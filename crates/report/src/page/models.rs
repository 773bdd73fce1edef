//! Models that were trained from several seeds, in words and as tables.

use burn_tune_ranking::format::{grouped, value_text};
use burn_tune_ranking::verdict::{ClaimEntry, Verdict};
use burn_tune_ranking::{Contrast, ModelEntry, TrainingReport};

use super::Remark;
use super::flags::{self, FlagKind};
use super::table::{Cell, Column, Mark, Row, Table};
use crate::numbers::{count, spread};

/// The verdicts in the order in which the summary counts them.
const VERDICTS: [Verdict; 4] =
    [Verdict::Holds, Verdict::DependsOnSeed, Verdict::Fails, Verdict::Unknown];

/// What was trained, in a line.
pub fn facts(report: &TrainingReport) -> Vec<String> {
    let evaluation = &report.evaluation;
    vec![
        count(report.models.len(), "model"),
        format!("{} each", count(report.seeds, "seed")),
        format!(
            "{}: {} training and {} test examples",
            evaluation.dataset,
            grouped(evaluation.train_examples as u64),
            grouped(evaluation.test_examples as u64),
        ),
        evaluation.metric.clone(),
        format!("seed {}", report.seed),
        format!("backend {}", evaluation.backend),
    ]
}

/// What came of the trainings, in words.
pub fn summary(report: &TrainingReport) -> Vec<Remark> {
    let remarks = [
        highest_remark(report),
        reported_remark(report),
        spread_remark(report),
        classes_remark(report),
    ];
    let contrasts = contrast_remarks(report);
    let others = [claims_remark(report), failure_remark(report)];
    remarks.into_iter().flatten().chain(contrasts).chain(others.into_iter().flatten()).collect()
}

/// The kinds of flags that occur.
pub fn flag_kinds(report: &TrainingReport) -> Vec<FlagKind> {
    flags::flag_kinds(report.models.iter().map(|model| model.flags.clone()), "model")
}

/// The models in the order of the file.
pub fn table(report: &TrainingReport) -> Table {
    let varying = report.varying_params();
    let columns = vec![
        Column::text("model"),
        Column::number("parameters"),
        Column::text("settings"),
        Column::number(format!("reported {}", report.evaluation.metric)),
        Column::number(format!("our {}", report.evaluation.metric)),
        Column::number("never predicted"),
        Column::number("loss flat at step"),
        Column::text("flags"),
    ];
    let rows = report.models.iter().map(|model| Row {
        details: Vec::new(),
        mark: if model.mean.is_some() { Mark::None } else { Mark::Failed },
        cells: vec![
            Cell::text(&model.name),
            Cell::number(grouped(model.size), model.size as f64),
            settings_cell(model, &report.models[0], &varying),
            reported_cell(model),
            score_cell(model),
            classes_cell(model),
            convergence_cell(model),
            Cell::troubles(model.flags.clone(), model.errors.clone()),
        ],
    });
    let label = "The models and how they scored";
    Table { id: "models", label, rows: rows.collect(), columns, sorted_by: None }
}

/// The claims with what is measured; `None` where nothing was claimed.
pub fn claims_table(report: &TrainingReport) -> Option<Table> {
    if report.claims.is_empty() {
        return None;
    }
    let columns = ["model", "claimed", "measured", "verdict"].map(Column::text).into();
    let rows = report.claims.iter().map(|claim| Row {
        details: Vec::new(),
        mark: Mark::None,
        cells: vec![
            Cell::text(&claim.model),
            Cell::text(&claim.text),
            Cell::text(&claim.measured),
            verdict_cell(claim),
        ],
    });
    let label = "What was claimed, what is measured, and whether the claim holds";
    Some(Table { id: "claims", label, rows: rows.collect(), columns, sorted_by: None })
}

fn highest_remark(report: &TrainingReport) -> Option<Remark> {
    if report.models.is_empty() {
        return Some(Remark::new("Models", "No model was trained."));
    }
    let scored = report.models.iter().filter_map(|model| Some((model, model.mean?, model.std?)));
    let Some((model, mean, std)) = scored.max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return Some(Remark::new("Models", "No model came to a score from all of its seeds."));
    };
    let text = format!(
        "{}, with {} on the test examples from {}.",
        model.name,
        spread(mean, std),
        count(model.test_scores.len(), "seed")
    );
    Some(Remark::new("Highest", text))
}

fn reported_remark(report: &TrainingReport) -> Option<Remark> {
    let compared = report.models.iter().filter(|model| !model.reported.is_empty());
    let compared: Vec<&ModelEntry> = compared.filter(|model| model.min.is_some()).collect();
    if compared.is_empty() {
        return None;
    }
    let within = compared.iter().filter(|model| is_within_seeds(model)).count();
    let text = format!(
        "For {within} of the {} with reported scores, these lie between the lowest and the highest of our seeds.",
        count(compared.len(), "model")
    );
    Some(Remark::new("Reported", text))
}

/// Whether all that was reported is between the lowest and the highest of our scores, as both are
/// printed.
fn is_within_seeds(model: &ModelEntry) -> bool {
    let (Some(min), Some(max)) = (model.min, model.max) else { return false };
    let hair = 0.5e-4;
    model.reported.iter().all(|score| (min - hair..=max + hair).contains(score))
}

/// How far one training can be from another of the same model.
fn spread_remark(report: &TrainingReport) -> Option<Remark> {
    let (model, min, max) = report.widest()?;
    let text = format!(
        "A single training of {} comes out anywhere from {} to {}, by its seed alone: one run a model says little.",
        model.name,
        value_text(min),
        value_text(max)
    );
    Some(Remark::new("One run", text))
}

/// For each parameter, the models that differ in it alone.
fn contrast_remarks(report: &TrainingReport) -> Vec<Remark> {
    let contrasts = report.contrasts();
    let of_param = |param: &str| {
        let pairs = contrasts.iter().filter(|contrast| contrast.param == param);
        pairs.filter_map(contrast_text).collect::<Vec<String>>()
    };
    let remark = |param: &str| {
        let pairs = of_param(param);
        let text = format!("Models that differ in nothing else: {}.", pairs.join("; "));
        (!pairs.is_empty()).then(|| Remark::new(param, text))
    };
    report.varying_params().into_iter().filter_map(remark).collect()
}

/// `a (relu) 0.9709, b (tanh) 0.9703`.
fn contrast_text(contrast: &Contrast) -> Option<String> {
    let side = |model: &ModelEntry| {
        let value = model.params.get(contrast.param)?.brief();
        Some(format!("{} ({value}) {}", model.name, value_text(model.mean?)))
    };
    Some(format!("{}, {}", side(contrast.first)?, side(contrast.second)?))
}

fn claims_remark(report: &TrainingReport) -> Option<Remark> {
    let number =
        |verdict: Verdict| report.claims.iter().filter(|claim| claim.verdict == verdict).count();
    let parts: Vec<String> = VERDICTS
        .into_iter()
        .filter(|verdict| number(*verdict) > 0)
        .map(|verdict| format!("{} {}", number(verdict), in_words(verdict, number(verdict))))
        .collect();
    let text = format!("Of {}, {}.", count(report.claims.len(), "claim"), parts.join(", "));
    (!parts.is_empty()).then(|| Remark::new("Claims", text))
}

fn in_words(verdict: Verdict, number: usize) -> &'static str {
    match (verdict, number) {
        (Verdict::Holds, 1) => "holds",
        (Verdict::Holds, _) => "hold",
        (Verdict::DependsOnSeed, 1) => "depends on the seed",
        (Verdict::DependsOnSeed, _) => "depend on the seed",
        (Verdict::Fails, 1) => "does not hold",
        (Verdict::Fails, _) => "do not hold",
        (Verdict::Unknown, _) => "cannot be judged",
    }
}

fn classes_remark(report: &TrainingReport) -> Option<Remark> {
    let loses = |model: &&ModelEntry| model.never_predicted.iter().any(|seed| !seed.is_empty());
    let losing = report.models.iter().filter(loses).count();
    let have = if losing == 1 { "has" } else { "have" };
    let text = format!(
        "{losing} of {} {have} a class that no prediction named, from at least one seed.",
        count(report.models.len(), "model")
    );
    (losing > 0).then(|| Remark::new("Lost classes", text))
}

fn failure_remark(report: &TrainingReport) -> Option<Remark> {
    let missing = |model: &&ModelEntry| model.test_scores.iter().any(Option::is_none);
    let failed: Vec<&ModelEntry> = report.models.iter().filter(missing).collect();
    let first = failed.first()?;
    let reason = match first.errors.first() {
        Some(error) => format!("{}, {error}", first.name),
        None => format!("{}, which was interrupted", first.name),
    };
    let lack = if failed.len() == 1 { "lacks" } else { "lack" };
    let text = format!("{} {lack} scores, such as {reason}", count(failed.len(), "model"));
    Some(Remark::new("Failures", text))
}

/// What varies: all of it for the first model, and for another what it has that the first has not.
fn settings_cell(model: &ModelEntry, first: &ModelEntry, varying: &[&str]) -> Cell {
    let is_first = model.trial == first.trial;
    let values = varying.iter().filter_map(|name| Some((name, model.params.get(name)?)));
    let pairs: Vec<String> = values
        .filter(|(name, value)| is_first || first.params.get(name) != Some(value))
        .map(|(name, value)| format!("{name}={}", value.brief()))
        .collect();
    match pairs.is_empty() && !is_first {
        true => Cell::missing("as the first"),
        false => Cell::text(pairs.join(" ")),
    }
}

fn reported_cell(model: &ModelEntry) -> Cell {
    let Some(first) = model.reported.first() else { return Cell::default() };
    let scores: Vec<String> = model.reported.iter().map(|reported| value_text(*reported)).collect();
    Cell::number(scores.join(", "), *first)
}

fn score_cell(model: &ModelEntry) -> Cell {
    let seeds = model.test_scores.len();
    let known = model.test_scores.iter().flatten().count();
    let range = match (model.min, model.max) {
        (Some(min), Some(max)) => format!("[{}–{}] ", value_text(min), value_text(max)),
        _ => String::new(),
    };
    match (model.mean, model.std) {
        (Some(mean), Some(std)) => Cell::number(spread(mean, std), mean)
            .with_note(format!("{range}{}", count(seeds, "seed"))),
        _ => Cell::missing(if known == 0 { "failed" } else { "failed in part" })
            .with_note(format!("{range}{known} of {}", count(seeds, "seed"))),
    }
}

/// For each class that was lost, from how many seeds; sorted by how often any was.
fn classes_cell(model: &ModelEntry) -> Cell {
    let trained = model.test_scores.iter().flatten().count();
    if trained == 0 {
        return Cell::default();
    }
    let lost: Vec<u8> = model.never_predicted.iter().flatten().copied().collect();
    let mut classes = lost.clone();
    classes.sort_unstable();
    classes.dedup();
    let seeds = |class: u8| lost.iter().filter(|lost| **lost == class).count();
    let texts: Vec<String> =
        classes.iter().map(|class| format!("{class} ({} of {trained})", seeds(*class))).collect();
    match texts.is_empty() {
        true => Cell::number("none", 0.0),
        false => Cell::number(texts.join(", "), lost.len() as f64),
    }
}

fn convergence_cell(model: &ModelEntry) -> Cell {
    match (model.convergence_step, model.steps) {
        (Some(step), Some(steps)) => Cell::number(grouped(step as u64), step as f64)
            .with_note(format!("of {}", grouped(steps as u64))),
        (Some(step), None) => Cell::number(grouped(step as u64), step as f64),
        (None, Some(steps)) => Cell::missing("not within this training")
            .with_note(format!("of {}", grouped(steps as u64))),
        (None, None) => Cell::missing("not recorded"),
    }
}

fn verdict_cell(claim: &ClaimEntry) -> Cell {
    let (symbol, order) = match claim.verdict {
        Verdict::Holds => ("✓", "1"),
        Verdict::DependsOnSeed => ("~", "2"),
        Verdict::Fails => ("✗", "3"),
        Verdict::Unknown => ("?", "4"),
    };
    let cell = Cell::missing(in_words(claim.verdict, 1)).with_symbol(symbol, "");
    Cell { sort: Some(order.into()), ..cell }
}
