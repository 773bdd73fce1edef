//! The data of a search: MNIST (embedded) or any data set in IDX files, and
//! the gathering of batches from it. Nothing here knows a tensor.

mod dataset;
mod images;
mod mnist;
mod source;

mod error;
mod idx;
mod idx_files;

mod batch;

pub use batch::{gather, gather_labels};
pub use dataset::{Dataset, Examples};
pub use error::{Content, DataError, Fault, Origin};
pub use images::Images;
pub use source::DataSource;
