//! Runs the tasks of a search in processes of the searching program itself: so that each task has a process
//! whose random generators are its own, and one that dies takes nobody along. Knows no Burn.
//!
//! The program starts itself again, with the same arguments. There `main` finds that it [is a
//! worker](is_worker), and [serves](serve): one task at a time, for as long as the search lasts, so that data
//! is loaded once a process. On the other side a [`WorkerObjective`] hands each task of the search to a
//! process, passes on what that reports, and kills it where the task is to be abandoned.
//!
//! ```no_run
//! use burn_tune_search::trial::Failure;
//! use burn_tune_search::{FoldScore, Objective, ObjectiveError, ParamValue, Params, TaskHandle};
//! use burn_tune_worker::{
//!     Channel, Request, Response, TaskScore, WorkerObjective, Workers, is_worker, serve,
//! };
//!
//! fn train(request: &Request, _: &Channel) -> Response {
//!     let Some(ParamValue::Float(x)) = request.params.get("x") else {
//!         return Err(Failure::new("there is no float `x`"));
//!     };
//!     Ok(TaskScore { score: -(x - 2.0).powi(2), ..TaskScore::default() })
//! }
//!
//! /// What the search has to know of `train`.
//! struct Parabola;
//!
//! impl Objective for Parabola {
//!     type Config = Params;
//!
//!     fn evaluate(&self, _: &Params, _: usize, _: &TaskHandle) -> Result<FoldScore, ObjectiveError> {
//!         unreachable!("a worker does it")
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     if is_worker() {
//!         return Ok(serve(|request, channel| train(&request, channel))?);
//!     }
//!     let objective = WorkerObjective::new(Parabola, Workers::new("parabola")?);
//!     // … and a search of it.
//! #   let _ = objective;
//!     Ok(())
//! }
//! ```

pub mod task;
pub mod wire;

#[cfg_attr(not(unix), expect(dead_code, reason = "there are no workers"))]
mod message;

pub mod channel;
pub mod serving;

pub mod objective;
#[cfg(unix)]
mod this_program;
#[cfg(unix)]
mod worker_process;
pub mod workers;

#[cfg(unix)]
pub use burn_tune_process::kill_all;
pub use channel::Channel;
pub use objective::WorkerObjective;
pub use serving::{is_worker, serve};
pub use task::{CheckpointPlace, Request, Response, TaskScore};
#[cfg(unix)]
pub use this_program::begin_anew;
pub use workers::{NoWorkers, Workers};
