//! Ten steps of training from the same weights on the same batches as PyTorch took, recorded by
//! `tests/fixtures/pytorch_mlp.py`. Its docstring explains the fields.

use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_tune_data::{Examples, gather};
use burn_tune_model::adam::Adam;
use burn_tune_model::mlp::Layer;
use burn_tune_model::train::gradients;
use burn_tune_model::{Backend, Mlp, MlpConfig};
use serde::Deserialize;

const RECORDED: &str = include_str!("../fixtures/pytorch_mlp.json");

/// The sum of a tensor's values, and of their absolutes.
type Sums = [f64; 2];

#[derive(Deserialize)]
struct Fixtures {
    cases: Vec<Case>,
    mnist_size: MnistSize,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    layers: Vec<Weights>,
    batches: Vec<Batch>,
    heldout: Batch,
    #[serde(flatten)]
    recorded: Recorded,
}

/// A case whose weights and batches come from a generator. Its logits are those of three examples.
#[derive(Deserialize)]
struct MnistSize {
    seed: u64,
    states: Vec<String>,
    samples: Vec<Vec<f32>>,
    #[serde(flatten)]
    recorded: Recorded,
}

/// `weight` has PyTorch's layout, `[outputs][inputs]`.
#[derive(Deserialize)]
struct Weights {
    weight: Vec<Vec<f32>>,
    bias: Vec<f32>,
}

#[derive(Deserialize)]
struct Batch {
    x: Vec<Vec<u8>>,
    y: Vec<u8>,
}

#[derive(Deserialize)]
struct Recorded {
    config: MlpConfig,
    features: usize,
    losses: Vec<f64>,
    first_grads: Vec<Sums>,
    final_sums: Vec<Sums>,
    #[serde(alias = "initial_logits_first_3_rows")]
    initial_logits: Vec<Vec<f64>>,
    #[serde(alias = "logits_first_3_rows")]
    logits: Vec<Vec<f64>>,
    heldout_loss: f64,
    losses64: Vec<f64>,
    /// Not recorded for `mnist_size`.
    #[serde(default)]
    logits64: Vec<Vec<f64>>,
}

/// How far one run is from PyTorch's; or how far it may be.
#[derive(Debug, Clone, Copy)]
struct Deviation {
    /// Of the losses of the ten steps, and of the held-out batch after them.
    losses: f64,
    initial_logits: f64,
    logits: f64,
    /// Relative to the sums of absolutes, as the next.
    first_grads: f64,
    final_sums: f64,
}

impl Deviation {
    /// The issue asks for losses within 1e-4; each of these is below.
    ///
    /// With our Adam, what differs is rounding: the order of sums in the matrix products, and
    /// elementary functions. Burn's Adam computes its bias corrections in f32, where only five
    /// digits of 1 - 0.999 are right. What a case makes of rounding errors shows where PyTorch's own
    /// run in f32 differs from its run in f64: at a learning rate of 1 behind two softmaxes, much.
    fn allowed(case: &Case, backend: Backend, fused: bool) -> Self {
        let Recorded { losses, losses64, logits, logits64, .. } = &case.recorded;
        let rounding_of_losses = largest_difference(losses.iter().copied(), losses64);
        let rounding_of_logits =
            largest_difference(logits.iter().flatten().copied(), logits64.iter().flatten());
        let [losses, initial_logits, logits, first_grads, final_sums] =
            match (backend.is_cpu(), fused) {
                (true, true) => [2e-6, 1e-6, 5e-6, 2e-6, 1e-6],
                (true, false) => [5e-5, 1e-6, 1e-4, 2e-6, 1e-4],
                // The elementary functions of graphics cards are less exact.
                (false, _) => [7e-5, 1e-5, 5e-4, 2e-5, 5e-4],
            };
        Deviation {
            losses: losses + 8.0 * rounding_of_losses,
            initial_logits,
            logits: logits + 8.0 * rounding_of_logits,
            first_grads,
            final_sums: final_sums + rounding_of_logits,
        }
    }

    fn is_within(&self, allowed: &Deviation) -> bool {
        self.losses <= allowed.losses
            && self.initial_logits <= allowed.initial_logits
            && self.logits <= allowed.logits
            && self.first_grads <= allowed.first_grads
            && self.final_sums <= allowed.final_sums
    }
}

