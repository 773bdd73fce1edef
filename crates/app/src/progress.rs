//! What a person sees while a search runs: a view of the stream of events. In a terminal a few lines
//! that change, elsewhere plain lines that do not.

mod voice;

use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use burn_tune_ranking::format::{duration_text, spread_text, value_text};
use burn_tune_ranking::statistics::{mean, std};
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::live::{LiveValue, LiveWatch};
use burn_tune_search::pruner::StepName;
use burn_tune_search::runner::RefitEvent;
use burn_tune_search::trial::Refit;
use burn_tune_search::{Event, History, ObjectiveError, Params, Trial, TrialState};
use console::measure_text_width;
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::say;
use crate::control_echo;
use crate::lines::{cut_at_word, params_line};

pub use self::voice::Voice;

/// Running tasks that are shown one by one; beyond, their number.
const SHOWN_TASKS: usize = 8;

/// Columns of a task's line that its params do not have.
const TASK_WIDTH: usize = 56;

/// The display of one search.
pub struct Progress<'a> {
    style: Style,
    /// How many trials there are to be.
    total: usize,
    folds: usize,
    maximize: bool,
    /// What a trial of these params costs in all, in any unit.
    cost: Box<dyn Fn(&Params) -> f64 + 'a>,
    trials: BTreeMap<usize, Shown>,
    work: Work,
    refit_noun: &'static str,
    step_name: StepName,
    since: Stopwatch,
    finished: usize,
    best: Option<(usize, f64)>,
    running: Running,
    /// Whether all work is done elsewhere.
    watches: bool,
    /// How many processes are at work, and the most that there were.
    processes: (usize, usize),
}

/// The tasks that run, each with its line where it has one. Workers change their lines, too.
type Running = Arc<Mutex<BTreeMap<(usize, Task), Option<ProgressBar>>>>;

/// The bars that are drawn, for the signal that ends the program where it stands.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// Takes the bars away.
pub fn clear_bars() {
    if let Some(bars) = BARS.get() {
        let _ = bars.clear();
        control_echo::restore();
    }
}

/// What is shown of a trial.
struct Shown {
    name: Option<String>,
    params: Params,
    cost: f64,
    folds_done: usize,
    finished: bool,
    /// When this process heard of it.
    since: Stopwatch,
}

/// What all costs, in the unit of the costs of trials.
#[derive(Default)]
struct Work {
    /// The folds of all trials.
    folds: f64,
    /// All refits; estimated, since the best are not known before.
    refits: f64,
    /// What this process has done.
    done: f64,
    /// What it found done.
    found: f64,
}

enum Style {
    Quiet,
    Lines,
    Bars { all: MultiProgress, main: ProgressBar, best: ProgressBar },
}

impl<'a> Progress<'a> {
    /// A display of a search of `total` trials. One of these params costs `cost`, all together `work`,
    /// and the refits after them `refit_work`.
    pub fn new(
        total: usize,
        cost: impl Fn(&Params) -> f64 + 'a,
        (work, refit_work): (f64, f64),
        folds: usize,
        maximize: bool,
        quiet: bool,
    ) -> Self {
        let style = if quiet {
            Style::Quiet
        } else if stderr().is_terminal() {
            bars(total)
        } else {
            Style::Lines
        };
        Progress {
            style,
            total,
            folds,
            maximize,
            cost: Box::new(cost),
            trials: BTreeMap::new(),
            work: Work { folds: work, refits: refit_work, ..Work::default() },
            refit_noun: "refit",
            step_name: StepName::default(),
            since: Stopwatch::start(),
            finished: 0,
            best: None,
            running: Running::default(),
            watches: false,
            processes: (1, 1),
        }
    }

    /// The same, where what trials report after is called otherwise than epochs.
    pub fn naming_steps(self, step_name: StepName) -> Self {
        Progress { step_name, ..self }
    }

    /// The same, where all work is done elsewhere: then that of others is told as one's own.
    pub fn watching(self, watches: bool) -> Self {
        let processes = if watches { (0, 0) } else { self.processes };
        Progress { watches, processes, ..self }
    }

    /// Names a trial by its number, before anything happens to it.
    pub fn introduce(&mut self, number: usize, name: Option<&String>, params: &Params) {
        let (cost, name) = ((self.cost)(params), name.cloned());
        let since = Stopwatch::start();
        let params = params.clone();
        let shown = Shown { name, params, cost, folds_done: 0, finished: false, since };
        self.trials.entry(number).or_insert(shown);
    }

