//! A bank on whatever adapter there is, such as Mesa's lavapipe, against arithmetic in double precision, against burn-flex,
//! and against itself in other company.

mod reference;

use burn_tune_data::Examples;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::CubeMaker;
use crate::activation::Activation;
use crate::adapters::Adapter;
use crate::backend::Backend;
use crate::config::MlpConfig;
use crate::fused::bank::{
    BankError, BankMaker, BankShape, LaneBank, LaneSettings, LaneState, LaneStep, Reading,
};
use crate::lane::{BurnLane, Lane};
use crate::layer_values::Layers;
use crate::mlp::initial_layers;
use reference::Reference;

const ACTIVATIONS: [Activation; 6] = [
    Activation::Relu,
    Activation::LeakyRelu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Gelu,
    Activation::Silu,
];

/// Neither is a multiple of four.
const FEATURES: usize = 30;
const CLASSES: usize = 7;

/// Whether there is an adapter; where there is none it is said, and a fault if one is demanded.
fn has_adapter() -> bool {
    let Err(reason) = Adapter::client(None) else { return true };
    let is_demanded = std::env::var("BURN_TUNE_REQUIRE_GPU").is_ok_and(|value| value == "1");
    assert!(!is_demanded, "BURN_TUNE_REQUIRE_GPU is set, and {reason}");
    eprintln!("not tested: {reason}");
    false
}

fn examples(features: usize, classes: usize) -> Examples {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let labels: Vec<u8> = (0..500).map(|_| rng.random_range(0..classes as u8)).collect();
    // Each class has pixels of its own, so that there is something to learn.
    let pixels = labels.iter().flat_map(|&label| {
        let noise: Vec<u8> = (0..features).map(|_| rng.random_range(0..100)).collect();
        noise.into_iter().enumerate().map(move |(i, noise)| {
            if i % classes == usize::from(label) { noise + 150 } else { noise }
        })
    });
    let pixels = pixels.collect();
    Examples::new(features, pixels, labels)
}

fn maker(examples: &Examples) -> CubeMaker {
    CubeMaker::new(None, examples).expect("the examples fit on the card")
}

/// A training: its settings, and the numbers it begins with.
#[derive(Clone)]
struct Training {
    config: MlpConfig,
    layers: Layers,
}

impl Training {
    fn new(config: MlpConfig, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let layers = initial_layers(&config, FEATURES, CLASSES, &mut rng);
        Training { config, layers }
    }

    fn settings(&self) -> LaneSettings {
        let MlpConfig { activation, softmax, lr, .. } = self.config;
        LaneSettings { activation, softmax, lr }
    }

    fn state(&self) -> LaneState {
        LaneState::fresh(self.layers.clone())
    }

    /// The batches of `steps` steps; of five, the last is short.
    fn batches(&self, steps: usize) -> Vec<Vec<u32>> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.batch_size as u64);
        let size = |step: usize| match step % 5 {
            4 => self.config.batch_size.div_ceil(3),
            _ => self.config.batch_size,
        };
        let mut batch = |step| (0..size(step)).map(|_| rng.random_range(0..500)).collect();
        (0..steps).map(&mut batch).collect()
    }
}

fn config(activation: Activation, sizes: &[usize], softmax: bool, lr: f64) -> MlpConfig {
    MlpConfig {
        batch_size: 23,
        lr,
        activation,
        depth: sizes.len(),
        hidden_size: sizes.first().copied().unwrap_or(1),
        hidden_size_2: sizes.get(1).copied(),
        hidden_size_3: sizes.get(2).copied(),
        softmax,
        ..MlpConfig::default()
    }
}

fn shape(depth: usize, width: usize) -> BankShape {
    let hidden = std::iter::repeat_n(width, depth);
    let widths = [FEATURES].into_iter().chain(hidden).chain([CLASSES]);
    BankShape { widths: widths.collect(), batch_size: 24 }
}

