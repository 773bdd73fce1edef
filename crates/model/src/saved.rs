//! Trained models as files: Burn's own record, safetensors for PyTorch and others, and what the model is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::{Device, TensorData};
use burn_store::burn_pack::Tensor;
use burn_store::{
    BurnToPyTorchAdapter, ModuleAdapter, ModuleContext, ModuleSnapshot, SafetensorsStore,
};
use burn_tune_data::Examples;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::backend::Backend;
use crate::config::MlpConfig;
use crate::mlp::{Layer, Mlp};
use crate::predict::{BATCH, largest, outputs};

/// Burn's record of the weights and biases.
pub const RECORD: &str = "model.bpk";
/// The same for PyTorch: `layers.N.weight`, `[outputs, inputs]` as in `torch.nn.Linear`, and `layers.N.bias`.
pub const SAFETENSORS: &str = "model.safetensors";
/// What the model is, as JSON: its hyperparameters, how many numbers an example has, and its classes.
pub const DESCRIPTION: &str = "model.json";

/// A trained model with all that is needed to use it.
///
/// ```no_run
/// use burn_tune_data::Dataset;
/// use burn_tune_model::{Backend, SavedMlp};
///
/// // The folder that `burn-tune best --model` prints.
/// let model = SavedMlp::load("results/mlp/models/trial-7/refit-0", Backend::Flex)?;
/// for prediction in model.predict(&Dataset::mnist()?.test)?.iter().take(10) {
///     println!("{} ({:.3})", prediction.label, prediction.probability);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SavedMlp {
    /// The model.
    pub model: Mlp,
    /// Its hyperparameters.
    pub config: MlpConfig,
    /// How many numbers an example has.
    pub features: usize,
    /// What the data call each of its classes.
    pub classes: Vec<u8>,
    /// Where it is computed.
    pub backend: Backend,
}

/// What a model takes an example for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The index of the class.
    pub class: u8,
    /// What the data call it.
    pub label: u8,
    /// How probable the model finds it, from 0 to 1.
    pub probability: f32,
}

