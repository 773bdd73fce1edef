//! Hyperparameter search for your own Burn model, or any function.
//!
//! A struct is the space, a function trains and scores, and [`Study`] does the rest: as a library with
//! [`Study::run`], or as a program with the command line of burn-tune by [`Study::main`].
//!
//! ```no_run
//! use burn_tune::prelude::*;
//!
//! #[derive(Space, Debug)]
//! struct Net {
//!     #[space(1e-4..=1e-1, log)]
//!     lr: f64,
//!     #[space(64..=1024, step = 64)]
//!     hidden: usize,
//!     #[space(10)]
//!     epochs: u64,
//! }
//!
//! fn train(net: &Net, trial: &Trial) -> Result<Score> {
//!     let mut accuracy = 0.0;
//!     for epoch in 1..=net.epochs {
//!         accuracy += net.lr / net.hidden as f64; // your training
//!         if trial.report(epoch, accuracy).is_stop() {
//!             break;
//!         }
//!     }
//!     trial.finish(accuracy)
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     Study::new("mnist", train).score("accuracy").folds(3).main()
//! }
//! ```
//!
//! `cargo run --release -- search --trials 50` then samples 50 configurations, trains them, and writes
//! `results/leaderboard.json` and a page of figures; `search --resume` goes on after a crash.
//!
//! # Features
//!
//! | Feature | Default | What it adds |
//! |---|---|---|
//! | `cli` | yes | [`Study::main`]: the command line, its tables and pages. [`Study::run`] does without it |
//! | `http` | | studies in a file that `burn-tune serve` has: `https://…` for [`Study::storage`] and `--storage`; with `cli`, the command `serve` |
//! | `postgres` | | studies in PostgreSQL: `postgresql://…` for [`Study::storage`] and `--storage` |
//! | `burn` | | `Trial::device`: a device of Burn, with its generator seeded, and `--backend`; `Trial::checkpoint` and `Trial::restore`; `Trial::save_model`, and models that `Trial::finish` takes with their score |
//! | `train` | | with `burn`: `tune`, for trainings of Burn's `Learner`; it brings burn-train |
//!
//! # What stays
//!
//! What stands here keeps its form until the next version that semantic versioning calls breaking. The crates below,
//! `burn-tune-search` and the others, promise nothing, except for the items that this one hands on; of structs and
//! enums in [`observer`] and of [`Leaderboard`], more fields and variants may come.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

#[macro_use]
mod doc_example;

mod bound;
mod derived;
mod param_error;
mod param_type;
mod space;

mod error;
mod measuring;
mod outcome;
mod randomness;
mod running;
mod split;
mod study;
mod trial;

#[cfg(feature = "cli")]
mod backend;
mod checkpoint;
mod checkpoint_folder;
mod checkpoint_keeper;
#[cfg(feature = "burn")]
mod devices;
mod flags;
mod function;
#[cfg(feature = "train")]
mod learner;
#[cfg(feature = "cli")]
mod program;
#[cfg(feature = "burn")]
mod saving;

pub use burn_tune_derive::Space;
pub use param_error::{ParamError, ValueError};
pub use param_type::{Choices, Number, ParamType, Text};
pub use space::Space;

/// Params and spaces as the engine has them: what the traits of this crate speak of.
///
/// ```
/// use burn_tune::Space;
/// use burn_tune::search::{ParamValue, Params};
///
/// #[derive(Space)]
/// struct Net {
///     #[space(1..=8)]
///     depth: usize,
/// }
///
/// let params: Params = Net { depth: 3 }.to_params();
/// assert_eq!(params.get("depth"), Some(&ParamValue::Int(3)));
/// ```
pub mod search {
    pub use burn_tune_search::space::Condition;
    pub use burn_tune_search::{Domain, ParamValue, Params, Space};
}

/// What an observer of [`Study::run_with`] sees.
///
/// ```
/// use burn_tune::observer::{Event, Observer, RunningStudy};
///
/// /// Counts what happens.
/// #[derive(Default)]
/// struct Events(usize);
///
/// impl Observer for Events {
///     fn event(&mut self, _event: &Event, _study: &mut RunningStudy) {
///         self.0 += 1;
///     }
/// }
/// ```
pub mod observer {
    pub use burn_tune_search::runner::RefitEvent;
    pub use burn_tune_search::timeline::Span;
    pub use burn_tune_search::trial::{Refit, StoredTrial};
    pub use burn_tune_search::{Candidate, Event, FoldScore, History, ObjectiveError};
    pub use burn_tune_study::Observer;
    pub use burn_tune_study::observer::RunningStudy;
    pub use burn_tune_study::results::StudyResults;
}

