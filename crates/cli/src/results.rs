//! The result files of a search and of a training: what they are called, and how they are written and
//! read again.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, Result};
use burn_tune_ranking::curves_file::{CurvesByTask, from_npz, to_npz};
use burn_tune_ranking::fit_times::{FitTimes, read_fit_times};
use burn_tune_ranking::timeline::{TimelineEntry, read_timeline, timeline_csv};
use burn_tune_ranking::{Leaderboard, ObjectiveMeans, ResultFile, TrainingReport};
use burn_tune_report::page::{PageState, study_page, training_page};
use burn_tune_report::{StudyResults, TrainingResults};

use crate::WorkFailed;
use crate::output::OutputFolder;
use crate::study_folder::file_name;

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
pub struct StudyFiles {
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
}

impl StudyFiles {
    /// Writes all of it but the page. Each file is tried, whatever becomes of the others.
    pub fn write(&self, cv_results: &str, output: &OutputFolder) -> Written {
        let attempts = [
            (LEADERBOARD, output.write(LEADERBOARD, self.leaderboard.to_json()).map(drop)),
            (CV_RESULTS, output.write(CV_RESULTS, cv_results).map(drop)),
            (TIMELINE, output.write(TIMELINE, timeline_csv(&self.timeline)).map(drop)),
            (CURVES, write_curves(CURVES, &self.curves, output)),
        ];
        let mut written = Written::default();
        for (name, attempt) in attempts {
            match attempt {
                Ok(()) => written.names.push(name),
                Err(error) => written.problems.push(format!("{error:#}")),
            }
        }
        written
    }

    /// Reads what an earlier search wrote; `None` where there is no leaderboard.
    pub fn read(output: &OutputFolder) -> Result<Option<Self>> {
        let Some(text) = read(LEADERBOARD, output)? else { return Ok(None) };
        let leaderboard = Leaderboard::from_json(&utf8(LEADERBOARD, text, output)?)
            .with_context(|| output.path(LEADERBOARD).display().to_string())?;
        let timeline = match read(TIMELINE, output)? {
            None => Vec::new(),
            Some(text) => read_timeline(&utf8(TIMELINE, text, output)?)
                .with_context(|| output.path(TIMELINE).display().to_string())?,
        };
        let curves = read_curves(CURVES, output)?;
        let (measured, fit_times) = match read(CV_RESULTS, output)? {
            None => Default::default(),
            Some(text) => wall_clock(&utf8(CV_RESULTS, text, output)?, &leaderboard)
                .with_context(|| output.path(CV_RESULTS).display().to_string())?,
        };
        Ok(Some(StudyFiles { leaderboard, timeline, curves, measured, fit_times }))
    }

    /// Writes the page under this name, with what it says of its search.
    pub fn write_page(&self, output: &OutputFolder, name: &str, state: &PageState) -> Result<()> {
        let StudyFiles { leaderboard, timeline, curves, measured, fit_times } = self;
        let results = StudyResults { leaderboard, timeline, curves, measured, fit_times };
        output.write(name, study_page(results, state)).map(drop)
    }
}

/// What of `cv_results.csv` stands nowhere else.
fn wall_clock(
    cv_results: &str,
    leaderboard: &Leaderboard,
) -> Result<(Vec<ObjectiveMeans>, FitTimes)> {
    let measured = ObjectiveMeans::read_wall_clock(cv_results, leaderboard)?;
    Ok((measured, read_fit_times(cv_results, leaderboard)?))
}

/// What became of the attempt to write files.
#[derive(Debug, Default)]
pub struct Written {
    /// Those that are there.
    pub names: Vec<&'static str>,
    /// Why each of the others is not, and where its content went instead.
    pub problems: Vec<String>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

impl Written {
    /// The problems as one error, where there are any.
    pub fn all(self) -> Result<()> {
        match self.problems.as_slice() {
            [] => Ok(()),
            problems => Err(WorkFailed(problems.join("\n")).into()),
        }
    }
}

/// What a training leaves behind.
pub struct TrainingFiles {
    /// The models.
    pub report: TrainingReport,
    /// What was recorded.
    pub curves: CurvesByTask,
}

impl TrainingFiles {
    /// Writes all of it but the page; as [`StudyFiles::write`].
    pub fn write(&self, output: &OutputFolder) -> Result<()> {
        let written = output.write(REPORT, self.report.to_json()).map(drop);
        written.and(write_curves(REPORT_CURVES, &self.curves, output))
    }

    /// Reads what an earlier training wrote; `None` where there is no report.
    pub fn read(output: &OutputFolder) -> Result<Option<Self>> {
        let Some(text) = read(REPORT, output)? else { return Ok(None) };
        let report = TrainingReport::from_json(&utf8(REPORT, text, output)?)
            .with_context(|| output.path(REPORT).display().to_string())?;
        Ok(Some(TrainingFiles { report, curves: read_curves(REPORT_CURVES, output)? }))
    }

    /// Writes the page, and says what it is called. Not as that of a search of the same file.
    pub fn write_page(&self, output: &OutputFolder) -> Result<String> {
        let TrainingFiles { report, curves } = self;
        let name = format!("{}-train.html", file_name(&report.name));
        output.write(&name, training_page(TrainingResults { report, curves }))?;
        Ok(name)
    }
}

/// Without curves, those of an earlier run must not pass for this one's.
fn write_curves(name: &str, curves: &CurvesByTask, output: &OutputFolder) -> Result<()> {
    if curves.is_empty() {
        return output.remove(name);
    }
    let bytes = to_npz(curves).with_context(|| format!("cannot make {name}"))?;
    output.write(name, bytes).map(drop)
}

fn read_curves(name: &str, output: &OutputFolder) -> Result<CurvesByTask> {
    match read(name, output)? {
        None => Ok(CurvesByTask::new()),
        Some(bytes) => from_npz(&bytes).with_context(|| output.path(name).display().to_string()),
    }
}

fn read(name: &str, output: &OutputFolder) -> Result<Option<Vec<u8>>> {
    let path = output.path(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn utf8(name: &str, bytes: Vec<u8>, output: &OutputFolder) -> Result<String> {
    String::from_utf8(bytes).with_context(|| output.path(name).display().to_string())
}
