//! What a person sees while a search runs: a view of the stream of events. In a terminal a few lines
//! that change, elsewhere plain lines that do not.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::study::{Refit, RefitEvent};
use burn_tune_search::{Candidate, Event, History, ObjectiveError, Trial, TrialState};
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::brief::brief_params;

/// Running tasks that are shown one by one; beyond, their number.
const SHOWN_TASKS: usize = 8;

/// The display of one search.
pub struct Progress {
    style: Style,
    candidates: Vec<Candidate>,
    folds: usize,
    maximize: bool,
    /// What each candidate costs in all, in any unit.
    work: Vec<f64>,
    /// How many folds of each candidate need no further work.
    folds_done: Vec<usize>,
    /// What all refits cost, in the same unit; estimated, since the best are not known before.
    refit_work: f64,
    /// The share of the refits that is done.
    refits_done: f64,
    refit_noun: &'static str,
    since: Stopwatch,
    finished: usize,
    best: Option<(usize, f64)>,
    running: BTreeMap<(usize, Task), Option<ProgressBar>>,
}

enum Style {
    Quiet,
    Lines,
    Bars { all: MultiProgress, main: ProgressBar, best: ProgressBar },
}

impl Progress {
    /// A display of a search over `candidates`, whose costs are `work`, and the refits after it.
    pub fn new(
        candidates: Vec<Candidate>,
        work: Vec<f64>,
        refit_work: f64,
        folds: usize,
        maximize: bool,
        quiet: bool,
    ) -> Self {
        let style = if quiet {
            Style::Quiet
        } else if stderr().is_terminal() {
            bars(candidates.len())
        } else {
            Style::Lines
        };
        Progress {
            style,
            candidates,
            folds,
            maximize,
            folds_done: vec![0; work.len()],
            work,
            refit_work,
            refits_done: 0.0,
            refit_noun: "refit",
            since: Stopwatch::start(),
            finished: 0,
            best: None,
            running: BTreeMap::new(),
        }
    }

    /// A line that stays.
    #[expect(clippy::print_stderr, reason = "progress belongs on stderr")]
    pub fn say(&self, line: &str) {
        match &self.style {
            Style::Quiet => {}
            Style::Lines => eprintln!("{line}"),
            // Printed even where nothing is drawn, as in a dumb terminal.
            Style::Bars { all, .. } => all.suspend(|| eprintln!("{line}")),
        }
    }

    /// Takes up an event of the study.
    pub fn event(&mut self, event: &Event, history: &History) {
        match event {
            Event::TrialStarted { .. } => {}
            Event::FoldStarted { trial, fold } => self.task_started(*trial, Task::Fold(*fold)),
            Event::FoldFinished { trial, fold, result, .. } => {
                self.task_finished(*trial, Task::Fold(*fold));
                // Folds behind a failed one may still come in after their trial has ended.
                if self.folds_done[*trial] < self.folds
                    && *result != Err(ObjectiveError::Interrupted)
                {
                    self.folds_done[*trial] += 1;
                    let trial = &history.trials()[*trial];
                    if trial.is_finished() {
                        self.folds_done[trial.number] = self.folds;
                        self.trial_finished(trial, history);
                    }
                }
                self.redraw();
            }
            Event::StopRequested => self
                .say("stopping: the running trials are finished first; once more to abandon them"),
        }
    }

    /// Takes up an event of the `total` refits.
    pub fn refit(&mut self, event: RefitEvent, total: usize) {
        match event {
            RefitEvent::Started { trial, seed } => self.task_started(trial, Task::Refit(seed)),
            RefitEvent::Finished(refit) => {
                self.task_finished(refit.trial, Task::Refit(refit.seed));
                self.finished += 1;
                self.refits_done = self.finished as f64 / total as f64;
                self.redraw();
                if matches!(self.style, Style::Lines) {
                    self.say(&self.refit_line(refit, total));
                }
            }
            RefitEvent::StopRequested => self
                .say("stopping: the running refits are finished first; once more to abandon them"),
        }
    }

