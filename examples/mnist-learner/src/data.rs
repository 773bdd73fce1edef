//! MNIST as data loaders of Burn: rows of a table that is in memory once, gathered into batches.

use std::sync::{Arc, LazyLock};

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderBuilder};
use burn::data::dataset::InMemDataset;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_tune::prelude::{Result, Trial};
use burn_tune_data::{Dataset, Examples};

/// So many of the training examples are used: this is an example of two minutes.
const ROWS: usize = 3_000;

static MNIST: LazyLock<Dataset> =
    LazyLock::new(|| Dataset::mnist().expect("it is embedded").limited(ROWS));

/// Images `[batch, 1, 28, 28]` from 0 to 1, and labels `[batch]`.
#[derive(Clone, Debug)]
pub struct Images {
    pub images: Tensor<4>,
    pub labels: Tensor<1, Int>,
}

/// What the model learns from, in another order each epoch, and what it is scored on.
pub type Loaders = (Arc<dyn DataLoader<Images>>, Arc<dyn DataLoader<Images>>);

/// Those of a fold; a refit learns from all training examples, and is scored on the test data.
pub fn loaders(trial: &Trial, batch: usize) -> Result<Loaders> {
    let rows = trial.split(MNIST.train.labels())?;
    let train =
        DataLoaderBuilder::new(Gather(&MNIST.train)).batch_size(batch).shuffle(trial.seed());
    let train = train.build(InMemDataset::new(rows.train));
    let (examples, rows) = match trial.is_refit() {
        true => (&MNIST.test, (0..MNIST.test.len()).collect()),
        false => (&*MNIST.train, rows.valid),
    };
    let valid = DataLoaderBuilder::new(Gather(examples)).batch_size(500);
    Ok((train, valid.build(InMemDataset::new(rows))))
}

struct Gather(&'static Examples);

impl Batcher<usize, Images> for Gather {
    fn batch(&self, rows: Vec<usize>, device: &Device) -> Images {
        let pixels = rows.iter().flat_map(|row| self.0.pixels(*row));
        let pixels: Vec<f32> = pixels.map(|pixel| f32::from(*pixel) / 255.0).collect();
        let labels: Vec<i32> = rows.iter().map(|row| self.0.labels()[*row].into()).collect();
        let images = TensorData::new(pixels, [rows.len(), 1, 28, 28]);
        let labels = TensorData::new(labels, [rows.len()]);
        Images {
            images: Tensor::from_data(images, device),
            labels: Tensor::from_data(labels, device),
        }
    }
}