    /// So many processes are at work on the study: in a terminal it is always seen, elsewhere said when there are
    /// more than ever.
    pub fn set_processes(&mut self, processes: usize) {
        let (known, most) = self.processes;
        if processes == known {
            return;
        }
        self.processes = (processes, most.max(processes));
        match &self.style {
            Style::Bars { main, .. } if processes > 1 => {
                main.set_message(format!("trials by {processes} processes"));
            }
            Style::Bars { main, .. } => main.set_message("trials"),
            Style::Lines if processes > most => {
                let noun = if processes == 1 { "process is" } else { "processes are" };
                self.say(&format!("{processes} {noun} at work on this study"));
            }
            _ => {}
        }
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        match &self.style {
            Style::Quiet => {}
            Style::Lines => say(line),
            // Printed even where nothing is drawn, as in a dumb terminal.
            Style::Bars { all, .. } => all.suspend(|| say(line)),
        }
    }

    /// Takes up an event of the study.
    pub fn event(&mut self, event: &Event, history: &History) {
        match event {
            Event::TrialStarted { candidate } => {
                let number = history.trials().len() - 1;
                self.introduce(number, candidate.name.as_ref(), &candidate.params);
            }
            Event::TrialFound { found } => {
                self.found(&found.trial, found.spans.len());
                self.redraw();
            }
            Event::FoldStarted { trial, fold } => self.task_started(*trial, Task::Fold(*fold)),
            Event::FoldFinished { trial, fold, result, .. } => {
                self.task_finished(*trial, Task::Fold(*fold));
                // Folds behind a failed one may still come in after their trial has ended.
                if *result != Err(ObjectiveError::Interrupted) {
                    self.fold_finished(&history.trials()[*trial]);
                }
                self.redraw();
            }
            // Said by whoever knows what to do.
            Event::FoldOverdue { .. } | Event::GivenUp => {}
            Event::StopRequested => self
                .say("stopping: the running trials are finished first; once more to abandon them"),
        }
    }

    /// Takes up a trial of another process, or of an earlier run.
    fn found(&mut self, trial: &Trial, folds_done: usize) {
        self.introduce(trial.number, trial.name.as_ref(), &trial.params);
        let Some(shown) = self.trials.get_mut(&trial.number) else { return };
        if shown.finished {
            return;
        }
        let done = if trial.is_finished() { self.folds } else { folds_done };
        let new = done.saturating_sub(shown.folds_done);
        let work = if self.watches { &mut self.work.done } else { &mut self.work.found };
        *work += shown.cost * new as f64 / self.folds as f64;
        shown.folds_done = shown.folds_done.max(done);
        if trial.is_finished() {
            shown.finished = true;
            self.finished += 1;
            match self.watches {
                true => self.trial_finished(trial),
                false => self.best_so_far(trial.number, trial.value()),
            }
        }
    }

    fn fold_finished(&mut self, trial: &Trial) {
        let Some(shown) = self.trials.get_mut(&trial.number) else { return };
        if shown.finished {
            return;
        }
        let new = if trial.is_finished() { self.folds - shown.folds_done } else { 1 };
        self.work.done += shown.cost * new as f64 / self.folds as f64;
        shown.folds_done += new;
        if trial.is_finished() {
            shown.finished = true;
            self.finished += 1;
            self.trial_finished(trial);
        }
    }

    fn best_so_far(&mut self, number: usize, value: Option<f64>) {
        let Some(value) = value else { return };
        let better = |best: f64| if self.maximize { value > best } else { value < best };
        if self.best.is_none_or(|(_, best)| better(best)) {
            self.best = Some((number, value));
        }
    }

    /// Takes up an event of the `total` refits.
    pub fn refit(&mut self, event: RefitEvent, total: usize) {
        match event {
            RefitEvent::Started { trial, seed } => self.task_started(trial, Task::Refit(seed)),
            RefitEvent::Found(_) => {
                self.finished += 1;
                let work = if self.watches { &mut self.work.done } else { &mut self.work.found };
                *work += self.work.refits / total as f64;
                self.redraw();
            }
            RefitEvent::Finished(refit) => {
                self.task_finished(refit.trial, Task::Refit(refit.seed));
                if refit.result != Err(ObjectiveError::Interrupted) {
                    self.finished += 1;
                    self.work.done += self.work.refits / total as f64;
                    if matches!(self.style, Style::Lines) {
                        self.say(&self.refit_line(refit, total));
                    }
                }
                self.redraw();
            }
            RefitEvent::GivenUp => {}
            RefitEvent::StopRequested => self
                .say("stopping: the running refits are finished first; once more to abandon them"),
        }
    }

