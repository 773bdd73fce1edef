//! `burn-tune predict`: what a trained model takes images for.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use burn_tune_app::args::ListFormat;
use burn_tune_app::console::{print, print_json, say};
use burn_tune_app::kept_models::best_model;
use burn_tune_data::{Dataset, Examples, Images};
use burn_tune_model::{Backend, MlpIdentity, Prediction, SavedMlp};
use burn_tune_study::StudyDefinition;
use serde::Serialize;

use crate::args::PredictArgs;
use crate::setup;

/// So many are shown to people.
const SHOWN: usize = 20;
/// The data set that is in this program.
const MNIST: &str = "mnist";

/// A model, and the data that it was tested on, where a study says so.
struct Chosen {
    folder: PathBuf,
    identity: Option<MlpIdentity>,
}

/// What is predicted on.
struct Inputs {
    name: String,
    examples: Examples,
    /// As the data have them.
    labels: Option<Vec<u8>>,
}

#[derive(Serialize)]
struct Predicted {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<u8>,
    predicted: u8,
    probability: f32,
}

#[derive(Serialize)]
struct Predictions {
    model: PathBuf,
    data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<f64>,
    predictions: Vec<Predicted>,
}

/// Predicts, and prints it.
pub fn predict(args: &PredictArgs) -> Result<ExitCode> {
    let chosen = chosen(args)?;
    let stored = chosen.identity.as_ref().and_then(|its| Backend::by_name(&its.backend));
    let backend = args.backend.or(stored).unwrap_or_default();
    let model = SavedMlp::load(&chosen.folder, backend)?;
    let Inputs { name, examples, labels } = inputs(args, &chosen, backend)?;
    let predictions = model
        .predict(&examples)
        .with_context(|| format!("{name} is not what it was trained on"))?;
    let accuracy = labels.as_deref().map(|labels| accuracy(labels, &predictions));
    let predicted = |(index, prediction): (usize, &Prediction)| Predicted {
        index,
        label: labels.as_ref().map(|labels| labels[index]),
        predicted: prediction.label,
        probability: prediction.probability,
    };
    let predictions = predictions.iter().enumerate().map(predicted).collect();
    show(&Predictions { model: chosen.folder, data: name, accuracy, predictions }, args.format)
}

/// The model that the arguments name, or that of the best trial of a study.
fn chosen(args: &PredictArgs) -> Result<Chosen> {
    let Some(path) = &args.model else {
        let (study, folder) = best_model(&args.study, args.out.as_deref())?;
        let definition = StudyDefinition::read(&study)?;
        let identity = definition.and_then(|definition| MlpIdentity::of(&definition.identity));
        return Ok(Chosen { folder, identity });
    };
    let folder = match path.is_file() {
        true => path.parent().map(Path::to_owned).unwrap_or_default(),
        false => path.clone(),
    };
    Ok(Chosen { folder, identity: None })
}

fn inputs(args: &PredictArgs, chosen: &Chosen, backend: Backend) -> Result<Inputs> {
    match (&args.data, &chosen.identity) {
        (Some(data), _) if data == Path::new(MNIST) && !data.exists() => {
            Ok(tested(Dataset::mnist()?))
        }
        (Some(data), _) => {
            let Images { name, examples, has_labels } = Images::open(data)?;
            let labels = has_labels.then(|| examples.labels().to_vec());
            Ok(Inputs { name, examples, labels })
        }
        (None, Some(identity)) => Ok(tested(setup::dataset(&identity.source, backend, &[])?)),
        (None, None) => bail!(
            "there is nothing to predict on: name with --data a folder of IDX files, a file of images, or {MNIST}"
        ),
    }
}

/// The test set of a data set.
fn tested(Dataset { name, test, classes, .. }: Dataset) -> Inputs {
    let labels = test.labels().iter().map(|label| classes[usize::from(*label)]).collect();
    Inputs { name, examples: test, labels: Some(labels) }
}

fn accuracy(labels: &[u8], predictions: &[Prediction]) -> f64 {
    let right = labels.iter().zip(predictions).filter(|(label, its)| **label == its.label).count();
    right as f64 / labels.len() as f64
}

fn show(predictions: &Predictions, format: ListFormat) -> Result<ExitCode> {
    let Predictions { data, accuracy, predictions: rows, .. } = predictions;
    let summary =
        accuracy.map(|accuracy| format!("accuracy {accuracy} on {} images of {data}", rows.len()));
    match format {
        ListFormat::Json => print_json(predictions),
        ListFormat::Csv => {
            summary.iter().for_each(|summary| say(summary));
            print(&csv(rows))
        }
        ListFormat::Table => print(&format!(
            "{}{}",
            table(rows),
            summary.map_or(String::new(), |summary| format!("{summary}\n"))
        )),
    }
}

fn csv(rows: &[Predicted]) -> String {
    let mut text = "index,label,predicted,probability\n".to_owned();
    for Predicted { index, label, predicted, probability } in rows {
        let label = label.map_or(String::new(), |label| label.to_string());
        text += &format!("{index},{label},{predicted},{probability:?}\n");
    }
    text
}

fn table(rows: &[Predicted]) -> String {
    let mut text = "index  label  predicted  probability\n".to_owned();
    for Predicted { index, label, predicted, probability } in rows.iter().take(SHOWN) {
        let label = label.map_or(String::new(), |label| label.to_string());
        text += &format!("{index:>5}  {label:>5}  {predicted:>9}  {probability:>11.4}\n");
    }
    if rows.len() > SHOWN {
        text += &format!("… and {} more: --format csv has all of them\n", rows.len() - SHOWN);
    }
    text
}
