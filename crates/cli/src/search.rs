//! `burn-tune search`: from a space file to a leaderboard.

mod display;
mod opening;
mod prepare;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Error, Result, bail};
use burn_tune_ranking::ResultFile;
use burn_tune_ranking::format::count;
use burn_tune_report::page::PageState;
use burn_tune_search::Stop;
use burn_tune_search::runner::RunOptions;
use burn_tune_search::store::StoreError;
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageUrl};
use burn_tune_study::active_study::LeaseOptions;
use burn_tune_study::missing_reports::MissingReportsWarning;
use burn_tune_study::open_or_create::{Prepare, plan_new, plan_without_database};
use burn_tune_study::results::{CV_RESULTS, LEADERBOARD, StudyResults, Written};
use burn_tune_study::study_folder::{DATABASE, StudyIdentity};
use burn_tune_study::{
    ActiveStudy, OpenStudy, Outcome, OutputFolder, StudyFolder, StudyPlan, open_or_create,
};

use self::display::Display;
use self::opening::opening_line;
use crate::args::SearchArgs;
use crate::console::{print, quoted, say};
use crate::errors::{file_text, text, with_line};
use crate::exit::{INTERRUPTED, WorkFailed};
use crate::live_page::{LivePage, origin, unfinished};
use crate::objectives::{Described, KnownObjectives};
use crate::pages::write_study_page;
use crate::space_file::{self, Found};
use crate::table::{leaderboard_text, terminal_width};
use crate::{score_gate, setup, study_request};

/// How long a database that does not answer is asked again, before the search ends without it.
const PATIENCE: Duration = Duration::from_secs(300);

/// Checks a file against the model and says how large its space is.
pub fn check_space(path: &Path) -> Result<ExitCode> {
    let Found { file, path } = space_file::find(path)?;
    let request = study_request::of_file(&file);
    let plan: Result<(), Error> = match file.command.is_some() {
        true => {
            let mut prepare = |_: &_, _: Option<&_>| prepare::command(&file);
            plan_new(&request, &KnownObjectives, &mut prepare).map(drop)
        }
        // Whether there is such data is another question, and another machine's.
        false => {
            let mut prepare = |settings: &_, _: Option<&_>| {
                prepare::model_of(Default::default(), Default::default(), false, settings)
            };
            plan_new(&request, &KnownObjectives, &mut prepare).map(drop)
        }
    };
    plan.map_err(with_line(&file))?;
    let points = match file.spec.space.points() {
        Some(points) => format!("{points} point{}", if points == 1 { "" } else { "s" }),
        None => "uncountably many points".to_owned(),
    };
    let explicit = file.spec.trials.len();
    let notes: String = file.spec.notes().iter().map(|note| format!("note: {note}\n")).collect();
    print(&format!(
        "{notes}{} is fine: {}, {points}, {}\n",
        path.display(),
        count(file.spec.space.domains.len(), "parameter"),
        count(explicit, "explicit trial"),
    ))
}

/// Runs a search: of the command in the file, or else of our model.
pub fn search(args: SearchArgs) -> Result<ExitCode> {
    let found = space_file::find(&args.run.space)?;
    let Found { file, .. } = &found;
    match file.command.is_some() {
        true => search_for(&found, &args, |_, stored| {
            if stored.is_none() {
                prepare::refuse_arguments_of_models(&args)?;
            }
            prepare::command(file)
        }),
        false => search_for(&found, &args, |settings, stored| {
            prepare::model(file, &args, settings, stored)
        }),
    }
}

fn search_for<O: Described>(
    found: &Found,
    args: &SearchArgs,
    mut prepare: impl Prepare<O, Error>,
) -> Result<ExitCode> {
    let Found { file, path } = found;
    let request = study_request::of_search(file, args);
    let reader = &KnownObjectives;
    if args.dry_run {
        let plan = plan_new(&request, reader, &mut prepare).map_err(with_line(file))?;
        return print(&opening::dry_run(&plan, setup::jobs(&args.run)));
    }
    let url = match &args.storage {
        Some(url) => url.parse()?,
        None => StorageUrl::Sqlite(args.run.out.join(DATABASE)),
    };
    let planned = plan_without_database(&url, &request, reader, &mut prepare);
    let planned = planned.map_err(with_line(file))?;
    let output = OutputFolder::open(&args.run.out)?;
    let options = RunOptions {
        timeout: args.timeout,
        trial_timeout: args.trial_timeout,
        ..setup::run_options(&args.run, 0)?
    };
    let mut storage = open(&url, options.stop.clone())?;
    let study = open_or_create(&mut storage, &request, planned, reader, &mut prepare);
    let study = study.map_err(with_line(file))?;
    let lease = LeaseOptions { lease: args.lease, retries: args.retries, revive: args.resume };
    let active = ActiveStudy::join(storage, &study, reader, options, lease)?;
    let identity = StudyIdentity {
        study: study.record.name.clone(),
        storage: url.to_string(),
        created_s: study.record.created_s(),
    };
    let folder = StudyFolder::open(output, &identity)?;
    Search { args, path: path.clone(), url, folder, active }.run()
}

