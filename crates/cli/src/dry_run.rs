//! What a search would try, how large the models are, and how much work they need.

use std::sync::Arc;

use burn_tune::Space;
use burn_tune_app::search::dry_run::DryRun;
use burn_tune_command::settings::{CommandSettings, joined};
use burn_tune_model::{Lanes, MlpConfig, MlpTraining};
use burn_tune_ranking::format::{count, seconds_text, value_text};
use burn_tune_search::bind::bind;
use burn_tune_search::runner::{RunOptions, refit};
use burn_tune_search::settings::StudySettings;
use burn_tune_search::store::InMemory;
use burn_tune_search::{Objective, Params};
use burn_tune_study::plan::TotalCost;

use crate::our_model::{self, MlpObjective, OnData};

/// So much work is done to see how fast the machine is, in floating-point operations: a quarter of a second.
const CALIBRATION_FLOPS: f64 = 1e10;
/// Examples that are trained on for that, at most and at least.
const CALIBRATION_EXAMPLES: (f64, f64) = (200.0, 5_000.0);

/// Of trainings of our model: with sizes, and the time that they are likely to take on this machine.
/// `cost` is that of params like the `typical` ones, in floating-point operations.
pub fn of_models(
    dry_run: &DryRun,
    OnData { training, folds }: &OnData,
    objective: &MlpObjective,
    cost: TotalCost,
    typical: &[Params],
) -> String {
    let mut text = dry_run.notes();
    text += &dry_run.candidates_text(&["parameters", "GFLOP"], |params| {
        let size = parameters(training, params).map_or(String::new(), |size| size.to_string());
        vec![size, format!("{:.0}", work(objective, params) / 1e9)]
    });
    text += &dry_run.unlisted_line();
    let folds: Vec<String> =
        folds.iter().map(|fold| format!("{} + {}", fold.train.len(), fold.test.len())).collect();
    text += &format!("folds (training + test examples): {}\n", folds.join(", "));
    text += &format!(
        "work: {} TFLOP for {}, and {} for the refits\n",
        value_text(cost.folds / 1e12),
        count(dry_run.candidates.len() + dry_run.unlisted, "trial"),
        value_text(cost.refits / 1e12),
    );
    let rate = measured_rate(training, objective, typical);
    text += &match rate {
        Some(rate) => format!(
            "time: about {} with {}, at {:.0} GFLOP/s of one core (measured just now, for a moment)\n",
            seconds_text(Some((cost.folds + cost.refits) / rate / dry_run.jobs as f64)),
            count(dry_run.jobs, "job"),
            rate / 1e9,
        ),
        None if training.lanes.backend().is_cpu() => {
            "time: not estimated for trainings that are computed together\n".to_owned()
        }
        None => "time: not estimated for this backend\n".to_owned(),
    };
    text
}

/// The commands that would be run.
pub fn of_commands(dry_run: &DryRun, settings: &CommandSettings) -> String {
    let mut text = dry_run.notes();
    for (number, candidate) in dry_run.candidates.iter().enumerate() {
        let name = candidate.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
        let words = settings.filled(&candidate.params);
        text += &format!("{number}{name}: {}\n", joined(words.iter().map(String::as_str)));
    }
    text += &dry_run.unlisted_line();
    text += &format!(
        "time: what {} of the command {}, {} at once\n",
        count(dry_run.candidates.len() + dry_run.unlisted, "run"),
        if dry_run.candidates.len() + dry_run.unlisted == 1 { "takes" } else { "take" },
        dry_run.jobs,
    );
    text
}

/// How many floating-point operations one worker does in a second: from a short training of the model in the middle
/// of `typical`. `None` where the first training says nothing about the others, as on a graphics card, or where several are
/// computed together.
fn measured_rate(
    training: &MlpTraining,
    objective: &MlpObjective,
    typical: &[Params],
) -> Option<f64> {
    let backend = training.lanes.backend();
    if !backend.is_cpu() || training.lanes.fused_at_most().is_some() {
        return None;
    }
    let mut typical: Vec<&Params> = typical.iter().collect();
    typical.sort_by(|a, b| work(objective, a).total_cmp(&work(objective, b)));
    let params = *typical.get(typical.len() / 2)?;
    let of_one = refit_work(training, params) / training.dataset.train.len() as f64;
    let (fewest, most) = CALIBRATION_EXAMPLES;
    let examples = (CALIBRATION_FLOPS / of_one).clamp(fewest, most) as usize;
    let small = Arc::new(MlpTraining {
        source: training.source.clone(),
        dataset: training.dataset.clone().limited(examples),
        lanes: Lanes::solo(backend),
        curves: false,
    });
    let trials = [(0, params.clone())];
    let on_small = our_model::objective(&small, &[], &StudySettings::default());
    // The first one finds memory that nobody has touched.
    let options = RunOptions::new(1, 0);
    let (refits, _) = refit(&on_small, &trials, 2, &mut InMemory::default(), &options, |_| {});
    let span = refits.last()?.span;
    let seconds = span.end_s - span.start_s;
    (seconds > 0.0).then(|| refit_work(&small, params) / seconds)
}

/// The work of all folds of a trial, in floating-point operations; 0 where params do not fit.
fn work(objective: &MlpObjective, params: &Params) -> f64 {
    bind(objective, params).map_or(0.0, |config| objective.cost(&config))
}

/// The work of one training on all of the training data, likewise.
pub fn refit_work(training: &MlpTraining, params: &Params) -> f64 {
    config(params).map_or(0.0, |config| training.flops(&config, training.dataset.train.len()))
}

/// How many numbers the model of these params trains; `None` where they do not fit.
pub fn parameters(training: &MlpTraining, params: &Params) -> Option<u64> {
    config(params).map(|config| training.parameters(&config))
}

/// The configuration of these params, if they fit.
pub fn config(params: &Params) -> Option<MlpConfig> {
    MlpConfig::from_params(params).ok().filter(|config| config.check().is_ok())
}
