//! Results as HTML pages in the folder of the results.

use burn_tune_report::page::{PageState, study_page, training_page};
use burn_tune_study::OutputFolder;
use burn_tune_study::output_folder::FileError;
use burn_tune_study::results::{StudyResults, TrainingResults};
use burn_tune_study::study_folder::file_name;

/// Writes the page of a study under this name, with what it says of its search.
pub fn write_study_page(
    results: &StudyResults,
    output: &OutputFolder,
    name: &str,
    state: &PageState,
) -> Result<(), FileError> {
    let StudyResults { leaderboard, timeline, curves, measured, fit_times, .. } = results;
    let results =
        burn_tune_report::StudyResults { leaderboard, timeline, curves, measured, fit_times };
    output.write(name, study_page(results, state)).map(drop)
}

/// Writes the page of a training, and says what it is called. Not as that of a search of the same file.
pub fn write_training_page(
    results: &TrainingResults,
    output: &OutputFolder,
) -> Result<String, FileError> {
    let TrainingResults { report, curves } = results;
    let name = format!("{}-train.html", file_name(&report.name));
    output.write(&name, training_page(burn_tune_report::TrainingResults { report, curves }))?;
    Ok(name)
}
