//! `burn-tune report`: the pages of an earlier search and training, from their result files, or the page
//! of a study of the database.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::args::ReportArgs;
use crate::console::print;
use crate::flag_marks::KNOWN_FLAGS;
use crate::output::OutputFolder;
use crate::rank::{Ranked, ranked};
use crate::results::{LEADERBOARD, REPORT, StudyFiles, TrainingFiles};
use crate::study_folder::{file_name, origin_of, page_of_copies};
use burn_tune_report::page::PageState;

/// Writes the pages of what is in the folder, or of the study that is named.
pub fn report(args: &ReportArgs) -> Result<ExitCode> {
    if let Some(study) = args.of_database() {
        let output = OutputFolder::open(&args.out)?;
        let Ranked { study, files, state, .. } = ranked(&study)?;
        let name = file_name(&study);
        let page = format!("{name}.html");
        let state = PageState { origin: origin_of(&output, &name), ..state };
        files.write_page(&output, &page, &state)?;
        return print(&format!("{}\n", output.path(&page).display()));
    }
    let output = OutputFolder::existing(&args.out)?;
    let study = match StudyFiles::read(&output)? {
        None => None,
        Some(mut files) => {
            files.leaderboard.look_up_flags(KNOWN_FLAGS);
            let (page, origin) = page_of_copies(&output, &files.leaderboard.name);
            files.write_page(&output, &page, &PageState { origin, ..PageState::default() })?;
            Some(page)
        }
    };
    let training = TrainingFiles::read(&output)?.map(|mut files| {
        files.report.look_up_flags(KNOWN_FLAGS);
        files.write_page(&output)
    });
    let training = training.transpose()?;
    let pages: Vec<String> = study.into_iter().chain(training).collect();
    if pages.is_empty() {
        bail!(
            "there is neither {LEADERBOARD} nor {REPORT} in {}: run `burn-tune search` or `burn-tune train` first, or name the folder with --out",
            args.out.display()
        );
    }
    let lines: Vec<String> =
        pages.iter().map(|page| format!("{}\n", output.path(page).display())).collect();
    print(&lines.concat())
}
