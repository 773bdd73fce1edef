//! What a trial costs besides its training: a study of trials that do nothing, through the real loop.
//!
//! ```text
//! cargo bench --profile dev --bench noop_trials -- [--trials 10000]
//!     [--storage memory|FILE|postgresql://…|https://…] [--serve FILE] [--jobs 1] [--folds 1] [--workers 1]
//!     [--sampler random] [--window 8] [--sleep 0] [--spread 0]
//!     [--server-pid PID] [--end-after TRIALS]
//! ```
//!
//! `--serve` has a server of the file in this process, on 127.0.0.1, with the feature `http`, and goes to the file over
//! it.
//!
//! `--workers` processes share the study, each with a connection and a history of its own (here they are threads). Then,
//! and with a sampler that learns, the line has: trials a second, as long as all workers have some to begin, or until `--end-after` so many
//! results; how long all of it took, with what is read in the end, unless it was ended; which share of their time workers wait from the end of a trial to the begin of
//! the next; and processor times a trial, of this process and of the server whose first process is `--server-pid`.
//! `--sleep` is how long a trial takes on average, in seconds; with `--spread 0.2` from 0.8 to 1.2 times as long, which its
//! params decide. `bench/scale/scale.py` makes a table of that.
//!
//! The space is six floats; the objective adds them up. Printed is one line
//! of JSON: `window_us` has the mean microseconds of a trial for each tenth of the trials, or for each
//! 1,000 where there are more than 10,000, so that one can see whether the last trial costs more than the
//! first; `us_per_trial` is their median. `window_cpu_us` and `cpu_us_per_trial` are the same by the time
//! that this process had of a processor, which a loaded machine changes little; a server's is not in it.
//! Opening the database and making the study is no part of either.
//!
//! `crates/storage/tests/peers/noop_beside_optuna.py` runs this and the same with Optuna in turns.

mod workers_clock;

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::runner::{RunOptions, run};
use burn_tune_search::settings::SamplerKind;
use burn_tune_search::store::{InMemory, Store};
use burn_tune_search::suggester::Suggester;
use burn_tune_search::{
    Candidates, Direction, Event, FoldScore, History, Objective, ObjectiveError, Stop, TaskHandle,
};
use burn_tune_spec::StudyFile;
use burn_tune_storage::{
    Distribution, OpenMode, RetryPolicy, Storage, StorageUrl, StudyStore, WorkerOptions,
};
use serde::{Deserialize, Serialize};

use self::workers_clock::{MeasuredWorkers, WorkersClock};

const SPACE: &str = "
    [space]
    a = { low = 0.0, high = 1.0 }
    b = { low = 0.0, high = 1.0 }
    c = { low = 0.0, high = 1.0 }
    d = { low = 0.0, high = 1.0 }
    e = { low = 0.0, high = 1.0 }
    f = { low = 0.0, high = 1.0 }
";

/// The most trials that a mean is taken over.
const LONGEST_WINDOW: usize = 1000;

