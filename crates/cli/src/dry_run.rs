//! What a search would try, how large the models are, and how much work they need.

use burn_tune_model::{MlpConfig, MlpObjective};
use burn_tune_search::bind::bind;
use burn_tune_search::study_file::{CommandSettings, joined};
use burn_tune_search::{Candidate, Params};
use comfy_table::{CellAlignment, Table, presets};

/// What one trained number costs in a step besides the matrix products (Adam reads and writes four
/// arrays), in floating-point operations that take as long. Measured: 784-500-10 at batches of 100
/// and 600.
const UPDATE_FLOPS: f64 = 60.0;

/// The candidates.
pub fn models(objective: &MlpObjective, candidates: &[Candidate], notices: &[String]) -> String {
    let mut text = notes(notices);
    text += &format!("{}\n", candidates_table(objective, candidates));
    let total: f64 = candidates.iter().map(|candidate| work(objective, &candidate.params)).sum();
    let folds: Vec<String> = objective
        .folds
        .iter()
        .map(|fold| format!("{} + {}", fold.train.len(), fold.test.len()))
        .collect();
    text += &format!("folds (training + test examples): {}\n", folds.join(", "));
    text += &format!(
        "work: {:.3} TFLOP for {} trials, without refits\n",
        total / 1e12,
        candidates.len()
    );
    text
}

/// The commands that would be run.
pub fn commands(
    settings: &CommandSettings,
    candidates: &[Candidate],
    notices: &[String],
) -> String {
    let mut text = notes(notices);
    for (number, candidate) in candidates.iter().enumerate() {
        let name = candidate.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
        let words = settings.filled(&candidate.params);
        text += &format!("{number}{name}: {}\n", joined(words.iter().map(String::as_str)));
    }
    text
}

fn notes(notices: &[String]) -> String {
    notices.iter().map(|notice| format!("note: {notice}\n")).collect()
}

/// The work of all folds of a trial, in floating-point operations; 0 where params do not fit.
pub fn work(objective: &MlpObjective, params: &Params) -> f64 {
    let Ok(config) = bind(objective, params) else { return 0.0 };
    objective.folds.iter().map(|fold| training_work(objective, &config, fold.train.len())).sum()
}

/// The work of one training on all of the training data, likewise.
pub fn refit_work(objective: &MlpObjective, params: &Params) -> f64 {
    let examples = objective.dataset.train.len();
    bind(objective, params).map_or(0.0, |config| training_work(objective, &config, examples))
}

fn training_work(objective: &MlpObjective, config: &MlpConfig, examples: usize) -> f64 {
    let (features, classes) = (objective.dataset.train.features(), objective.dataset.classes.len());
    let steps = examples.div_ceil(config.batch_size);
    let products = examples as f64 * config.training_flops(features, classes) as f64;
    let updates = steps as f64 * config.parameters(features, classes) as f64 * UPDATE_FLOPS;
    config.epochs as f64 * (products + updates)
}

fn candidates_table(objective: &MlpObjective, candidates: &[Candidate]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let names: Vec<&str> = candidates
        .first()
        .map_or(vec![], |first| first.params.iter().map(|(name, _)| name).collect());
    let mut header = vec!["trial"];
    header.extend(&names);
    header.extend(["parameters", "GFLOP"]);
    table.set_header(header);
    for (number, candidate) in candidates.iter().enumerate() {
        let mut row = vec![match &candidate.name {
            Some(name) => format!("{number} {name}"),
            None => number.to_string(),
        }];
        row.extend(candidate.params.iter().map(|(_, value)| value.to_string()));
        let size = objective.parameters(&candidate.params);
        row.push(size.map_or(String::new(), |size| size.to_string()));
        row.push(format!("{:.0}", work(objective, &candidate.params) / 1e9));
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
