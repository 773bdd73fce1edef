//! `cv_results.csv`: the trials of a study in the columns of scikit-learn's `cv_results_`.

use std::iter::once;

use burn_tune_search::{History, Metric, Space};

use crate::leaderboard::StudyFacts;
use crate::python;
use crate::rank::rank;
use crate::standings::{Standing, fold_values, standings};
use crate::statistics::{mean, std};

/// The column of the seconds that a fold trained.
pub(crate) const MEAN_FIT_TIME: &str = "mean_fit_time";

/// The finished trials by number, as `pandas.DataFrame(search.cv_results_).to_csv(index=False)` writes
/// the results of a scikit-learn search: `mean_fit_time`, `std_fit_time`, `mean_score_time`,
/// `std_score_time` (seconds), `param_*` by name, `params` (a Python dict literal, keys sorted),
/// `split*_test_score`, `mean_test_score`, `std_test_score`, `rank_test_score`.
///
/// Two things differ. A failed trial has empty cells for its times, which are not known of every fold,
/// and for the scores of all folds from the failed one on; scikit-learn goes on with the other folds. A
/// trial of another program has a mean and no scores.
/// And numbers drawn from a range are written `0.02`, not `np.float64(0.02)`, so that
/// `ast.literal_eval` reads `params`.
///
/// With several objectives, the columns of scores are those of scikit-learn's multimetric search: for each
/// of them, those of a clock included, `split*_test_<name>`, `mean_test_<name>`, `std_test_<name>` and
/// `rank_test_<name>`, which ranks by this one alone.
pub fn cv_results(facts: &StudyFacts, history: &History) -> String {
    let folds = facts.evaluation.folds;
    let metrics = facts.metrics();
    let mut standings = standings(history, &metrics, folds);
    standings.sort_by_key(|standing| standing.trial.number);
    let names = param_names(&facts.space);

    let mut header = params_header(&names);
    let mut rows: Vec<Vec<String>> =
        standings.iter().map(|standing| params_row(standing, &names, folds)).collect();
    for (place, metric) in metrics.iter().enumerate() {
        let name = if metrics.len() == 1 { "score" } else { &metric.name };
        header.extend((0..folds).map(|fold| format!("split{fold}_test_{name}")));
        header.extend(["mean", "std", "rank"].map(|number| format!("{number}_test_{name}")));
        let cells = metric_cells(&standings, place, metric, metrics.len(), folds);
        rows.iter_mut().zip(cells).for_each(|(row, cells)| row.extend(cells));
    }

    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in once(header).chain(rows) {
        writer.write_record(record).expect("memory takes rows of one length");
    }
    let bytes = writer.into_inner().expect("memory takes all that is written");
    String::from_utf8(bytes).expect("every cell is UTF-8")
}

/// The names of the parameters in the order of scikit-learn's columns.
fn param_names(space: &Space) -> Vec<&str> {
    let positions = space.sorted_positions().into_iter();
    positions.map(|position| space.domains[position].0.as_str()).collect()
}

fn params_header(names: &[&str]) -> Vec<String> {
    let times = [MEAN_FIT_TIME, "std_fit_time", "mean_score_time", "std_score_time"];
    let mut header: Vec<String> = times.map(str::to_owned).into();
    header.extend(names.iter().map(|name| format!("param_{name}")));
    header.push("params".to_owned());
    header
}

fn params_row(standing: &Standing, names: &[&str], folds: usize) -> Vec<String> {
    let trial = standing.trial;
    let fit_times = fold_values(trial, folds, |fold| fold.fit_s);
    let score_times = fold_values(trial, folds, |fold| fold.score_s);
    let times = [mean(&fit_times), std(&fit_times), mean(&score_times), std(&score_times)];

    let mut row: Vec<String> = times.map(cell).into();
    row.extend(names.iter().map(|name| trial.params.get(name).map_or(String::new(), python::str)));
    row.push(python::dict(&trial.params));
    row
}

/// For each trial: the values of the folds, their mean and deviation, and the rank, of the metric at `place`
/// of `metrics`. A single metric has the ranks of the study.
fn metric_cells(
    standings: &[Standing],
    place: usize,
    metric: &Metric,
    metrics: usize,
    folds: usize,
) -> Vec<Vec<String>> {
    let of_folds = |standing: &Standing| match place {
        0 => standing.scores.clone(),
        _ if standing.trial.is_foreign() => Vec::new(),
        _ => fold_values(standing.trial, folds, |fold| {
            fold.extra_values.get(place - 1).copied().unwrap_or(f64::NAN)
        }),
    };
    let mean_of = |standing: &Standing| match place {
        0 => standing.mean,
        _ => standing.values.get(place).copied().unwrap_or(f64::NAN),
    };
    let ranks = match metrics {
        1 => standings.iter().map(|standing| standing.rank).collect(),
        _ => rank(&standings.iter().map(mean_of).collect::<Vec<f64>>(), metric.direction),
    };
    let cells = |(standing, rank): (&Standing, usize)| {
        let values = of_folds(standing);
        let std = if values.is_empty() { f64::NAN } else { std(&values) };
        let mut cells: Vec<String> =
            (0..folds).map(|fold| cell(values.get(fold).copied().unwrap_or(f64::NAN))).collect();
        cells.extend([cell(mean_of(standing)), cell(std), rank.to_string()]);
        cells
    };
    standings.iter().zip(ranks).map(cells).collect()
}

