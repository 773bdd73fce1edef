//! Where a study's trials are kept, and who works on which: the seam between the loop and a database.
//! Several processes may have stores of one study.

use thiserror::Error;

use crate::suggester::{Effort, Suggestion};
use crate::trial::{Candidate, FoldRecord, Refit, StoredTrial, Trial};

/// One process's part in a study that is kept somewhere.
///
/// A trial is worked on by whoever has claimed it. A process that gives no sign of life for too long
/// loses what it has claimed, and somebody else takes it up, at the fold where it was left; what the
/// first one saves later is refused. So each result is kept once.
pub trait Store {
    /// Claims a trial to work on: one that was left, else the next one, if `suggest` has a candidate for it.
    ///
    /// `suggest` is told what has become of other processes' and earlier runs' trials since it was last
    /// asked, by number. It may be called again with the same, and has to answer the same. It answers `None`
    /// only to [`Effort::AtOnce`], where the answer takes time: a store that others wait for meanwhile asks
    /// like that first, and then again when nobody does.
    ///
    /// # Errors
    ///
    /// Where nothing can be kept any more.
    fn claim(&mut self, suggest: &mut SuggestAfter) -> Result<Claimed, StoreError>;

    /// Begins the next trials, at most so many, where what each tries follows from its number and its place among our
    /// trials: `candidate` knows. Answers their numbers with what they try; none where [`Store::claim`] is to be asked
    /// instead, since something has to be looked at first. There may be trials before them that were not told of yet:
    /// `claim` will.
    ///
    /// # Errors
    ///
    /// Where nothing can be kept any more.
    fn claim_listed(
        &mut self,
        _most: usize,
        _candidate: &mut CandidateAt,
    ) -> Result<Vec<(usize, Candidate)>, StoreError> {
        Ok(Vec::new())
    }

    /// Keeps what `fold` of `trial` came to, and how far the trial is with it.
    ///
    /// # Errors
    ///
    /// Where nothing can be kept any more.
    fn save_fold(
        &mut self,
        trial: &Trial,
        fold: usize,
        record: &FoldRecord,
    ) -> Result<SaveOutcome, StoreError>;

    /// Claims a refit of a trial that has ended.
    ///
    /// # Errors
    ///
    /// Where nothing can be kept any more.
    fn claim_refit(&mut self, trial: usize, seed: usize) -> Result<RefitClaim, StoreError>;

    /// Keeps what a refit came to.
    ///
    /// # Errors
    ///
    /// Where nothing can be kept any more.
    fn save_refit(&mut self, refit: &Refit) -> Result<SaveOutcome, StoreError>;

    /// Gives back what was claimed and not ended, for anybody to take up.
    ///
    /// # Errors
    ///
    /// Where nothing can be kept any more: then the others wait until the claims are too old.
    fn release(&mut self) -> Result<(), StoreError>;

    /// A sign of life, to be given about every second. Answers the trials that are lost nevertheless.
    ///
    /// # Errors
    ///
    /// Where nothing can be kept any more.
    fn heartbeat(&mut self) -> Result<Vec<usize>, StoreError>;

    /// Whether it is time to ask again, after an answer that was to wait. Asked many times a second, so it costs
    /// next to nothing.
    fn has_changed(&mut self) -> bool {
        true
    }
}

/// What the next trial tries, after news of other processes' trials.
pub type SuggestAfter<'a> = dyn FnMut(&[StoredTrial], Effort) -> Option<Suggestion> + 'a;

/// What the trial with a number tries, which has this place among those that are ours.
pub type CandidateAt<'a> = dyn FnMut(usize, usize) -> Option<Candidate> + 'a;

/// What there is to work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// The candidate begins as the trial with this number.
    Begun(usize),
    /// A trial that was left, by its number: the folds that have ended are known.
    TakenUp(usize),
    /// Nothing yet, but what others do was told, and [`Store::claim_listed`] goes on from there.
    Told,
    /// Nothing now, but trials are running that may be left, or that the next one waits for.
    Wait,
    /// Nothing more: all trials have ended.
    Over,
}

/// Whether a refit is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum RefitClaim {
    /// By this process.
    Claimed,
    /// It has been done before.
    Done(Box<Refit>),
    /// Another process is at it.
    Elsewhere,
}

/// Whether a result was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveOutcome {
    /// It was.
    Saved,
    /// The trial was lost to somebody else, who will come to the same result.
    Lost,
}

/// Nothing can be kept any more. The loop then ends in order, and what it had not kept is in the history
/// that it returns.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// Keeps nothing: for a study that one process runs to its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct InMemory {
    begun: usize,
}

impl Store for InMemory {
    fn claim(&mut self, suggest: &mut SuggestAfter) -> Result<Claimed, StoreError> {
        match suggest(&[], Effort::Any) {
            None | Some(Suggestion::End) => Ok(Claimed::Over),
            Some(Suggestion::Wait) => Ok(Claimed::Wait),
            Some(Suggestion::Candidate(_)) => {
                self.begun += 1;
                Ok(Claimed::Begun(self.begun - 1))
            }
        }
    }

    fn save_fold(
        &mut self,
        _: &Trial,
        _: usize,
        _: &FoldRecord,
    ) -> Result<SaveOutcome, StoreError> {
        Ok(SaveOutcome::Saved)
    }

    fn claim_refit(&mut self, _: usize, _: usize) -> Result<RefitClaim, StoreError> {
        Ok(RefitClaim::Claimed)
    }

    fn save_refit(&mut self, _: &Refit) -> Result<SaveOutcome, StoreError> {
        Ok(SaveOutcome::Saved)
    }

    fn release(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn heartbeat(&mut self) -> Result<Vec<usize>, StoreError> {
        Ok(Vec::new())
    }
}
