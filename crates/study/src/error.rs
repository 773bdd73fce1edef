//! Why a study cannot be worked on, as values: whoever shows them adds what can be done where it is shown.

use std::path::PathBuf;

use burn_tune_search::SpecError;
use burn_tune_storage::StorageError;
use thiserror::Error;

use crate::differences::{Difference, differences_text};

/// Why a study cannot be opened, made, or gone on with. Nothing that was computed is lost by any of them.
#[derive(Debug, Error)]
pub enum StudyError {
    /// Something is wrong with the space or the settings, or does not fit the objective.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// What the database says.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The study's objectives are named, and what scores its trials gives one score that has no name.
    #[error("the objective gives one score, and the study names others")]
    NoMetrics,
    /// What the sampler or the pruner cannot take.
    #[error("{0}")]
    Unsuitable(String),
    /// With several objectives there is no single value to go by.
    #[error("{needs} needs one value to go by, and this study has {objectives} objectives")]
    NeedsOneObjective {
        /// What does.
        needs: NeedsOneValue,
        /// How many there are.
        objectives: usize,
    },
    /// A study is to go on, and there is no database that it could be in.
    #[error("there is no database {} with a study to go on with", path.display())]
    NoDatabase {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is no study of this name.
    #[error("there is no study `{name}` in {storage}")]
    Unknown {
        /// The name.
        name: String,
        /// The database.
        storage: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// There is no study at all.
    #[error("there is no study in {storage}")]
    NoStudy {
        /// The database.
        storage: String,
    },
    /// No study of this space has been begun.
    #[error("there is no study of the space `{space}` in {storage} to go on with")]
    NothingToResume {
        /// What the space is called.
        space: String,
        /// The database.
        storage: String,
    },
    /// All studies of the space have come to their end.
    #[error(
        "nothing is left to do: the newest study of the space `{space}`, `{study}`, has all of its {trials} trials"
    )]
    NothingLeft {
        /// What the space is called.
        space: String,
        /// The newest study of it.
        study: String,
        /// How many trials it was asked for.
        trials: usize,
    },
    /// The trials of the study are a search's own, and cannot be asked for or told.
    #[error("the study `{study}` is a search's, and its trials are its own")]
    IsSearched {
        /// The study.
        study: String,
    },
    /// The trials of the study are given out to whoever asks, and no objective can score them.
    #[error("the trials of the study `{study}` are given out to whoever asks, and not scored here")]
    IsTold {
        /// The study.
        study: String,
    },
    /// The study is another program's, where it has to be one of ours.
    #[error("the study `{study}` is another program's")]
    IsForeign {
        /// The study.
        study: String,
    },
    /// The study was begun otherwise than it is to go on.
    #[error(
        "the study `{study}` cannot go on, because this is not as it was when it began:\n{}",
        differences_text(differences)
    )]
    Differs {
        /// The study.
        study: String,
        /// What is not as it was; at least one thing.
        differences: Vec<Difference>,
    },
    /// The study has been asked for more trials than it is to have now.
    #[error("the study `{study}` was asked for {asked} trials, and it cannot become {trials}")]
    FewerTrials {
        /// The study.
        study: String,
        /// How many it was asked for.
        asked: usize,
        /// How many it is to have.
        trials: usize,
        /// Whether they are given out to whoever asks.
        told: bool,
    },
    /// The study would have to be resumed to get more trials.
    #[error(
        "the study `{study}` was asked for {asked} trials, and goes on to {trials} only if it is resumed"
    )]
    MoreTrials {
        /// The study.
        study: String,
        /// How many it was asked for.
        asked: usize,
        /// How many it is to have.
        trials: usize,
    },
    /// Another program's study, with other directions.
    #[error("the study `{study}` has the directions {}, and not {}", theirs.join(", "), ours.join(", "))]
    Directions {
        /// The study.
        study: String,
        /// What it has.
        theirs: Vec<String>,
        /// What is asked for.
        ours: Vec<String>,
    },
    /// The study was written by a version whose format this one does not read.
    #[error(
        "the study `{study}` was written by burn-tune {version}, in another format than this version reads: take that version, or begin a new study"
    )]
    Format {
        /// The study.
        study: String,
        /// What wrote it.
        version: String,
    },
    /// The study was begun by another version, which may come to other numbers.
    #[error(
        "the study `{study}` was begun by burn-tune {theirs}, and this is {ours}: take the same version, since another one may come to other numbers"
    )]
    OtherVersion {
        /// The study.
        study: String,
        /// What has begun it.
        theirs: String,
        /// What this is.
        ours: String,
    },
    /// An attribute of the study is damaged.
    #[error("the attribute `{key}` of the study `{study}`: {problem}")]
    Attribute {
        /// The study.
        study: String,
        /// The attribute.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Rows of the study are damaged.
    #[error("{0}")]
    Damaged(String),
    /// The study was deleted meanwhile.
    #[error("the study `{study}` was deleted just now")]
    Deleted {
        /// The study.
        study: String,
    },
}

/// What goes by a single value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NeedsOneValue {
    /// The pruner of this name.
    Pruner(String),
    /// A target.
    Target,
    /// An end without improvement.
    NoImprovement,
}

impl std::fmt::Display for NeedsOneValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NeedsOneValue::Pruner(name) => write!(f, "the {name} pruner"),
            NeedsOneValue::Target => f.write_str("a target"),
            NeedsOneValue::NoImprovement => f.write_str("an end without improvement"),
        }
    }
}
