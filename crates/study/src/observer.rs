//! Whoever wants to know what happens to a study while it runs.

use burn_tune_search::runner::RefitEvent;
use burn_tune_search::{Event, History};

use crate::definition::StudyDefinition;
use crate::objective_reader::ObjectiveReader;
use crate::results::StudyResults;
use crate::state::StudyState;

/// Sees what happens, one thing after the other, on the thread that runs the study. Nothing is decided by it.
pub trait Observer {
    /// Something happened to a trial.
    fn event(&mut self, _event: &Event, _study: &mut RunningStudy) {}

    /// The study ends before it has all of its trials.
    fn ended_early(&mut self, _reason: &str) {}

    /// The user asked to abandon what runs, and some of it goes on: threads that do not ask whether to stop, which only
    /// the end of this process ends. Whoever runs the process may end it now: all that has ended is stored, and these
    /// are the results, but for refits. Where this returns, the threads are waited for.
    fn given_up(&mut self, _results: &StudyResults) {}

    /// All trials have ended, and `total` refits begin.
    fn refits_begin(&mut self, _total: usize) {}

    /// Something happened to one of the `total` refits.
    fn refit(&mut self, _event: RefitEvent, _total: usize) {}
}

/// Nobody.
impl Observer for () {}

/// Several, each of which sees everything, in this order.
pub struct Observers<'a>(pub Vec<&'a mut dyn Observer>);

impl Observer for Observers<'_> {
    fn event(&mut self, event: &Event, study: &mut RunningStudy) {
        self.0.iter_mut().for_each(|observer| observer.event(event, study));
    }

    fn ended_early(&mut self, reason: &str) {
        self.0.iter_mut().for_each(|observer| observer.ended_early(reason));
    }

    fn given_up(&mut self, results: &StudyResults) {
        self.0.iter_mut().for_each(|observer| observer.given_up(results));
    }

    fn refits_begin(&mut self, total: usize) {
        self.0.iter_mut().for_each(|observer| observer.refits_begin(total));
    }

    fn refit(&mut self, event: RefitEvent, total: usize) {
        self.0.iter_mut().for_each(|observer| observer.refit(event, total));
    }
}

/// A study in the middle of its work.
pub struct RunningStudy<'a> {
    pub(crate) definition: &'a StudyDefinition,
    pub(crate) reader: &'a dyn ObjectiveReader,
    pub(crate) state: &'a mut StudyState,
    /// Its trials.
    pub history: &'a History,
    /// How many processes are at work on its trials, this one included, as it was last seen.
    pub processes: usize,
}

impl RunningStudy<'_> {
    /// How many trials have ended.
    pub fn ended(&self) -> usize {
        self.history.trials().iter().filter(|trial| trial.is_finished()).count()
    }

    /// What the result files would hold now; the curves are those of this process, where they are wanted.
    pub fn results(&mut self, with_curves: bool) -> StudyResults {
        self.state.history = self.history.clone();
        let curves = if with_curves { self.state.curves() } else { Default::default() };
        self.state.results(self.definition, self.reader, curves)
    }
}
