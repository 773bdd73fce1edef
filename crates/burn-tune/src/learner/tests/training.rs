//! A small training, and a study that answers it as it is told.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderBuilder};
use burn::data::dataset::{Dataset, DatasetError};
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::optim::AdamConfig;
use burn::tensor::{Device, Int, Tensor, TensorData, TensorReadError, activation};
use burn_train::metric::{
    Metric, MetricMetadata, MetricName, Numeric, NumericAttributes, NumericEntry, SerializedEntry,
};
use burn_train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::objective::Verdict;
use burn_tune_search::{ObjectiveError, Params};
use burn_tune_study::TrainingFolder;
use burn_tune_worker::CheckpointPlace;

use super::*;
use crate::checkpoint_folder::CheckpointFolder;
use crate::trial::Link;

/// Whether a point is right of the axis. It has all that a checkpoint could forget: weights, statistics that are no
/// weights, and something random.
#[derive(Module, Debug)]
pub struct Net {
    hidden: Linear,
    norm: BatchNorm,
    dropout: Dropout,
    output: Linear,
}

#[derive(Clone, Debug)]
pub struct Points {
    points: Tensor<2>,
    classes: Tensor<1, Int>,
}

impl Net {
    fn new(device: &Device) -> Self {
        Net {
            hidden: LinearConfig::new(2, 8).init(device),
            norm: BatchNormConfig::new(8).init(device),
            dropout: DropoutConfig::new(0.5).init(),
            output: LinearConfig::new(8, 2).init(device),
        }
    }

    fn forward(&self, points: Tensor<2>) -> Tensor<2> {
        let x = activation::relu(self.norm.forward(self.hidden.forward(points)));
        self.output.forward(self.dropout.forward(x))
    }

    fn output(&self, batch: Points) -> ClassificationOutput {
        let output = self.forward(batch.points);
        let loss = CrossEntropyLossConfig::new().init(&output.device());
        let loss = loss.forward(output.clone(), batch.classes.clone());
        ClassificationOutput::new(loss, output, batch.classes)
    }
}

impl TrainStep for Net {
    type Input = Points;
    type Output = ClassificationOutput;

