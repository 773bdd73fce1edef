//! How a process ended, in words.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

/// The signals that end processes, by name: their numbers are not the same on all systems.
const NAMES: [(Signal, &str); 13] = [
    (Signal::HUP, "SIGHUP"),
    (Signal::INT, "SIGINT"),
    (Signal::QUIT, "SIGQUIT"),
    (Signal::ILL, "SIGILL"),
    (Signal::TRAP, "SIGTRAP"),
    (Signal::ABORT, "SIGABRT"),
    (Signal::BUS, "SIGBUS"),
    (Signal::FPE, "SIGFPE"),
    (Signal::KILL, "SIGKILL"),
    (Signal::SEGV, "SIGSEGV"),
    (Signal::PIPE, "SIGPIPE"),
    (Signal::TERM, "SIGTERM"),
    (Signal::XCPU, "SIGXCPU"),
];

/// What is to be thought of where somebody else has sent the signal that nobody can catch.
const OUT_OF_MEMORY: &str = ", perhaps because memory ran out: fewer jobs need less, and a memory limit finds who takes too much";

/// What a shell adds to the number of a signal for its own status.
const OF_SIGNALS: i32 = 128;

/// What a sentence says of a process with this status, such as `was killed by signal 6 (SIGABRT)` or `ended
/// with status 3`. Not for processes that were killed from here.
pub fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, Some(signal)) => {
            let signal_text = format!("was killed by signal {signal}{}", in_brackets(signal));
            let perhaps = if signal == Signal::KILL.as_raw() { OUT_OF_MEMORY } else { "" };
            signal_text + perhaps
        }
        (None, None) => "ended without success".to_owned(),
    }
}

/// Whether somebody has asked it to end: by a signal that killed it, or that it, as a shell does, tells of by its status.
pub fn was_asked_to_end(status: ExitStatus) -> bool {
    let asks = [Signal::HUP, Signal::INT, Signal::TERM].map(Signal::as_raw);
    let signal = status.signal().or_else(|| status.code()?.checked_sub(OF_SIGNALS));
    signal.is_some_and(|signal| asks.contains(&signal))
}

fn in_brackets(number: i32) -> String {
    let known = NAMES.iter().find(|(signal, _)| signal.as_raw() == number);
    known.map(|(_, name)| format!(" ({name})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_or_a_signal_is_told() {
        let told = |raw| how_it_ended(ExitStatus::from_raw(raw));
        assert_eq!(told(3 << 8), "ended with status 3");
        assert_eq!(told(0), "ended with status 0");
        assert_eq!(told(9), format!("was killed by signal 9 (SIGKILL){OUT_OF_MEMORY}"));
        assert_eq!(told(6), "was killed by signal 6 (SIGABRT)");
        assert_eq!(told(40), "was killed by signal 40");
    }

    #[test]
    fn what_was_asked_to_end_says_so_by_its_status_or_its_death() {
        let asked = |raw| was_asked_to_end(ExitStatus::from_raw(raw));
        // SIGTERM; and status 143, as of a shell whose child got it.
        assert!(asked(15) && asked(143 << 8) && asked(130 << 8));
        assert!(!asked(9) && !asked(1 << 8) && !asked(0) && !asked(137 << 8));
    }
}
