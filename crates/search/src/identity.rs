//! What an objective is, as it is kept with a study and said of its results.

/// How an objective scores, by key: whatever makes its scores others than those of another objective, such as
/// its data and what computes. Kept with the study as JSON; a study goes on only with the same.
pub type Identity = serde_json::Map<String, serde_json::Value>;

/// What results say of how trials were scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectiveFacts {
    /// What a score is, where the study names no objectives: such as `accuracy`.
    pub metric: String,
    /// The data set.
    pub dataset: Option<String>,
    /// The command that scores a trial, where one does.
    pub command: Option<String>,
    /// How many examples there are to train on, all folds together.
    pub train_examples: Option<usize>,
    /// How many examples there are to test refits on.
    pub test_examples: Option<usize>,
    /// What computes.
    pub backend: Option<String>,
}

/// A score of which nothing is known.
impl Default for ObjectiveFacts {
    fn default() -> Self {
        ObjectiveFacts {
            metric: "score".to_owned(),
            dataset: None,
            command: None,
            train_examples: None,
            test_examples: None,
            backend: None,
        }
    }
}
