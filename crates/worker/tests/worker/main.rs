//! Workers that are processes, real ones: this program starts itself again, so `main` is its own, and tests
//! are listed. `cargo test -p burn-tune-worker --test worker NAME` runs those with `NAME` in their names.

#![cfg_attr(
    unix,
    expect(
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::print_stderr,
        reason = "these are tests, which clippy cannot know as they have no harness"
    )
)]

#[cfg(unix)]
mod function;
#[cfg(unix)]
mod searching;
#[cfg(unix)]
mod tests;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    if burn_tune_worker::is_worker() {
        return match std::env::var(function::MISBEHAVES).ok() {
            Some(how) => function::misbehave(&how),
            None => {
                burn_tune_worker::serve(|request, channel| function::train(&request, channel))
                    .unwrap();
                std::process::ExitCode::SUCCESS
            }
        };
    }
    match std::env::var_os(searching::FOLDER) {
        Some(folder) => searching::search_for_ever(folder.as_ref()),
        None => tests::run(),
    }
}

#[cfg(not(unix))]
fn main() {
    let workers = burn_tune_worker::Workers::new("study");
    assert!(workers.is_err_and(|error| error.help.contains("threads")));
    assert!(!burn_tune_worker::is_worker());
}