#[expect(clippy::print_stdout, reason = "a benchmark prints its result")]
fn main() -> Result<(), Box<dyn Error>> {
    // `--bench` is cargo's.
    let options =
        Options::from_arguments(env::args().skip(1).filter(|argument| argument != "--bench"))?;
    let file =
        StudyFile::parse(Path::new("noop.toml"), SPACE).map_err(|error| error.to_string())?;
    let measured = match &options.storage {
        Some(url)
            if options.workers > 1 || options.sampler.learns() || options.server_pid.is_some() =>
        {
            println!("{}", serde_json::to_string(&measure_workers(&options, &file, url)?)?);
            return Ok(());
        }
        None => measure(&options, &file, &mut InMemory::default())?,
        Some(url) => {
            let mut store = join(&options, &file, url)?;
            let measured = measure(&options, &file, &mut store)?;
            check_rows(&mut store, options.trials)?;
            measured
        }
    };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

struct Options {
    trials: usize,
    /// None keeps nothing.
    storage: Option<StorageUrl>,
    jobs: usize,
    folds: usize,
    workers: usize,
    sampler: SamplerKind,
    window: Option<usize>,
    sleep: Duration,
    spread: f64,
    /// The first process of the server.
    server_pid: Option<u32>,
    /// After so many results all ends, with the trials that are under way.
    end_after: Option<usize>,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Options {
            trials: 10_000,
            storage: None,
            jobs: 1,
            folds: 1,
            workers: 1,
            sampler: SamplerKind::Random,
            window: None,
            sleep: Duration::ZERO,
            spread: 0.0,
            server_pid: None,
            end_after: None,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} is followed by a value"))?;
            match name.as_str() {
                "--trials" => options.trials = value.parse()?,
                "--storage" if value == "memory" => options.storage = None,
                "--storage" => options.storage = Some(value.parse()?),
                #[cfg(feature = "http")]
                "--serve" => options.storage = Some(served::start(Path::new(&value))?),
                "--jobs" => options.jobs = value.parse()?,
                "--folds" => options.folds = value.parse()?,
                "--workers" => options.workers = value.parse()?,
                "--window" => options.window = Some(value.parse()?),
                "--sleep" => options.sleep = Duration::try_from_secs_f64(value.parse()?)?,
                "--spread" => options.spread = value.parse::<f64>()?.clamp(0.0, 1.0),
                "--end-after" => options.end_after = Some(value.parse()?),
                "--server-pid" => options.server_pid = Some(value.parse()?),
                "--sampler" => {
                    let known = SamplerKind::NAMES.iter().find(|(name, _)| *name == value);
                    options.sampler = known.ok_or("--sampler is none that there is")?.1;
                }
                _ => {
                    let known = "--trials, --storage, --serve, --jobs, --folds, --workers, --sampler, \
                                 --window, --sleep, --spread, --server-pid, --end-after";
                    return Err(format!("{name} is none of {known}").into());
                }
            }
        }
        if [options.trials, options.jobs, options.folds, options.workers].contains(&0) {
            return Err("--trials, --jobs, --folds and --workers are at least 1".into());
        }
        Ok(options)
    }
}

#[cfg(feature = "http")]
mod served {
    //! A server in a thread that lives as long as the process.

    use std::error::Error;
    use std::path::Path;
    use std::thread;

    use burn_tune_search::Stop;
    use burn_tune_storage::StorageUrl;
    use burn_tune_storage::http::{Page, Pages, Server, ServerOptions, Tls};

    struct NoPages;

    impl Pages for NoPages {
        fn login(&self, _again: bool) -> String {
            String::new()
        }

        fn studies(&self) -> Page {
            Page { status: 404, html: String::new() }
        }

        fn study(&self, _name: &str) -> Page {
            Page { status: 404, html: String::new() }
        }
    }

    pub fn start(file: &Path) -> Result<StorageUrl, Box<dyn Error>> {
        let mut options = ServerOptions::new(([127, 0, 0, 1], 0).into());
        options.token_file = Some(file.with_extension("token"));
        if std::env::var_os("NOOP_TRIALS_TLS").is_some() {
            options.tls = Tls::SelfMade;
        }
        let server = Server::start(file, options)?;
        let token_file = file.with_extension("token");
        let url = format!("{}?token-file={}", server.url(), token_file.display()).parse()?;
        thread::spawn(move || server.run(NoPages, &Stop::default()));
        Ok(url)
    }
}

#[derive(Serialize)]
struct Measured {
    trials: usize,
    folds: usize,
    jobs: usize,
    /// All of the loop, with the start of its threads.
    seconds: f64,
    /// The median of `window_us`.
    us_per_trial: f64,
    /// Likewise of `window_cpu_us`.
    cpu_us_per_trial: f64,
    /// How many trials each of the following means is of.
    window: usize,
    /// Microseconds a trial.
    window_us: Vec<f64>,
    /// Microseconds of a processor, a trial; 0 where the system does not say.
    window_cpu_us: Vec<f64>,
}