/// One training in a slot of a bank, alone: what is read after its steps.
fn train_in(bank: &mut dyn LaneBank, slot: usize, training: &Training, steps: usize) -> Reading {
    bank.load(slot, training.settings(), &training.state()).unwrap();
    let batches = training.batches(steps);
    for (i, batch) in batches.iter().enumerate() {
        bank.step(&[LaneStep { slot, batch, is_read: i + 1 == steps }]).unwrap();
    }
    bank.read(&[slot]).unwrap().remove(0)
}

fn numbers(layers: &Layers) -> impl Iterator<Item = f32> + '_ {
    layers.iter().flat_map(|layer| layer.weight.iter().chain(&layer.bias)).copied()
}

fn bits(reading: &Reading) -> Vec<u32> {
    let numbers = numbers(&reading.layers).chain(reading.losses.iter().copied());
    numbers.chain(reading.gradient_norms.iter().copied()).map(f32::to_bits).collect()
}

/// Largest difference of two lists, as a share of the largest number of the second.
fn difference(ours: impl Iterator<Item = f32>, exact: impl Iterator<Item = f64> + Clone) -> f64 {
    let scale = exact.clone().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let differences = ours.zip(exact).map(|(ours, exact)| (f64::from(ours) - exact).abs());
    differences.fold(0.0, f64::max) / scale
}

/// An element is a sum of at most a hundred products here, each rounded to a unit of 2⁻²⁴ and cards may be two and a half
/// units off in a quotient, and (3 + 2|x|) in an exponential: 2⁻¹⁶ is a hundred times less than a wrong term would cost.
const ROUNDING: f64 = 1.0 / 65_536.0;

#[test]
fn a_step_is_that_of_double_precision() {
    if !has_adapter() {
        return;
    }
    let examples = examples(FEATURES, CLASSES);
    let maker = maker(&examples);
    for sizes in [&[][..], &[5], &[37, 130], &[64, 33, 9]] {
        let mut bank = maker.make(&shape(sizes.len(), 130), 2).unwrap();
        for activation in ACTIVATIONS {
            for softmax in [false, true] {
                let training = Training::new(config(activation, sizes, softmax, 0.01), 3);
                let mut reference = Reference::new(&training.layers, activation, softmax, 0.01);
                let exact: Vec<f64> = training
                    .batches(3)
                    .iter()
                    .map(|batch| reference.step(&examples, batch))
                    .collect();
                let reading = train_in(&mut *bank, 1, &training, 3);
                let what = format!("{activation:?} {sizes:?} {softmax}");
                let losses = difference(reading.losses.iter().copied(), exact.iter().copied());
                assert!(losses < ROUNDING, "{what}: losses differ by {losses}");
                let norms = reference.gradient_norms();
                let norms =
                    difference(reading.gradient_norms.iter().copied(), norms.iter().copied());
                assert!(norms < 4.0 * ROUNDING, "{what}: norms differ by {norms}");
                let (state, losses) = bank.unload(1).unwrap();
                assert_eq!((state.steps, losses.len()), (3, 0));
                assert_eq!(state.layers, reading.layers);
                let [first, second] = state.moments.unwrap();
                for (place, (name, ours)) in
                    [("first", first), ("second", second)].iter().enumerate()
                {
                    let moments = difference(numbers(ours), reference.moments(place));
                    assert!(moments < 4.0 * ROUNDING, "{what}: {name} moments differ by {moments}");
                }
            }
        }
    }
}

/// What Adam divides by is a gradient's size, so where a gradient is about 0 its sign may be that of a rounding error, and
/// a weight may go the other way: by two learning rates a step at most.
#[test]
fn weights_are_those_of_double_precision() {
    if !has_adapter() {
        return;
    }
    let examples = examples(FEATURES, CLASSES);
    let mut bank = maker(&examples).make(&shape(2, 40), 1).unwrap();
    let training = Training::new(config(Activation::Tanh, &[40, 21], false, 1e-3), 9);
    let mut reference = Reference::new(&training.layers, Activation::Tanh, false, 1e-3);
    training.batches(5).iter().for_each(|batch| {
        reference.step(&examples, batch);
    });
    let reading = train_in(&mut *bank, 0, &training, 5);
    let differences = numbers(&reading.layers).zip(reference.weights());
    let differences: Vec<f64> = differences.map(|(a, b)| (f64::from(a) - b).abs()).collect();
    let far = differences.iter().filter(|difference| **difference > 1e-6).count();
    assert!(far * 200 < differences.len(), "{far} of {} weights", differences.len());
    assert!(differences.iter().all(|difference| *difference < 5.0 * 2.0 * 1e-3));
}

