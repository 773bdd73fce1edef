//! Trained models as a person reads them in a terminal: each beside what was reported of it.

use burn_tune_ranking::format::{ValueFormat, count, spread_text, thousands, value_text};
use std::collections::BTreeMap;
use std::fmt::Write;

use burn_tune_ranking::verdict::Verdict;
use burn_tune_ranking::{ModelEntry, TrainingReport};

use burn_tune_app::columns::{Column, Row, columns_text};
use burn_tune_app::flag_marks::flag_lines;
use burn_tune_app::lines::{one_line, textwrap};

/// The table and what is to be said about it, in lines of at most `width` columns, if that can be.
pub fn training_text(report: &TrainingReport, width: usize) -> String {
    let mut text = String::new();
    text += &models_table(report, width);
    text.push('\n');
    for line in remarks(report) {
        let _ = writeln!(text, "{}", textwrap(&one_line(&line), width, "  "));
    }
    text
}

fn models_table(report: &TrainingReport, width: usize) -> String {
    let columns = [
        Column::fixed("model"),
        Column::number("size").yielding(),
        Column::number("reported"),
        Column::fixed(&format!("test {}", report.evaluation.metric)),
        Column::fixed("min – max").yielding(),
        Column::fixed("never predicted").yielding(),
        Column::number("flat at").yielding(),
    ];
    let row = |model: &ModelEntry| Row {
        cells: vec![
            model.name.clone(),
            thousands(model.size),
            reported_text(model),
            spread(model),
            if report.seeds == 1 { String::new() } else { range(model) },
            never_predicted(model),
            convergence(model),
        ],
        ..Row::default()
    };
    columns_text(&columns, &report.models.iter().map(row).collect::<Vec<Row>>(), width)
}

fn reported_text(model: &ModelEntry) -> String {
    let scores: Vec<String> = model.reported.iter().map(|score| value_text(*score)).collect();
    scores.join(", ")
}

fn spread(model: &ModelEntry) -> String {
    match (model.mean, model.std) {
        (Some(mean), Some(_)) if model.test_scores.len() == 1 => value_text(mean),
        (Some(mean), Some(std)) => spread_text(mean, std),
        _ => {
            let trained = model.test_scores.iter().flatten().count();
            format!("{trained} of {} done", model.test_scores.len())
        }
    }
}

fn range(model: &ModelEntry) -> String {
    match (model.min, model.max) {
        (Some(min), Some(max)) => {
            let format = ValueFormat::of([min, max]);
            format!("{} – {}", format.text(min), format.text(max))
        }
        _ => String::new(),
    }
}

/// `5 (3×) 7 (1×)`: each class with how many of the trainings never predict it.
fn never_predicted(model: &ModelEntry) -> String {
    let mut seeds_of: BTreeMap<u8, usize> = BTreeMap::new();
    for class in model.never_predicted.iter().flatten() {
        *seeds_of.entry(*class).or_default() += 1;
    }
    let classes: Vec<String> =
        seeds_of.iter().map(|(class, seeds)| format!("{class} ({seeds}×)")).collect();
    classes.join(" ")
}

/// The step and the length of the training; a dash where no curve was recorded.
fn convergence(model: &ModelEntry) -> String {
    match (model.convergence_step, model.steps) {
        (Some(step), Some(steps)) => format!("step {step} of {steps}"),
        (None, Some(steps)) => format!("not in {steps} steps"),
        _ => "—".into(),
    }
}

fn remarks(report: &TrainingReport) -> Vec<String> {
    let what = match report.seeds {
        1 => "The score of one training each".to_owned(),
        seeds => format!("Mean ± standard deviation over {}", count(seeds, "seed")),
    };
    let mut lines = vec![format!(
        "{what}, on {} test examples. Flat: the {}step from which the smoothed loss stays within 2% of its fall around where it ends.",
        report.evaluation.test_examples,
        if report.seeds == 1 { "" } else { "median " },
    )];
    lines.extend(baseline_remark(report));
    lines.extend(report.widest().filter(|_| report.seeds > 1).map(|(model, min, max)| {
        format!(
            "A single training of {} comes out anywhere from {} to {}, by its seed alone.",
            model.name,
            value_text(min),
            value_text(max),
        )
    }));
    lines.extend(contrast_remarks(report));
    if !report.claims.is_empty() {
        lines.push(String::new());
        lines.push("What was claimed, and what is measured:".into());
    }
    for claim in &report.claims {
        let word = match claim.verdict {
            Verdict::Holds => "✓ holds",
            Verdict::DependsOnSeed => "~ depends on the seed",
            Verdict::Fails => "✗ does not hold",
            Verdict::Unknown => "? cannot be judged",
        };
        lines.push(format!("{word}: {}: {} ({})", claim.model, claim.text, claim.measured));
    }
    let flagged = report
        .models
        .iter()
        .flat_map(|model| model.flags.iter().map(|flag| (flag.clone(), model.name.as_str())));
    let flags = flag_lines(flagged);
    if !flags.is_empty() {
        lines.push(String::new());
        lines.extend(flags);
    }
    for model in report.models.iter().filter(|model| !model.errors.is_empty()) {
        lines.push(format!("{} failed: {}", model.name, model.errors.join("; ")));
    }
    lines
}

/// For each parameter, the models that differ in it alone.
fn contrast_remarks(report: &TrainingReport) -> Vec<String> {
    let contrasts = report.contrasts();
    let side = |model: &ModelEntry, param: &str| {
        let value = model.params.get(param)?.brief();
        Some(format!("{} ({value}) {}", model.name, value_text(model.mean?)))
    };
    let line = |param: &str| {
        let of_param = contrasts.iter().filter(|contrast| contrast.param == param);
        let pairs: Vec<String> = of_param
            .filter_map(|contrast| {
                Some(format!("{}, {}", side(contrast.first, param)?, side(contrast.second, param)?))
            })
            .collect();
        let text = format!("{param} alone makes the difference between {}.", pairs.join("; "));
        (!pairs.is_empty()).then_some(text)
    };
    report.varying_params().into_iter().filter_map(line).collect()
}

fn baseline_remark(report: &TrainingReport) -> Option<String> {
    let (baseline, others) = report.models.split_first()?;
    let mean = baseline.mean?;
    let worse = others.iter().filter(|model| model.mean.is_some_and(|other| other < mean)).count();
    (!others.is_empty()).then(|| {
        format!(
            "{worse} of the {} {} worse than {}, the first one{}.",
            count(others.len(), "other model"),
            if others.len() == 1 { "is" } else { "are" },
            baseline.name,
            if report.seeds == 1 { "" } else { ", on average" },
        )
    })
}
