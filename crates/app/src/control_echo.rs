//! Keeps the terminal from writing `^C` into the bars of the progress: it would begin a line that nobody takes away.

#[cfg(unix)]
mod unix {
    use std::io::stderr;
    use std::sync::Mutex;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// The terminal's settings as they were.
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    /// Turns the echo of control characters off, if stderr is a terminal.
    pub fn suppress() {
        // What cannot be had is done without: the bars are a little less tidy then.
        let Ok(before) = tcgetattr(stderr()) else { return };
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHOCTL);
        if tcsetattr(stderr(), OptionalActions::Now, &quiet).is_ok()
            && let Ok(mut kept) = BEFORE.lock()
        {
            kept.get_or_insert(before);
        }
    }

    /// Makes the terminal as it was.
    pub fn restore() {
        let before = BEFORE.lock().ok().and_then(|mut kept| kept.take());
        if let Some(before) = before {
            let _ = tcsetattr(stderr(), OptionalActions::Now, &before);
        }
    }
}

#[cfg(not(unix))]
mod other {
    /// Nothing is echoed where there is no terminal of Unix.
    pub fn suppress() {}

    /// Nothing was changed.
    pub fn restore() {}
}

#[cfg(not(unix))]
pub use other::{restore, suppress};
#[cfg(unix)]
pub use unix::{restore, suppress};
