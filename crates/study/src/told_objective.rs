//! The objective of studies whose trials somebody asks for and tells of.

use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::{FoldScore, Identity, Objective, ObjectiveError, Params, TaskHandle};

/// The key and the word of a study whose trials are asked for and told.
const OBJECTIVE: (&str, &str) = ("objective", "tell");

/// The objective of such a study: it scores nothing itself. It takes any params, has one fold and no refits.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToldObjective;

impl Objective for ToldObjective {
    type Config = Params;

    fn evaluate(&self, _: &Params, _: usize, _: &TaskHandle) -> Result<FoldScore, ObjectiveError> {
        let reason = "whoever asked for the trial has to tell what it came to".to_owned();
        Err(ObjectiveError::Failed { reason, flags: Vec::new() })
    }

    /// What is told on the way is kept, whether anybody decides by it or not.
    fn report_unit(&self) -> ReportUnit {
        ReportUnit::Steps
    }

    fn identity(&self) -> Identity {
        let (key, word) = OBJECTIVE;
        Identity::from_iter([(key.to_owned(), word.into())])
    }
}

/// Whether the trials of a study are asked for and told.
pub fn is_told(identity: &Identity) -> bool {
    let (key, word) = OBJECTIVE;
    identity.get(key).is_some_and(|objective| objective == word)
}
