//! What is known of an objective from what it has kept with a study.

use burn_tune_search::Params;
use burn_tune_search::identity::{Identity, ObjectiveFacts};

/// Reads the identity that an objective has kept with a study, also where the objective itself is not there:
/// when a study is only looked at.
pub trait ObjectiveReader {
    /// How the study's trials were scored.
    fn facts(&self, identity: &Identity) -> ObjectiveFacts;

    /// How many numbers the model of these params trains; `None` where nobody knows.
    fn size(&self, _identity: &Identity, _params: &Params) -> Option<u64> {
        None
    }
}

/// Reads no identity: a score is called `score`, and nothing is known of how it came about.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyObjective;

impl ObjectiveReader for AnyObjective {
    fn facts(&self, _: &Identity) -> ObjectiveFacts {
        ObjectiveFacts::default()
    }
}
