//! How long trials trained, for the table and the page. A clock decides it, so of all files it stands in
//! `cv_results.csv` alone.

use std::collections::BTreeMap;

use burn_tune_search::{History, Trial};

use crate::cv_results::MEAN_FIT_TIME;
use crate::leaderboard::{Leaderboard, State};
use crate::standings::fold_values;
use crate::statistics::mean;

/// By the number of a complete trial, the seconds that one of its folds trained, as the mean of all.
pub type FitTimes = BTreeMap<usize, f64>;

/// The times of the complete trials, where they are known of every fold.
pub fn fit_times(history: &History, folds: usize) -> FitTimes {
    let complete = history.trials().iter().filter(|trial| !trial.is_foreign());
    let time = |trial: &Trial| mean(&fold_values(trial, folds, |fold| fold.fit_s));
    let times = complete.map(|trial| (trial.number, time(trial)));
    times.filter(|(_, seconds)| seconds.is_finite()).collect()
}

/// The same from the text of a `cv_results.csv`; empty where that is not of the same trials.
///
/// # Errors
///
/// Where the text is no CSV.
pub fn read_fit_times(cv_results: &str, leaderboard: &Leaderboard) -> Result<FitTimes, csv::Error> {
    let mut reader = csv::Reader::from_reader(cv_results.as_bytes());
    let column = reader.headers()?.iter().position(|name| name == MEAN_FIT_TIME);
    let rows = reader.records().collect::<Result<Vec<csv::StringRecord>, _>>()?;
    let mut trials: Vec<(usize, State)> =
        leaderboard.trials.iter().map(|trial| (trial.trial, trial.state)).collect();
    trials.sort_unstable_by_key(|(number, _)| *number);
    if rows.len() != trials.len() {
        return Ok(FitTimes::new());
    }
    let cell = |row: &csv::StringRecord| row.get(column?)?.parse::<f64>().ok();
    let cells = trials.iter().zip(&rows).filter(|((_, state), _)| *state == State::Complete);
    Ok(cells.filter_map(|((number, _), row)| Some((*number, cell(row)?))).collect())
}

#[cfg(test)]
mod tests {
    use burn_tune_search::{FoldScore, ObjectiveError};

    use super::*;
    use crate::cv_results::cv_results;
    use crate::fixtures::{facts, finished, history, params, started};

    #[test]
    fn times_are_means_over_the_folds_and_come_back_from_the_file() {
        let timed = |score: f64, fit_s: f64| Ok(FoldScore { score, fit_s, ..FoldScore::default() });
        let failed =
            Err(ObjectiveError::Failed { reason: "out of memory".into(), flags: Vec::new() });
        let history = history(
            2,
            [
                started(None, params(0.01, "relu")),
                started(None, params(0.1, "relu")),
                started(None, params(0.02, "tanh")),
                finished(0, 0, timed(0.5, 1.0)),
                finished(0, 1, timed(0.6, 4.0)),
                finished(1, 0, timed(0.5, 3.0)),
                finished(1, 1, failed),
                finished(2, 1, timed(0.9, 0.5)),
                finished(2, 0, timed(0.9, 0.25)),
            ],
        );
        let times = fit_times(&history, 2);
        assert_eq!(times, FitTimes::from([(0, 2.5), (2, 0.375)]));

        let mut facts = facts();
        facts.evaluation.folds = 2;
        let csv = cv_results(&facts, &history);
        let mut leaderboard = Leaderboard::new(&facts, &history, &[]);
        assert_eq!(read_fit_times(&csv, &leaderboard).unwrap(), times);
        leaderboard.trials.pop();
        assert_eq!(read_fit_times(&csv, &leaderboard).unwrap(), FitTimes::new());
    }
}
