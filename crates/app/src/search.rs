//! `search`: from a space to a leaderboard.

mod describe;
mod display;
pub mod dry_run;
mod jobs;
mod opening;
mod placing;
mod repeatability;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Error, Result, bail};
use burn_tune_ranking::ResultFile;
use burn_tune_ranking::format::count;
use burn_tune_report::page::PageState;
use burn_tune_search::runner::RunOptions;
use burn_tune_search::store::StoreError;
use burn_tune_search::{Objective, Stop};
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageUrl};
use burn_tune_study::active_study::LeaseOptions;
use burn_tune_study::begun::Limits;
use burn_tune_study::missing_reports::MissingReportsWarning;
use burn_tune_study::observer::Observers;
use burn_tune_study::open_or_create::{Prepare, plan_new, plan_without_database};
use burn_tune_study::results::{CV_RESULTS, LEADERBOARD, StudyResults, Written};
use burn_tune_study::study_folder::{DATABASE, StudyIdentity};
use burn_tune_study::{
    ActiveStudy, Observer, OpenStudy, Outcome, OutputFolder, StudyFolder, StudyPlan, StudyRequest,
    open_or_create,
};
use serde_json::Value;

pub use self::describe::Describe;
use self::display::Display;
pub use self::jobs::{check_jobs, jobs};
use self::opening::opening_line;
use crate::about::{program_name, reader};
use crate::args::{RunArgs, SearchOptions};
use crate::console::{print, quoted, say};
use crate::engine::{self, Placed};
use crate::errors::{file_text, text};
use crate::exit::{INTERRUPTED, WorkFailed};
use crate::live_page::{LivePage, origin, unfinished};
use crate::pages::write_study_page;
use crate::source::Source;
use crate::table::{leaderboard_text, terminal_width};
use crate::{score_gate, shown_password, signals, study_request};

/// How long a database that does not answer is asked again, before the search ends without it.
const PATIENCE: Duration = Duration::from_secs(300);

/// The text that says that a space fits an objective, and how large it is.
///
/// # Errors
///
/// What does not fit, or what `prepare` says.
pub fn check_space<O: Objective>(
    source: &Source,
    mut prepare: impl Prepare<O, Error>,
) -> Result<String> {
    let request = study_request::of_source(source);
    plan_new(&request, reader(), &mut prepare).map_err(source.with_line())?;
    let spec = &source.spec;
    let points = match spec.space.points() {
        Some(points) => format!("{points} point{}", if points == 1 { "" } else { "s" }),
        None => "uncountably many points".to_owned(),
    };
    let notes: String = spec.notes().iter().map(|note| format!("note: {note}\n")).collect();
    Ok(format!(
        "{notes}{} is fine: {}, {points}, {}\n",
        source.name,
        count(spec.space.domains.len(), "parameter"),
        count(spec.trials.len(), "explicit trial"),
    ))
}

