//! What an MLP's study is kept with: its data, and what computes.

use burn_tune::Space;
use burn_tune::search::Params;
use burn_tune_data::{DataSource, Dataset};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::MlpConfig;

/// How an [`MlpTraining`](crate::MlpTraining) scores: studies keep it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MlpIdentity {
    /// Where the examples come from.
    #[serde(flatten)]
    pub source: DataSource,
    /// What computes.
    pub backend: String,
    /// Whether learning curves are recorded.
    pub curves: bool,
    /// The examples themselves.
    pub examples: ExampleFacts,
}

impl MlpIdentity {
    /// The identity that a study has kept; `None` where it is another objective's.
    pub fn of(identity: &Map<String, Value>) -> Option<Self> {
        Self::deserialize(Value::Object(identity.clone())).ok()
    }

    /// As studies keep it.
    pub fn to_json(&self) -> Map<String, Value> {
        let json = serde_json::to_value(self).unwrap_or_default();
        json.as_object().cloned().unwrap_or_default()
    }

    /// How many numbers the model of these params trains; `None` where they do not fit.
    pub fn size(&self, params: &Params) -> Option<u64> {
        let config = MlpConfig::from_params(params).ok()?;
        Some(config.parameters(self.examples.features, self.examples.classes))
    }
}

/// What tells one data set from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExampleFacts {
    /// What the data set is called.
    pub name: String,
    /// How many there are to train on.
    pub train: usize,
    /// How many are held out for refits.
    pub test: usize,
    /// How many numbers one has.
    pub features: usize,
    /// How many classes there are.
    pub classes: usize,
    /// CRC-32 of all pixels and labels.
    pub checksum: u32,
}

impl ExampleFacts {
    /// The facts about a data set.
    pub fn of(dataset: &Dataset) -> Self {
        let mut checksum = crc32fast::Hasher::new();
        for examples in [&dataset.train, &dataset.test] {
            (0..examples.len()).for_each(|index| checksum.update(examples.pixels(index)));
            checksum.update(examples.labels());
        }
        ExampleFacts {
            name: dataset.name.clone(),
            train: dataset.train.len(),
            test: dataset.test.len(),
            features: dataset.train.features(),
            classes: dataset.classes.len(),
            checksum: checksum.finalize(),
        }
    }
}