/// The database that the arguments name.
fn open(url: &StorageUrl, stop: Stop) -> Result<Storage> {
    Ok(Storage::open(url, OpenMode::MayCreate, RetryPolicy { limit: PATIENCE, stop })?)
}

/// One process at work on a study, as its user sees it.
struct Search<'a, O> {
    args: &'a SearchArgs,
    path: PathBuf,
    url: StorageUrl,
    folder: StudyFolder,
    active: ActiveStudy<'a, O>,
}

impl<O: Described> Search<'_, O> {
    fn plan(&self) -> &StudyPlan<O> {
        &self.active.study().plan
    }

    fn run(mut self) -> Result<ExitCode> {
        let outcome = self.work();
        let mut problems = Vec::new();
        let results = match &outcome.failure {
            Some(error) => {
                problems.push(self.rescue(error));
                self.active.results()
            }
            None => self.active.results_of_all().unwrap_or_else(|error| {
                problems.push(text(&error.into()));
                self.active.results()
            }),
        };
        let written = self.folder.write(&results);
        let lost = self.lost_problem(&outcome.lost);
        self.finish(&results, written, problems, lost)
    }

    /// Runs the study before the user's eyes.
    fn work(&mut self) -> Outcome {
        let OpenStudy { record, plan, resumed } = self.active.study();
        let progress = opening::progress(plan, self.args.run.quiet);
        self.active.watch_live(progress.live_watch());
        let suffix = if *resumed { ", which goes on" } else { "" };
        let study = format!("{} in {}{suffix}", record.name, self.url);
        let jobs = self.active.options().jobs;
        progress.say(&opening_line(plan, &self.path, jobs, &study));
        for notice in plan.notices.iter().cloned().chain(self.narrow_window()) {
            progress.say(&format!("note: {notice}"));
        }
        let mut display = Display {
            progress,
            missing_reports: MissingReportsWarning::new(plan),
            live: LivePage::new(),
            folder: &self.folder,
            trials: plan.budget(),
        };
        let outcome = self.active.run(&mut display);
        display.progress.finish();
        display.live.join();
        outcome
    }

    /// What is said of trials whose workers ended again and again.
    fn lost_problem(&self, lost: &[usize]) -> Option<String> {
        let numbers: Vec<String> = lost.iter().map(usize::to_string).collect();
        (!lost.is_empty()).then(|| {
            format!(
                "{} lost ({}): the processes at work on it ended more than {} times in a row, without a word. Is there too little memory? Its folds are kept, and it is no result. To take it up again: {}",
                count(lost.len(), "trial"),
                numbers.join(", "),
                self.args.retries,
                self.resume_command(),
            )
        })
    }

    /// Says so where the window keeps workers from having work.
    fn narrow_window(&self) -> Option<String> {
        let most = self.active.busy_jobs_at_most()?;
        let jobs = self.active.options().jobs;
        let window = self.plan().settings().effective_window()?;
        Some(format!(
            "at most {most} folds are under way at once, because trials see those before them, and {window} run at a time (--window): {} of {jobs} jobs have nothing to do",
            jobs - most,
        ))
    }

    /// Keeps what was computed though the database has failed, and says where it is and what to do.
    fn rescue(&self, error: &StoreError) -> String {
        let name = format!("{}-rescue.jsonl", self.folder.name);
        let study = quoted(&self.active.study().record.name);
        match self.active.rescue(self.folder.all(), &name) {
            Ok(path) => format!(
                "{error}\nwhat was computed is in {path}: when the database is well again, `burn-tune import {path}{url}`, and then `search --resume --study {study}` goes on",
                path = quoted(&path.display()),
                url = self.storage_argument(),
            ),
            Err(problem) => format!(
                "{error}\n{}\nwhen the database is well again, `burn-tune import` reads that file, and `search --resume --study {study}` goes on",
                file_text(&problem),
            ),
        }
    }

    fn finish(
        mut self,
        results: &StudyResults,
        written: Written,
        mut problems: Vec<String>,
        lost: Option<String>,
    ) -> Result<ExitCode> {
        let leaderboard = &results.leaderboard;
        let is_done = problems.is_empty() && self.active.is_done()?;
        let page_state = self.page_state(is_done);
        let page = write_study_page(results, self.folder.all(), &self.folder.page(), &page_state);
        let page = page.and_then(|()| self.folder.note(&page_state.origin));
        let is_kept = problems.is_empty();
        let shown = match self.args.run.json {
            true => leaderboard.to_json(),
            false => self.result_text(results, &written, page.is_ok()),
        };
        if !self.args.run.quiet {
            written.notes.iter().for_each(|note| say(&format!("note: {note}")));
        }
        problems.extend(written.problems.iter().chain(page.as_ref().err()).map(file_text));
        let has_files = problems.is_empty();
        problems.extend(print(&shown).err().map(|error| text(&error)));
        if is_kept && has_files && is_done {
            self.active.mark_finished().map_err(crate::errors::study_failure)?;
        } else if problems.is_empty() && lost.is_none() && !self.args.run.quiet {
            say(&format!("The study is not finished. To go on: {}", self.resume_command()));
        }
        problems.extend(lost);
        if !problems.is_empty() {
            bail!(WorkFailed(problems.join("\n")));
        }
        if self.active.options().stop.is_requested() {
            return Ok(ExitCode::from(INTERRUPTED));
        }
        if leaderboard.counts.complete == 0 && leaderboard.counts.failed > 0 {
            bail!(WorkFailed(format!(
                "all {} trials failed; the reasons are in {}",
                leaderboard.counts.failed,
                self.folder.all().path(LEADERBOARD).display()
            )));
        }
        score_gate::check(leaderboard, self.args.min_score)?;
        Ok(ExitCode::SUCCESS)
    }

    /// What the page says of the search, now that this process has ended its work.
    fn page_state(&self, is_done: bool) -> PageState {
        let state = self.active.state();
        let trials = state.history.trials();
        let ended = trials.iter().filter(|trial| trial.is_finished()).count();
        let page = match is_done {
            true => PageState::default(),
            false => unfinished(ended, self.plan().budget(), &self.resume_command()),
        };
        let took = self.active.options().since.elapsed();
        PageState { origin: origin(took), stderr: state.stderr.clone(), ..page }
    }

    /// The table, and where the files are.
    fn result_text(&self, results: &StudyResults, written: &Written, has_page: bool) -> String {
        let path = |name: &str| self.folder.all().path(name).display().to_string();
        let StudyResults { leaderboard, measured, fit_times, .. } = results;
        let mut text = leaderboard_text(leaderboard, measured, fit_times, terminal_width());
        let shown = [LEADERBOARD, CV_RESULTS].into_iter();
        let shown: Vec<String> =
            shown.filter(|name| written.names.contains(name)).map(path).collect();
        if !shown.is_empty() {
            let own = path(&self.folder.name);
            text += &format!("All trials: {}; kept in {own}/\n", shown.join(", "));
        }
        if has_page {
            text += &format!("Figures, in a browser: {}\n", path(&self.folder.page()));
        }
        text
    }

    /// What names the database to the commands that look at studies; nothing where they find it anyway.
    fn storage_argument(&self) -> String {
        let found = Path::new("results").join(DATABASE);
        match &self.url {
            StorageUrl::Sqlite(path) if *path == found => String::new(),
            url => format!(" --storage {}", quoted(url)),
        }
    }

    /// What goes on with the study.
    fn resume_command(&self) -> String {
        let SearchArgs { run, storage, .. } = self.args;
        let mut command =
            format!("burn-tune search --space {} --resume", quoted(&run.space.display()));
        command += &format!(" --study {}", quoted(&self.active.study().record.name));
        if storage.is_some() {
            command += &self.storage_argument();
        }
        if run.out != Path::new("results") {
            command += &format!(" --out {}", quoted(&run.out.display()));
        }
        command
    }
}