/// As pandas writes a float: a missing one as nothing.
fn cell(value: f64) -> String {
    if value.is_nan() { String::new() } else { python::float(value) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn_tune_search::{Domain, FoldScore, ParamValue, Params};
    use insta::assert_snapshot;
    use serde_json::Value;

    use super::*;
    use crate::fixtures::{
        facts, failed, finished, history, number, numbers, params, recorded, scored, started,
    };

    fn recorded_table(name: &str) -> Value {
        let recorded = recorded();
        let tables = recorded["tables"].as_array().unwrap();
        tables.iter().find(|table| table["name"] == name).unwrap().clone()
    }

    fn param_value(value: &Value) -> ParamValue {
        match value {
            Value::Bool(value) => ParamValue::Bool(*value),
            Value::String(value) => ParamValue::Str(value.clone()),
            value => match value.as_i64() {
                Some(value) => ParamValue::Int(value),
                None => ParamValue::Float(value.as_f64().unwrap()),
            },
        }
    }

    /// Our file for the search that is recorded in `table`.
    fn ours(table: &Value) -> String {
        let folds = table["splits"].as_u64().unwrap() as usize;
        let points: Vec<Params> = table["params"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| {
                let point = point.as_object().unwrap().iter();
                point.map(|(name, value)| (name.clone(), param_value(value))).collect()
            })
            .collect();
        let mut events = Vec::new();
        for (trial, point) in points.iter().enumerate() {
            events.push(started(None, point.clone()));
            let scores = numbers(&table["scores"][trial]);
            for (fold, score) in scores.into_iter().enumerate() {
                let clock = &table["clock"][trial][fold];
                let (fit_s, score_s) = (number(&clock[0]), number(&clock[1]));
                let score = FoldScore { score, fit_s, score_s, ..FoldScore::default() };
                events.push(finished(trial, fold, Ok(score)));
            }
        }
        let domain = |(name, value): (&str, &ParamValue)| {
            (name.to_owned(), Domain::Choices(vec![value.clone()]))
        };
        let mut facts = facts();
        facts.space = Space::of(points[0].iter().map(domain));
        facts.evaluation.folds = folds;
        cv_results(&facts, &history(folds, events))
    }

    #[test]
    fn a_grid_search_is_written_as_scikit_learn_and_pandas_write_it() {
        let table = recorded_table("grid-plain");
        assert_eq!(ours(&table), table["csv"].as_str().unwrap());
    }

    #[test]
    fn a_search_of_a_range_differs_by_the_type_of_numpy_alone() {
        let table = recorded_table("randomized-distribution");
        let csv = table["csv"].as_str().unwrap();
        assert!(csv.contains("np.float64("));
        assert_eq!(ours(&table), csv.replace("np.float64(", "").replace(")}", "}"));
    }

    #[test]
    fn a_random_search_of_lists_differs_by_the_order_of_the_names_alone() {
        // There scikit-learn happens to go through the sorted names backwards.
        let cells = |text: &str| -> Vec<BTreeMap<String, String>> {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let header = reader.headers().unwrap().clone();
            let rows = reader.records().map(|row| {
                let row = row.unwrap();
                let cells = header.iter().zip(&row).map(|(name, cell)| match name {
                    "params" => {
                        let mut items: Vec<&str> = cell[1..cell.len() - 1].split(", ").collect();
                        items.sort_unstable();
                        (name.to_owned(), items.join(", "))
                    }
                    name => (name.to_owned(), cell.to_owned()),
                });
                cells.collect()
            });
            rows.collect()
        };
        let table = recorded_table("randomized-lists");
        assert_eq!(cells(&ours(&table)), cells(table["csv"].as_str().unwrap()));
    }

    #[test]
    fn a_failed_trial_has_the_scores_before_the_failure_and_a_running_one_has_no_row() {
        let events = [
            started(None, params(0.01, "relu")),
            started(Some("a, \"b\""), params(1e-5, "a, \"b\"")),
            started(None, params(0.1, "tanh")),
            finished(2, 0, scored(0.5)),
            finished(1, 0, scored(0.75)),
            finished(1, 1, failed("out of memory")),
            finished(0, 1, scored(0.25)),
            finished(0, 0, scored(0.75)),
        ];
        let mut facts = facts();
        facts.evaluation.folds = 2;
        assert_snapshot!(cv_results(&facts, &history(2, events)), @r#"
        mean_fit_time,std_fit_time,mean_score_time,std_score_time,param_activation,param_epochs,param_lr,params,split0_test_score,split1_test_score,mean_test_score,std_test_score,rank_test_score
        1.0,0.0,0.25,0.0,relu,5,0.01,"{'activation': 'relu', 'epochs': 5, 'lr': 0.01}",0.75,0.25,0.5,0.25,1
        ,,,,"a, ""b""",5,1e-05,"{'activation': 'a, ""b""', 'epochs': 5, 'lr': 1e-05}",0.75,,,,2
        "#);
    }

    #[test]
    fn a_study_without_trials_has_the_header_alone() {
        let csv = cv_results(&facts(), &History::new(3));
        assert_eq!(csv.lines().count(), 1);
    }
}