/// Why a model cannot be saved, loaded or used.
#[derive(Debug, Error)]
pub enum SavedMlpError {
    /// A file cannot be written or read.
    #[error("cannot {action} {}: {problem}", path.display())]
    File {
        /// `write` or `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// There is no model of ours.
    #[error("there is no model of burn-tune in {}: no file {DESCRIPTION}", folder.display())]
    NoModel {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The weights are those of another model than is described.
    #[error("{} does not fit the {DESCRIPTION} beside it: {problem}", path.display())]
    Weights {
        /// The record.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// The examples have another size than those that the model was trained on.
    #[error("an example has {found} numbers here, and the model takes {expected}")]
    Features {
        /// How many it has.
        found: usize,
        /// How many the model takes.
        expected: usize,
    },
    /// The device does not give what the model has computed.
    #[error("{0}")]
    Outputs(String),
}

/// What stands in [`DESCRIPTION`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    config: MlpConfig,
    features: usize,
    classes: Vec<u8>,
}

impl SavedMlp {
    /// Writes the model into a folder, which has to be there: [`RECORD`], [`SAFETENSORS`] and [`DESCRIPTION`].
    ///
    /// # Errors
    ///
    /// The first file that cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), SavedMlpError> {
        let folder = folder.as_ref();
        let path = folder.join(RECORD);
        let saved = self.model.clone().save_file(&path);
        saved.map_err(|error| unwritten(&path, error))?;
        let path = folder.join(SAFETENSORS);
        let store = SafetensorsStore::from_file(&path).overwrite(true);
        let mut store = store.with_to_adapter(LayersAsLinear);
        let saved = self.model.save_into(&mut store);
        saved.map_err(|error| unwritten(&path, error))?;
        // The library leaves it private.
        let permissions = fs::metadata(folder.join(RECORD)).map(|record| record.permissions());
        let shared = permissions.and_then(|permissions| fs::set_permissions(&path, permissions));
        shared.map_err(|error| unwritten(&path, error))?;
        let path = folder.join(DESCRIPTION);
        let (config, features, classes) =
            (self.config.clone(), self.features, self.classes.clone());
        let json = serde_json::to_string_pretty(&Description { config, features, classes });
        let json = json.map_err(|error| unwritten(&path, error))?;
        fs::write(&path, format!("{json}\n")).map_err(|error| unwritten(&path, error))
    }

    /// Reads the model of a folder that [`SavedMlp::save`] has written to.
    ///
    /// # Errors
    ///
    /// Where there is none, or its files do not belong together.
    pub fn load(folder: impl AsRef<Path>, backend: Backend) -> Result<Self, SavedMlpError> {
        let folder = folder.as_ref();
        let Description { config, features, classes } = description(folder)?;
        let path = folder.join(RECORD);
        let unfit = |problem: String| SavedMlpError::Weights { path: path.clone(), problem };
        let size = fs::metadata(&path).map_err(|error| unread(&path, error))?.len();
        // Before so much memory is asked for.
        let bytes = config.parameters(features, classes.len()) * size_of::<f32>() as u64;
        if bytes > size {
            return Err(unfit(format!("it has {size} bytes, where the weights are {bytes}")));
        }
        let widths = config.widths(features, classes.len());
        let model = Mlp::from_layers(&config, zeros(&widths, &backend.device()));
        let model = model.try_load_file(&path).map_err(|error| unfit(error.to_string()))?;
        Ok(SavedMlp { model, config, features, classes, backend })
    }

    /// What the model takes each of the examples for.
    ///
    /// # Errors
    ///
    /// Where they have another size than those that it was trained on.
    pub fn predict(&self, examples: &Examples) -> Result<Vec<Prediction>, SavedMlpError> {
        let (found, expected) = (examples.features(), self.features);
        if found != expected {
            return Err(SavedMlpError::Features { found, expected });
        }
        let device = self.backend.device();
        let indices: Vec<u32> = (0..examples.len() as u32).collect();
        let mut predictions = Vec::with_capacity(indices.len());
        for batch in indices.chunks(BATCH) {
            let outputs = outputs(&self.model, examples, batch, &device);
            let outputs = outputs.map_err(SavedMlpError::Outputs)?;
            let rows = outputs.chunks_exact(self.classes.len());
            predictions.extend(rows.map(|row| self.prediction(row)));
        }
        Ok(predictions)
    }

    fn prediction(&self, outputs: &[f32]) -> Prediction {
        let class = largest(outputs);
        let best = outputs[usize::from(class)];
        let probability = match self.config.softmax {
            true => best,
            // The softmax of the largest: its own term is 1.
            false => 1.0 / outputs.iter().map(|output| (output - best).exp()).sum::<f32>(),
        };
        Prediction { class, label: self.classes[usize::from(class)], probability }
    }
}

fn description(folder: &Path) -> Result<Description, SavedMlpError> {
    let path = folder.join(DESCRIPTION);
    let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => SavedMlpError::NoModel { folder: folder.to_owned() },
        _ => unread(&path, error),
    })?;
    let read: Description = serde_json::from_str(&text).map_err(|error| unread(&path, error))?;
    read.config.check().map_err(|rejection| unread(&path, rejection.problem))?;
    if read.features == 0 || read.classes.is_empty() {
        return Err(unread(&path, "there are no features or no classes"));
    }
    Ok(read)
}

fn zeros(widths: &[usize], device: &Device) -> Vec<Layer> {
    let layer = |pair: &[usize]| {
        let weight = TensorData::zeros::<f32, _>([pair[0], pair[1]]);
        Layer::new(weight, TensorData::zeros::<f32, _>([pair[1]]), device)
    };
    widths.windows(2).map(layer).collect()
}

fn unwritten(path: &Path, problem: impl ToString) -> SavedMlpError {
    let (path, problem) = (path.to_owned(), problem.to_string());
    SavedMlpError::File { action: "write", path, problem }
}

fn unread(path: &Path, problem: impl ToString) -> SavedMlpError {
    let (path, problem) = (path.to_owned(), problem.to_string());
    SavedMlpError::File { action: "read", path, problem }
}

/// Burn turns the weights of its own `Linear` round for PyTorch; a [`Layer`] is one.
#[derive(Debug, Clone)]
struct LayersAsLinear;

impl ModuleAdapter for LayersAsLinear {
    fn adapt(&self, tensor: Tensor, _: ModuleContext<'_>) -> Tensor {
        let linear = ["Struct:Linear".to_owned()];
        BurnToPyTorchAdapter.adapt(tensor, ModuleContext::new(&linear))
    }

    fn clone_box(&self) -> Box<dyn ModuleAdapter> {
        Box::new(self.clone())
    }
}
