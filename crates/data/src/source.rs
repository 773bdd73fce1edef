//! Where examples come from, as users name it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the examples of a study come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSource {
    /// What the study's file names: `mnist`, or a folder.
    pub dataset: String,
    /// A folder instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// How many training and test examples are taken; all of them where it is not stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// All of MNIST.
impl Default for DataSource {
    fn default() -> Self {
        DataSource { dataset: "mnist".to_owned(), data: None, limit: None }
    }
}
