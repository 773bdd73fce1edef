//! What programs keep of their function with a study.

use burn_tune_search::{Identity, ObjectiveFacts};
use burn_tune_study::ObjectiveReader;

/// The key under which studies keep what a score is called.
pub(crate) const METRIC: &str = "metric";

/// Reads it.
pub(crate) struct ProgramReader;

impl ObjectiveReader for ProgramReader {
    fn facts(&self, identity: &Identity) -> ObjectiveFacts {
        let metric = identity.get(METRIC).and_then(|metric| metric.as_str());
        match metric {
            Some(metric) => {
                ObjectiveFacts { metric: metric.to_owned(), ..ObjectiveFacts::default() }
            }
            None => ObjectiveFacts::default(),
        }
    }
}
