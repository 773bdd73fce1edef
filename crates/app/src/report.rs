//! `burn-tune report`: the pages of an earlier search and training, from their result files, or the page
//! of a study of the database.

use std::process::ExitCode;

use anyhow::{Result, bail};
use burn_tune_report::page::PageState;
use burn_tune_study::OutputFolder;
use burn_tune_study::results::{LEADERBOARD, REPORT, StudyResults, TrainingResults};
use burn_tune_study::study_folder::{file_name, origin_of, page_of_copies};

use crate::about::{known_flags, program_name};
use crate::args::ReportArgs;
use crate::console::print;
use crate::pages::{write_study_page, write_training_page};
use crate::rank::{Ranked, ranked};

/// Writes the pages of what is in the folder, or of the study that is named.
pub fn report(args: &ReportArgs) -> Result<ExitCode> {
    if let Some(study) = args.of_database() {
        let output = OutputFolder::open(&args.out)?;
        let Ranked { study, results, state } = ranked(&study)?;
        let name = file_name(&study);
        let page = format!("{name}.html");
        let state = PageState { origin: origin_of(&output, &name), ..state };
        write_study_page(&results, &output, &page, &state)?;
        return print(&format!("{}\n", output.path(&page).display()));
    }
    let output = OutputFolder::existing(&args.out)?;
    let study = match StudyResults::read(&output)? {
        None => None,
        Some(mut results) => {
            results.leaderboard.look_up_flags(known_flags());
            let (page, origin) = page_of_copies(&output, &results.leaderboard.name);
            let state = PageState { origin, ..PageState::default() };
            write_study_page(&results, &output, &page, &state)?;
            Some(page)
        }
    };
    let training = TrainingResults::read(&output)?;
    let training = training.map(|mut results| {
        results.report.look_up_flags(known_flags());
        write_training_page(&results, &output)
    });
    let training = training.transpose()?;
    let pages: Vec<String> = study.into_iter().chain(training).collect();
    if pages.is_empty() {
        bail!(
            "there is neither {LEADERBOARD} nor {REPORT} in {}: run `{program} search` or `{program} train` first, or name the folder with --out",
            args.out.display(),
            program = program_name()
        );
    }
    let lines: Vec<String> =
        pages.iter().map(|page| format!("{}\n", output.path(page).display())).collect();
    print(&lines.concat())
}
