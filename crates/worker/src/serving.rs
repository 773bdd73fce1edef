//! The side of the worker: tasks as they come, until nobody is there any more who has some.
//!
//! The socket to the search is the standard input of a worker. That is what a process can hand on without a
//! moment in which its other children get it as well, and nobody waits for input there. It is put aside before
//! the first task: whatever reads standard input then finds it empty, and programs that the function starts
//! do not hold the socket.

use std::io;

use crate::channel::Channel;
use crate::task::{Request, Response};

/// The variable that a worker has in its environment.
#[cfg(unix)]
pub(crate) const WORKER: &str = "BURN_TUNE_WORKER";

/// Whether this process was started as a worker: then `main` has to call [`serve`], and to do nothing that
/// begins a search, or reads standard input, before.
///
/// Programs that a worker starts are none, though they have its environment.
pub fn is_worker() -> bool {
    system::is_worker()
}

/// Does tasks with `run`, one at a time, on this thread, until the search has ended; `main` should return then.
///
/// What `run` leaves in statics stays for the tasks after, so data can be loaded once. Whatever is random
/// has to follow from [`Request::seed`].
///
/// A panic in `run` fails its task, and this process does no other: locks may be poisoned now, and caches
/// half filled, and what a task comes to is to depend on no other task. The search starts a new one.
///
/// Where the search is killed while a task is under way, this process is killed with all of its process group.
///
/// # Errors
///
/// Where this process is no worker, or what comes from the search is no message.
pub fn serve(run: impl FnMut(Request, &Channel) -> Response) -> io::Result<()> {
    system::serve(run)
}

/// Whether this process was started as a worker and does no tasks yet.
#[cfg(unix)]
pub(crate) fn is_idle_worker() -> bool {
    is_worker() && !system::serves()
}

#[cfg(unix)]
mod system;

#[cfg(not(unix))]
mod system {
    //! Nobody is a worker where there are no process groups: see [`crate::Workers::new`].

    use super::*;

    pub fn is_worker() -> bool {
        false
    }

    pub fn serve(_: impl FnMut(Request, &Channel) -> Response) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
