//! What has become of a study's trials and refits: gathered while it runs, or read from the database.

use std::collections::BTreeMap;

use burn_tune_ranking::curves_file::{CurvesByTask, from_npz};
use burn_tune_ranking::fit_times::fit_times;
use burn_tune_ranking::timeline::TimelineEntry;
use burn_tune_ranking::{Leaderboard, ObjectiveMeans, cv_results};
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::timeline::Span;
use burn_tune_search::trial::{Refit, StoredTrial};
use burn_tune_search::{Event, History, KnownFlag, ObjectiveError, Params, TrialState};
use burn_tune_storage::attributes::STDERR;
use burn_tune_storage::trial_codec::{refits, stored_trial};
use burn_tune_storage::{Storage, StudyRecord};

use crate::definition::StudyDefinition;
use crate::error::StudyError;
use crate::objective_reader::ObjectiveReader;
use crate::results::StudyResults;

/// What has become of a study.
#[derive(Debug, Clone, Default)]
pub struct StudyState {
    /// Its trials.
    pub history: History,
    /// The refits that have been done.
    pub refits: Vec<Refit>,
    /// Who worked when, on folds.
    pub spans: BTreeMap<(usize, usize), TimelineEntry>,
    /// What the programs of trials that this process has scored have written to stderr.
    pub stderr: BTreeMap<usize, String>,
}

impl StudyState {
    /// Reads a study of `folds` folds, and looks its flags up among those that are known.
    ///
    /// # Errors
    ///
    /// What the database says; [`StudyError::Damaged`] where rows of the study are no trials of it.
    pub fn read(
        storage: &mut Storage,
        study: &StudyRecord,
        folds: usize,
        known: &[KnownFlag],
    ) -> Result<Self, StudyError> {
        let mut state = StudyState { history: History::new(folds), ..StudyState::default() };
        for record in storage.trials(study)? {
            let mut found = stored_trial(&record, folds).map_err(StudyError::Damaged)?;
            found.trial.look_up_flags(known);
            state.refits.extend(refits(&record).map_err(StudyError::Damaged)?);
            state.found(&found);
            let stderr = record.user_attributes.get(STDERR);
            let stderr = stderr.and_then(|json| serde_json::from_str(json).ok());
            state.stderr.extend(stderr.map(|stderr| (record.number, stderr)));
            state.history.apply(&Event::TrialFound { found }).map_err(|error| {
                StudyError::Damaged(format!("the study `{}`: {error}", study.name))
            })?;
        }
        state.refits.iter_mut().for_each(|refit| refit.look_up_flags(known));
        Ok(state)
    }

    /// Takes up who worked when, and what programs have complained of.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::TrialFound { found } => self.found(found),
            // An abandoned fold came to nothing, neither good nor bad: nor are abandoned refits listed.
            Event::FoldFinished { result: Err(ObjectiveError::Interrupted), .. } => {}
            Event::FoldFinished { trial, fold, result, span: Some(span), stderr } => {
                self.span(*trial, *fold, *span, result.is_ok());
                self.stderr.extend(stderr.clone().map(|stderr| (*trial, stderr)));
            }
            _ => {}
        }
    }

    fn found(&mut self, found: &StoredTrial) {
        let succeeded = |fold: usize| match &found.trial.state {
            TrialState::Running { folds } => {
                folds.get(fold).is_some_and(|f| matches!(f, Some(Ok(_))))
            }
            _ => fold < found.trial.folds().len(),
        };
        for (fold, span) in &found.spans {
            self.span(found.trial.number, *fold, *span, succeeded(*fold));
        }
    }

    fn span(&mut self, trial: usize, fold: usize, span: Span, succeeded: bool) {
        let task = Task::Fold(fold);
        self.spans.insert((trial, fold), TimelineEntry { trial, task, span, succeeded });
    }

    /// What was recorded of each fold and refit that this process has done.
    pub fn curves(&self) -> CurvesByTask {
        let folds = self.history.trials().iter().flat_map(|trial| {
            let folds = trial.folds().iter().enumerate();
            folds.map(|(fold, score)| ((trial.number, Task::Fold(fold)), score.curves.as_ref()))
        });
        let refits = self.refits.iter().map(|refit| {
            let score = refit.result.as_ref().ok();
            ((refit.trial, Task::Refit(refit.seed)), score.and_then(|score| score.curves.as_ref()))
        });
        folds.chain(refits).filter_map(|(task, curves)| Some((task, curves?.clone()))).collect()
    }

    /// What was recorded by whatever process, of those folds and refits that count.
    ///
    /// # Errors
    ///
    /// What the database says; [`StudyError::Damaged`] where what it has are no curves.
    pub fn stored_curves(
        &self,
        storage: &mut Storage,
        study: &StudyRecord,
    ) -> Result<CurvesByTask, StudyError> {
        let mut all = CurvesByTask::new();
        for (number, task, npz) in storage.curves(study)? {
            let curves = from_npz(&npz).map_err(|error| {
                StudyError::Damaged(format!("curves of trial {number}, {task}: {error}"))
            })?;
            all.extend(curves);
        }
        all.retain(|(number, task), _| match task {
            Task::Fold(fold) => {
                self.history.trials().get(*number).is_some_and(|trial| *fold < trial.folds().len())
            }
            Task::Refit(seed) => {
                self.refits.iter().any(|refit| (refit.trial, refit.seed) == (*number, *seed))
            }
        });
        Ok(all)
    }

    /// The contents of the result files, with these curves.
    pub fn results(
        &self,
        definition: &StudyDefinition,
        reader: &dyn ObjectiveReader,
        curves: CurvesByTask,
    ) -> StudyResults {
        let refits = self.refits.iter().map(|refit| TimelineEntry {
            trial: refit.trial,
            task: Task::Refit(refit.seed),
            span: refit.span,
            succeeded: refit.result.is_ok(),
        });
        let mut timeline: Vec<TimelineEntry> = self.spans.values().copied().chain(refits).collect();
        timeline.sort_by(|a, b| a.span.end_s.total_cmp(&b.span.end_s));
        let facts = &definition.facts(reader);
        let size = |params: &Params| reader.size(&definition.identity, params);
        StudyResults {
            leaderboard: Leaderboard::new(facts, &self.history, &self.refits).with_sizes(size),
            timeline,
            curves,
            measured: ObjectiveMeans::wall_clock(facts, &self.history),
            fit_times: fit_times(&self.history, facts.evaluation.folds),
            cv_results: cv_results(facts, &self.history),
        }
    }
}
