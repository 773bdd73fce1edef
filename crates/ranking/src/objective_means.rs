//! The values of each objective, for tables and figures: those that stand in the leaderboard, and those that a
//! clock decides, which of all files stand in `cv_results.csv` alone, since in another run they are others.

use std::collections::BTreeMap;

use burn_tune_search::{Direction, History, Metric, Trial};

use crate::leaderboard::{Leaderboard, ObjectiveEntry, StudyFacts, TrialEntry};

/// One thing that a study is after, with what each trial came to.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectiveMeans {
    /// What it is called, such as `seconds_per_epoch`.
    pub name: String,
    /// Which value is the better one.
    pub direction: Direction,
    /// The mean over the folds of each complete trial, by number.
    pub means: BTreeMap<usize, f64>,
}

impl ObjectiveMeans {
    /// The objectives of a study that a clock decides.
    pub fn wall_clock(facts: &StudyFacts, history: &History) -> Vec<Self> {
        let measured = facts.metrics.iter().enumerate().filter(|(_, metric)| metric.wall_clock);
        let of_metric = |(place, metric): (usize, &Metric)| {
            let trials = history.trials().iter();
            let mean = |trial: &Trial| Some((trial.number, trial.values().get(place).copied()?));
            ObjectiveMeans {
                name: metric.name.clone(),
                direction: metric.direction,
                means: trials.filter_map(mean).collect(),
            }
        };
        measured.map(of_metric).collect()
    }

    /// The same as [`ObjectiveMeans::wall_clock`], of the result files of a study: `cv_results` is the text of its
    /// `cv_results.csv`. None where that is not of the same trials, or has no such objective.
    ///
    /// # Errors
    ///
    /// Where the text is no CSV.
    pub fn read_wall_clock(
        cv_results: &str,
        leaderboard: &Leaderboard,
    ) -> Result<Vec<Self>, csv::Error> {
        let mut reader = csv::Reader::from_reader(cv_results.as_bytes());
        let header = reader.headers()?.clone();
        let rows = reader.records().collect::<Result<Vec<csv::StringRecord>, _>>()?;
        let mut numbers: Vec<usize> = leaderboard.trials.iter().map(|trial| trial.trial).collect();
        numbers.sort_unstable();
        if rows.len() != numbers.len() {
            return Ok(Vec::new());
        }
        let is_ranked = |name: &str| {
            let objectives = &leaderboard.objectives;
            // With one objective, the column is called `mean_test_score`.
            name == "score"
                || name == leaderboard.evaluation.metric
                || objectives.iter().any(|objective| objective.name == name)
        };
        let names = header.iter().filter_map(|column| column.strip_prefix("mean_test_"));
        let measured = names.filter(|name| !is_ranked(name)).map(|name| {
            let numbers_in = |column: String| -> BTreeMap<usize, f64> {
                let column = header.iter().position(|other| *other == column);
                let cell = |row: &csv::StringRecord| row.get(column?)?.parse::<f64>().ok();
                let cells = numbers.iter().zip(&rows);
                cells.filter_map(|(number, row)| Some((*number, cell(row)?))).collect()
            };
            let means = numbers_in(format!("mean_test_{name}"));
            let direction = direction_of(&means, &numbers_in(format!("rank_test_{name}")));
            ObjectiveMeans { name: name.to_owned(), direction, means }
        });
        Ok(measured.collect())
    }

    /// All objectives of a study: those of its leaderboard, and behind them those that a clock has `measured`.
    pub fn all(leaderboard: &Leaderboard, measured: &[ObjectiveMeans]) -> Vec<ObjectiveMeans> {
        let trials = || leaderboard.trials.iter();
        let mut all: Vec<ObjectiveMeans> = leaderboard
            .objectives
            .iter()
            .map(|ObjectiveEntry { name, direction }| {
                let value = |trial: &TrialEntry| trial.values.as_ref()?.get(name).copied();
                let means = trials().filter_map(|trial| Some((trial.trial, value(trial)?)));
                let (name, means) = (name.clone(), means.collect());
                ObjectiveMeans { name, direction: *direction, means }
            })
            .collect();
        if all.is_empty() {
            let name = leaderboard.evaluation.metric.clone();
            let means = trials().filter_map(|trial| Some((trial.trial, trial.mean_test_score?)));
            let direction = leaderboard.direction;
            all.push(ObjectiveMeans { name, direction, means: means.collect() });
        }
        all.extend_from_slice(measured);
        all
    }

    /// Which way is the better one: `accuracy ↑`.
    pub fn label(&self) -> String {
        let arrow = match self.direction {
            Direction::Maximize => '↑',
            Direction::Minimize => '↓',
        };
        format!("{} {arrow}", self.name)
    }
}

/// The file does not say which values are the better ones, but which one has rank 1: where values differ, it
/// is the smallest or the largest.
fn direction_of(means: &BTreeMap<usize, f64>, ranks: &BTreeMap<usize, f64>) -> Direction {
    let first = means.iter().find(|(number, _)| ranks.get(number) == Some(&1.0));
    match first {
        Some((_, best)) if means.values().any(|mean| mean < best) => Direction::Maximize,
        _ => Direction::Minimize,
    }
}
