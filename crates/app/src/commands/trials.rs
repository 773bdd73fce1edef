//! `burn-tune trials`: the trials of a study, those that are asked for.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use crate::args::{ListFormat, TrialsArgs};
use crate::commands::csv::csv_text;
use crate::commands::json::TrialJson;
use crate::commands::open_study::{objectives, open_study};
use crate::commands::trials_table::trials_text;
use crate::console::{print, print_json};
use crate::table::terminal_width;
use burn_tune_study::selection::Selection;
use burn_tune_study::trial_view::{State, TrialView, number, param_names};

/// Lists the trials.
pub fn trials(args: &TrialsArgs) -> Result<ExitCode> {
    let mut opened = open_study(&args.study)?;
    let objectives = objectives(&opened.study);
    let trials = opened.trials()?;
    let states: Vec<State> = args.state.iter().copied().map(State::from).collect();
    let selection = Selection {
        states: &states,
        conditions: &args.conditions,
        sort: &args.sort,
        limit: args.limit,
    };
    let wanted = selection.of(&trials, objectives.len())?;
    match args.format {
        ListFormat::Table => print(&trials_text(&trials, &wanted, &objectives, terminal_width())),
        ListFormat::Json => {
            let json = wanted.iter().map(|trial| TrialJson::new(trial, objectives.len()));
            print_json(&json.collect::<Vec<TrialJson>>())
        }
        ListFormat::Csv => print(&trials_csv(&trials, &wanted, objectives.len())),
    }
}

/// What a column of CSV holds of a trial.
type Cell<'a> = Box<dyn Fn(&TrialView) -> Option<Value> + 'a>;

fn trials_csv(all: &[TrialView], wanted: &[&TrialView], objectives: usize) -> String {
    let (header, cells): (Vec<String>, Vec<Cell>) =
        csv_columns(all, objectives).into_iter().unzip();
    let row =
        |trial: &&TrialView| cells.iter().map(|cell| cell(trial).unwrap_or_default()).collect();
    csv_text(&header, wanted.iter().map(row))
}

/// A column for everything that any trial of the study has, named as Optuna's `trials_dataframe` and
/// scikit-learn's `cv_results_` do.
fn csv_columns(all: &[TrialView], objectives: usize) -> Vec<(String, Cell<'_>)> {
    fn known<'a>(key: &'static str) -> (String, Cell<'a>) {
        (key.to_owned(), Box::new(move |trial| trial.field(key)))
    }
    let mut columns = vec![known("number"), known("name"), known("state")];
    for objective in 0..objectives {
        let name = if objectives == 1 { "value".into() } else { format!("values_{objective}") };
        let cell = move |trial: &TrialView| trial.values.get(objective).copied().map(number);
        columns.push((name, Box::new(cell)));
    }
    columns.push(known("std_test_score"));
    let folds: BTreeSet<usize> = all.iter().flat_map(|trial| trial.folds.keys()).copied().collect();
    for fold in folds {
        let cell = move |trial: &TrialView| trial.folds.get(&fold)?.score.clone();
        columns.push((format!("split{fold}_test_score"), Box::new(cell)));
    }
    columns.extend(["duration_s", "datetime_start", "datetime_complete"].map(known));
    for name in param_names(all) {
        let cell = move |trial: &TrialView| trial.param(name).cloned();
        columns.push((format!("params_{name}"), Box::new(cell)));
    }
    columns.extend(["flags", "error"].map(known));
    let attributes: BTreeSet<&String> =
        all.iter().flat_map(|trial| trial.user_attributes.keys()).collect();
    for name in attributes {
        let cell = move |trial: &TrialView| trial.user_attributes.get(name).cloned();
        columns.push((format!("user_attrs_{name}"), Box::new(cell)));
    }
    columns
}
