//! What can be wrong with a study, and where.

use std::fmt;

use thiserror::Error;

/// A part of a [`StudySpec`](crate::StudySpec): where an error is. A file that the spec came from knows the line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// A setting of the study, by its key.
    Setting(&'static str),
    /// A setting of its pruner, by its key.
    Pruner(&'static str),
    /// The space as a whole: something is missing from it.
    Space,
    /// The name of a parameter.
    Param(String),
    /// All that a parameter may be.
    Domain(String),
    /// One of the values of a parameter's list, by its place; of a range, 0 is the low end and 1 the high one.
    Value(String, usize),
    /// The step of a parameter's range.
    Step(String),
    /// The name of an explicit trial, which has this place.
    TrialName(usize),
    /// A parameter that an explicit trial states.
    TrialParam(usize, String),
    /// The value that an explicit trial states.
    TrialValue(usize, String),
    /// One of the objectives, by its place.
    Objective(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Setting(key) => write!(f, "`{key}`"),
            Place::Pruner(key) => write!(f, "`{key}` of the pruner"),
            Place::Space => f.write_str("the space"),
            Place::Param(name) | Place::Domain(name) => write!(f, "`{name}`"),
            Place::Value(name, 0) => write!(f, "low of `{name}`"),
            Place::Value(name, place) => write!(f, "value {place} of `{name}`"),
            Place::Step(name) => write!(f, "step of `{name}`"),
            Place::TrialName(trial) => write!(f, "name of explicit trial {trial}"),
            Place::TrialParam(trial, name) | Place::TrialValue(trial, name) => {
                write!(f, "`{name}` of explicit trial {trial}")
            }
            Place::Objective(place) => write!(f, "objective {place}"),
        }
    }
}

/// Faults of which a file that the study came from would speak in its own words: there, the space and the explicit
/// trials have names that its readers know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecFault {
    /// The space has no parameter.
    EmptySpace,
    /// A parameter is called as something that each explicit trial has besides: this.
    ReservedName(String),
    /// Two explicit trials have the same name.
    RepeatedTrialName,
    /// An explicit trial states a parameter that the space has not.
    UnknownParam {
        /// What it calls it.
        name: String,
        /// Which there are, in words.
        known: String,
    },
    /// An explicit trial states a value of another type than the space.
    OtherType {
        /// The name of the parameter.
        name: String,
        /// The type of the value.
        stated: &'static str,
        /// That of the values in the space.
        expected: &'static str,
    },
    /// The objective has a parameter that the space has not: this.
    MissingParam(String),
}

/// What is wrong with a study, and where. The texts know no file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {problem}")]
pub struct SpecError {
    /// Where.
    pub place: Place,
    /// What, in one sentence.
    pub problem: String,
    /// A few words for a mark at the place.
    pub label: String,
    /// What would be right.
    pub help: String,
    /// What it is about, where a file has words of its own for it.
    pub fault: Option<SpecFault>,
}

impl SpecError {
    /// An error whose mark says `here`.
    pub fn new(place: Place, problem: impl Into<String>, help: impl Into<String>) -> Self {
        let (problem, help) = (problem.into(), help.into());
        SpecError { place, problem, label: "here".into(), help, fault: None }
    }

    /// The same with other words at the mark.
    #[must_use]
    pub fn labelled(self, label: impl Into<String>) -> Self {
        SpecError { label: label.into(), ..self }
    }

    /// The same, with what it is about.
    #[must_use]
    pub fn about(self, fault: SpecFault) -> Self {
        SpecError { fault: Some(fault), ..self }
    }
}
