//! What the whole program is to know of itself: its name, and the objectives that it can search.

use std::sync::OnceLock;

use burn_tune_search::KnownFlag;
use burn_tune_study::ObjectiveReader;
use burn_tune_study::objective_reader::AnyObjective;

/// What a program is called, and what it understands of stored studies.
#[derive(Clone, Copy)]
pub struct About {
    /// What its users type, as messages repeat it.
    pub name: &'static str,
    /// The flags of all that it can search, by which those of files and databases are understood.
    pub known_flags: &'static [KnownFlag],
    /// Whether its users write their studies as TOML files. Else these are in its code.
    pub studies_are_files: bool,
    /// Reads what studies have kept of their objectives.
    pub reader: &'static (dyn ObjectiveReader + Sync),
    /// Kills what it has started: called when it ends where it stands.
    pub kill_children: fn(),
}

impl About {
    pub(crate) fn kill_children(&self) {
        (self.kill_children)();
    }
}

static ABOUT: OnceLock<About> = OnceLock::new();

/// `burn-tune`, which knows no objective.
const UNKNOWN: About = About {
    name: "burn-tune",
    known_flags: UNKNOWN_FLAGS,
    studies_are_files: true,
    reader: &AnyObjective,
    kill_children: || {},
};

/// Tests read studies of our model.
#[cfg(not(test))]
const UNKNOWN_FLAGS: &[KnownFlag] = &[];
#[cfg(test)]
const UNKNOWN_FLAGS: &[KnownFlag] = burn_tune_model::flags::ALL;

/// Says it, once, before anything else. A second time changes nothing.
pub fn introduce(about: About) {
    let _ = ABOUT.set(about);
}

pub(crate) fn about() -> About {
    ABOUT.get().copied().unwrap_or(UNKNOWN)
}

/// What users type to call this program.
pub fn program_name() -> &'static str {
    about().name
}

/// The flags by which those of files and databases are understood.
pub fn known_flags() -> &'static [KnownFlag] {
    about().known_flags
}

/// Reads what studies have kept of their objectives.
pub fn reader() -> &'static (dyn ObjectiveReader + Sync) {
    about().reader
}
