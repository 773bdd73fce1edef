//! What can be measured of a trained model.

use burn_tune_search::{Direction, Metric};

/// What can be measured of a trained [`Mlp`](crate::Mlp).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MlpMetric {
    /// The share of the held-out examples that it recognises.
    Accuracy,
    /// How many numbers it trains.
    Parameters,
    /// How long its training took, by the number of epochs: without scoring. A clock decides it, and whatever
    /// else runs on the machine.
    SecondsPerEpoch,
}

impl MlpMetric {
    /// All of them.
    pub const ALL: [MlpMetric; 3] =
        [MlpMetric::Accuracy, MlpMetric::Parameters, MlpMetric::SecondsPerEpoch];

    /// The one of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.metric().name == name)
    }

    /// Its name, and which values are the better ones.
    pub fn metric(self) -> Metric {
        match self {
            MlpMetric::Accuracy => Metric::new("accuracy", Direction::Maximize),
            MlpMetric::Parameters => Metric::new("parameters", Direction::Minimize),
            MlpMetric::SecondsPerEpoch => {
                Metric::wall_clock("seconds_per_epoch", Direction::Minimize)
            }
        }
    }
}
