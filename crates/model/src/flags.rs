//! The flags that our model may have, in the order in which they are listed.

use burn_tune::{KnownFlag, MODEL_NOT_SAVED};

/// All of them.
pub const ALL: &[KnownFlag] = &[
    DIVERGED,
    LEARNED_NOTHING,
    NEVER_PREDICTS,
    DEAD_UNITS,
    VANISHING_GRADIENT,
    SOFTMAX_BEFORE_CROSS_ENTROPY,
    MODEL_NOT_SAVED,
];

/// The loss grew instead of falling, or is no number any more.
pub const DIVERGED: KnownFlag =
    KnownFlag::new("diverged", 0, "the loss grew instead of falling: try a smaller learning rate");

/// The loss stayed where it began.
pub const LEARNED_NOTHING: KnownFlag = KnownFlag::new(
    "learned_nothing",
    1,
    "the loss stayed where it began: try a larger learning rate, more epochs, or smaller batches",
);

/// These classes were never predicted, by at least one of the trainings.
pub const NEVER_PREDICTS: KnownFlag = KnownFlag::new(
    "never_predicts",
    2,
    "classes that no prediction named, in at least one training: try another seed, a smaller learning rate, or take a softmax out of the model",
);

/// Hidden units that no input activates any more, many of them, in at least one training.
pub const DEAD_UNITS: KnownFlag = KnownFlag::new(
    "dead_units",
    3,
    "relu units that no input activates, so that they learn no more: try a smaller learning rate, leaky_relu, or fewer units",
);

/// The gradient hardly reaches the weights, though the loss is high, in at least one training.
pub const VANISHING_GRADIENT: KnownFlag = KnownFlag::new(
    "vanishing_gradient",
    4,
    "the gradient hardly reaches the weights, though there is much left to learn: try relu or gelu, fewer layers, or take a softmax out of the model",
);

/// A softmax stands in front of a cross-entropy that applies softmax itself.
pub const SOFTMAX_BEFORE_CROSS_ENTROPY: KnownFlag = KnownFlag::new(
    "softmax_before_cross_entropy",
    5,
    "cross-entropy applies softmax itself; applied twice, gradients fade and whole classes are lost: set softmax = false",
);

#[cfg(test)]
mod tests {
    use burn_tune::Flag;

    use super::*;

    #[test]
    fn all_are_listed_in_the_order_of_their_ranks() {
        let in_order: Vec<Flag> = ALL.iter().map(KnownFlag::flag).collect();
        let mut from_files: Vec<Flag> =
            ALL.iter().rev().map(|known| known.id().parse().unwrap()).collect();
        Flag::look_up(&mut from_files, ALL);
        assert_eq!(Flag::union(from_files), in_order);
    }
}