    fn refit_line(&self, refit: &Refit, total: usize) -> String {
        let outcome = match &refit.result {
            Ok(score) => format!("test {:.4}", score.score),
            Err(error) => format!("failed: {error}"),
        };
        let name = self.candidates[refit.trial].name.as_ref();
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
        }
    }

    fn trial_finished(&mut self, trial: &Trial, history: &History) {
        self.finished = history.trials().iter().filter(|trial| trial.is_finished()).count();
        let outcome = match &trial.state {
            TrialState::Failed { failure, .. } => format!("failed: {}", failure.reason),
            _ => {
                let scores: Vec<f64> = trial.folds().iter().map(|fold| fold.score).collect();
                let mean = burn_tune_ranking::statistics::mean(&scores);
                let better = self
                    .best
                    .is_none_or(|(_, best)| if self.maximize { mean > best } else { mean < best });
                if better {
                    self.best = Some((trial.number, mean));
                }
                format!("{mean:.4} ± {:.4}", burn_tune_ranking::statistics::std(&scores))
            }
        };
        let flags: Vec<String> = trial.flags().iter().map(|flag| format!(" ⚑ {flag}")).collect();
        if let Style::Lines = self.style {
            let best = self.best.map_or(String::new(), |(number, score)| {
                format!(" · best {score:.4} (trial {number})")
            });
            self.say(&format!(
                "{}/{} trial {}: {outcome}{}{best}{}",
                self.finished,
                self.candidates.len(),
                trial.number,
                flags.concat(),
                self.time_left().map_or(String::new(), |left| format!(" · {left} left")),
            ));
        } else if let TrialState::Failed { failure, .. } = &trial.state {
            self.say(&format!("trial {} failed: {}", trial.number, failure.reason));
        }
    }

    fn time_left(&self) -> Option<String> {
        let trials = self.work.iter().zip(&self.folds_done);
        let trials_done: f64 =
            trials.map(|(work, &done)| work * done as f64 / self.folds as f64).sum();
        let all = self.work.iter().sum::<f64>() + self.refit_work;
        let share = (trials_done + self.refits_done * self.refit_work) / all;
        if share < 0.01 || self.since.elapsed_s() < 2.0 || share >= 1.0 {
            return None;
        }
        let left_s = self.since.elapsed_s() * (1.0 - share) / share;
        Some(format!("about {}", HumanDuration(Duration::from_secs(left_s.round() as u64))))
    }

    fn redraw(&self) {
        let Style::Bars { main, best, .. } = &self.style else { return };
        main.set_position(self.finished as u64);
        main.set_prefix(self.time_left().map_or(String::new(), |left| format!("{left} left")));
        if let Some((number, score)) = self.best {
            best.set_message(format!(
                "best {score:.4}  trial {number}  {}",
                brief_params(self.candidates[number].params.iter())
            ));
        }
    }

    fn task_started(&mut self, trial: usize, task: Task) {
        let shown = self.running.values().flatten().count();
        let bar = match &self.style {
            Style::Bars { all, .. } if shown < SHOWN_TASKS => {
                let bar = all.add(ProgressBar::new_spinner().with_style(task_style()));
                bar.set_prefix(match task {
                    Task::Fold(fold) => {
                        format!("trial {trial:>3}  fold {}/{}", fold + 1, self.folds)
                    }
                    Task::Refit(seed) => {
                        format!("trial {trial:>3}  {}, seed {seed}", self.refit_noun)
                    }
                });
                bar.set_message(brief_params(self.candidates[trial].params.iter()));
                bar.enable_steady_tick(Duration::from_millis(200));
                Some(bar)
            }
            _ => None,
        };
        self.running.insert((trial, task), bar);
    }

    fn task_finished(&mut self, trial: usize, task: Task) {
        if let Some(Some(bar)) = self.running.remove(&(trial, task)) {
            bar.finish_and_clear();
        }
    }
}

fn bars(trials: usize) -> Style {
    let all = MultiProgress::new();
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
    ProgressStyle::with_template("  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn task_style() -> ProgressStyle {
    ProgressStyle::with_template("  {spinner:.dim} {prefix}  {elapsed:.dim}  {wide_msg:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}
