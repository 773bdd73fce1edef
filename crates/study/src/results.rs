//! The result files of a search and of a training: what they are called, and how they are written and
//! read again.

use std::error::Error;

use burn_tune_ranking::curves_file::{CurvesByTask, from_npz, to_npz};
use burn_tune_ranking::fit_times::{FitTimes, read_fit_times};
use burn_tune_ranking::timeline::{TimelineEntry, read_timeline, timeline_csv};
use burn_tune_ranking::{Leaderboard, ObjectiveMeans, ResultFile, TrainingReport};

use crate::output_folder::{FileError, OutputFolder};

/// The leaderboard of a search.
pub const LEADERBOARD: &str = "leaderboard.json";
/// The trials of a search, in scikit-learn's columns.
pub const CV_RESULTS: &str = "cv_results.csv";
/// Who worked when in a search.
pub const TIMELINE: &str = "timeline.csv";
/// What was recorded in a search.
pub const CURVES: &str = "curves.npz";
/// The models of a training.
pub const REPORT: &str = "report.json";
/// What was recorded in a training.
pub const REPORT_CURVES: &str = "report_curves.npz";

/// What a search leaves behind.
#[derive(Debug, Clone)]
pub struct StudyResults {
    /// The trials by rank.
    pub leaderboard: Leaderboard,
    /// Who worked when.
    pub timeline: Vec<TimelineEntry>,
    /// What was recorded.
    pub curves: CurvesByTask,
    /// What a clock has measured that the study is after; may be empty.
    pub measured: Vec<ObjectiveMeans>,
    /// How long the trials trained, where that is known.
    pub fit_times: FitTimes,
    /// The trials in scikit-learn's columns, as CSV.
    pub cv_results: String,
}

impl StudyResults {
    /// Writes all of it. Each file is tried, whatever becomes of the others.
    pub fn write(&self, output: &OutputFolder) -> Written {
        let attempts = [
            (LEADERBOARD, output.write(LEADERBOARD, self.leaderboard.to_json()).map(drop)),
            (CV_RESULTS, output.write(CV_RESULTS, &self.cv_results).map(drop)),
            (TIMELINE, output.write(TIMELINE, timeline_csv(&self.timeline)).map(drop)),
            (CURVES, write_curves(CURVES, &self.curves, output)),
        ];
        let mut written = Written::default();
        for (name, attempt) in attempts {
            match attempt {
                Ok(()) => written.names.push(name),
                Err(error) => written.problems.push(error),
            }
        }
        written
    }

    /// Reads what an earlier search wrote; `None` where there is no leaderboard.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read, or is not what it should be.
    pub fn read(output: &OutputFolder) -> Result<Option<Self>, FileError> {
        let Some(leaderboard) = read_text(LEADERBOARD, output)? else { return Ok(None) };
        let leaderboard = Leaderboard::from_json(&leaderboard).map_err(of(LEADERBOARD, output))?;
        let timeline = match read_text(TIMELINE, output)? {
            None => Vec::new(),
            Some(text) => read_timeline(&text).map_err(of(TIMELINE, output))?,
        };
        let curves = read_curves(CURVES, output)?;
        let cv_results = read_text(CV_RESULTS, output)?;
        let (measured, fit_times) = match &cv_results {
            None => Default::default(),
            Some(text) => wall_clock(text, &leaderboard).map_err(of(CV_RESULTS, output))?,
        };
        let cv_results = cv_results.unwrap_or_default();
        Ok(Some(StudyResults { leaderboard, timeline, curves, measured, fit_times, cv_results }))
    }
}

/// What of `cv_results.csv` stands nowhere else.
fn wall_clock(
    cv_results: &str,
    leaderboard: &Leaderboard,
) -> Result<(Vec<ObjectiveMeans>, FitTimes), csv::Error> {
    let measured = ObjectiveMeans::read_wall_clock(cv_results, leaderboard)?;
    Ok((measured, read_fit_times(cv_results, leaderboard)?))
}

/// What became of the attempt to write files.
#[derive(Debug, Default)]
pub struct Written {
    /// Those that are there.
    pub names: Vec<&'static str>,
    /// Why each of the others is not, and where its content went instead.
    pub problems: Vec<FileError>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// What a training leaves behind.
#[derive(Debug, Clone)]
pub struct TrainingResults {
    /// The models.
    pub report: TrainingReport,
    /// What was recorded.
    pub curves: CurvesByTask,
}

impl TrainingResults {
    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// The first file that cannot be written; the other one is written all the same.
    pub fn write(&self, output: &OutputFolder) -> Result<(), FileError> {
        let written = output.write(REPORT, self.report.to_json()).map(drop);
        written.and(write_curves(REPORT_CURVES, &self.curves, output))
    }

    /// Reads what an earlier training wrote; `None` where there is no report.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read, or is not what it should be.
    pub fn read(output: &OutputFolder) -> Result<Option<Self>, FileError> {
        let Some(report) = read_text(REPORT, output)? else { return Ok(None) };
        let report = TrainingReport::from_json(&report).map_err(of(REPORT, output))?;
        Ok(Some(TrainingResults { report, curves: read_curves(REPORT_CURVES, output)? }))
    }
}

/// Without curves, those of an earlier run must not pass for this one's.
fn write_curves(
    name: &'static str,
    curves: &CurvesByTask,
    output: &OutputFolder,
) -> Result<(), FileError> {
    if curves.is_empty() {
        return output.remove(name);
    }
    let bytes = to_npz(curves).map_err(|error| FileError::Make { name, problem: chain(&error) })?;
    output.write(name, bytes).map(drop)
}

fn read_curves(name: &str, output: &OutputFolder) -> Result<CurvesByTask, FileError> {
    match output.read(name)? {
        None => Ok(CurvesByTask::new()),
        Some(bytes) => from_npz(&bytes).map_err(of(name, output)),
    }
}

fn read_text(name: &str, output: &OutputFolder) -> Result<Option<String>, FileError> {
    let Some(bytes) = output.read(name)? else { return Ok(None) };
    String::from_utf8(bytes).map(Some).map_err(of(name, output))
}

/// What is wrong with the content of a file, with its path.
fn of<E: Error>(name: &str, output: &OutputFolder) -> impl FnOnce(E) -> FileError {
    let path = output.path(name);
    move |error| FileError::Content { path, problem: chain(&error) }
}

/// An error with what caused it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
