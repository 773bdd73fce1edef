//! `burn-tune search`: from a space file to a leaderboard.

mod choice;
mod definition;
mod plan;
mod rescue;
mod work;

use burn_tune_ranking::format::count;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use burn_tune_ranking::curves_file::CurvesByTask;
use burn_tune_ranking::{ResultFile, standings, top};
use burn_tune_report::page::PageState;
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::runner::{Run, RunOptions, refit, run};
use burn_tune_search::store::StoreError;
use burn_tune_search::suggester::{Suggest, Suggestion};
use burn_tune_search::{Event, Objective, Params, Stop};
use burn_tune_storage::attributes::FINISHED;
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageUrl, StudyStore, WorkerOptions};

pub use self::choice::{Chosen, choose, plan_before_there_is_a_database};
pub use self::definition::{Definition, distributions};
use self::plan::Plan;
use self::work::{Silence, Work};
use crate::args::{DATABASE, SearchArgs};
use crate::commands::open_study::failure;
use crate::console::{print, quoted, say};
use crate::live_page::{LivePage, origin, running, unfinished};
use crate::output::OutputFolder;
use crate::progress::Progress;
use crate::results::{CV_RESULTS, LEADERBOARD, StudyFiles, Written};
use crate::signals::INTERRUPTED;
use crate::space_file::{self, Found};
use crate::study_folder::{StudyFolder, StudyIdentity};
use crate::study_state::StudyState;
use crate::table::{leaderboard_text, terminal_width};
use crate::{WorkFailed, score_gate, setup};

/// How long a database that does not answer is asked again, before the search ends without it.
const PATIENCE: Duration = Duration::from_secs(300);

/// Checks a file against the model and says how large its space is.
pub fn check_space(path: &Path) -> Result<ExitCode> {
    let Found { file, path } = space_file::find(path)?;
    let args = SearchArgs::of_space(&path);
    // Whether there is such data is another question, and another machine's.
    let mut file = file;
    file.dataset = None;
    let file = Plan::new(file, &args)?.file;
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

/// Runs a search.
pub fn search(args: SearchArgs) -> Result<ExitCode> {
    let found = space_file::find(&args.run.space)?;
    if args.dry_run {
        let plan = Plan::new(found.file, &args)?;
        return print(&plan.dry_run(setup::jobs(&args.run)));
    }
    let path = found.path.clone();
    let url = match &args.storage {
        Some(url) => url.parse()?,
        None => StorageUrl::Sqlite(args.run.out.join(DATABASE)),
    };
    let planned = plan_before_there_is_a_database(&url, &found, &args)?;
    let output = OutputFolder::open(&args.run.out)?;
    let mut options = setup::run_options(&args.run, 0)?;
    let mut storage = open(&url, options.stop.clone())?;
    let chosen = choose(&mut storage, found, planned, &args)?;
    let part = WorkerOptions {
        folds: chosen.plan.study().folds,
        report_unit: chosen.plan.report_unit(),
        distributions: distributions(&chosen.plan.file),
        jobs: options.jobs,
        lease: args.lease,
        retries: args.retries,
    };
    if args.resume {
        storage.revive_lost_trials(&chosen.record)?;
    }
    let now = storage.now()?;
    let store = StudyStore::join(storage, chosen.record.clone(), part)?;
    options.seed = chosen.plan.study().seed;
    options.timeout = args.timeout;
    options.trial_timeout = args.trial_timeout;
    options.pruning = chosen.plan.pruning()?;
    options.window = chosen.plan.study().effective_window().unwrap_or(1);
    options.first_worker = store.first_worker();
    // What came before, such as reading the data, is no time of the study's.
    options.since = Stopwatch::start();
    options.before_s = chosen.record.created_s().map_or(0.0, |created| now.epoch_s - created);
    let folder = StudyFolder::open(
        output,
        &StudyIdentity {
            study: chosen.record.name.clone(),
            storage: url.to_string(),
            created_s: chosen.record.created_s(),
        },
    )?;
    Search { args: &args, path, url, folder, options, chosen: &chosen, store }.run()
}

/// The database that the arguments name.
fn open(url: &StorageUrl, stop: Stop) -> Result<Storage> {
    Ok(Storage::open(url, OpenMode::MayCreate, RetryPolicy { limit: PATIENCE, stop })?)
}

/// One process at work on a study.
struct Search<'a> {
    args: &'a SearchArgs,
    path: PathBuf,
    url: StorageUrl,
    folder: StudyFolder,
    options: RunOptions,
    chosen: &'a Chosen,
    store: StudyStore,
}

