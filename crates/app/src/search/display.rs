//! What a person sees while a search runs: the progress, and a page that is written now and then.

use burn_tune_ranking::leaderboard::Counts;
use burn_tune_search::Event;
use burn_tune_search::runner::RefitEvent;
use burn_tune_study::missing_reports::{MissingReports, MissingReportsWarning};
use burn_tune_study::observer::RunningStudy;
use burn_tune_study::results::StudyResults;
use burn_tune_study::{Observer, StudyFolder};

use crate::console::say;
use crate::errors::file_text;
use crate::live_page::{LivePage, running, unfinished};
use crate::pages::write_study_page;
use crate::progress::Progress;
use crate::signals;

/// Shows what happens to a study.
pub struct Display<'a> {
    pub progress: Progress<'a>,
    pub missing_reports: MissingReportsWarning,
    /// How a training gives values on its way, as an order.
    pub how_to_report: &'static str,
    /// What to do about one that cannot be ended.
    pub how_to_end: &'static str,
    /// What goes on with the study.
    pub resume: String,
    pub live: LivePage,
    pub folder: &'a StudyFolder,
    /// How many trials the study is to have.
    pub trials: usize,
}

impl Observer for Display<'_> {
    fn event(&mut self, event: &Event, study: &mut RunningStudy) {
        self.progress.set_processes(study.processes);
        self.progress.event(event, study.history);
        if let Some(missing) = self.missing_reports.event(event) {
            self.progress.say(&missing_reports_text(&missing, self.how_to_report));
        }
        let ended = study.ended();
        if ended > 0 && self.live.is_due() {
            let results = study.results(false);
            let (folder, page) = (self.folder.all().clone(), self.folder.page());
            let status = running(ended, self.trials);
            // What cannot be written now is said when it is written for good.
            self.live.write(move || drop(write_study_page(&results, &folder, &page, &status)));
        }
        if let Event::FoldOverdue { trial, fold, limit } = event {
            self.progress.say(&format!(
                "warning: fold {fold} of trial {trial} goes on after the {} that its trial may take: a thread cannot be ended, and it does not ask whether to stop{}",
                humantime::format_duration(*limit),
                self.how_to_end
            ));
        }
        if *event == Event::StopRequested {
            // In case the running trials are not given the time to end.
            let written = self.folder.write(&study.results(true));
            written.problems.iter().for_each(|problem| self.progress.say(&file_text(problem)));
        }
    }

    fn ended_early(&mut self, reason: &str) {
        self.progress.say(&format!("note: the study ends early: {reason}"));
    }

    fn given_up(&mut self, results: &StudyResults) {
        let written = self.folder.write(results);
        written.problems.iter().for_each(|problem| self.progress.say(&file_text(problem)));
        let Counts { complete, pruned, failed } = results.leaderboard.counts;
        let ended = complete + pruned + failed;
        self.live.join();
        let status = unfinished(ended, self.trials, &self.resume);
        if let Err(problem) =
            write_study_page(results, self.folder.all(), &self.folder.page(), &status)
        {
            self.progress.say(&file_text(&problem));
        }
        say(&format!(
            "what runs does not ask whether to stop, and is given up: all that has ended is stored. To go on: {}",
            self.resume
        ));
        signals::end_here();
    }

    fn refits_begin(&mut self, total: usize) {
        self.progress.begin_refits(total, "refit");
    }

    fn refit(&mut self, event: RefitEvent, total: usize) {
        self.progress.refit(event, total);
    }
}

fn missing_reports_text(
    MissingReports { trial, pruner }: &MissingReports,
    how_to_report: &str,
) -> String {
    format!(
        "warning: trial {trial} has reported no intermediate value, so the pruner {pruner} had nothing to decide by: {how_to_report}"
    )
}