/// The bits that generate weights and batches of the `mnist_size` case.
struct Lcg(u64);

impl Lcg {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0
    }

    fn weights(&mut self, inputs: usize, outputs: usize) -> Weights {
        let bound = 1.0 / (inputs as f64).sqrt();
        let mut draw = |len: usize| -> Vec<f32> {
            let unit = |bits: u64| (bits >> 40) as f64 / (1 << 24) as f64 * 2.0 - 1.0;
            (0..len).map(|_| (unit(self.next()) * bound) as f32).collect()
        };
        let weight = (0..outputs).map(|_| draw(inputs)).collect();
        Weights { weight, bias: draw(outputs) }
    }

    fn batch(&mut self, len: usize, features: usize, classes: u64) -> Batch {
        let mut image = || (0..features).map(|_| (self.next() >> 56) as u8).collect();
        let x = (0..len).map(|_| image()).collect();
        let y = (0..len).map(|_| ((self.next() >> 33) % classes) as u8).collect();
        Batch { x, y }
    }
}

impl MnistSize {
    fn generate(self) -> Case {
        let mut lcg = Lcg(self.seed);
        let layers = vec![lcg.weights(784, 500), lcg.weights(500, 10)];
        assert_eq!(lcg.0.to_string(), self.states[0], "the weights are generated as in Python");
        let mut batches: Vec<Batch> = (0..11).map(|_| lcg.batch(100, 784, 10)).collect();
        assert_eq!(lcg.0.to_string(), self.states[1], "the batches are generated as in Python");
        let tensors = layers.iter().flat_map(|layer| [layer.weight.concat(), layer.bias.clone()]);
        for (values, sample) in tensors.zip(&self.samples) {
            assert_eq!(values[..3], sample[..3]);
            assert_eq!(values.last(), sample.last());
        }
        let heldout = batches.remove(10);
        let name = "mnist_size".to_owned();
        Case { name, layers, batches, heldout, recorded: self.recorded }
    }
}

fn fixtures() -> Vec<Case> {
    let Fixtures { mut cases, mnist_size } =
        serde_json::from_str(RECORDED).expect("the fixtures have the layout of their docstring");
    assert_eq!(cases.len(), 21);
    cases.push(mnist_size.generate());
    cases
}

fn model(case: &Case, device: &Device) -> Mlp {
    let layers = case.layers.iter().map(|Weights { weight, bias }| {
        let (inputs, outputs) = (weight[0].len(), bias.len());
        let transposed =
            (0..inputs).flat_map(|input| weight.iter().map(move |row| row[input])).collect();
        let weight = TensorData::new::<f32, _>(transposed, [inputs, outputs]);
        Layer::new(weight, TensorData::new(bias.clone(), [outputs]), device)
    });
    Mlp::from_layers(&case.recorded.config, layers.collect())
}

/// All batches of a case, the held-out one last.
fn examples(case: &Case) -> Examples {
    let batches = || case.batches.iter().chain([&case.heldout]);
    let pixels = batches().flat_map(|batch| batch.x.concat()).collect();
    let labels = batches().flat_map(|batch| batch.y.clone()).collect();
    Examples::new(case.recorded.features, pixels, labels)
}

fn tensors(features: usize, batch: &Batch, device: &Device) -> (Tensor<2>, Tensor<1, Int>) {
    let Batch { x, y } = batch;
    let examples = Examples::new(features, x.concat(), y.clone());
    let mut pixels = Vec::new();
    gather(&examples, &(0..y.len() as u32).collect::<Vec<_>>(), &mut pixels);
    let pixels = TensorData::new(pixels, [y.len(), features]);
    let labels: Vec<i64> = y.iter().map(|&label| label.into()).collect();
    let labels = TensorData::new(labels, [y.len()]);
    (Tensor::from_data(pixels, device), Tensor::from_data(labels, device))
}

/// Of the last layer, before any softmax.
fn logits(case: &Case, model: &Mlp, device: &Device) -> Vec<f64> {
    let config = MlpConfig { softmax: false, ..case.recorded.config.clone() };
    let model = Mlp::from_layers(&config, model.layers.clone());
    let (pixels, _) = tensors(case.recorded.features, &case.heldout, device);
    model.forward(pixels).into_data().iter::<f64>().collect()
}