impl Search<'_> {
    fn run(self) -> Result<ExitCode> {
        let chosen = self.chosen;
        match &chosen.plan.work {
            Work::Model(objective) => self.run_on(objective.as_ref()),
            Work::Command(objective) => self.run_on(objective),
            Work::Tell => bail!("the trials of this study are given out by `burn-tune ask`"),
        }
    }

    fn run_on<O: Objective>(mut self, objective: &O) -> Result<ExitCode> {
        let Chosen { plan, record, resumed } = self.chosen;
        let mut progress = plan.progress(self.args.run.quiet);
        self.options.live = progress.live_watch();
        let whence = if *resumed { ", which goes on" } else { "" };
        let study = format!("{} in {}{whence}", record.name, self.url);
        progress.say(&plan.opening_line(&self.path, self.options.jobs, &study));
        for notice in plan.notices.iter().cloned().chain(self.narrow_window()) {
            progress.say(&format!("note: {notice}"));
        }
        let mut state = StudyState::default();
        let mut suggester = plan.suggester()?;
        let mut silence = Silence::of(plan);
        let mut live = LivePage::new();
        let Run { history, store_result: mut kept } =
            run(objective, &mut suggester, &mut self.store, &self.options, |event, history| {
                progress.event(event, history);
                if let Some(warning) = silence.warning(event) {
                    progress.say(&warning);
                }
                state.event(event);
                let ended = history.trials().iter().filter(|trial| trial.is_finished()).count();
                if ended > 0 && live.is_due() {
                    state.history = history.clone();
                    let (files, _) = state.files(&plan.definition, CurvesByTask::new());
                    let page = self.folder.page();
                    let folder = self.folder.all().clone();
                    let status = running(ended, plan.budget());
                    // What cannot be written now is said when it is written for good.
                    live.write(move || drop(files.write_page(&folder, &page, &status)));
                }
                if *event == Event::StopRequested {
                    // In case the running trials are not given the time to end.
                    state.history = history.clone();
                    let (files, table) = state.files(&plan.definition, state.curves());
                    let written = self.folder.write(&files, &table);
                    written.problems.iter().for_each(|problem| progress.say(problem));
                }
            });
        state.history = history;
        if let Some(reason) = suggester.ended_early() {
            progress.say(&format!("note: the study ends early: {reason}"));
        }
        let lost = match kept {
            Ok(()) => self.store.storage().lost_trials(record)?,
            Err(_) => Vec::new(),
        };
        // Without the lost trials nobody knows which are the best.
        if kept.is_ok() && lost.is_empty() {
            kept = self.refit_best(objective, &mut state, &mut progress);
        }
        progress.finish();
        live.join();
        let mut problems = Vec::new();
        problems.extend(kept.err().map(|error| rescue::rescue(&self, &state, &error)));
        let lost = self.lost_problem(&lost);
        let mut curves = state.curves();
        if problems.is_empty() && plan.definition.settings.work.curves() {
            match state.kept_curves(self.store.storage(), record) {
                Ok(kept) => curves = kept,
                Err(error) => problems.push(format!("{error:#}")),
            }
        }
        let (files, table) = state.files(&plan.definition, curves);
        let written = self.folder.write(&files, &table);
        self.finish(&state, &files, written, problems, lost)
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
        let study = self.chosen.plan.study();
        let window = study.effective_window()?;
        let most = window * study.folds;
        (most < self.options.jobs).then(|| {
            format!(
                "at most {most} folds are under way at once, because trials see those before them, and {window} run at a time (--window): {} of {} jobs have nothing to do",
                self.options.jobs - most,
                self.options.jobs
            )
        })
    }

    /// Refits the best trials, unless the user wants to stop: then there is a leaderboard without refits.
    fn refit_best<O: Objective>(
        &mut self,
        objective: &O,
        state: &mut StudyState,
        progress: &mut Progress,
    ) -> Result<(), StoreError> {
        let plan = &self.chosen.plan;
        let study = plan.study();
        let standings = standings(&state.history, &plan.definition.metrics(), study.folds);
        let best: Vec<(usize, Params)> = top(&standings, study.top)
            .into_iter()
            .map(|standing| (standing.trial.number, standing.trial.params.clone()))
            .collect();
        let total = best.len() * study.refit_seeds;
        if total == 0 || self.options.stop.is_requested() {
            return Ok(());
        }
        progress.begin_refits(total, "refit");
        let seeds = study.refit_seeds;
        let watch = |event: burn_tune_search::runner::RefitEvent| progress.refit(event, total);
        let (refits, kept) = refit(objective, &best, seeds, &mut self.store, &self.options, watch);
        state.refits = refits;
        kept
    }

    fn finish(
        mut self,
        state: &StudyState,
        files: &StudyFiles,
        written: Written,
        mut problems: Vec<String>,
        lost: Option<String>,
    ) -> Result<ExitCode> {
        let Chosen { plan, record, .. } = self.chosen;
        let leaderboard = &files.leaderboard;
        let is_done = problems.is_empty() && self.is_done(state)?;
        let page_state = self.page_state(state, is_done);
        let page = files.write_page(self.folder.all(), &self.folder.page(), &page_state);
        let page = page.and_then(|()| self.folder.note(&page_state.origin));
        let is_kept = problems.is_empty();
        let text = match self.args.run.json {
            true => leaderboard.to_json(),
            false => self.result_text(files, &written, page.is_ok()),
        };
        if !self.args.run.quiet {
            written.notes.iter().for_each(|note| say(&format!("note: {note}")));
        }
        problems.extend(written.problems);
        problems.extend(page.err().map(|error| format!("{error:#}")));
        let has_files = problems.is_empty();
        problems.extend(print(&text).err().map(|error| format!("{error:#}")));
        if is_kept && has_files && is_done {
            let budget = plan.budget().to_string();
            let storage = self.store.storage();
            storage.set_study_attribute(record.id, FINISHED, &budget).map_err(failure)?;
        } else if problems.is_empty() && lost.is_none() && !self.args.run.quiet {
            say(&format!("The study is not finished. To go on: {}", self.resume_command()));
        }
        problems.extend(lost);
        if !problems.is_empty() {
            bail!(WorkFailed(problems.join("\n")));
        }
        if self.options.stop.is_requested() {
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
    fn page_state(&self, state: &StudyState, is_done: bool) -> PageState {
        let trials = state.history.trials();
        let ended = trials.iter().filter(|trial| trial.is_finished()).count();
        let page = match is_done {
            true => PageState::default(),
            false => unfinished(ended, self.chosen.plan.budget(), &self.resume_command()),
        };
        let took = self.options.since.elapsed();
        PageState { origin: origin(took), stderr: state.stderr.clone(), ..page }
    }

    /// The table, and where the files are.
    fn result_text(&self, files: &StudyFiles, written: &Written, has_page: bool) -> String {
        let path = |name: &str| self.folder.all().path(name).display().to_string();
        let StudyFiles { leaderboard, measured, fit_times, .. } = files;
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

    /// Whether every trial and every refit has ended, so that there is nothing to go on with.
    fn is_done(&self, state: &StudyState) -> Result<bool> {
        let plan = &self.chosen.plan;
        let trials = state.history.trials();
        let all = plan.suggester()?.suggest(&state.history) == Suggestion::End;
        let ended = trials.iter().all(|trial| trial.is_finished() || trial.is_foreign());
        let metrics = plan.definition.metrics();
        let standings = standings(&state.history, &metrics, plan.study().folds);
        let refits = top(&standings, plan.study().top).len() * plan.study().refit_seeds;
        Ok(all && ended && state.refits.len() == refits)
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
        command += &format!(" --study {}", quoted(&self.chosen.record.name));
        if storage.is_some() {
            command += &self.storage_argument();
        }
        if run.out != Path::new("results") {
            command += &format!(" --out {}", quoted(&run.out.display()));
        }
        command
    }
}
