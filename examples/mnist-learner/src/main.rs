//! A residual network on MNIST that burn-train's `Learner` trains: its data loaders, metrics and learning rate
//! schedulers, batch normalisation, and a choice of schedules and of whether to end early.
//!
//! ```text
//! cargo run --release --package mnist-learner -- search --trials 20 --pruner asha
//! ```
//!
//! `examples/mnist-cnn` has its loop by hand. Here nothing of a loop is ours: what the search needs is one call of
//! `tune`, which reports each epoch, ends what is hopeless, and draws the curves of all metrics. A training that is
//! broken off goes on at its epoch.

mod data;
mod model;

use burn::lr_scheduler::constant::ConstantLr;
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::optim::AdamWConfig;
use burn::train::metric::store::{Aggregate, Direction, Split};
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{Learner, MetricEarlyStoppingStrategy, StoppingCondition};
use burn_tune::prelude::{Error, Result, Score, Space, Study, Trial, Tune};

use crate::model::ResNet;

/// What is searched.
#[derive(Space, Debug)]
pub struct Net {
    #[space(1e-4..=1e-1, log)]
    lr: f64,
    #[space]
    schedule: Schedule,
    #[space([32, 64, 128])]
    batch: usize,
    #[space(4..=16, step = 4)]
    channels: usize,
    /// Of two convolutions each.
    #[space(1..=3)]
    blocks: usize,
    #[space(1e-5..=1e-1, log)]
    weight_decay: f64,
    #[space(4)]
    epochs: usize,
}

/// The learning rate of each step.
#[derive(Space, Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// Always the same.
    Constant,
    /// Down to zero, along half a cosine.
    Cosine,
}

impl Net {
    fn schedule(&self, steps: usize) -> Result<ModuleLrScheduler> {
        match self.schedule {
            Schedule::Constant => Ok(ConstantLr::new(self.lr).into()),
            Schedule::Cosine => {
                CosineAnnealingLrSchedulerConfig::new(self.lr, steps).init().map_err(Error::new)
            }
        }
    }
}

fn train(net: &Net, trial: &Trial) -> Result<Score> {
    let device = trial.device();
    let (train, valid) = data::loaders(trial, net.batch)?;
    let steps = net.epochs * train.num_items().div_ceil(net.batch);
    let optimizer = AdamWConfig::new().with_weight_decay(net.weight_decay as f32).init();
    let learner =
        Learner::new(ResNet::new(net, &device.autodiff()), optimizer, net.schedule(steps)?);

    // No epoch of three has a smaller loss: the others would not help.
    let condition = StoppingCondition::NoImprovementSince { n_epochs: 3 };
    let (loss, mean) = (LossMetric::new(), Aggregate::Mean);
    let patience =
        MetricEarlyStoppingStrategy::new(&loss, mean, Direction::Lowest, Split::Valid, condition);

    let training = trial
        .supervised_training(train, valid)?
        .metrics((AccuracyMetric::new(), loss))
        .num_epochs(net.epochs)
        .tune(trial, &AccuracyMetric::new())
        .early_stopping(patience)
        .checkpoints();
    trial.finish(training.launch(learner)?)
}

fn main() -> std::process::ExitCode {
    Study::new("mnist-learner", train)
        .about("A small residual network on MNIST, trained by burn-train")
        .score("accuracy")
        .folds(2)
        .refits(1, 2)
        .steps(|net| net.epochs as u64)
        .keep_models(3)
        .main()
}
