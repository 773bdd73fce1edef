//! Results as one self-contained HTML page for a person to read: a study, or models that were trained
//! from several seeds. Opens no file and reads no clock: values come in, text goes out.

#[cfg(test)]
mod color_vision;
pub mod figure;
pub mod importance;
mod numbers;
pub mod page;
pub mod server;
pub mod study;
pub mod training;

pub use figure::{Figure, Variant};
pub use study::StudyResults;
pub use training::TrainingResults;
