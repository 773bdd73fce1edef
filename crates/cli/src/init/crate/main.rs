//! Which small network tells two spirals apart? Put your own data and model in their place.
//!
//! ```text
//! cargo run --release -- search --trials 20
//! cargo run --release -- best
//! ```

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, activation};
use burn_tune::prelude::*;

/// What is searched: each field is a parameter, with what it may be.
#[derive(Space, Debug)]
struct Net {
    #[space(1e-3..=1e-1, log)]
    lr: f64,
    #[space(8..=64, step = 8)]
    hidden: usize,
    #[space(0.0..=0.3)]
    dropout: f64,
    #[space(100)]
    epochs: u64,
}

#[derive(Module, Debug)]
struct Model {
    layers: [Linear; 3],
    dropout: Dropout,
}

impl Model {
    fn new(net: &Net, device: &Device) -> Self {
        let sizes = [(2, net.hidden), (net.hidden, net.hidden), (net.hidden, 2)];
        Model {
            layers: sizes.map(|(inputs, outputs)| LinearConfig::new(inputs, outputs).init(device)),
            dropout: DropoutConfig::new(net.dropout).init(),
        }
    }

    /// Points `[rows, 2]` to logits `[rows, 2]`.
    fn forward(&self, points: Tensor<2>) -> Tensor<2> {
        let [first, second, last] = &self.layers;
        let x = activation::tanh(first.forward(points));
        let x = self.dropout.forward(activation::tanh(second.forward(x)));
        last.forward(x)
    }
}

/// Called for each fold of each trial: trains a new model, and says how good it is.
fn train(net: &Net, trial: &Trial) -> Result<Score> {
    let (points, labels) = spirals(600);
    let rows = trial.split(&labels)?;
    let plain = trial.device(); // its generator is seeded: dropout is repeatable
    let device = plain.clone().autodiff();
    let tensors = |rows: &[usize], device: &Device| {
        let x: Vec<f32> = rows.iter().flat_map(|&row| points[row]).collect();
        let y: Vec<i32> = rows.iter().map(|&row| labels[row]).collect();
        let x = Tensor::<1>::from_data(x.as_slice(), device).reshape([rows.len(), 2]);
        (x, Tensor::<1, Int>::from_data(y.as_slice(), device))
    };
    let (x, y) = tensors(&rows.train, &device);
    let (valid_x, valid_y) = tensors(&rows.valid, &plain);
    let mut model = Model::new(net, &device);
    let mut adam = AdamConfig::new().init();
    let mut accuracy = 0.0;
    for epoch in 1..=net.epochs {
        let logits = model.forward(x.clone());
        let loss = CrossEntropyLossConfig::new().init(&device).forward(logits, y.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = adam.step(net.lr, model, gradients);
        let predicted = model.valid().forward(valid_x.clone()).argmax(1).squeeze::<1>();
        accuracy = predicted.equal(valid_y.clone()).float().mean().into_scalar::<f32>().into();
        if trial.report(epoch, accuracy).is_stop() {
            break; // a pruner says that it is hopeless, or the user wants to stop
        }
    }
    trial.finish((model.valid(), accuracy))
}

/// Points on two spirals around each other, and the spiral of each.
fn spirals(rows: usize) -> (Vec<[f32; 2]>, Vec<i32>) {
    let point = |row: usize| {
        let (part, label) = ((row as f32 * 0.618).fract(), row % 2);
        let noise = (row as f32 * 78.233).sin() * 0.1; // the same in every run
        let angle = 9.0 * part + std::f32::consts::PI * label as f32 + noise;
        ([part * angle.cos(), part * angle.sin()], label as i32)
    };
    (0..rows).map(point).unzip()
}

fn main() -> std::process::ExitCode {
    Study::new("spirals", train).score("accuracy").folds(3).steps(|net| net.epochs).main()
}
