//! Signs that a model is sick, whatever its score: their names, and what to do about them.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A sign that a model is sick, whatever its score.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// The loss grew instead of falling, or is no number any more.
    Diverged,
    /// The loss stayed where it began.
    LearnedNothing,
    /// These classes were never predicted, by at least one of the trainings.
    NeverPredicts(Vec<u8>),
    /// Hidden units that no input activates any more, many of them, in at least one training.
    DeadUnits,
    /// The gradient hardly reaches the weights, though the loss is high, in at least one training.
    VanishingGradient,
    /// A softmax stands in front of a cross-entropy that applies softmax itself.
    SoftmaxBeforeCrossEntropy,
}

impl Flag {
    /// What the flag means and what to try, in one sentence.
    pub fn advice(&self) -> &'static str {
        match self {
            Flag::Diverged => "the loss grew instead of falling: try a smaller learning rate",
            Flag::LearnedNothing => {
                "the loss stayed where it began: try a larger learning rate, more epochs, or smaller batches"
            }
            Flag::NeverPredicts(_) => {
                "classes that no prediction named, in at least one training: try another seed, a smaller learning rate, or take a softmax out of the model"
            }
            Flag::DeadUnits => {
                "relu units that no input activates, so that they learn no more: try a smaller learning rate, leaky_relu, or fewer units"
            }
            Flag::VanishingGradient => {
                "the gradient hardly reaches the weights, though there is much left to learn: try relu or gelu, fewer layers, or take a softmax out of the model"
            }
            Flag::SoftmaxBeforeCrossEntropy => {
                "cross-entropy applies softmax itself; applied twice, gradients fade and whole classes are lost: set softmax = false"
            }
        }
    }

    /// What kind of flag it is, by the name that files and tables have for it, without the classes.
    pub fn kind(&self) -> &'static str {
        match self {
            Flag::Diverged => "diverged",
            Flag::LearnedNothing => "learned_nothing",
            Flag::NeverPredicts(_) => "never_predicts",
            Flag::DeadUnits => "dead_units",
            Flag::VanishingGradient => "vanishing_gradient",
            Flag::SoftmaxBeforeCrossEntropy => "softmax_before_cross_entropy",
        }
    }

    /// Flags of several trainings as the flags of all: each kind once, classes united, in order.
    pub fn union(flags: impl IntoIterator<Item = Flag>) -> Vec<Flag> {
        let mut united: Vec<Flag> = Vec::new();
        let mut never_predicted = Vec::new();
        for flag in flags {
            match flag {
                Flag::NeverPredicts(classes) => never_predicted.extend(classes),
                flag if !united.contains(&flag) => united.push(flag),
                _ => {}
            }
        }
        if !never_predicted.is_empty() {
            never_predicted.sort_unstable();
            never_predicted.dedup();
            united.push(Flag::NeverPredicts(never_predicted));
        }
        united.sort();
        united
    }
}

/// The spelling of files and tables: `diverged`, `never_predicts:[2,5]`.
impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        if let Flag::NeverPredicts(classes) = self {
            let classes: Vec<String> = classes.iter().map(u8::to_string).collect();
            write!(f, ":[{}]", classes.join(","))?;
        }
        Ok(())
    }
}

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no flag `{0}`")]
pub struct UnknownFlag(String);

impl FromStr for Flag {
    type Err = UnknownFlag;

    fn from_str(text: &str) -> Result<Self, UnknownFlag> {
        let unknown = || UnknownFlag(text.to_owned());
        match text {
            "diverged" => Ok(Flag::Diverged),
            "learned_nothing" => Ok(Flag::LearnedNothing),
            "dead_units" => Ok(Flag::DeadUnits),
            "vanishing_gradient" => Ok(Flag::VanishingGradient),
            "softmax_before_cross_entropy" => Ok(Flag::SoftmaxBeforeCrossEntropy),
            _ => {
                let list = text.strip_prefix("never_predicts:[").and_then(|t| t.strip_suffix(']'));
                let classes = list.ok_or_else(unknown)?.split(',').map(str::parse);
                let classes = classes.collect::<Result<_, _>>().map_err(|_| unknown())?;
                Ok(Flag::NeverPredicts(classes))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_folds_unite_to_each_kind_once() {
        let flags = [
            Flag::NeverPredicts(vec![5]),
            Flag::SoftmaxBeforeCrossEntropy,
            Flag::NeverPredicts(vec![2, 5]),
            Flag::SoftmaxBeforeCrossEntropy,
            Flag::Diverged,
        ];
        let united: Vec<String> = Flag::union(flags).iter().map(Flag::to_string).collect();
        assert_eq!(united, ["diverged", "never_predicts:[2,5]", "softmax_before_cross_entropy"]);
    }

    #[test]
    fn flags_are_read_as_they_are_written() {
        let flags = [
            Flag::Diverged,
            Flag::LearnedNothing,
            Flag::NeverPredicts(vec![2, 5]),
            Flag::DeadUnits,
            Flag::VanishingGradient,
            Flag::SoftmaxBeforeCrossEntropy,
        ];
        for flag in flags {
            assert_eq!(flag.to_string().parse(), Ok(flag));
        }
        for wrong in ["", "dead", "never_predicts", "never_predicts:[]", "never_predicts:[300]"] {
            assert!(wrong.parse::<Flag>().is_err(), "{wrong}");
        }
    }
}