    fn refit_line(&self, refit: &Refit, total: usize) -> String {
        let outcome = match &refit.result {
            Ok(score) => format!("test {}", value_text(score.score)),
            Err(error) => format!("failed: {error}"),
        };
        let name = self.trials.get(&refit.trial).and_then(|shown| shown.name.as_ref());
        format!(
            "{} {}/{total}: trial {}{}, seed {}: {outcome}{}",
            self.refit_noun,
            self.finished,
            refit.trial,
            name.map_or(String::new(), |name| format!(" {name}")),
            refit.seed,
            self.time_left().map_or(String::new(), |left| format!(" · {left} left")),
        )
    }

    /// Goes on to `total` refits, one of which is called `noun`.
    pub fn begin_refits(&mut self, total: usize, noun: &'static str) {
        self.finished = 0;
        self.refit_noun = noun;
        if let Style::Bars { main, .. } = &self.style {
            main.set_message(format!("{noun}s"));
            main.set_length(total as u64);
            main.set_position(0);
            main.set_prefix("");
        }
    }

    /// Clears what changes; what was said stays.
    pub fn finish(&mut self) {
        if let Style::Bars { all, .. } = &self.style {
            let _ = all.clear();
            all.set_draw_target(ProgressDrawTarget::hidden());
            control_echo::restore();
        }
    }

    fn trial_finished(&mut self, trial: &Trial) {
        let outcome = match &trial.state {
            TrialState::Failed { failure, .. } => format!("failed: {}", failure.reason),
            TrialState::Pruned { .. } => pruned_text(trial, self.step_name),
            _ => {
                let scores: Vec<f64> = trial.folds().iter().map(|fold| fold.score).collect();
                let mean = mean(&scores);
                self.best_so_far(trial.number, Some(mean));
                match scores.len() {
                    1 => value_text(mean),
                    _ => spread_text(mean, std(&scores)),
                }
            }
        };
        let flags: Vec<String> = trial.flags().iter().map(|flag| format!(" ⚑ {flag}")).collect();
        if let Style::Lines = self.style {
            let best = self.best.map_or(String::new(), |(number, score)| {
                format!(" · best {} (trial {number})", value_text(score))
            });
            self.say(&format!(
                "{}/{} trial {}: {outcome}{}{best}{}",
                self.finished,
                self.total,
                trial.number,
                flags.concat(),
                self.time_left().map_or(String::new(), |left| format!(" · {left} left")),
            ));
        } else if matches!(self.style, Style::Bars { .. }) {
            self.say(&self.finished_line(trial, &format!("{outcome}{}", flags.concat())));
        }
    }

    /// The line that stays of a trial: what it came to, how long it took, and what it tried, as far as there is room.
    fn finished_line(&self, trial: &Trial, outcome: &str) -> String {
        let shown = self.trials.get(&trial.number);
        let is_best = self.best.is_some_and(|(best, _)| best == trial.number);
        let name = trial.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
        let time = shown.map_or(String::new(), |shown| duration_text(shown.since.elapsed()));
        let best = if is_best { "  best so far" } else { "" };
        let line = format!("trial {:>3}{name}  {outcome}  {time}{best}", trial.number);
        let width = usize::from(console::Term::stderr().size().1);
        let room = width.saturating_sub(measure_text_width(&line) + 2);
        let params = shown.map_or(String::new(), |shown| params_line(shown.params.iter()));
        match room {
            0..12 => line,
            room => format!("{line}  {}", cut_at_word(&params, room)),
        }
    }

    fn time_left(&self) -> Option<String> {
        let Work { folds, refits, done, found } = self.work;
        let share = done / (folds + refits - found);
        if !(0.01..1.0).contains(&share) || self.since.elapsed_s() < 2.0 {
            return None;
        }
        let left_s = self.since.elapsed_s() * (1.0 - share) / share;
        Some(format!("about {}", HumanDuration(Duration::from_secs(left_s.round() as u64))))
    }

