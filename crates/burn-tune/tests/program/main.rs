//! A study as a program of its own, from the outside: this test starts itself as that program.

#[expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test without a harness")]
mod tests;

use std::fs::OpenOptions;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, thread};

use burn_tune::Purpose;
use burn_tune::prelude::*;

/// Set where this is the program, and not its test.
pub const PROGRAM: &str = "BURN_TUNE_TEST_PROGRAM";
/// The number of the trial that takes its process along.
pub const ABORT: &str = "BURN_TUNE_TEST_ABORT";
/// The number of the trial that fails after it has left its model.
pub const FAIL: &str = "BURN_TUNE_TEST_FAIL";
/// Set where a training draws from what is not its own.
pub const UNSEEDED: &str = "BURN_TUNE_TEST_UNSEEDED";
/// The number of the trial that takes 300 MiB for a moment.
pub const MEMORY: &str = "BURN_TUNE_TEST_MEMORY";
/// The number of the trial that never ends, once it has made a file `hangs`.
pub const HANG: &str = "BURN_TUNE_TEST_HANG";
/// How long each training takes before its first epoch, in milliseconds.
pub const SLOW: &str = "BURN_TUNE_TEST_SLOW";
/// How long each epoch takes, in milliseconds.
pub const SLOW_EPOCH: &str = "BURN_TUNE_TEST_SLOW_EPOCH";
/// The file in which every epoch that is trained is noted.
pub const EPOCHS: &str = "BURN_TUNE_TEST_EPOCHS";

/// Set where the program is one whose space was changed.
pub const CHANGED: &str = "BURN_TUNE_TEST_CHANGED";

#[derive(Space, Debug)]
struct Net {
    /// The learning rate of Adam.
    #[space(1e-4..=1e-1, log)]
    lr: f64,
    #[space(16..=64, step = 16)]
    hidden: usize,
    #[space]
    activation: Activation,
    #[space(0.0..=0.5, when(activation = Activation::Relu))]
    dropout: Option<f64>,
}

#[derive(Space, Clone, Copy, Debug, PartialEq)]
enum Activation {
    Relu,
    Gelu,
}

/// The same after a change: a field is called otherwise, one is narrower, one has other choices, one is new.
#[derive(Space, Debug)]
struct ChangedNet {
    #[space(1e-4..=1e-1, log)]
    rate: f64,
    #[space(16..=32, step = 16)]
    hidden: usize,
    #[space]
    activation: ChangedActivation,
    #[space(0.0..=0.5, when(activation = [ChangedActivation::Relu, ChangedActivation::Tanh]))]
    dropout: Option<f64>,
    #[space(2)]
    depth: usize,
}

#[derive(Space, Clone, Copy, Debug, PartialEq)]
enum ChangedActivation {
    Relu,
    Tanh,
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// What comes of an epoch hangs on all before it.
fn epoch_of(trial: &Trial, epoch: u64, sum: f64) -> Result<f64> {
    if let Some(path) = env::var_os(EPOCHS) {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let task = if trial.is_refit() { "refit" } else { "fold" };
        let seed = trial.seed();
        let (process, number, fold) = (std::process::id(), trial.number(), trial.fold());
        // At once, since several processes write to it.
        file.write_all(format!("{process} {number} {task} {fold} {seed} {epoch}\n").as_bytes())?;
    }
    thread::sleep(Duration::from_millis(number(SLOW_EPOCH).unwrap_or(0)));
    Ok(0.7 * sum + (trial.seed_of(epoch) % 1_000) as f64)
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "what a user's training prints")]
fn train(net: &Net, trial: &Trial) -> Result<Score> {
    thread::sleep(Duration::from_millis(number(SLOW).unwrap_or(0)));
    if number(ABORT) == Some(trial.number() as u64) {
        eprintln!("the driver is gone");
        std::process::abort();
    }
    if number(HANG) == Some(trial.number() as u64) {
        std::fs::write("hangs", "")?;
        loop {
            thread::sleep(Duration::from_secs(1));
        }
    }
    if number(MEMORY) == Some(trial.number() as u64) {
        std::hint::black_box(vec![1u8; 300 << 20]);
    }
    if let Some(device) = trial.device_index() {
        println!("computes on device {device}");
    }
    if let Ok(backend) = env::var("BURN_DEVICE") {
        println!("computes on the backend {backend}");
    }
    println!("what a training prints is nobody's result");
    let luck = (trial.seed() % 1_000) as f64 / 1e5;
    let drawn: u32 = trial.rng_key(Purpose::Shuffle).iter().map(|byte| u32::from(*byte)).sum();
    let luck = luck + f64::from(drawn) / 1e8;
    let luck = if number(UNSEEDED).is_some() { f64::from(std::process::id()) / 1e9 } else { luck };
    let score = 1.0 - (net.lr - 0.01).abs() - net.dropout.unwrap_or(0.1) / net.hidden as f64 + luck;
    let restored: Option<(u64, f64)> = trial.restore_value()?;
    let (done, mut sum) = restored.unwrap_or((0, 0.0));
    for epoch in done + 1..=4 {
        sum = epoch_of(trial, epoch, sum)?;
        trial.curve("loss", epoch, -sum);
        if trial.report(epoch, score * epoch as f64 / 4.0 + sum / 1e6).is_stop() {
            break;
        }
        trial.checkpoint_value(epoch, &sum)?;
    }
    let score = score + sum / 1e6;
    trial.metric("hidden", net.hidden as f64);
    std::fs::write(trial.dir()?.join("model.txt"), score.to_string())?;
    if number(FAIL) == Some(trial.number() as u64) {
        return Err(Error::new("out of luck"));
    }
    if net.activation == Activation::Gelu {
        trial.flag("slow_start", "try a larger learning rate");
    }
    trial.finish(score)
}

fn main() -> ExitCode {
    if env::var_os(PROGRAM).is_none() {
        return tests::run();
    }
    if env::var_os(CHANGED).is_some() {
        let study = Study::new("net", |net: &ChangedNet, trial: &Trial| trial.finish(net.rate));
        return study.score("accuracy").folds(2).refits(2, 2).steps(|_| 4).keep_models(2).main();
    }
    Study::new("net", train)
        .about("A net of no use")
        .score("accuracy")
        .offers("hidden", Direction::Minimize)
        .folds(2)
        .refits(2, 2)
        .steps(|_| 4)
        .keep_models(2)
        .main()
}
