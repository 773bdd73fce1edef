//! Keys of generators, one for each purpose.

use burn_tune_search::keyed_rng::{self, key};

use crate::trial::Trial;

/// What a generator is for, whose key [`Trial::rng_key`] gives.
///
#[doc = trial_example!("assert_ne!(trial.rng_key(Purpose::InitialWeights), trial.rng_key(Purpose::Shuffle));")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// The weights that a training begins with.
    InitialWeights,
    /// The order of the examples.
    Shuffle,
}

impl Trial<'_> {
    /// The key of a generator for `purpose`, 256 bits: those of the study's seed, the trial, the fold or refit, and the
    /// purpose. It is the same in every run of the study, and no two trainings or purposes share one: so what is drawn
    /// for one of them does not depend on how much was drawn for another. Further generators have
    /// [`Trial::seed`] and [`Trial::seed_of`].
    ///
    #[doc = trial_example!("let key: [u8; 32] = trial.rng_key(Purpose::Shuffle); // for `ChaCha8Rng::from_seed`, of the crate `rand_chacha`")]
    pub fn rng_key(&self, purpose: Purpose) -> [u8; 32] {
        let purpose = match purpose {
            Purpose::InitialWeights => keyed_rng::Purpose::InitialWeights,
            Purpose::Shuffle => keyed_rng::Purpose::Shuffle,
        };
        key(self.study_seed, self.number, self.task, purpose)
    }
}