/// Rounding errors grow from step to step, by Adam's quotients above all; what stays is how well it learns.
#[test]
fn fifty_steps_learn_as_on_the_processor() {
    if !has_adapter() {
        return;
    }
    let examples = examples(FEATURES, CLASSES);
    let maker = maker(&examples);
    for (activation, softmax) in [(Activation::Relu, false), (Activation::Gelu, true)] {
        let training = Training::new(config(activation, &[50, 20], softmax, 5e-3), 5);
        let mut bank = maker.make(&shape(2, 64), 1).unwrap();
        let reading = train_in(&mut *bank, 0, &training, 50);
        let device = Backend::Flex.device();
        let layers = training.layers.clone();
        let mut flex = BurnLane::new(&training.config, layers, &examples, &device, true);
        let batches = training.batches(50);
        let batches: Vec<&[u32]> = batches.iter().map(Vec::as_slice).collect();
        let steps = flex.train(&batches, &|| Ok(())).unwrap();
        assert!(steps.losses[49] < 0.8 * steps.losses[0], "it learns: {:?}", steps.losses);
        for (step, (ours, flex)) in reading.losses.iter().zip(&steps.losses).enumerate() {
            let bound = 1e-5 * 1.15f32.powi(step as i32);
            assert!((ours - flex).abs() < bound, "step {step}: {ours}, and {flex} on flex");
        }
    }
}

/// Eight trainings of other sizes, activations and batches, four times 8 of them, and one that is looked at.
#[test]
fn a_training_has_the_same_bits_in_any_company() {
    if !has_adapter() {
        return;
    }
    let examples = examples(FEATURES, CLASSES);
    let maker = maker(&examples);
    let watched = Training::new(config(Activation::Sigmoid, &[45, 13], true, 0.02), 1);
    const STEPS: usize = 7;
    let alone = bits(&train_in(&mut *maker.make(&shape(2, 45), 1).unwrap(), 0, &watched, STEPS));
    let others: Vec<Training> = (0..8)
        .map(|i| {
            let sizes = [[128, 3], [60, 100], [8, 128], [33, 31]][i % 4];
            let mut config = config(ACTIVATIONS[i % 6], &sizes, i % 3 == 0, 1e-3 * (i + 1) as f64);
            config.batch_size = 24 - i;
            Training::new(config, 100 + i as u64)
        })
        .collect();
    for (slots, slot) in [(7, 0), (7, 6), (64, 31)] {
        let mut bank = maker.make(&shape(2, 128), slots).unwrap();
        let batches = watched.batches(STEPS);
        bank.load(slot, watched.settings(), &watched.state()).unwrap();
        for (step, batch) in batches.iter().enumerate() {
            let mut others_batches = Vec::new();
            for other in (0..slots).filter(|other| *other != slot) {
                let training = &others[(other + step) % others.len()];
                // They come, they stay for some steps, and they go.
                if step % 3 == 0 {
                    bank.load(other, training.settings(), &training.state()).unwrap();
                }
                if (other + step) % 4 != 3 {
                    let size = training.config.batch_size.min(24 - other % 5);
                    let batch = (0..size as u32).map(|i| (i * 7 + other as u32) % 500);
                    others_batches.push((other, batch.collect::<Vec<u32>>()));
                }
            }
            let is_read = step + 1 == STEPS;
            let mut steps: Vec<LaneStep> = others_batches
                .iter()
                .map(|(slot, batch)| LaneStep { slot: *slot, batch, is_read })
                .collect();
            steps.push(LaneStep { slot, batch, is_read });
            steps.sort_by_key(|step| step.slot);
            bank.step(&steps).unwrap();
            if step == 3 {
                // Somebody else is read, and the losses come from the card half way.
                bank.read(&[(slot + 1) % slots]).unwrap();
            }
        }
        assert_eq!(bits(&bank.read(&[slot]).unwrap()[0]), alone, "slot {slot} of {slots}");
    }
}

