//! Training speed of 784-500-10 on one core, in examples per second and as a share of the core's peak
//! at multiplying f32 matrices. Run by `cargo xtask bench`.

use std::error::Error;

use burn::tensor::{Tensor, TensorData};
use burn_tune_data::Dataset;
use burn_tune_model::recorder::Probe;
use burn_tune_model::train::{TrainingSet, to_the_end, train};
use burn_tune_model::{Backend, MlpConfig};
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::{Stop, TaskHandle};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Alternated, and the median taken: single timings drift.
const ROUNDS: usize = 5;

/// `mi_option_purge_delay`, which the bindings leave out; as the program sets it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

#[expect(clippy::print_stdout, reason = "a benchmark prints its result")]
fn main() -> Result<(), Box<dyn Error>> {
    // SAFETY: a plain setting, made before any thread is started.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
    let _one_core = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build()?;
    let dataset = Dataset::mnist()?;
    let indices: Vec<u32> = (0..dataset.train.len() as u32).collect();
    let training =
        TrainingSet { examples: &dataset.train, indices: &indices, classes: dataset.classes.len() };
    let probe_indices: Vec<u32> = (0..dataset.test.len() as u32).collect();
    let probe = Probe { examples: &dataset.test, indices: &probe_indices, curves: false };
    let configs =
        [100, 600].map(|batch_size| MlpConfig { batch_size, epochs: 1, ..Default::default() });
    let (mut peaks, mut seconds) = (Vec::new(), [Vec::new(), Vec::new()]);
    for _ in 0..ROUNDS {
        peaks.push(peak_flops());
        for (config, seconds) in configs.iter().zip(&mut seconds) {
            let stop = Stop::default();
            let stopwatch = Stopwatch::start();
            let handle = TaskHandle::new(0, 0, Task::Fold(0), &stop);
            train(config, training, probe, Backend::Flex, &handle, to_the_end)?;
            seconds.push(stopwatch.elapsed_s());
        }
    }
    let peak = median(peaks);
    println!("peak of one core, f32 matrix products: {:.1} GFLOP/s", peak / 1e9);
    for (config, seconds) in configs.iter().zip(seconds) {
        let examples_per_s = indices.len() as f64 / median(seconds);
        let share = examples_per_s * config.training_flops(784, 10) as f64 / peak;
        println!(
            "784-500-10, batches of {:>3}: {examples_per_s:>7.0} examples/s, {:.0}% of the peak",
            config.batch_size,
            share * 100.0
        );
    }
    Ok(())
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
