//! The data of our model.

use std::path::Path;

use anyhow::{Context, Result};
use burn_tune_app::args::{Fuse, RunArgs};
use burn_tune_data::{DataSource, Dataset};
use burn_tune_model::{Backend, Lanes, MlpTraining};
use burn_tune_search::executor::catching;
use burn_tune_spec::StudyFile;

use crate::args::ModelArgs;

/// As many trainings a graphics card computes together, where nobody says and its memory allows: more gain little.
const FUSED_ON_A_GPU: usize = 256;

/// What the file and the arguments say of the examples.
pub fn data_source(file: &StudyFile, args: &ModelArgs) -> DataSource {
    let dataset = dataset_of(file);
    DataSource { dataset, data: args.data.clone(), limit: args.limit }
}

/// The data set that a file names: MNIST where it names none.
pub fn dataset_of(file: &StudyFile) -> String {
    file.dataset.clone().unwrap_or_else(|| "mnist".to_owned())
}

/// The training of our model on these data.
pub fn training(
    source: DataSource,
    backend: Backend,
    run: Option<&RunArgs>,
    curves: bool,
) -> Result<MlpTraining> {
    let devices = run.map_or(&[][..], |run| &run.device);
    let dataset = dataset(&source, backend, devices)?;
    let lanes = lanes(backend, run, &dataset)?;
    Ok(MlpTraining { source, dataset, lanes, curves })
}

/// Whether trainings are computed together: off, unless somebody asks for it or there is a graphics card.
fn lanes(backend: Backend, run: Option<&RunArgs>, dataset: &Dataset) -> Result<Lanes> {
    let most = match run.and_then(|run| run.fuse) {
        Some(Fuse::Together(most)) => Some(most),
        _ if backend.is_cpu() => None,
        Some(Fuse::Off) => Some(1),
        None => Some(run.and_then(|run| run.jobs).unwrap_or(FUSED_ON_A_GPU)),
    };
    let Some(most) = most else { return Ok(Lanes::solo(backend)) };
    let lanes = Lanes::fused(backend, most, &dataset.train);
    lanes.map_err(|problem| anyhow::anyhow!("--fuse: {problem}"))
}

/// The examples, after a look at whether the devices compute.
pub fn dataset(source: &DataSource, backend: Backend, devices: &[usize]) -> Result<Dataset> {
    let probed = catching(|| backend.probe(devices));
    let probed = probed.unwrap_or_else(|panic| Err(backend.does_not_work(&panic)));
    probed.map_err(anyhow::Error::msg)?;
    let dataset = load(&source.dataset, source.data.as_deref())?;
    Ok(match source.limit {
        Some(examples) => dataset.limited(examples),
        None => dataset,
    })
}

fn load(dataset: &str, folder: Option<&Path>) -> Result<Dataset> {
    match folder {
        Some(folder) => {
            refuse_other_data(folder)?;
            Ok(Dataset::from_dir(folder)?)
        }
        None if dataset == "mnist" => Ok(Dataset::mnist()?),
        None => Dataset::from_dir(Path::new(dataset)).with_context(|| {
            format!("[data] dataset = \"{dataset}\" is neither \"mnist\" nor a folder of IDX files")
        }),
    }
}

/// Says what is taken, where somebody names a file.
fn refuse_other_data(path: &Path) -> Result<()> {
    if path.is_file() {
        anyhow::bail!(
            "{} is a file, and --data takes a folder of IDX files, as MNIST has: train-images-idx3-ubyte, train-labels-idx1-ubyte, and t10k-… for the test. An IDX file of bytes is its header (0, 0, 8, the number of dimensions, each dimension as four bytes) and then the bytes, which numpy's `tofile` writes; other data are searched by a program of your own: `burn-tune init --command`",
            path.display()
        );
    }
    Ok(())
}