/// A study's function for the crates below: for a program with a command line of its own, such as `burn-tune` itself.
/// What is not defined here promises nothing; see [`Study::objective`].
///
/// ```
/// use burn_tune::engine::{FunctionConfig, FunctionObjective, Objective, StudySettings};
/// use burn_tune::prelude::*;
///
/// #[derive(Space)]
/// struct Net {
///     #[space(1..=8)]
///     depth: usize,
/// }
///
/// let study = Study::new("net", |net: &Net, trial| trial.finish(net.depth as f64));
/// let objective: FunctionObjective<Net> = study.objective(&StudySettings::default());
/// let config: FunctionConfig<Net> = serde_json::from_str(r#"{ "depth": 3 }"#)?;
/// assert_eq!((config.value().depth, objective.cost(&config)), (3, 1.0));
/// # Ok::<(), Error>(())
/// ```
pub mod engine {
    pub use burn_tune_search::{Objective, StudySettings};

    pub use crate::function::{FunctionConfig, FunctionObjective};
}

/// What stands in a [`Leaderboard`], such as in that of [`StudyOutcome::leaderboard`].
///
/// ```
/// use burn_tune::leaderboard::TrialEntry;
/// use burn_tune::prelude::*;
///
/// #[derive(Space)]
/// struct Net {
///     #[space(1..=8)]
///     depth: usize,
/// }
///
/// /// Those that noise does not tell apart from the best.
/// fn candidates(trials: &[TrialEntry]) -> impl Iterator<Item = &TrialEntry> {
///     trials.iter().filter(|trial| trial.within_noise_of_best == Some(true))
/// }
///
/// let study = Study::new("net", |net: &Net, trial| trial.finish(net.depth as f64)).folds(3);
/// let outcome = study.run(8)?;
/// assert!(candidates(&outcome.leaderboard().trials).next().is_some());
/// # Ok::<(), Error>(())
/// ```
pub mod leaderboard {
    pub use burn_tune_ranking::leaderboard::{
        Counts, Evaluation, Leaderboard, ObjectiveEntry, PruningEntry, RefitEntry, State,
        StepScore, TopEntry, TrialEntry,
    };
    pub use burn_tune_ranking::noise::NoiseBand;
}

pub use burn_tune_ranking::Leaderboard;
pub use burn_tune_ranking::leaderboard::State;
pub use burn_tune_search::Direction;
pub use burn_tune_search::flag::MODEL_NOT_SAVED;
pub use burn_tune_search::pruner::PrunerSettings as Pruner;
pub use burn_tune_search::settings::{SamplerKind as Sampler, StopRule};
pub use burn_tune_search::{Flag, KnownFlag, Rejection};
pub use observer::Observer;

pub use error::{Error, Result, ensure};
pub use outcome::{StudyOutcome, TrialOutcome};
pub use randomness::Purpose;
pub use split::Split;
pub use study::{Study, Workers};
pub use trial::{Progress, Score, TrainingResult, Trial};

#[cfg(feature = "train")]
pub use learner::{Trained, Tune, TunedTraining};

/// What derived code calls: no part of the interface, and may change with any version.
#[doc(hidden)]
pub mod __private {
    pub use std::sync::OnceLock;
    pub use std::vec::Vec;

    pub use burn_tune_search as search;

    pub use crate::bound::Bound;
    pub use crate::derived::*;
    pub use crate::param_error::{ParamError, ValueError};
}

/// What most programs use.
///
/// ```
/// use burn_tune::prelude::*;
///
/// #[derive(Space)]
/// struct Net {
///     #[space(0.0..=1.0)]
///     lr: f64,
/// }
///
/// let study = Study::new("net", |net: &Net, trial| trial.finish(net.lr));
/// assert!(study.run(3)?.best().is_some());
/// # Ok::<(), Error>(())
/// ```
pub mod prelude {
    pub use crate::{
        Direction, Error, KnownFlag, Progress, Pruner, Purpose, Rejection, Result, Sampler, Score,
        Space, Study, Trial, Workers, ensure,
    };

    #[cfg(feature = "train")]
    pub use crate::Tune;
}

/// The chapter of the book, whose code is tested.
#[cfg(doctest)]
#[doc = include_str!("../../../book/src/own-model.md")]
struct Book;

/// The README of this package, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct PackageReadme;

/// The page about Burn's `Learner`, whose code is tested.
#[cfg(feature = "train")]
#[cfg(doctest)]
#[doc = include_str!("../../../book/src/learner.md")]
struct LearnerPage;

/// The README, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