/// Makes a study and takes part in it, as `burn-tune search` does.
fn join(
    options: &Options,
    file: &StudyFile,
    url: &StorageUrl,
) -> Result<StudyStore, Box<dyn Error>> {
    let retry_policy = RetryPolicy { limit: Duration::from_secs(300), stop: Stop::default() };
    let mut storage = Storage::open(url, OpenMode::MayCreate, retry_policy)?;
    let study = storage.create_study_numbered("noop", &["MAXIMIZE"], &[])?;
    Ok(StudyStore::join(storage, study, worker_options(options, file))?)
}

fn worker_options(options: &Options, file: &StudyFile) -> WorkerOptions {
    let domains = file.spec.space.domains.iter();
    WorkerOptions {
        folds: options.folds,
        distributions: domains
            .map(|(name, domain)| (name.clone(), Distribution::of(domain, &[])))
            .collect(),
        report_unit: ReportUnit::Folds,
        jobs: options.jobs,
        lease: Duration::from_secs(300),
        retries: 2,
    }
}

fn measure(
    options: &Options,
    file: &StudyFile,
    store: &mut impl Store,
) -> Result<Measured, Box<dyn Error>> {
    let mut sampled = Candidates::new(&file.spec, SamplerKind::Random, options.trials, 0)?;
    let mut candidates = Vec::new();
    // Drawn when it is wanted, so that a window holds its own share of the sampling, as Optuna's do.
    // Kept, because the store may ask again for the same.
    let mut suggest = |history: &History| {
        let number = history.trials().len();
        if number == candidates.len() {
            candidates.extend(sampled.next());
        }
        candidates.get(number).cloned().into()
    };
    let run_options = RunOptions::new(options.jobs, 0);
    let mut windows = Windows::begin(options.trials, run_options.since);
    let objective = Noop { options, clock: None };
    let watch = |event: &Event, history: &History| windows.event(event, history);
    run(&objective, &mut suggest, store, &run_options, watch).store_result?;
    windows.measured(options)
}

/// Several workers, each with a connection, at one study.
fn measure_workers(
    options: &Options,
    file: &StudyFile,
    url: &StorageUrl,
) -> Result<MeasuredWorkers, Box<dyn Error>> {
    let store = join(options, file, url)?;
    let study = store.study().clone();
    let mut settings = file.spec.settings.clone();
    settings.sampler = options.sampler;
    settings.window = options.window;
    let all_are_there = Barrier::new(options.workers + 1);
    let clock = WorkersClock::default();
    let work = || -> Result<(), String> {
        let ready = || {
            let retry_policy =
                RetryPolicy { limit: Duration::from_secs(300), stop: Stop::default() };
            let storage = Storage::open(url, OpenMode::MayCreate, retry_policy)
                .map_err(|error| error.to_string())?;
            let store = StudyStore::join(storage, study.clone(), worker_options(options, file))
                .map_err(|error| error.to_string())?;
            let objectives = vec![(0, Direction::Maximize)];
            let suggester = Suggester::of(&file.spec, &settings, &[options.trials], objectives)?;
            Ok::<_, String>((store, suggester))
        };
        let ready = ready();
        all_are_there.wait();
        let (mut store, mut suggester) = ready?;
        let run_options = RunOptions {
            window: settings.effective_window().unwrap_or(1),
            ..RunOptions::new(1, 0)
        };
        let objective = Noop { options, clock: Some(&clock) };
        let watch = |event: &Event, history: &History| {
            if let Event::FoldFinished { trial, .. } = event
                && history.trials()[*trial].is_finished()
            {
                clock.trial_ended(options);
            }
        };
        let run = run(&objective, &mut suggester, &mut store, &run_options, watch);
        run.store_result.map_err(|error| error.to_string())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.workers).map(|_| scope.spawn(work)).collect();
        all_are_there.wait();
        clock.begin(options);
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a worker panicked".to_owned())?)
    })?;
    let measured = clock.measured(options);
    check_rows(&mut { store }, options.trials)?;
    Ok(measured)
}

