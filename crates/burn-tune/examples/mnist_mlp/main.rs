//! A multilayer perceptron on MNIST, as `optuna_mnist_mlp.py` beside it does it with Optuna and scikit-learn: the
//! chapter "The same in Optuna" of the book shows both.
//!
//! ```text
//! cargo run --release --example mnist_mlp -- search --trials 20 --sampler tpe --pruner median
//! ```

mod mlp;

use std::process::ExitCode;
use std::sync::LazyLock;

use burn_tune::prelude::*;
use burn_tune_data::{Dataset, Examples};

use crate::mlp::Mlp;

#[derive(Space, Debug)]
struct Net {
    #[space(1e-4..=1e-1, log)]
    lr: f64,
    #[space(32..=256, step = 32)]
    hidden: usize,
    #[space([32, 64, 128])]
    batch: usize,
    #[space]
    activation: Activation,
}

#[derive(Space, Clone, Copy, Debug, PartialEq)]
enum Activation {
    Relu,
    Tanh,
}

const EPOCHS: u64 = 5;

static MNIST: LazyLock<Dataset> =
    LazyLock::new(|| Dataset::mnist().expect("it is embedded").limited(3_000));

fn train(net: &Net, trial: &Trial) -> Result<Score> {
    let mut rows = trial.split(MNIST.train.labels())?;
    let mut model = Mlp::new(net, trial.seed());
    let mut accuracy = 0.0;
    for epoch in 1..=EPOCHS {
        model.shuffle(&mut rows.train);
        for batch in rows.train.chunks(net.batch) {
            model.step(images(&MNIST.train, batch), net.lr);
        }
        accuracy = match trial.is_refit() {
            true => model.accuracy(images(&MNIST.test, &(0..MNIST.test.len()).collect::<Vec<_>>())),
            false => model.accuracy(images(&MNIST.train, &rows.valid)),
        };
        if trial.report(epoch, accuracy).is_stop() {
            break;
        }
    }
    trial.finish(accuracy)
}

fn images<'a>(examples: &'a Examples, rows: &'a [usize]) -> impl Iterator<Item = (&'a [u8], u8)> {
    rows.iter().map(|&row| (examples.pixels(row), examples.labels()[row]))
}

fn main() -> ExitCode {
    Study::new("mnist-mlp", train).score("accuracy").folds(3).refits(1, 2).main()
}