/// Runs a search of the objective that `prepare` makes; `overrides` is what the arguments say of it, by the
/// keys of its identity, and `describe` tells people of it.
///
/// # Errors
///
/// Whatever ends the program otherwise than well.
pub fn search<O: Objective>(
    source: &Source,
    args: &SearchOptions,
    overrides: Vec<(&'static str, Value)>,
    describe: &dyn Describe<O>,
    mut prepare: impl Prepare<O, Error>,
) -> Result<ExitCode> {
    check_jobs(&args.run, describe.fuses())?;
    let request = study_request::of_search(source, args, overrides);
    if args.dry_run || args.engine.print || args.check {
        return without_study(source, args, &request, describe, prepare);
    }
    let reader = reader();
    let url = match &args.storage {
        Some(url) => url.parse()?,
        None => StorageUrl::Sqlite(args.run.out.join(DATABASE)),
    };
    let engine = engine::choose(args, &url)?;
    let planned = plan_without_database(&url, &request, reader, &mut prepare);
    let planned = planned.map_err(source.with_line())?;
    let options = RunOptions {
        timeout: args.timeout,
        trial_timeout: args.trial_timeout,
        ..run_options(&args.run, 1, 0)?
    };
    let output = OutputFolder::open(&args.run.out)?;
    let mut storage = open(&url, options.stop.clone())?;
    let given = args.storage.as_deref().unwrap_or_default();
    if let Some(warning) = shown_password::warning(&url, given) {
        say(&format!("warning: {warning}"));
    }
    let study = open_or_create(&mut storage, &request, planned, reader, &mut prepare);
    let study = study.map_err(source.with_line())?;
    keep_limits(&mut storage, &study, args)?;
    // One thread that waits watches, so that somebody asks what there is to do.
    let jobs = if args.only_watches() { 1 } else { jobs_of(args, describe, &study.plan)? };
    let mut options = RunOptions { jobs, ..options };
    let asked = options.stop.clone();
    // With workers elsewhere, whoever wants an end is heard by those who look after them.
    let signals = engine.as_ref().and_then(|_| {
        options.stop = Stop::default();
        options.signals.take()
    });
    let lease = LeaseOptions {
        lease: args.lease,
        retries: args.retries,
        revive: args.resume,
        only_watches: args.only_watches(),
    };
    let mut active = ActiveStudy::join(storage, &study, reader, options, lease)?;
    let identity = StudyIdentity {
        study: study.record.name.clone(),
        storage: url.to_string(),
        created_s: study.record.created_s(),
    };
    let folder = StudyFolder::open(output, &identity)?;
    match args.keep_models.unwrap_or_else(|| describe.keep_models()) {
        0 => {}
        best => active.keep_models(folder.models(), best),
    }
    let mut search = Search { source, args, describe, url, folder, active, asked, placed: None };
    if let Some(engine) = engine {
        search.place(engine, signals)?;
    }
    search.run()
}

/// What can be asked of a search without a study: what it would try, what would start its workers, whether its numbers
/// can be repeated.
fn without_study<O: Objective>(
    source: &Source,
    args: &SearchOptions,
    request: &StudyRequest,
    describe: &dyn Describe<O>,
    mut prepare: impl Prepare<O, Error>,
) -> Result<ExitCode> {
    let mut plan = || plan_new(request, reader(), &mut prepare).map_err(source.with_line());
    if args.dry_run {
        let plan = plan()?;
        return print(&opening::dry_run(&plan, describe, jobs_of(args, describe, &plan)?));
    }
    if args.engine.print {
        let fuses = describe.fused(&plan()?, args.run.device.first().copied()).is_some();
        // It is there, as the arguments are checked for it.
        let study = args.study.as_deref().unwrap_or_default();
        return print(&engine::printed(args, study, (describe.worker_arguments(), fuses))?);
    }
    // Of an objective each: what one keeps between trainings is not to hide that another would have it not.
    let plans = [plan()?, plan()?];
    let seed = plans[0].settings().seed;
    let options = run_options(&args.run, jobs_of(args, describe, &plans[0])?, seed)?;
    let trial_timeout = args.trial_timeout;
    repeatability::check(&plans, RunOptions { trial_timeout, ..options })
}

/// How many trainings of a study run at once in this process.
fn jobs_of<O: Objective>(
    args: &SearchOptions,
    describe: &dyn Describe<O>,
    plan: &StudyPlan<O>,
) -> Result<usize> {
    let fused = describe.fused(plan, args.run.device.first().copied());
    jobs(&args.run, fused, Some(plan.settings()))
}

/// Keeps what a trial may take with the study, so that workers elsewhere know it.
fn keep_limits<O>(storage: &mut Storage, study: &OpenStudy<O>, args: &SearchOptions) -> Result<()> {
    let limits = Limits {
        trial_timeout_s: args.trial_timeout.map(|limit| limit.as_secs_f64()),
        memory_bytes: args.memory_limit,
    };
    // Whoever joins beside others, and says nothing of limits, leaves theirs as they are.
    if study.resumed && !args.resume && limits == Limits::default() {
        return Ok(());
    }
    Ok(limits.keep(storage, &study.record)?)
}

/// How to run: with so many workers, until a signal asks to stop.
///
/// # Errors
///
/// Where the system lets nobody listen for signals.
pub fn run_options(args: &RunArgs, jobs: usize, seed: u64) -> Result<RunOptions> {
    let (stop, signals) = signals::listen()?;
    let devices = args.device.clone();
    Ok(RunOptions { devices, stop, signals: Some(signals), ..RunOptions::new(jobs, seed) })
}

/// The database that the arguments name.
fn open(url: &StorageUrl, stop: Stop) -> Result<Storage> {
    Ok(Storage::open(url, OpenMode::MayCreate, RetryPolicy { limit: PATIENCE, stop })?)
}

/// One process at work on a study, as its user sees it.
struct Search<'a, O> {
    source: &'a Source,
    args: &'a SearchOptions,
    describe: &'a dyn Describe<O>,
    url: StorageUrl,
    folder: StudyFolder,
    active: ActiveStudy<'a, O>,
    /// How often its user has asked for an end.
    asked: Stop,
    /// The workers that an engine has been given.
    placed: Option<Placed>,
}

