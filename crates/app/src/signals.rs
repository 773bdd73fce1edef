//! Ctrl-C and SIGTERM: the first lets running trials finish, the second abandons them, the third ends
//! the program where it stands. Threads that do not hear the second are given up some seconds later.

use anyhow::{Context, Result};
use burn_tune_search::Stop;
use crossbeam_channel::{Receiver, unbounded};

use crate::about::about;
use crate::exit::INTERRUPTED;

/// Turns signals into requests of the `Stop` that is returned, and messages about them.
pub fn listen() -> Result<(Stop, Receiver<()>)> {
    let stop = Stop::default();
    let (sender, receiver) = unbounded();
    let requested = stop.clone();
    ctrlc::set_handler(move || {
        // Nobody listens any more once the work is done: then there is nothing to tell. Told before it is
        // requested, whoever ends because of the request has the message already.
        let _ = sender.send(());
        if requested.request() > 2 {
            end_here();
        }
    })
    .context("cannot listen for Ctrl-C")?;
    Ok((stop, receiver))
}

/// Ends the program where it stands, as one that was interrupted.
pub fn end_here() -> ! {
    crate::progress::clear_bars();
    about().kill_children();
    std::process::exit(INTERRUPTED.into());
}
