//! Many trainings at once on a graphics card, without a search: what `bench/gpu` measures.

use burn_tune_data::Dataset;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::activation::Activation;
use crate::config::MlpConfig;
use crate::fused::bank::{
    BankError, BankMaker, BankShape, LaneBank, LaneSettings, LaneState, LaneStep,
};
use crate::fused::cube::CubeMaker;
use crate::mlp::initial_layers;

/// A card with the examples of MNIST.
pub struct FusedCard {
    maker: CubeMaker,
    examples: u32,
}

/// Trainings of 784-hidden-10 with relu, all from the same weights, on batches that are drawn beforehand.
pub struct FusedTrainings {
    bank: Box<dyn LaneBank>,
    trainings: usize,
    batches: Vec<Vec<u32>>,
    steps: usize,
}

impl FusedCard {
    /// The card with this number, or the preferred one.
    ///
    /// # Errors
    ///
    /// What is missing, or what the card cannot do.
    pub fn open(device: Option<usize>) -> Result<Self, String> {
        let dataset = Dataset::mnist().map_err(|error| error.to_string())?;
        let maker = CubeMaker::new(device, &dataset.train).map_err(text)?;
        Ok(FusedCard { maker, examples: dataset.train.len() as u32 })
    }

    /// So many trainings, with so many hidden units, in batches of so many examples.
    ///
    /// # Errors
    ///
    /// What the card cannot do, such as for want of memory.
    pub fn begin(
        &self,
        trainings: usize,
        hidden: usize,
        batch: usize,
    ) -> Result<FusedTrainings, String> {
        let shape = BankShape { widths: vec![784, hidden, 10], batch_size: batch };
        let mut bank = self.maker.make(&shape, trainings).map_err(text)?;
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let config = MlpConfig { hidden_size: hidden, ..MlpConfig::default() };
        let state = LaneState::fresh(initial_layers(&config, 784, 10, &mut rng));
        let settings = LaneSettings { activation: Activation::Relu, softmax: false, lr: 1e-3 };
        for slot in 0..trainings {
            bank.load(slot, settings, &state).map_err(text)?;
        }
        let mut draw = || (0..batch).map(|_| rng.random_range(0..self.examples)).collect();
        let batches = (0..trainings + 16).map(|_| draw()).collect();
        Ok(FusedTrainings { bank, trainings, batches, steps: 0 })
    }
}

impl FusedTrainings {
    /// So many steps of all trainings, at least one; waits for the card, and gives the mean loss of the last.
    ///
    /// # Errors
    ///
    /// What the card cannot do.
    pub fn steps(&mut self, steps: usize) -> Result<f32, String> {
        for step in 1..=steps {
            self.steps += 1;
            let (batches, first) = (&self.batches, self.steps);
            let lane = |slot| {
                let batch = &batches[(slot + first) % batches.len()];
                LaneStep { slot, batch, is_read: step == steps }
            };
            let lanes: Vec<LaneStep> = (0..self.trainings).map(lane).collect();
            self.bank.step(&lanes).map_err(text)?;
        }
        // The losses of all come from the card with those of the first.
        let reading = self.bank.read(&[0]).map_err(text)?;
        Ok(reading.iter().filter_map(|reading| reading.losses.last()).sum())
    }
}

fn text(error: BankError) -> String {
    error.to_string()
}
