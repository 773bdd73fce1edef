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

/// The key under which an identity says what a score is called, for [`AnyObjective`] to read.
pub const METRIC: &str = "metric";

/// Reads of an identity what a score is called, where it says so: for objectives of which nothing else is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyObjective;

impl ObjectiveReader for AnyObjective {
    fn facts(&self, identity: &Identity) -> ObjectiveFacts {
        let facts = ObjectiveFacts::default();
        match identity.get(METRIC).and_then(|metric| metric.as_str()) {
            Some(metric) => ObjectiveFacts { metric: metric.to_owned(), ..facts },
            None => facts,
        }
    }
}