/// When each window of trials has ended, by the clock and by this process's processors.
struct Windows {
    since: Stopwatch,
    window: usize,
    ended: usize,
    ends_s: Vec<(f64, f64)>,
}

impl Windows {
    fn begin(trials: usize, since: Stopwatch) -> Self {
        let window = (trials / 10).clamp(1, LONGEST_WINDOW);
        Windows { since, window, ended: 0, ends_s: vec![(since.elapsed_s(), cpu_s())] }
    }

    fn event(&mut self, event: &Event, history: &History) {
        if let Event::FoldFinished { trial, .. } = event
            && history.trials()[*trial].is_finished()
        {
            self.ended += 1;
            if self.ended.is_multiple_of(self.window) {
                self.ends_s.push((self.since.elapsed_s(), cpu_s()));
            }
        }
    }

    fn measured(self, options: &Options) -> Result<Measured, Box<dyn Error>> {
        let seconds = self.since.elapsed_s();
        let Windows { window, ended, ends_s, .. } = self;
        let &Options { trials, folds, jobs, .. } = options;
        if ended != trials {
            return Err(format!("{ended} trials have ended, of {trials}").into());
        }
        let mean_us = |start_s: f64, end_s: f64| (end_s - start_s) * 1e6 / window as f64;
        let (window_us, window_cpu_us): (Vec<f64>, Vec<f64>) = ends_s
            .iter()
            .zip(&ends_s[1..])
            .map(|(start, end)| (mean_us(start.0, end.0), mean_us(start.1, end.1)))
            .unzip();
        let (us_per_trial, cpu_us_per_trial) = (median(&window_us), median(&window_cpu_us));
        Ok(Measured {
            trials,
            folds,
            jobs,
            seconds,
            us_per_trial,
            cpu_us_per_trial,
            window,
            window_us,
            window_cpu_us,
        })
    }
}

/// For how long this process's threads have had a processor, in seconds, as Linux tells it.
fn cpu_s() -> f64 {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let times_ns = threads.filter_map(|thread| {
        let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<f64>().ok()
    });
    times_ns.sum::<f64>() / 1e9
}

/// A benchmark of what was not written would be worth nothing.
fn check_rows(store: &mut StudyStore, trials: usize) -> Result<(), Box<dyn Error>> {
    let study = store.study().id;
    let studies = store.storage().studies()?;
    let complete = studies.iter().find(|found| found.record.id == study);
    let complete = complete.map_or(0, |found| found.counts.complete);
    if complete != trials {
        return Err(format!("the database has {complete} complete trials, of {trials}").into());
    }
    Ok(())
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Adds numbers up, and sleeps.
struct Noop<'a> {
    options: &'a Options,
    clock: Option<&'a WorkersClock>,
}

thread_local! {
    /// When this worker's last fold ended.
    static LAST: std::cell::Cell<Option<Stopwatch>> = const { std::cell::Cell::new(None) };
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    e: f64,
    f: f64,
}

impl Objective for Noop<'_> {
    type Config = Point;

    fn folds(&self) -> usize {
        self.options.folds
    }

    fn evaluate(
        &self,
        point: &Point,
        _: usize,
        _: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        let waited_s = LAST.get().map(|last| last.elapsed_s());
        let since = Stopwatch::start();
        let Point { a, b, c, d, e, f } = point;
        let spread = self.options.spread * (2.0 * a - 1.0);
        std::thread::sleep(self.options.sleep.mul_f64(1.0 + spread));
        let score = a + b + c + d + e + f;
        if let Some(clock) = self.clock {
            clock.spent(waited_s, since.elapsed_s());
            LAST.set(Some(Stopwatch::start()));
        }
        Ok(FoldScore { score, ..FoldScore::default() })
    }
}
