//! What others say while the progress is shown, from any thread, without tearing it.

use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar};

use super::{Progress, Style, line_style};
use crate::console::say;

/// Says things where the progress is shown.
pub struct Voice {
    style: VoiceStyle,
    /// What was shown last.
    shown: Mutex<String>,
}

enum VoiceStyle {
    Quiet,
    Lines,
    Bars { all: MultiProgress, line: ProgressBar },
}

impl Progress<'_> {
    /// A voice beside this progress; in a terminal it has a line of its own below it.
    pub fn voice(&self) -> Voice {
        let style = match &self.style {
            Style::Quiet => VoiceStyle::Quiet,
            Style::Lines => VoiceStyle::Lines,
            Style::Bars { all, .. } => {
                let line = all.add(ProgressBar::new_spinner().with_style(line_style()));
                VoiceStyle::Bars { all: all.clone(), line }
            }
        };
        Voice { style, shown: Mutex::default() }
    }
}

impl Voice {
    /// A line that stays.
    pub fn say(&self, line: &str) {
        match &self.style {
            VoiceStyle::Quiet => {}
            VoiceStyle::Lines => say(line),
            // Printed even where nothing is drawn, as in a dumb terminal.
            VoiceStyle::Bars { all, .. } => all.suspend(|| say(line)),
        }
    }

    /// A state, which replaces the one before; outside of a terminal it is said where it is another.
    pub fn show(&self, state: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown == state {
            return;
        }
        state.clone_into(&mut shown);
        match &self.style {
            VoiceStyle::Quiet => {}
            VoiceStyle::Lines => say(state),
            VoiceStyle::Bars { line, .. } => line.set_message(crate::console::printable(state)),
        }
    }
}