fn sums<const D: usize>(tensor: Tensor<D>) -> Sums {
    let data = tensor.into_data();
    [data.iter::<f64>().sum(), data.iter::<f64>().map(f64::abs).sum()]
}

fn final_sums(model: &Mlp) -> Vec<Sums> {
    model.layers.iter().flat_map(|l| [sums(l.weight.val()), sums(l.bias.val())]).collect()
}

fn first_grads(model: &Mlp, pixels: Tensor<2>, labels: Tensor<1, Int>) -> Vec<Sums> {
    let grads = model.loss(pixels, labels).backward();
    let sums_of = |layer: &Layer| {
        let weight = layer.weight.val().grad(&grads).expect("the loss depends on each weight");
        let bias = layer.bias.val().grad(&grads).expect("the loss depends on each bias");
        [sums(weight), sums(bias)]
    };
    model.layers.iter().flat_map(sums_of).collect()
}

fn largest_difference<'a>(
    ours: impl IntoIterator<Item = f64>,
    theirs: impl IntoIterator<Item = &'a f64>,
) -> f64 {
    let pairs = ours.into_iter().zip(theirs);
    // Not `f64::max`, which passes over NaN.
    let differences = pairs.map(|(ours, theirs)| (ours - theirs).abs());
    differences
        .fold(0.0, |largest, difference| if difference <= largest { largest } else { difference })
}

/// Relative to the sum of absolutes.
fn largest_difference_of_sums(ours: &[Sums], theirs: &[Sums]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let pairs = ours.iter().zip(theirs);
    pairs.map(|(ours, theirs)| largest_difference(*ours, theirs) / theirs[1]).fold(0.0, f64::max)
}

fn run(case: &Case, backend: Backend, fused: bool) -> Deviation {
    let device = backend.device().autodiff();
    let Recorded { config, losses, .. } = &case.recorded;
    let examples = examples(case);
    let mut model = model(case, &device);
    let initial_logits = logits(case, &model, &device);
    let first = &case.batches[0];
    let (pixels, labels) = tensors(case.recorded.features, first, &device);
    let first_grads = first_grads(&model, pixels, labels);

    let mut adam = Adam::new(config.lr, fused);
    let indices: Vec<u32> = (0..examples.len() as u32).collect();
    let mut our_losses = Vec::new();
    for batch in indices.chunks(config.batch_size).take(case.batches.len()) {
        let (loss, grads) = gradients(&model, &examples, batch, &device);
        model = adam.step(model, grads);
        our_losses.push(loss.into_scalar::<f32>().into());
    }
    let (pixels, labels) = tensors(case.recorded.features, &case.heldout, &device);
    our_losses.push(model.loss(pixels, labels).into_scalar::<f32>().into());

    let theirs = &case.recorded;
    Deviation {
        losses: largest_difference(our_losses, losses.iter().chain([&theirs.heldout_loss])),
        initial_logits: largest_difference(initial_logits, theirs.initial_logits.iter().flatten()),
        logits: largest_difference(logits(case, &model, &device), theirs.logits.iter().flatten()),
        first_grads: largest_difference_of_sums(&first_grads, &theirs.first_grads),
        final_sums: largest_difference_of_sums(&final_sums(&model), &theirs.final_sums),
    }
}

#[test]
fn ten_steps_from_the_same_weights_are_those_of_pytorch() {
    for case in fixtures() {
        for backend in Backend::processors() {
            // Burn's own Adam runs on every backend; ours where tensors are in memory.
            for fused in [true, false].into_iter().filter(|fused| !fused || backend.is_cpu()) {
                let deviation = run(&case, backend, fused);
                let allowed = Deviation::allowed(&case, backend, fused);
                assert!(allowed.losses < 1e-4, "the issue asks for it");
                assert!(
                    deviation.is_within(&allowed),
                    "{} on {}, fused: {fused}: {deviation:?}, allowed are {allowed:?}",
                    case.name,
                    backend.name()
                );
            }
        }
    }
}
