//! A study from begin to end: opened or created, run, refitted, asked and told, and what it leaves behind.
//!
//! Whoever has an [`Objective`](burn_tune_search::Objective) and a database has a search with this crate. It
//! prints nothing and knows no arguments: what is to be said comes back as values, errors included.
//!
//! ```text
//! StudyRequest ─ open_or_create ─→ OpenStudy ─ ActiveStudy::join ─ run ─→ StudyState ─→ StudyResults
//!                      ↑                                                      ↑
//!                   Storage ──────────── StudyState::read ────────────────────┘
//! ```

//!
//! ```
//! use burn_tune_search::runner::RunOptions;
//! use burn_tune_search::{Domain, FoldScore, Objective, ObjectiveError, Space, StudySpec, TaskHandle};
//! use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageUrl};
//! use burn_tune_study::active_study::LeaseOptions;
//! use burn_tune_study::objective_reader::AnyObjective;
//! use burn_tune_study::{ActiveStudy, Prepared, StudyError, StudyRequest, open_or_create};
//!
//! #[derive(serde::Deserialize)]
//! struct Point {
//!     x: f64,
//! }
//!
//! struct Parabola;
//!
//! impl Objective for Parabola {
//!     type Config = Point;
//!
//!     fn evaluate(
//!         &self,
//!         point: &Point,
//!         _fold: usize,
//!         _handle: &TaskHandle,
//!     ) -> Result<FoldScore, ObjectiveError> {
//!         Ok(FoldScore { score: -(point.x - 2.0).powi(2), ..FoldScore::default() })
//!     }
//! }
//!
//! # fn main() -> Result<(), StudyError> {
//! # let folder = tempfile::tempdir().expect("there is a folder for temporary files");
//! let url = StorageUrl::Sqlite(folder.path().join("studies.db"));
//! let mut storage = Storage::open(&url, OpenMode::MayCreate, RetryPolicy::default())?;
//! let x = Domain::FloatRange { low: -10.0, high: 10.0, step: None, log: false };
//! let mut spec = StudySpec { space: Space::of([("x".to_owned(), x)]), ..StudySpec::default() };
//! spec.settings.folds = 1;
//! let request = StudyRequest { spec, trials: Some(20), ..StudyRequest::default() };
//! let mut prepare =
//!     |_: &_, _: Option<&_>| Ok(Prepared { objective: Parabola, notices: Vec::new() });
//! let study =
//!     open_or_create::<_, StudyError>(&mut storage, &request, None, &AnyObjective, &mut prepare)?;
//! let options = RunOptions::new(2, 0);
//! let mut active =
//!     ActiveStudy::join(storage, &study, &AnyObjective, options, LeaseOptions::default())?;
//! active.run(&mut ());
//! let leaderboard = active.results().leaderboard;
//! assert_eq!(leaderboard.counts.complete, 20);
//! assert!(leaderboard.best().and_then(|best| best.mean_test_score) > Some(-1.0));
//! # Ok(())
//! # }
//! ```

pub mod error;
pub mod objective_reader;
pub mod settings_overrides;

pub mod definition;
pub mod differences;
pub mod plan;

pub mod begun;
pub mod open_or_create;

pub mod active_study;
pub mod ask_tell;
pub mod missing_reports;
pub mod models;
pub mod observer;
pub mod state;
pub mod told_objective;

pub mod best_trials;
pub mod filter;
pub mod selection;
pub mod trial_view;

#[cfg(test)]
mod fixtures;

pub mod output_folder;
pub mod rescue;
pub mod results;
pub mod study_folder;

pub use active_study::{ActiveStudy, Outcome};
pub use begun::BegunStudy;
pub use definition::StudyDefinition;
pub use error::StudyError;
pub use models::TrainingFolder;
pub use objective_reader::ObjectiveReader;
pub use observer::Observer;
pub use open_or_create::{OpenStudy, StudyRequest, open_or_create};
pub use output_folder::OutputFolder;
pub use plan::{Prepared, StudyPlan};
pub use settings_overrides::SettingsOverrides;
pub use state::StudyState;
pub use study_folder::StudyFolder;
pub use trial_view::TrialView;
