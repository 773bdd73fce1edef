//! `burn-tune best`: the best trial of a study; of several objectives the Pareto front.

use burn_tune_ranking::format::{count, duration_text, rough_text, spread_text, value_text};
use burn_tune_search::Direction;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use burn_tune_ranking::statistics::{mean, std};
use burn_tune_storage::StudyRecord;
use serde::Serialize;

use crate::args::{BestArgs, BestFormat};
use crate::commands::json::{TrialJson, params};
use crate::commands::kept_models::{KeptModels, no_model};
use crate::commands::key_value::key_value_text;
use crate::commands::open_study::{objectives, open_study};
use crate::commands::trials_table::trials_text;
use crate::console::{print, print_json};
use crate::exit::WorkFailed;
use crate::flag_marks::flag_remarks;
use crate::format::toml_entry;
use crate::lines::textwrap;
use crate::table::terminal_width;
use burn_tune_study::best_trials::{best_trials, within_noise_of};
use burn_tune_study::trial_view::{State, TrialView};

/// Shows the best trial.
pub fn best(args: &BestArgs) -> Result<ExitCode> {
    let mut opened = open_study(&args.study)?;
    let trials = opened.trials()?;
    let study = &opened.study;
    let front = best_trials(&trials, &study.directions);
    if args.model && !front.is_empty() {
        return print_models(args, &front, study);
    }
    match front.as_slice() {
        [] => bail!(WorkFailed(no_winner(&trials, study))),
        [best] if study.directions.len() == 1 => print_best(args, best, &trials, study),
        front => print_front(args, front, &trials, study),
    }
}

/// The folders with the models of these trials, a line each.
fn print_models(args: &BestArgs, best: &[&TrialView], study: &StudyRecord) -> Result<ExitCode> {
    let models = models(args, study);
    let folders = best.iter().filter_map(|trial| models.of_trial(trial));
    let lines: String = folders.map(|folder| format!("{}\n", folder.display())).collect();
    match lines.is_empty() {
        true => bail!(no_model(study, best)),
        false => print(&lines),
    }
}

fn models(args: &BestArgs, study: &StudyRecord) -> KeptModels {
    KeptModels::of(study, &args.study.database.storage, args.out.as_deref())
}

fn no_winner(trials: &[TrialView], study: &StudyRecord) -> String {
    let complete = trials.iter().filter(|trial| trial.state == State::Complete).count();
    let name = &study.name;
    match (trials.len(), complete) {
        (0, _) => format!("the study `{name}` has no trial yet"),
        (all, 0) => format!("none of the {} of `{name}` is complete", count(all, "trial")),
        (_, complete) => {
            let complete = count(complete, "complete trial");
            format!("none of the {complete} of `{name}` keeps its constraints")
        }
    }
}

fn print_best(
    args: &BestArgs,
    best: &TrialView,
    trials: &[TrialView],
    study: &StudyRecord,
) -> Result<ExitCode> {
    if args.params {
        return print(&format!("{}\n", serde_json::to_string(&params(best))?));
    }
    let models = models(args, study);
    match args.format {
        BestFormat::Table => {
            let model = models.of_trial(best);
            print(&best_text(best, trials, study, model, terminal_width()))
        }
        BestFormat::Json => print_json(&BestJson::new(best, study, &models)),
        BestFormat::Toml => print(&explicit_trial(best, study)),
    }
}

fn print_front(
    args: &BestArgs,
    front: &[&TrialView],
    trials: &[TrialView],
    study: &StudyRecord,
) -> Result<ExitCode> {
    if args.params {
        bail!(
            "`{}` has {} objectives and not one best trial, but {}: --format json has all of them",
            study.name,
            study.directions.len(),
            front.len()
        );
    }
    match args.format {
        BestFormat::Table => {
            let headline = format!(
                "{} that no other beats in every objective ({}):\n\n",
                count(front.len(), "trial"),
                study.directions.join(", ").to_lowercase()
            );
            let table = trials_text(trials, front, &objectives(study), terminal_width());
            print(&format!("{headline}{table}"))
        }
        BestFormat::Json => {
            let models = models(args, study);
            let json = front.iter().map(|trial| BestJson::new(trial, study, &models));
            print_json(&json.collect::<Vec<BestJson>>())
        }
        BestFormat::Toml => {
            let all: Vec<String> = front.iter().map(|trial| explicit_trial(trial, study)).collect();
            print(&all.join("\n"))
        }
    }
}

/// The best trial as JSON.
#[derive(Serialize)]
struct BestJson<'a> {
    study: &'a str,
    #[serde(flatten)]
    trial: TrialJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refit: Option<RefitJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<PathBuf>,
}

#[derive(Serialize)]
struct RefitJson {
    test_scores: Vec<f64>,
    mean: f64,
    std: f64,
}

