//! The flags of a leaderboard: those of folds and of refits as one list, and what is known of those of a file.

use burn_tune_search::flag::MODEL_NOT_SAVED;
use burn_tune_search::{Flag, KnownFlag};

use super::{Leaderboard, TrialEntry};

impl Leaderboard {
    /// The flags of the folds and of the refits of a trial.
    pub fn flags(&self, trial: &TrialEntry) -> Vec<Flag> {
        let refitted = self.top_entry(trial.trial).map_or(&[][..], |entry| &entry.flags);
        Flag::union(trial.flags.iter().chain(refitted).cloned())
    }

    /// Puts to the flags of a file what is known of them: their advice, and the order in which they are listed.
    #[doc(hidden)]
    pub fn look_up_flags(&mut self, known: &[KnownFlag]) {
        let of_trials = self.trials.iter_mut().map(|trial| &mut trial.flags);
        for flags in of_trials.chain(self.top.iter_mut().map(|entry| &mut entry.flags)) {
            Flag::look_up(flags, known);
        }
    }
}

/// Those of the models themselves. Whether the file of one could be written is a matter of one machine's disk: it is kept
/// with the trial, and told where it happens, but the leaderboard is the same whatever disk was full.
pub(super) fn of_models(mut flags: Vec<Flag>) -> Vec<Flag> {
    flags.retain(|flag| *flag != MODEL_NOT_SAVED.flag());
    flags
}
