//! `burn-tune rank`: the leaderboard again, from the database.

use std::process::ExitCode;

use anyhow::{Result, bail};
use burn_tune_ranking::ResultFile;
use burn_tune_report::page::PageState;

use crate::args::{RankArgs, StudyArgs};
use crate::commands::open_study::{OpenStudy, open_study};
use crate::console::{print, quoted, say};
use crate::flag_marks::KNOWN_FLAGS;
use crate::output::OutputFolder;
use crate::results::StudyFiles;
use crate::score_gate;
use crate::search::Definition;
use crate::study_folder::file_name;
use crate::study_state::StudyState;
use crate::table::{leaderboard_text, terminal_width};

/// A study as its result files have it.
pub struct Ranked {
    /// What it is called.
    pub study: String,
    /// What its page says of it.
    pub state: PageState,
    /// The result files.
    pub files: StudyFiles,
    /// The one that is scikit-learn's.
    pub cv_results: String,
}

/// Ranks the study that the arguments name.
pub fn rank(args: &RankArgs) -> Result<ExitCode> {
    let Ranked { study, files, cv_results, state } = ranked(&args.study)?;
    if let Some(out) = &args.out {
        let output = OutputFolder::open(out)?;
        files.write(&cv_results, &output).all()?;
        let page = format!("{}.html", file_name(&study));
        files.write_page(&output, &page, &state)?;
        say(&format!("written to {}", out.display()));
    }
    let leaderboard = &files.leaderboard;
    let printed = if args.json {
        print(&leaderboard.to_json())?
    } else {
        print(&leaderboard_text(leaderboard, &files.measured, &files.fit_times, terminal_width()))?
    };
    score_gate::check(leaderboard, args.min_score)?;
    Ok(printed)
}

/// Reads and ranks the study that the arguments name.
pub fn ranked(args: &StudyArgs) -> Result<Ranked> {
    let OpenStudy { mut storage, study } = open_study(args)?;
    let Some(definition) = Definition::read(&study)? else {
        bail!(
            "the study `{name}` has no folds to rank by: it is another program's; `burn-tune trials --study {argument} --sort value` sorts it by its values, and `burn-tune search --study {argument}` goes on with it",
            name = study.name,
            argument = quoted(&study.name),
        )
    };
    let folds = definition.settings.study.folds;
    let state = StudyState::read(&mut storage, &study, folds, KNOWN_FLAGS)?;
    let curves = state.kept_curves(&mut storage, &study)?;
    let (files, cv_results) = state.files(&definition, curves);
    let page = PageState { stderr: state.stderr, ..PageState::default() };
    Ok(Ranked { study: study.name, state: page, files, cv_results })
}