    fn step(&self, batch: Points) -> TrainOutput<ClassificationOutput> {
        let output = self.output(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Net {
    type Input = Points;
    type Output = ClassificationOutput;

    fn step(&self, batch: Points) -> ClassificationOutput {
        self.output(batch)
    }
}

pub fn device() -> Device {
    Device::flex()
}

pub fn learner() -> Learner<Net> {
    let schedule = CosineAnnealingLrSchedulerConfig::new(0.1, 40).init().unwrap();
    Learner::new(Net::new(&device().autodiff()), AdamConfig::new().init(), schedule)
}

/// Also the statistics of the normalisation.
pub fn weights(model: &Net) -> Vec<f32> {
    let layers =
        [&model.hidden.weight, &model.output.weight].map(|weight| weight.val().flatten(0, 1));
    let statistics = [&model.norm.running_mean, &model.norm.running_var].map(|state| state.value());
    let numbers = |tensor: Tensor<1>| tensor.into_data().try_into_vec::<f32>().unwrap();
    layers.into_iter().chain(statistics).flat_map(numbers).collect()
}

pub fn loaded(file: &Path) -> Net {
    Net::new(&device()).load_file(file)
}

/// By the model itself, without any metric.
pub fn share_recognised(model: &Net, rows: usize) -> f64 {
    let batch = points((0..rows).collect(), &device());
    let right = model.forward(batch.points).argmax(1).squeeze::<1>().equal(batch.classes);
    f64::from(right.int().sum().into_scalar::<i32>()) / rows as f64
}

/// A table of so many rows, in batches of four.
#[derive(Clone)]
pub struct Rows {
    pub rows: usize,
    /// A row that cannot be read.
    pub broken: Option<usize>,
    /// Whether each epoch has another order.
    pub shuffled: bool,
    pub batches: Arc<AtomicUsize>,
    pub each_batch: Arc<dyn Fn(usize) + Send + Sync>,
}

impl Rows {
    pub fn new(rows: usize) -> Self {
        Rows {
            rows,
            broken: None,
            shuffled: false,
            batches: Arc::default(),
            each_batch: Arc::new(|_| {}),
        }
    }

    pub fn each_batch(mut self, call: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.each_batch = Arc::new(call);
        self
    }

    /// How many were made of it.
    pub fn batches(&self) -> usize {
        self.batches.load(Ordering::Relaxed)
    }

    pub fn loader(&self, device: &Device) -> Arc<dyn DataLoader<Points>> {
        let loader = DataLoaderBuilder::new(self.clone()).batch_size(4);
        let loader = if self.shuffled { loader.shuffle(3) } else { loader };
        loader.set_device(device.clone()).build(self.clone())
    }
}

impl Dataset<usize> for Rows {
    fn get(&self, index: usize) -> Result<usize, DatasetError> {
        if self.broken == Some(index) {
            return Err(DatasetError::new(std::io::Error::other(format!("row {index} is gone"))));
        }
        Ok(index)
    }

    fn len(&self) -> usize {
        self.rows
    }
}

impl Batcher<usize, Points> for Rows {
    fn batch(&self, rows: Vec<usize>, device: &Device) -> Points {
        (self.each_batch)(self.batches.fetch_add(1, Ordering::Relaxed));
        points(rows, device)
    }
}

fn points(rows: Vec<usize>, device: &Device) -> Points {
    let x = |row: usize| (row * 7 % 11) as f32 - 5.0;
    let values: Vec<f32> = rows.iter().flat_map(|row| [x(*row), 1.0]).collect();
    let classes: Vec<i32> = rows.iter().map(|row| i32::from(x(*row) > 0.0)).collect();
    let count = rows.len();
    Points {
        points: Tensor::from_data(TensorData::new(values, [count, 2]), device),
        classes: Tensor::from_data(TensorData::new(classes, [count]), device),
    }
}

pub fn training(train: &Rows, valid: &Rows, epochs: usize) -> SupervisedTraining<Net> {
    let nowhere = Path::new("/nonexistent");
    let device = device();
    SupervisedTraining::new(nowhere, train.loader(&device), valid.loader(&device))
        .num_epochs(epochs)
}

/// A metric whose value in each epoch is given.
#[derive(Clone)]
pub struct Scripted {
    pub unit: Option<&'static str>,
    pub higher_is_better: bool,
    pub values: Vec<f64>,
    pub epoch: usize,
}

impl Scripted {
    pub fn new(values: &[f64]) -> Self {
        Scripted { unit: None, higher_is_better: true, values: values.to_vec(), epoch: 0 }
    }
}

impl Metric for Scripted {
    type Input = ();

    fn name(&self) -> MetricName {
        Arc::new("Scripted".to_owned())
    }

    fn attributes(&self) -> MetricAttributes {
        let unit = self.unit.map(str::to_owned);
        NumericAttributes { unit, higher_is_better: self.higher_is_better }.into()
    }

    fn update(&mut self, _: &(), _: &MetricMetadata) -> Result<SerializedEntry, TensorReadError> {
        Ok(SerializedEntry::not_available(self.unit))
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        let value = self.final_value().serialize();
        Ok(SerializedEntry::new(value.clone(), value))
    }

    fn clear(&mut self) {
        self.epoch += 1;
    }
}

impl Numeric for Scripted {
    fn value(&self) -> Option<NumericEntry> {
        None
    }

    fn running_value(&self) -> Option<NumericEntry> {
        None
    }

    fn final_value(&self) -> NumericEntry {
        NumericEntry::Final(self.values[self.epoch.min(self.values.len() - 1)])
    }
}

/// A study that notes what is reported.
#[derive(Default)]
pub struct Script {
    /// Prunes with the report of this epoch.
    pub stop_after: Option<u64>,
    /// Whether the trial has timed out.
    pub abandoned: Arc<AtomicBool>,
    pub reports: Mutex<Vec<(u64, f64)>>,
    pub curves: Mutex<burn_tune_search::Curves>,
}

impl Script {
    /// Takes what has been reported.
    pub fn reports(&self) -> Vec<(u64, f64)> {
        std::mem::take(&mut self.reports.lock().unwrap())
    }

    /// A curve of the last training of [`Script::train`].
    pub fn curve(&self, name: &str) -> Vec<f32> {
        self.curves.lock().unwrap().get(name).to_vec()
    }

    pub fn trial(&self) -> Trial<'_> {
        Trial {
            device: None,
            number: 0,
            task: Task::Fold(0),
            folds: 1,
            study_seed: 7,
            seed: 7,
            direction: Direction::Maximize,
            ranked_by: None,
            known_flags: &crate::flags::ALL,
            link: self,
            kept: Mutex::default(),
            folder: TrainingFolder::new(None, 0, Task::Fold(0)),
            checkpoints: CheckpointFolder::new(None, 0, Task::Fold(0), 7, Params::default()),
            since: Stopwatch::start(),
        }
    }

    /// A training of so many epochs with this metric.
    pub fn train(
        &self,
        epochs: usize,
        metric: &Scripted,
        with: impl for<'t> FnOnce(TunedTraining<'t, Net>) -> TunedTraining<'t, Net>,
    ) -> Result<Trained<Net>, Error> {
        let trial = self.trial();
        let training = training(&Rows::new(8), &Rows::new(4), epochs).metrics((metric.clone(),));
        let trained = with(training.tune(&trial, metric)).launch(learner());
        *self.curves.lock().unwrap() = std::mem::take(&mut trial.kept().curves);
        trained
    }
}

impl Link for Script {
    fn report(&self, step: u64, value: f64) -> Verdict {
        self.reports.lock().unwrap().push((step, value));
        if self.stop_after == Some(step) { Verdict::Stop } else { Verdict::Continue }
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        match self.abandoned.load(Ordering::Relaxed) {
            true => Err(ObjectiveError::Failed { reason: "timed out".into(), flags: Vec::new() }),
            false => Ok(()),
        }
    }

    fn wants_reports(&self) -> bool {
        false
    }

    fn show(&self, _: u64, _: Option<u64>, _: f64) {}

    fn log(&self, _: bool, _: &str) {}
}

/// As in a study that can be resumed.
pub fn checkpoints_in(folder: &Path) -> CheckpointFolder {
    let place = CheckpointPlace { folder: folder.to_owned(), study: "study".to_owned() };
    CheckpointFolder::new(Some(&place), 0, Task::Fold(0), 7, Params::default())
}

pub fn kept_in(models: &Path) -> TrainingFolder {
    TrainingFolder::new(Some(models), 0, Task::Fold(0))
}
