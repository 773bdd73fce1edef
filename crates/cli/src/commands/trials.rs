//! `burn-tune trials`: the trials of a study, those that are asked for.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use crate::args::{ListFormat, TrialsArgs};
use crate::commands::csv::csv_text;
use crate::commands::json::{TrialJson, number, split_test_scores};
use crate::commands::opened::{objectives, open_study};
use crate::commands::printed::{print, print_json};
use crate::commands::selection::Selection;
use crate::commands::trial::{TrialView, flags_text, param_names};
use crate::commands::trials_table::trials_text;
use crate::table::terminal_width;

/// Lists the trials.
pub fn trials(args: &TrialsArgs) -> Result<ExitCode> {
    let mut opened = open_study(&args.study)?;
    let objectives = objectives(&opened.study);
    let trials = opened.trials()?;
    let selection = Selection {
        states: &args.state,
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

/// A column for everything that any trial of the study has, named as Optuna's `trials_dataframe` and
/// scikit-learn's `cv_results_` do.
fn trials_csv(all: &[TrialView], wanted: &[&TrialView], objectives: usize) -> String {
    let params = param_names(all);
    let folds = all.iter().map(|trial| split_test_scores(trial).len()).max().unwrap_or(0);
    let mut attributes: Vec<&str> =
        all.iter().flat_map(|trial| trial.user_attributes.keys()).map(String::as_str).collect();
    attributes.sort_unstable();
    attributes.dedup();

    let mut header: Vec<String> = ["number", "name", "state"].map(str::to_owned).into();
    header.extend(match objectives {
        0 | 1 => vec!["value".to_owned()],
        _ => (0..objectives).map(|objective| format!("values_{objective}")).collect(),
    });
    header.push("std_test_score".into());
    header.extend((0..folds).map(|fold| format!("split{fold}_test_score")));
    header.extend(["duration_s", "datetime_start", "datetime_complete"].map(str::to_owned));
    header.extend(params.iter().map(|name| format!("params_{name}")));
    header.extend(["flags", "error"].map(str::to_owned));
    header.extend(attributes.iter().map(|name| format!("user_attrs_{name}")));

    let row = |trial: &&TrialView| {
        let cell = |key: &str| trial.field(key).unwrap_or_default();
        let scores = split_test_scores(trial);
        let mut row: Vec<Value> = ["number", "name", "state"].map(cell).into();
        row.extend(
            (0..objectives.max(1)).map(|objective| {
                trial.values.get(objective).copied().map(number).unwrap_or_default()
            }),
        );
        row.push(cell("std_test_score"));
        row.extend((0..folds).map(|fold| scores.get(fold).cloned().flatten().unwrap_or_default()));
        row.extend(["duration_s", "datetime_start", "datetime_complete"].map(cell));
        row.extend(params.iter().map(|name| {
            let param = trial.params.iter().find(|param| param.name == *name);
            param.map(|param| param.value.clone()).unwrap_or_default()
        }));
        row.extend([Value::from(flags_text(&trial.flags)), cell("error")]);
        row.extend(
            attributes
                .iter()
                .map(|name| trial.user_attributes.get(*name).cloned().unwrap_or_default()),
        );
        row
    };
    csv_text(&header, wanted.iter().map(row))
}
