//! What a worker tells of its work: each fold, refit and trial, as it begins and ends.

use std::collections::{BTreeMap, BTreeSet};

use burn_tune_ranking::format::{duration_text, value_text};
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::runner::RefitEvent;
use burn_tune_search::{Event, ObjectiveError, Stop, Trial, TrialState};
use burn_tune_study::Observer;
use burn_tune_study::observer::RunningStudy;
use burn_tune_study::results::StudyResults;

use super::log::WorkerLog;
use super::tally::Tally;
use crate::lines::params_line;
use crate::signals;

/// Tells of a worker's own work, and counts it.
pub struct Reporter<'a> {
    log: &'a WorkerLog,
    tally: &'a Tally,
    stop: Stop,
    folds: usize,
    since: BTreeMap<(usize, Task), Stopwatch>,
    /// Trials that others have taken over.
    lost: BTreeSet<usize>,
}

impl<'a> Reporter<'a> {
    /// Of a study with so many folds a trial.
    pub fn new(log: &'a WorkerLog, tally: &'a Tally, stop: Stop, folds: usize) -> Self {
        Reporter { log, tally, stop, folds, since: BTreeMap::new(), lost: BTreeSet::new() }
    }

    fn began(&mut self, trial: usize, task: Task) {
        self.tally.began();
        self.since.insert((trial, task), Stopwatch::start());
        self.log.say(&format!("{} begins", self.name(trial, task)));
    }

    /// A task has come to `result`, as text, or is of no use any more.
    fn ended(&mut self, trial: usize, task: Task, result: &Result<String, ObjectiveError>) {
        self.tally.ended();
        let since = self.since.remove(&(trial, task));
        let took = since.map_or(String::new(), |since| duration_text(since.elapsed()));
        let outcome = match result {
            Ok(score) => score.clone(),
            Err(ObjectiveError::Interrupted) if self.stop.is_requested() => {
                "abandoned, and left to others".to_owned()
            }
            Err(ObjectiveError::Interrupted) => {
                if self.lost.insert(trial) {
                    self.tally.lease_lost();
                }
                "dropped, since another process has taken this trial over".to_owned()
            }
            Err(error) => format!("failed: {error}"),
        };
        self.log.say(&format!("{}: {outcome}, in {took}", self.name(trial, task)));
    }

    fn name(&self, trial: usize, task: Task) -> String {
        match task {
            Task::Fold(_) if self.folds == 1 => format!("trial {trial}"),
            Task::Fold(fold) => format!("trial {trial}, fold {}/{}", fold + 1, self.folds),
            Task::Refit(seed) => format!("trial {trial}, refit from seed {seed}"),
        }
    }

    fn trial_ended(&self, trial: &Trial) {
        let number = trial.number;
        let (outcome, text) = match &trial.state {
            TrialState::Running { .. } | TrialState::Foreign { .. } => return,
            TrialState::Complete { .. } => {
                let value = trial.value().map_or(String::new(), value_text);
                ("complete", format!("complete {value}"))
            }
            TrialState::Pruned { .. } => ("pruned", "pruned".to_owned()),
            TrialState::Failed { failure, .. } => ("failed", format!("failed: {}", failure.reason)),
        };
        self.tally.trial_ended(outcome);
        if self.folds > 1 || outcome != "complete" {
            self.log.say(&format!("trial {number} has ended: {}", text.trim_end()));
        }
    }
}

impl Observer for Reporter<'_> {
    fn event(&mut self, event: &Event, study: &mut RunningStudy) {
        match event {
            Event::TrialStarted { candidate } => {
                let number = study.history.trials().len() - 1;
                self.lost.remove(&number);
                self.log.say(&format!("trial {number}: {}", params_line(candidate.params.iter())));
            }
            Event::FoldStarted { trial, fold } => self.began(*trial, Task::Fold(*fold)),
            Event::FoldFinished { trial, fold, result, .. } => {
                let result = result.as_ref().map(|score| value_text(score.score));
                let result = result.map_err(Clone::clone);
                self.ended(*trial, Task::Fold(*fold), &result);
                if result != Err(ObjectiveError::Interrupted) {
                    self.tally.fold_ended();
                    self.trial_ended(&study.history.trials()[*trial]);
                }
            }
            Event::FoldOverdue { trial, fold, limit } => self.log.warn(&format!(
                "{} goes on after the {} that its trial may take: a thread cannot be ended",
                self.name(*trial, Task::Fold(*fold)),
                humantime::format_duration(*limit)
            )),
            Event::StopRequested => self.log.say("is asked to end: what runs is finished first"),
            _ => {}
        }
    }

    fn ended_early(&mut self, reason: &str) {
        self.log.say(&format!("the study ends early: {reason}"));
    }

    fn given_up(&mut self, _: &StudyResults) {
        self.log.warn("what runs does not ask whether to stop, and is given up and left to others");
        signals::end_here();
    }

    fn refits_begin(&mut self, total: usize) {
        self.log.say(&format!(
            "all trials have ended; of {total} refits this worker does what is left"
        ));
    }

    fn refit(&mut self, event: RefitEvent, _: usize) {
        match event {
            RefitEvent::Started { trial, seed } => self.began(trial, Task::Refit(seed)),
            RefitEvent::Finished(refit) => {
                let result = refit.result.as_ref().map(|score| value_text(score.score));
                let result = result.map_err(Clone::clone);
                self.ended(refit.trial, Task::Refit(refit.seed), &result);
                if result != Err(ObjectiveError::Interrupted) {
                    self.tally.refit_ended();
                }
            }
            RefitEvent::StopRequested => {
                self.log.say("is asked to end: what runs is finished first");
            }
            RefitEvent::Found(_) | RefitEvent::GivenUp => {}
        }
    }
}