    fn redraw(&self) {
        let Style::Bars { main, best, .. } = &self.style else { return };
        main.set_position(self.finished as u64);
        main.set_prefix(self.time_left().map_or(String::new(), |left| format!("{left} left")));
        if let Some((number, score)) = self.best
            && let Some(shown) = self.trials.get(&number)
        {
            let params = params_line(shown.params.iter());
            let width = usize::from(console::Term::stderr().size().1);
            let line = format!("best {}  trial {number}  {params}", value_text(score));
            best.set_message(cut_at_word(&line, width.saturating_sub(6)));
        }
    }

    fn task_started(&mut self, trial: usize, task: Task) {
        let mut running = lock(&self.running);
        let shown = running.values().flatten().count();
        let bar = match &self.style {
            Style::Bars { all, .. } if shown < SHOWN_TASKS => {
                let bar = all.add(ProgressBar::new_spinner().with_style(task_style()));
                bar.set_prefix(task_text(trial, task, self.folds, self.refit_noun));
                if let Some(shown) = self.trials.get(&trial) {
                    let width = usize::from(console::Term::stderr().size().1);
                    let room = width.saturating_sub(TASK_WIDTH);
                    bar.set_message(cut_at_word(&params_line(shown.params.iter()), room));
                }
                bar.enable_steady_tick(Duration::from_millis(200));
                Some(bar)
            }
            _ => None,
        };
        running.insert((trial, task), bar);
    }

    fn task_finished(&mut self, trial: usize, task: Task) {
        if let Some(Some(bar)) = lock(&self.running).remove(&(trial, task)) {
            bar.finish_and_clear();
        }
    }

    /// What shows, in the line of a task, how far it is: for the workers.
    pub fn live_watch(&self) -> Option<LiveWatch> {
        let (running, folds, noun) = (self.running.clone(), self.folds, self.refit_noun);
        let draws = matches!(self.style, Style::Bars { .. });
        draws.then(|| {
            LiveWatch::new(move |LiveValue { trial, task, step, steps, value }| {
                if let Some(Some(bar)) = lock(&running).get(&(trial, task)) {
                    let of = steps.map_or(String::new(), |steps| format!("/{steps}"));
                    let task = task_text(trial, task, folds, noun);
                    bar.set_prefix(format!("{task}  step {step}{of}  {}", value_text(value)));
                }
            })
        })
    }
}

fn lock(
    running: &Mutex<BTreeMap<(usize, Task), Option<ProgressBar>>>,
) -> MutexGuard<'_, BTreeMap<(usize, Task), Option<ProgressBar>>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `trial  12  fold 2/3`.
fn task_text(trial: usize, task: Task, folds: usize, refit_noun: &str) -> String {
    match task {
        Task::Fold(_) if folds == 1 => format!("trial {trial:>3}"),
        Task::Fold(fold) => format!("trial {trial:>3}  fold {}/{folds}", fold + 1),
        Task::Refit(seed) => format!("trial {trial:>3}  {refit_noun}, seed {seed}"),
    }
}

/// `pruned after epoch 3 at 0.8123`.
fn pruned_text(trial: &Trial, step_name: StepName) -> String {
    let Some(last) = trial.pruned_at() else { return "pruned".into() };
    let reports = trial.folds().last().is_some_and(|fold| !fold.intermediate_values.is_empty());
    let noun = if reports { step_name.singular() } else { "fold" };
    format!("pruned after {noun} {} at {}", last.step, value_text(last.value))
}

fn bars(trials: usize) -> Style {
    control_echo::suppress();
    let all = BARS.get_or_init(MultiProgress::new).clone();
    let main = all.add(ProgressBar::new(trials as u64).with_style(main_style()));
    main.set_message("trials");
    main.enable_steady_tick(Duration::from_millis(200));
    let best = all.add(ProgressBar::new_spinner().with_style(line_style()));
    Style::Bars { all, main, best }
}

fn main_style() -> ProgressStyle {
    let template = "{spinner} {pos}/{len} {msg} {bar:20.cyan/dim} {elapsed} {prefix}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn line_style() -> ProgressStyle {
    ProgressStyle::with_template("  {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn task_style() -> ProgressStyle {
    ProgressStyle::with_template("  {spinner:.dim} {prefix}  {elapsed:.dim}  {msg:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}
