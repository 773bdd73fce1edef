//! What somebody says of how a model trains, so that it can be held against what is measured.

/// Something said of one explicit trial's training.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The name of the explicit trial.
    pub model: String,
    /// What is said, in words.
    pub text: String,
    /// What the words come to; all of it has to hold. Not empty.
    pub expectations: Vec<Expectation>,
}

/// A statement about one model's training that figures can confirm or refute. *Flat* is the step from
/// which the smoothed loss stays where it ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// The loss is flat from a step in this range on, both ends included.
    FlatStep(f64, f64),
    /// It is flat from a share of the training in this range on: 1 is the last step.
    FlatShare(f64, f64),
    /// How fast the loss falls at the beginning.
    Fall(Fall),
    /// The loss is flat at an earlier step than that of each of these models.
    FasterThan(Vec<String>),
    /// The loss is flat at a later step than that of each of these models.
    SlowerThan(Vec<String>),
    /// The loss is flat at about the same step as that of each of these models.
    Like(Vec<String>),
}

/// How fast a loss falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fall {
    /// Most of it in the first tenth of the training.
    Sharp,
    /// Not so.
    Slow,
}
