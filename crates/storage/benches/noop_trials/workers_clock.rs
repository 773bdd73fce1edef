//! What many workers do with their time, and what they and the server take of the processors.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use burn_tune_search::clock::Stopwatch;
use serde::Serialize;

use super::Options;

#[derive(Serialize)]
pub struct MeasuredWorkers {
    trials: usize,
    workers: usize,
    sampler: &'static str,
    sleep_s: f64,
    /// From the first worker's start until there were as many results as are measured: behind that, each worker reads
    /// what all have come to.
    seconds: f64,
    trials_per_s: f64,
    /// Until the last worker knew all of it.
    seconds_to_the_end: f64,
    /// Which share of their time workers wait from the end of a trial to the begin of the next.
    wait_share: f64,
    /// Of this process's processors until the last result, a trial.
    cpu_us_per_trial: f64,
    /// Of the server's, likewise; 0 where nobody said which it is.
    server_cpu_us_per_trial: f64,
}

/// How many results are measured: those behind may be of trials that were begun when there were no more for others.
fn measured_trials(options: &Options) -> usize {
    let most_ahead = if options.sleep.is_zero() { 16 } else { 1 };
    let measured = options.trials.saturating_sub(options.workers * most_ahead);
    options.end_after.unwrap_or(measured).clamp(1, options.trials)
}

/// What the workers do with their time.
#[derive(Default)]
pub struct WorkersClock(Mutex<WorkersTimes>);

#[derive(Default)]
struct WorkersTimes {
    since: Option<Stopwatch>,
    ended: usize,
    waited_s: f64,
    worked_s: f64,
    /// The processor times of this process and the server's, at the beginning and at the end of what is measured.
    cpu_s: [(f64, f64); 2],
    last_s: f64,
}

impl WorkersClock {
    fn times(&self) -> std::sync::MutexGuard<'_, WorkersTimes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn begin(&self, options: &Options) {
        let mut times = self.times();
        times.since = Some(Stopwatch::start());
        times.cpu_s[0] = (process_cpu_s(), server_cpu_s(options));
    }

    #[expect(clippy::print_stdout, reason = "a benchmark prints its result")]
    pub fn trial_ended(&self, options: &Options) {
        let mut times = self.times();
        times.ended += 1;
        if times.ended != measured_trials(options) {
            return;
        }
        times.last_s = times.since.as_ref().map_or(0.0, Stopwatch::elapsed_s);
        times.cpu_s[1] = (process_cpu_s(), server_cpu_s(options));
        if options.end_after.is_some() {
            drop(times);
            let measured = serde_json::to_string(&self.measured(options));
            println!("{}", measured.unwrap_or_default());
            std::process::exit(0);
        }
    }

    /// A worker has waited, and then worked.
    pub fn spent(&self, waited: Option<f64>, worked: f64) {
        let mut times = self.times();
        if times.last_s > 0.0 {
            return;
        }
        times.waited_s += waited.unwrap_or(0.0);
        times.worked_s += worked;
    }

    pub fn measured(&self, options: &Options) -> MeasuredWorkers {
        let times = self.times();
        let trials = measured_trials(options) as f64;
        let per_trial = |before: f64, after: f64| (after - before) * 1e6 / trials;
        let [before, after] = times.cpu_s;
        MeasuredWorkers {
            trials: options.trials,
            workers: options.workers,
            sampler: options.sampler.name(),
            sleep_s: options.sleep.as_secs_f64(),
            seconds: times.last_s,
            trials_per_s: trials / times.last_s,
            seconds_to_the_end: times.since.as_ref().map_or(0.0, Stopwatch::elapsed_s),
            wait_share: times.waited_s / (times.waited_s + times.worked_s),
            cpu_us_per_trial: per_trial(before.0, after.0),
            server_cpu_us_per_trial: per_trial(before.1, after.1),
        }
    }
}

/// For how long the server's processes have had a processor, in seconds.
fn server_cpu_s(options: &Options) -> f64 {
    let Some(first) = options.server_pid else { return 0.0 };
    let of_server = |process: &fs::DirEntry| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let fields = stat_fields(&process.path())?;
        let parent: u32 = fields.get(1)?.parse().ok()?;
        let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<f64>().ok());
        let own = ticks(11)? + ticks(12)?;
        // Of its processes that have ended, the first one has the times.
        let ended = ticks(13)? + ticks(14)?;
        match pid == first {
            true => Some(own + ended),
            false => (parent == first).then_some(own),
        }
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| of_server(&process)).sum::<f64>() / 100.0
}

/// What Linux says of a process, behind its name.
fn stat_fields(process: &Path) -> Option<Vec<String>> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    Some(stat.rsplit(')').next()?.split_whitespace().map(str::to_owned).collect())
}

/// For how long this process has had a processor, its ended threads included, in seconds.
fn process_cpu_s() -> f64 {
    let fields = stat_fields(Path::new("/proc/self")).unwrap_or_default();
    let ticks = |field: usize| fields.get(field).and_then(|t| t.parse::<f64>().ok());
    // utime and stime, in the hundredths of a second that Linux tells them in.
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
}
