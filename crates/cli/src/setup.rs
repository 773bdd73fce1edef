//! What every command that trains models does first: data, device, workers and signals.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use burn_tune_data::Dataset;
use burn_tune_search::StudyFile;
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::study::RunOptions;

use crate::args::RunArgs;
use crate::signals;

/// The data that the file names, or the arguments instead of it; after a look at whether the device
/// computes.
pub fn dataset(file: &StudyFile, args: &RunArgs) -> Result<Dataset> {
    args.backend.probe().map_err(|problem| anyhow::anyhow!(problem))?;
    let dataset = load(&file.dataset, args.data.as_deref())?;
    Ok(match args.limit {
        Some(examples) => dataset.limited(examples),
        None => dataset,
    })
}

fn load(dataset: &str, folder: Option<&Path>) -> Result<Dataset> {
    match folder {
        Some(folder) => Ok(Dataset::from_dir(folder)?),
        None if dataset == "mnist" => Ok(Dataset::mnist()?),
        None => Dataset::from_dir(Path::new(dataset)).with_context(|| {
            format!("[data] dataset = \"{dataset}\" is neither \"mnist\" nor a folder of IDX files")
        }),
    }
}

/// How to run: with as many workers as the user wants, until a signal asks to stop.
pub fn run_options(args: &RunArgs, seed: u64, timeout: Option<Duration>) -> Result<RunOptions> {
    let (stop, signals) = signals::listen()?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok(RunOptions {
        jobs: args.jobs.unwrap_or_else(cores),
        seed,
        since: Stopwatch::start(),
        timeout,
        stop,
        signals: Some(signals),
    })
}
