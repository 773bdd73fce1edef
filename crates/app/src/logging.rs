//! Logs on stderr: warnings by default, more with `-v` or `RUST_LOG`; and quiet worker panics.

use std::io::{IsTerminal, stderr};
use std::{panic, thread};

use tracing_subscriber::EnvFilter;

/// Starts the log. A panic of a worker thread is a failed trial, not a fault to print: it goes to the
/// log, and its message to the trial.
pub fn start(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "burn_tune=debug,info",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(colours)
        .with_target(verbose > 0);
    match verbose {
        // A warning is for whoever watches it come.
        0 => log.without_time().init(),
        _ => log.init(),
    }

    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let thread = thread::current();
        if thread.name().is_some_and(|name| name.starts_with("worker-")) {
            tracing::info!("{info}");
        } else {
            print(info);
        }
    }));
}