#[test]
fn a_training_goes_on_in_another_bank_with_the_same_bits() {
    if !has_adapter() {
        return;
    }
    let examples = examples(FEATURES, CLASSES);
    let maker = maker(&examples);
    let training = Training::new(config(Activation::Silu, &[20], false, 0.01), 2);
    let mut bank = maker.make(&shape(1, 20), 2).unwrap();
    let whole = train_in(&mut *bank, 0, &training, 6);
    let batches = training.batches(6);
    bank.load(1, training.settings(), &training.state()).unwrap();
    let step = |bank: &mut dyn LaneBank, slot, i: usize| {
        bank.step(&[LaneStep { slot, batch: &batches[i], is_read: i == 5 }]).unwrap();
    };
    (0..3).for_each(|i| step(&mut *bank, 1, i));
    let (state, losses) = bank.unload(1).unwrap();
    assert_eq!(losses, whole.losses[..3]);
    let mut wider = maker.make(&shape(1, 100), 3).unwrap();
    wider.load(2, training.settings(), &state).unwrap();
    (3..6).for_each(|i| step(&mut *wider, 2, i));
    let rest = wider.read(&[2]).unwrap().remove(0);
    assert_eq!(rest.losses, whole.losses[3..]);
    assert_eq!((rest.layers, rest.gradient_norms), (whole.layers, whole.gradient_norms));
}

#[test]
fn a_loss_that_is_no_number_stays_none() {
    if !has_adapter() {
        return;
    }
    let examples = examples(FEATURES, CLASSES);
    let mut bank = maker(&examples).make(&shape(1, 8), 1).unwrap();
    for activation in ACTIVATIONS {
        let mut training = Training::new(config(activation, &[8], false, 0.1), 4);
        training.layers[0].weight[0] = f32::NAN;
        let reading = train_in(&mut *bank, 0, &training, 2);
        assert!(reading.losses.iter().all(|loss| loss.is_nan()), "{activation:?}: {reading:?}");
    }
}

#[test]
fn more_losses_than_wait_on_the_card_are_all_told() {
    if !has_adapter() {
        return;
    }
    let examples = examples(FEATURES, CLASSES);
    let mut bank = maker(&examples).make(&shape(0, 1), 1).unwrap();
    let training = Training::new(config(Activation::Relu, &[], false, 1e-4), 4);
    let reading = train_in(&mut *bank, 0, &training, 1_030);
    assert_eq!(reading.losses.len(), 1_030);
    assert!(reading.losses.iter().all(|loss| loss.is_finite()));
    assert!(reading.losses[1_029] < reading.losses[0]);
}

#[test]
fn what_does_not_fit_is_told_with_its_size() {
    if !has_adapter() {
        return;
    }
    let examples = examples(FEATURES, CLASSES);
    let maker = maker(&examples);
    let huge = BankShape { widths: vec![FEATURES, 1_000_000, 1_000_000, CLASSES], batch_size: 1 };
    let Err(BankError::Shape(told)) = maker.make(&huge, 1) else { panic!("it cannot fit") };
    assert!(
        told.starts_with("one training takes 3814858 MiB in one buffer, and a buffer"),
        "{told}"
    );
    let Err(error) = maker.make(&shape(1, 1_000), 10_000_000) else { panic!("it cannot fit") };
    assert_eq!(error, BankError::OutOfMemory);
    // And the card goes on.
    let training = Training::new(config(Activation::Relu, &[8], false, 0.01), 4);
    train_in(&mut *maker.make(&shape(1, 8), 1).unwrap(), 0, &training, 1);
}