impl<O: Objective> Search<'_, O> {
    fn plan(&self) -> &StudyPlan<O> {
        &self.active.study().plan
    }

    fn run(mut self) -> Result<ExitCode> {
        let (outcome, abandoned) = self.work();
        let mut problems = Vec::new();
        let results = match &outcome.failure {
            Some(error) => {
                problems.push(self.rescue(error));
                problems.extend(self.placed.as_ref().and_then(Placed::go_on));
                self.active.results()
            }
            None => self.active.results_of_all().unwrap_or_else(|error| {
                problems.push(text(&error.into()));
                self.active.results()
            }),
        };
        let written = self.folder.write(&results);
        let abandoned = abandoned.map(|problem| {
            format!("{problem}\nThe study stays. To go on: {}", self.resume_command())
        });
        let lost = self.lost_problem(&outcome.lost).or(abandoned);
        self.finish(&results, written, problems, lost)
    }

    /// Runs the study before the user's eyes; what it came to, and whether its workers have abandoned it.
    fn work(&mut self) -> (Outcome, Option<String>) {
        let OpenStudy { record, plan, resumed } = self.active.study();
        let watch = self.args.only_watches();
        let progress = opening::progress(plan, self.args.run.quiet).watching(watch);
        self.active.watch_live(progress.live_watch());
        let suffix = if *resumed { ", which goes on" } else { "" };
        let study = format!("{} in {}{suffix}", record.name, self.url);
        let at_work = match &self.placed {
            Some(placed) => count(placed.workers.count, "worker"),
            None if watch => count(0, "job"),
            None => count(self.active.options().jobs, "job"),
        };
        progress.say(&opening_line(plan, self.describe, &self.source.name, &at_work, &study));
        let local = self.placed.as_ref().and_then(|_| engine::local_address(&self.url));
        let windows = self.chosen_window().or_else(|| self.narrow_window());
        for notice in plan.notices.iter().cloned().chain(windows).chain(local) {
            progress.say(&format!("note: {notice}"));
        }
        self.placed.iter().flat_map(Placed::told).for_each(|line| progress.say(&line));
        let voice = self.placed.as_ref().map(|_| progress.voice());
        let mut display = Display {
            progress,
            missing_reports: MissingReportsWarning::new(plan),
            how_to_report: self.describe.how_to_report(),
            how_to_end: self.describe.how_to_end(),
            resume: self.resume_command(),
            live: LivePage::new(),
            folder: &self.folder,
            trials: plan.budget(),
        };
        let mut own = self.describe.begin(plan, &self.folder);
        // The display comes last, since it may end the program.
        let mut observers: Vec<&mut dyn Observer> = Vec::new();
        if let Some(own) = &mut own {
            observers.push(own.as_mut());
        }
        observers.push(&mut display);
        let observers = &mut Observers(observers);
        let stop = self.active.options().stop.clone();
        let (outcome, abandoned) = match (&mut self.placed, &voice) {
            (Some(placed), Some(voice)) => {
                let others = placing::others(&self.url, record);
                let attended = placed.attend(voice, &stop, others, || self.active.run(observers));
                if attended.0.failure.is_none() && !stop.is_requested() {
                    placed.nothing_is_left(voice);
                }
                attended
            }
            _ => (self.active.run(observers), None),
        };
        display.progress.finish();
        display.live.join();
        (outcome, abandoned)
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

    /// Says which window follows from the number of workers, where it was not stated.
    fn chosen_window(&self) -> Option<String> {
        let (workers, jobs) = engine::workers_at_once(self.args)?;
        if self.active.study().resumed || self.args.proposals.window.is_some() {
            return None;
        }
        let settings = self.plan().settings();
        let window = settings.effective_window()?;
        let file = self.source.spec.settings.window;
        (file.is_none() && settings.window_for(workers, jobs) == Some(window)).then(|| {
            format!(
                "{window} trials may be under way at once, for {} with {} each: the same trials on any machine have --window {window}",
                count(workers, "worker"),
                count(jobs, "job"),
            )
        })
    }

    /// Says so where the window keeps workers from having work.
    fn narrow_window(&self) -> Option<String> {
        let settings = self.plan().settings();
        let window = settings.effective_window()?;
        let elsewhere = engine::workers_at_once(self.args).map(|(workers, jobs)| workers * jobs);
        let jobs = elsewhere.unwrap_or(self.active.options().jobs);
        let most = window * settings.folds;
        if most >= jobs {
            return None;
        }
        Some(format!(
            "at most {most} folds are under way at once, because trials see those before them, and {window} run at a time (--window): {} of {jobs} jobs have nothing to do",
            jobs - most,
        ))
    }

    /// Keeps what was computed though the database has failed, and says where it is and what to do.
    fn rescue(&self, error: &StoreError) -> String {
        let (program, name) = (program_name(), format!("{}-rescue.jsonl", self.folder.name));
        let study = quoted(&self.active.study().record.name);
        match self.active.rescue(self.folder.all(), &name) {
            Ok(path) => format!(
                "{error}\nwhat was computed is in {path}: when the database is well again, `{program} import {path}{url}`, and then `search --resume --study {study}` goes on",
                path = quoted(&path.display()),
                url = self.storage_argument(),
            ),
            Err(problem) => format!(
                "{error}\n{}\nwhen the database is well again, `{program} import` reads that file, and `search --resume --study {study}` goes on",
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
        // The last worker may have ended with the study.
        let lost = lost.filter(|_| !is_done);
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
        if self.asked.is_requested() {
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
        let models = self.folder.models();
        if models.is_dir() {
            text += &format!("Models of the best: {}/\n", models.display());
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
        let SearchOptions { run, storage, .. } = self.args;
        let mut command = format!("{} search{} --resume", program_name(), self.source.arguments);
        command += &format!(" --study {}", quoted(&self.active.study().record.name));
        if storage.is_some() {
            command += &self.storage_argument();
        }
        if run.out != Path::new("results") {
            command += &format!(" --out {}", quoted(&run.out.display()));
        }
        command + &engine::arguments(self.args)
    }
}