impl<'a> BestJson<'a> {
    fn new(trial: &'a TrialView, study: &'a StudyRecord, models: &KeptModels) -> Self {
        let test_scores = refit_scores(trial);
        let refit = (!test_scores.is_empty()).then(|| RefitJson {
            mean: mean(&test_scores),
            std: std(&test_scores),
            test_scores,
        });
        let model = models.of_trial(trial);
        let trial = TrialJson::new(trial, study.directions.len());
        BestJson { study: &study.name, trial, refit, model }
    }
}

fn refit_scores(trial: &TrialView) -> Vec<f64> {
    trial.refits.values().filter_map(|refit| refit.finite()).collect()
}

fn best_text(
    best: &TrialView,
    trials: &[TrialView],
    study: &StudyRecord,
    model: Option<PathBuf>,
    width: usize,
) -> String {
    let complete = trials.iter().filter(|trial| trial.state == State::Complete).count();
    let name = best.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
    let headline = format!(
        "Trial {}{name} is the best of {} in `{}`.",
        best.number,
        count(complete, "complete trial"),
        study.name
    );
    let mut facts = vec![("value", value_fact(best, study))];
    facts.extend(score_facts(best));
    facts.push(("duration", best.duration().map_or(String::new(), duration_text)));
    facts.push(("model", model.map_or(String::new(), |model| model.display().to_string())));
    let mut label = "params";
    for param in &best.params {
        facts.push((label, toml_entry(&param.name, &param.value)));
        label = "";
    }
    let mut text =
        format!("{}\n\n{}", textwrap(&headline, width, ""), key_value_text(&facts, width));
    let mut remarks: Vec<String> = noise_remark(best, trials, study).into_iter().collect();
    remarks.extend(flag_remarks(best));
    if !remarks.is_empty() {
        text.push('\n');
    }
    for remark in remarks {
        text.push_str(&textwrap(&remark, width, "  "));
        text.push('\n');
    }
    text
}

fn value_fact(best: &TrialView, study: &StudyRecord) -> String {
    let value = match (best.values.first(), best.spread()) {
        (Some(&mean), Some(std)) => spread_text(mean, std),
        (Some(&value), None) => value_text(value),
        _ => String::new(),
    };
    let larger = study.directions.first().is_some_and(|direction| direction == "MAXIMIZE");
    format!("{value} ({} is better)", if larger { "larger" } else { "smaller" })
}

/// The scores of folds and refits.
fn score_facts(trial: &TrialView) -> [(&'static str, String); 2] {
    let scores = |scores: &[f64]| {
        let scores: Vec<String> = scores.iter().copied().map(value_text).collect();
        scores.join(", ")
    };
    let refits = refit_scores(trial);
    let refits = match refits.as_slice() {
        [] => String::new(),
        refits => {
            let spread = spread_text(mean(refits), std(refits));
            format!("{spread} on the test data: {}", scores(refits))
        }
    };
    [("folds", scores(&trial.fold_scores())), ("refits", refits)]
}

fn noise_remark(best: &TrialView, trials: &[TrialView], study: &StudyRecord) -> Option<String> {
    let direction = match study.directions.first().map(String::as_str) {
        Some("MINIMIZE") => Direction::Minimize,
        _ => Direction::Maximize,
    };
    match within_noise_of(best, trials, direction)? {
        (_, 0) => None,
        (band, near) => Some(format!(
            "≈ Trials within {} of the best cannot be told apart: {}.",
            rough_text(band.width),
            count(near, "other trial")
        )),
    }
}

/// The trial as `[[trial]]` of a space file.
fn explicit_trial(trial: &TrialView, study: &StudyRecord) -> String {
    let name = match &trial.name {
        Some(name) => name.clone(),
        None => format!("{}-{}", study.name, trial.number),
    };
    let mut text = format!("[[trial]]\n{}\n", toml_entry("name", &name.into()));
    for param in &trial.params {
        // TOML has no null: an explicit trial leaves it out.
        let comment = if param.value.is_null() { "# " } else { "" };
        text.push_str(&format!("{comment}{}\n", toml_entry(&param.name, &param.value)));
    }
    let values: Vec<String> = trial.values.iter().copied().map(value_text).collect();
    text.replacen("[[trial]]\n", &format!("# value: {}\n[[trial]]\n", values.join(", ")), 1)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::about::known_flags;
    use crate::commands::fixtures::{optunas, ours};

    #[test]
    fn the_best_is_told_with_its_folds_refits_params_and_flags() {
        let (study, records) = ours();
        let trials: Vec<TrialView> =
            records.iter().map(|record| TrialView::new(record, known_flags()).unwrap()).collect();
        assert_snapshot!(best_text(&trials[0], &trials, &study, None, 80));
    }

    #[test]
    fn a_trial_of_any_study_becomes_an_explicit_trial_of_a_space_file() {
        let (study, records) = optunas();
        let trial = |number: usize| TrialView::new(&records[number], known_flags()).unwrap();
        assert_snapshot!(explicit_trial(&trial(0), &study), @r#"
# value: 0.5000, 20
[[trial]]
name = "cost, gain-0"
kind = "a"
n_layers = 3
"#);
        assert!(explicit_trial(&trial(1), &study).contains("\n# kind = null\n"));
    }
}
