//! `burn-tune rank`: the leaderboard again, from the database.

use std::process::ExitCode;

use anyhow::{Result, bail};
use burn_tune_ranking::ResultFile;
use burn_tune_report::page::PageState;
use burn_tune_study::results::StudyResults;
use burn_tune_study::study_folder::file_name;
use burn_tune_study::{OutputFolder, StudyDefinition, StudyState};

use crate::about::{known_flags, program_name, reader};
use crate::args::{RankArgs, StudyArgs};
use crate::commands::open_study::{StoredStudy, open_study};
use crate::console::{print, quoted, say};
use crate::errors::file_text;
use crate::exit::WorkFailed;
use crate::pages::write_study_page;
use crate::score_gate;
use crate::table::{leaderboard_text, terminal_width};

/// A study as its result files have it.
pub struct Ranked {
    /// What it is called.
    pub study: String,
    /// What its page says of it.
    pub state: PageState,
    /// What the result files hold.
    pub results: StudyResults,
}

/// Ranks the study that the arguments name.
pub fn rank(args: &RankArgs) -> Result<ExitCode> {
    let Ranked { study, results, state } = ranked(&args.study)?;
    if let Some(out) = &args.out {
        let output = OutputFolder::open(out)?;
        let problems: Vec<String> = results.write(&output).problems.iter().map(file_text).collect();
        if !problems.is_empty() {
            bail!(WorkFailed(problems.join("\n")));
        }
        let page = format!("{}.html", file_name(&study));
        write_study_page(&results, &output, &page, &state)?;
        say(&format!("written to {}", out.display()));
    }
    let StudyResults { leaderboard, measured, fit_times, .. } = &results;
    let printed = if args.json {
        print(&leaderboard.to_json())?
    } else {
        print(&leaderboard_text(leaderboard, measured, fit_times, terminal_width()))?
    };
    score_gate::check(leaderboard, args.min_score)?;
    Ok(printed)
}

/// Reads and ranks the study that the arguments name.
pub fn ranked(args: &StudyArgs) -> Result<Ranked> {
    let StoredStudy { mut storage, study } = open_study(args)?;
    let Some(definition) = StudyDefinition::read(&study)? else {
        bail!(
            "the study `{name}` has no folds to rank by: it is another program's; `{program} trials --study {argument} --sort value` sorts it by its values, and `{program} search --study {argument}` goes on with it",
            program = program_name(),
            name = study.name,
            argument = quoted(&study.name),
        )
    };
    let state = StudyState::read(&mut storage, &study, definition.settings.folds, known_flags())?;
    let curves = state.stored_curves(&mut storage, &study)?;
    let results = state.results(&definition, reader(), curves);
    let page = PageState { stderr: state.stderr, ..PageState::default() };
    Ok(Ranked { study: study.name, state: page, results })
}
