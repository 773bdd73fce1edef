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

mod bound;
mod derived;
mod param_error;
mod param_type;
mod space;

mod error;
mod execution;
mod outcome;
mod study;
mod training_result;
mod trial;

mod checkpoint_folder;
mod checkpoint_keeper;
mod flags;
mod function;
#[cfg(feature = "cli")]
mod program;

pub use bound::Bound;
pub use burn_tune_derive::Space;
/// Params and spaces as the engine has them.
pub use burn_tune_search as search;
pub use param_error::{ParamError, ValueError};
pub use param_type::{Choices, Number, ParamType, Text};
pub use space::Space;

pub use burn_tune_ranking::Leaderboard;
pub use burn_tune_search::Direction;
pub use burn_tune_search::pruner::PrunerSettings as Pruner;
pub use burn_tune_search::settings::{SamplerKind as Sampler, StopRule};
pub use burn_tune_study::Observer;

pub use error::{Error, Result, ensure};
pub use execution::Workers;
pub use outcome::{StudyOutcome, TrialOutcome};
pub use study::Study;
pub use training_result::TrainingResult;
pub use trial::{Progress, Score, Split, Trial};

/// What derived code calls: no part of the interface, and may change with any version.
#[doc(hidden)]
pub mod __private {
    pub use std::sync::OnceLock;
    pub use std::vec::Vec;

    pub use burn_tune_search as search;

    pub use crate::derived::*;
    pub use crate::param_error::{ParamError, ValueError};
}

/// What most programs use.
pub mod prelude {
    pub use crate::{
        Direction, Error, Progress, Pruner, Result, Sampler, Score, Space, Study, Trial, Workers,
        ensure,
    };
}

/// The chapter of the book, whose code is tested.
#[cfg(doctest)]
#[doc = include_str!("../../../book/src/own-model.md")]
struct Book;

/// The README, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
