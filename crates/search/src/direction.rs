//! Whether a larger or a smaller score is the better one.

/// Whether a larger or a smaller score is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The larger, as with accuracy.
    #[default]
    Maximize,
    /// The smaller, as with a loss.
    Minimize,
}

impl Direction {
    /// Both, by the names that users type.
    #[doc(hidden)]
    pub const NAMES: [(&'static str, Direction); 2] =
        [("maximize", Direction::Maximize), ("minimize", Direction::Minimize)];

    /// A score as a loss: smaller is better.
    #[doc(hidden)]
    pub fn loss(self, score: f64) -> f64 {
        match self {
            Direction::Maximize => -score,
            Direction::Minimize => score,
        }
    }
}
