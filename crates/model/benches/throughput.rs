//! Training speed of 784-H-10 on one core, in examples per second and as a share of the core's peak at
//! multiplying f32 matrices. Run by `cargo xtask bench`; `bench/peers/training.py` reads what it prints.

use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{Tensor, TensorData};
use burn_tune::{Error, Result, Study};
use burn_tune_data::Dataset;
use burn_tune_model::recorder::Probe;
use burn_tune_model::train::{TrainingSet, to_the_end, train};
use burn_tune_model::{Backend, Lanes, MlpConfig};
use burn_tune_search::clock::Stopwatch;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
cargo xtask bench [OPTIONS]
    --batch-sizes LIST  examples of a step [default: 100,600]
    --widths LIST       units of the hidden layer [default: 500]
    --examples N        the first N of an epoch [default: 60000]
    --rounds N          alternated, and the median taken: single timings drift [default: 5]";

/// What is timed.
struct Plan {
    batch_sizes: Vec<usize>,
    widths: Vec<usize>,
    examples: usize,
    rounds: usize,
}

/// `mi_option_purge_delay`, which the bindings leave out; as the program sets it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

#[expect(clippy::print_stdout, reason = "a benchmark prints its result")]
fn main() -> Result<()> {
    let Some(plan) = Plan::parse(std::env::args().skip(1))? else {
        println!("{HELP}");
        return Ok(());
    };
    // SAFETY: a plain setting, made before any thread is started.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
    let _one_core = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build()?;
    let dataset = Arc::new(Dataset::mnist()?);
    let examples = plan.examples.min(dataset.train.len());
    let configs = plan.configs();
    let (mut peaks, mut seconds) = (Vec::new(), vec![Vec::new(); configs.len()]);
    for _ in 0..plan.rounds {
        peaks.push(peak_flops());
        for (config, seconds) in configs.iter().zip(&mut seconds) {
            seconds.push(seconds_of_an_epoch(config, &dataset, examples)?);
        }
    }
    let peak = median(peaks);
    println!("peak of one core, f32 matrix products: {:.1} GFLOP/s", peak / 1e9);
    for (config, seconds) in configs.iter().zip(seconds) {
        let examples_per_s = examples as f64 / median(seconds);
        let share = examples_per_s * config.training_flops(784, 10) as f64 / peak;
        println!(
            "784-{}-10, batches of {:>3}: {examples_per_s:>7.0} examples/s, {:.0}% of the peak",
            config.hidden_size,
            config.batch_size,
            share * 100.0
        );
    }
    Ok(())
}

impl Plan {
    /// `None` where help is asked for.
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let mut plan =
            Plan { batch_sizes: vec![100, 600], widths: vec![500], examples: 60_000, rounds: 5 };
        while let Some(arg) = args.next() {
            let mut values = || numbers(&arg, args.next());
            match arg.as_str() {
                "--batch-sizes" => plan.batch_sizes = values()?,
                "--widths" => plan.widths = values()?,
                "--examples" => plan.examples = values()?[0],
                "--rounds" => plan.rounds = values()?[0],
                // What cargo says to every benchmark.
                "--bench" => {}
                "--help" | "-h" => return Ok(None),
                _ => {
                    return Err(Error::new(format!(
                        "there is no option `{arg}`; --help lists them"
                    )));
                }
            }
        }
        Ok(Some(plan))
    }

    fn configs(&self) -> Vec<MlpConfig> {
        let config = |hidden_size, batch_size| MlpConfig {
            hidden_size,
            batch_size,
            epochs: 1,
            ..Default::default()
        };
        let of_width = |&width: &usize| {
            self.batch_sizes.iter().map(move |&batch_size| config(width, batch_size))
        };
        self.widths.iter().flat_map(of_width).collect()
    }
}

/// The value of an option: numbers above 0, with commas between them.
fn numbers(option: &str, value: Option<String>) -> Result<Vec<usize>> {
    let value = value.ok_or_else(|| Error::new(format!("{option} needs a value")))?;
    let number = |text: &str| match text.parse::<usize>() {
        Ok(0) | Err(_) => Err(Error::new(format!("{option}: `{text}` is no whole number above 0"))),
        Ok(number) => Ok(number),
    };
    value.split(',').map(number).collect()
}

/// How long a fresh model trains for one epoch of the first `examples`, on the thread of a search with one core.
fn seconds_of_an_epoch(config: &MlpConfig, dataset: &Arc<Dataset>, examples: usize) -> Result<f64> {
    let seconds = Arc::new(Mutex::new(f64::NAN));
    let (dataset, measured) = (dataset.clone(), seconds.clone());
    let study = Study::new("throughput", move |config: &MlpConfig, trial| {
        let indices = |len: usize| -> Vec<u32> { (0..len as u32).collect() };
        let (all, test) = (indices(examples), indices(dataset.test.len()));
        let classes = dataset.classes.len();
        let training = TrainingSet { examples: &dataset.train, indices: &all, classes };
        let probe = Probe { examples: &dataset.test, indices: &test, curves: false };
        let stopwatch = Stopwatch::start();
        train(config, training, probe, &Lanes::solo(Backend::Flex), trial, to_the_end)?;
        let took_s = stopwatch.elapsed_s();
        *measured.lock().unwrap_or_else(PoisonError::into_inner) = took_s;
        trial.finish(took_s)
    });
    study.jobs(1).try_first("alone", config).run(1)?;
    Ok(*seconds.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Floating-point operations a second in the best of several products of large square matrices.
fn peak_flops() -> f64 {
    const SIZE: usize = 1024;
    let device = Backend::Flex.device();
    let matrix = || {
        Tensor::<2>::from_data(TensorData::new(vec![0.5f32; SIZE * SIZE], [SIZE, SIZE]), &device)
    };
    let (a, b) = (matrix(), matrix());
    let product = || {
        let stopwatch = Stopwatch::start();
        std::hint::black_box(a.clone().matmul(b.clone()).into_data());
        2.0 * (SIZE as f64).powi(3) / stopwatch.elapsed_s()
    };
    (0..8).map(|_| product()).fold(0.0, f64::max)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
