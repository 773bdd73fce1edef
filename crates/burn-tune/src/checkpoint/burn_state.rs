//! Checkpoints of a model of Burn and its optimizer.

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device};

use super::Kind;
use crate::error::{Error, Result};
use crate::trial::Trial;

impl Trial<'_> {
    /// Keeps the model and the optimizer that this training has come to in `epoch`, so that it goes on there when it
    /// is broken off: by a crash of the training's process, of the search or of the machine. To be called at the end
    /// of an epoch, after [`Trial::report`]; what the training has reported and recorded is kept along.
    ///
    /// It also seeds the generator of the model's devices with [`Trial::seed_of`] the epoch, be the training broken
    /// off or not: so what is random after it, such as dropout, is the same in both. What else is random in an epoch,
    /// such as the order of the examples, has to come from [`Trial::seed_of`] the epoch, too, and not from a generator
    /// that was made before the loop.
    ///
    /// A checkpoint takes about the time in which the disk writes the model three times (Adam has two numbers for each
    /// weight), and at least some milliseconds. Where an epoch takes less, every tenth is often enough. The
    /// last two are kept.
    ///
    /// ```no_run
    /// # use burn::nn::{Linear, LinearConfig};
    /// # use burn::optim::AdamConfig;
    /// # use burn_tune::prelude::*;
    /// # #[derive(Space, Debug)]
    /// # struct Net {
    /// #     #[space(1e-4..=1e-1, log)]
    /// #     lr: f64,
    /// # }
    /// # fn epoch_of(model: Linear, _seed: u64) -> (Linear, f64) {
    /// #     (model, 0.5)
    /// # }
    /// fn train(net: &Net, trial: &Trial) -> Result<Score> {
    ///     let device = trial.device().autodiff();
    ///     let mut model = LinearConfig::new(8, 2).init(&device);
    ///     let mut adam = AdamConfig::new().init();
    ///     let done = trial.restore(&mut model, &mut adam)?;
    ///     let mut accuracy = trial.last_report().unwrap_or(0.0); // where the last epoch is done
    ///     for epoch in done.map_or(1, |epoch| epoch + 1)..=10 {
    ///         (model, accuracy) = epoch_of(model, trial.seed_of(epoch)); // your training
    ///         if trial.report(epoch, accuracy).is_stop() {
    ///             break;
    ///         }
    ///         trial.checkpoint(epoch, &model, &adam)?;
    ///     }
    ///     trial.finish(accuracy)
    /// }
    /// # let _ = train;
    /// ```
    ///
    /// # Errors
    ///
    /// Where Burn cannot write the model, or the disk takes no file.
    pub fn checkpoint<M: Module>(
        &self,
        epoch: u64,
        model: &M,
        optimizer: &ModuleOptimizer,
    ) -> Result<()> {
        let state = [model.clone().into_record().into_bytes()?, optimizer.into_bytes()?];
        self.write_checkpoint(epoch, Kind::Burn, &[&state[0], &state[1]])?;
        self.reseed(epoch, model);
        Ok(())
    }

    /// Puts into `model` and `optimizer`, which are as a training begins with them, what [`Trial::checkpoint`] has
    /// kept of this training, and gives the epoch of it: of the newest that can be read. `None` where the training
    /// begins afresh. To be called before the first report; [`Trial::last_report`] is then that of this epoch.
    ///
    /// A checkpoint that cannot be read, or is of another model, is no error but a warning. [`Trial::checkpoint`] has
    /// a whole loop.
    ///
    #[doc = trial_example!("let device = trial.device().autodiff();\nlet mut model = burn::nn::LinearConfig::new(8, 2).init(&device);\nlet mut adam = burn::optim::AdamConfig::new().init();\nlet done = trial.restore(&mut model, &mut adam)?;\nassert!(done.is_none()); // this training was not broken off")]
    ///
    /// # Errors
    ///
    /// Where the folder of the checkpoints cannot be made or read.
    pub fn restore<M: Module>(
        &self,
        model: &mut M,
        optimizer: &mut ModuleOptimizer,
    ) -> Result<Option<u64>> {
        let bytes = |piece: &[u8]| Bytes::from_bytes_vec(piece.to_vec());
        let restored = self.read_checkpoint(Kind::Burn, |pieces| {
            let [of_model, of_optimizer] = pieces else {
                return Err(Error::new("it is not of a model and an optimizer"));
            };
            let record = ModuleRecord::from_bytes(bytes(of_model))?;
            let model = model.clone().try_load_record(record)?;
            Ok((model, optimizer.clone().from_bytes(bytes(of_optimizer))?))
        })?;
        Ok(restored.map(|(epoch, restored)| {
            (*model, *optimizer) = restored;
            self.reseed(epoch, model);
            epoch
        }))
    }

    /// A generator of Burn cannot be asked where it stands, so it begins anew after each checkpoint.
    fn reseed<M: Module>(&self, epoch: u64, model: &M) {
        let seed = self.seed_of(epoch);
        // What is drawn beside the model, such as noise on its inputs, is drawn here.
        Device::default().seed(seed);
        model.devices().into_iter().for_each(|device| device.seed(seed));
    }
}
