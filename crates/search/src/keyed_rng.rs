//! Generators keyed by what they are for, so that no draw depends on what ran before or beside it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

/// What a generator is used for. Two purposes of one task never share a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What an explicit `[[trial]]` leaves out.
    ExplicitTrial = 1,
    /// The weights that a training begins with.
    InitialWeights = 2,
    /// The order of the examples in the epochs of a training.
    Shuffle = 3,
    /// What a sampler that learns draws for a trial.
    Suggestion = 4,
    /// The seed that another program is given.
    Program = 5,
    /// The seed that a training function is given which has generators of its own.
    Function = 6,
}

/// What a trial is asked for: one fold of the cross-validation, or one refit on all of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Task {
    /// The fold with this number, from 0.
    Fold(usize),
    /// The refit with this number, from 0: its seed.
    Refit(usize),
}

/// A generator whose key *is* (study seed, trial, task, purpose): 4 × 64 bits of ChaCha's 256.
///
/// Equal keys give equal streams on every machine; different keys never overlap.
pub fn keyed_rng(study_seed: u64, trial: usize, task: Task, purpose: Purpose) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(key(study_seed, trial, task, purpose))
}

/// The key of that generator.
pub fn key(study_seed: u64, trial: usize, task: Task, purpose: Purpose) -> [u8; 32] {
    let task = match task {
        Task::Fold(fold) => fold as u64,
        Task::Refit(seed) => (1 << 32) | seed as u64,
    };
    let mut key = [0; 32];
    for (bytes, word) in
        key.chunks_exact_mut(8).zip([study_seed, trial as u64, task, purpose as u64])
    {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    key
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::Rng;

    use super::*;

    #[test]
    fn every_key_has_its_own_stream_and_keeps_it() {
        let mut seen = HashSet::new();
        for seed in [0, 1, u64::MAX] {
            for trial in [0, 1] {
                for task in [Task::Fold(0), Task::Fold(1), Task::Refit(0), Task::Refit(1)] {
                    for purpose in [Purpose::InitialWeights, Purpose::Shuffle] {
                        let draw = keyed_rng(seed, trial, task, purpose).next_u64();
                        assert_eq!(draw, keyed_rng(seed, trial, task, purpose).next_u64());
                        assert!(seen.insert(draw), "{seed} {trial} {task:?} {purpose:?}");
                    }
                }
            }
        }
    }
}
