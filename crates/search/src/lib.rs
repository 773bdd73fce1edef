//! Search spaces, samplers and the loop that runs the trials of a hyperparameter search.
//!
//! This crate knows no deep-learning framework, no database and no data set. What is searched
//! comes in through [`Objective`]; what happens goes out as a [`History`] that one ordered stream
//! of [`Event`]s has made.
//!
//! ```text
//! StudySpec ─→ Space ─ Candidates ─→ Params ─ bind ─→ Objective::Config
//!                                                                │
//!                       History ←─ Event ←─ runner::run ←─ Objective::evaluate
//! ```

pub mod constraint;
pub mod direction;
pub mod params;
pub mod settings;
pub mod space;
pub mod spec;
pub mod spec_error;

pub mod bind;
pub mod curves;
pub mod flag;
pub mod identity;
pub mod live;
pub mod metric;
pub mod objective;
pub mod pareto;

pub mod allowed;
pub mod candidates;
pub mod pruner;
pub mod pruning;
pub mod sampler;
pub mod suggester;

pub mod executor;
pub mod history;
pub mod runner;
pub mod store;
pub mod timeline;
pub mod trial;

pub mod clock;
pub mod did_you_mean;
pub mod keyed_rng;
pub mod mean;
pub mod stop;

pub use candidates::Candidates;
pub use constraint::Constraint;
pub use curves::Curves;
pub use direction::Direction;
pub use flag::{Flag, KnownFlag};
pub use history::History;
pub use identity::{Identity, ObjectiveFacts};
pub use metric::Metric;
pub use objective::{
    FoldScore, Objective, ObjectiveError, RefitScore, Refitter, Rejection, TaskHandle,
};
pub use params::{ParamValue, Params};
pub use settings::{SamplerKind, StudySettings};
pub use space::{Domain, Space};
pub use spec::{ExplicitTrial, SpecError, StudySpec};
pub use stop::Stop;
pub use trial::{Candidate, Event, Trial, TrialState};

#[cfg(test)]
mod fixtures;
