//! Prints, as JSON, what it costs that a task is done by a process: against a thread, which does the same
//! nothing.
//!
//! ```text
//! cargo bench --profile dev -p burn-tune-worker --bench worker_overhead
//! ```
//!
//! Each number is a median. `start_us` is a first task, with the start of its process; `task_us` a task of a
//! process that runs; `report_us` a report with the pruner's answer; `curves_1_mb_us` a task that answers with
//! 250,000 numbers, made and sent.

#![expect(clippy::print_stdout, reason = "it is a program")]

#[cfg(not(unix))]
fn main() {
    println!("there are no workers on this system");
}

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    if burn_tune_worker::is_worker() {
        return Ok(burn_tune_worker::serve(|request, channel| measuring::work(&request, channel))?);
    }
    println!("{}", serde_json::to_string_pretty(&measuring::all()?)?);
    Ok(())
}

#[cfg(unix)]
mod measuring {
    use std::fs;
    use std::sync::Arc;
    use std::time::Duration;

    use burn_tune_search::clock::Stopwatch;
    use burn_tune_search::executor::{Executor, with_threads};
    use burn_tune_search::keyed_rng::Task;
    use burn_tune_search::objective::Verdict;
    use burn_tune_search::pruner::{IntermediateValue, LearningCurve, Pruner, Pruning, ReportUnit};
    use burn_tune_search::pruning::PrunerHistory;
    use burn_tune_search::{Curves, Direction, History, ParamValue, Params, Stop, TaskHandle};
    use burn_tune_worker::{Channel, NoWorkers, Request, Response, TaskScore, Workers};
    use serde_json::{Value, json};

    const REPORTS: u64 = 100;
    const NUMBERS: usize = 250_000;

    pub fn work(request: &Request, channel: &Channel) -> Response {
        let does = request.params.get("does").map(ToString::to_string).unwrap_or_default();
        let mut score = TaskScore { score: request.seed as f64, ..TaskScore::default() };
        if does == "reports" {
            let stops = (1..=REPORTS).filter(|step| channel.report(*step, 0.5) == Verdict::Stop);
            score.score = stops.count() as f64;
        }
        if does == "curves" {
            let mut curves = Curves::default();
            curves.add("loss", (0..NUMBERS).map(|step| 1.0 / (step as f32 + 1.0)).collect());
            score.curves = Some(curves);
        }
        Ok(score)
    }

    pub fn all() -> Result<Value, NoWorkers> {
        let starts =
            (0..50).map(|_| Workers::new("bench").map(|workers| task(&workers, "nothing")));
        let starts = starts.collect::<Result<Vec<f64>, NoWorkers>>()?;
        let workers = Workers::new("bench")?;
        task(&workers, "nothing");
        let repeated =
            |count: usize, does| median((0..count).map(|_| task(&workers, does)).collect());
        Ok(json!({
            "processor": processor(),
            "start_us": rounded(median(starts)),
            "task_us": rounded(repeated(5000, "nothing")),
            "thread_task_us": rounded(thread_task()),
            "report_us": rounded(repeated(50, "reports") / REPORTS as f64),
            "curves_1_mb_us": rounded(repeated(50, "curves")),
        }))
    }

    /// What a task takes, in microseconds.
    fn task(workers: &Workers, does: &str) -> f64 {
        let params = [("does".to_owned(), ParamValue::Str(does.to_owned()))];
        let params = Params::from_iter(params);
        let stop = Stop::default();
        let pruner = PrunerHistory::new(never()).pruner_of(&History::new(1), 0, 0);
        let handle = TaskHandle::new(0, 0, Task::Fold(0), &stop).with_pruner(Some(pruner));
        let stopwatch = Stopwatch::start();
        let result = workers.run(&params, 1, &handle);
        let time_us = stopwatch.elapsed_s() * 1e6;
        result.expect("a worker does a simple task");
        time_us
    }

    /// The same where a thread does it.
    fn thread_task() -> f64 {
        let stop = Stop::default();
        let work = |_, ()| TaskHandle::new(0, 0, Task::Fold(0), &stop).seed() as f64;
        with_threads(1, work, |threads| {
            let times = (0..5000).map(|_| {
                let stopwatch = Stopwatch::start();
                threads.submit(());
                threads.next(Duration::from_secs(60)).expect("it does nothing");
                stopwatch.elapsed_s() * 1e6
            });
            median(times.collect())
        })
    }

    #[derive(Debug)]
    struct Never;

    impl Pruner for Never {
        fn prunes(&self, _: usize, _: &[Arc<LearningCurve>], _: &[IntermediateValue]) -> bool {
            false
        }
    }

    fn never() -> Pruning {
        Pruning {
            pruner: Arc::new(Never),
            report_unit: ReportUnit::Steps,
            direction: Direction::Maximize,
        }
    }

    fn median(mut times: Vec<f64>) -> f64 {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    }

    fn rounded(time_us: f64) -> f64 {
        (time_us * 10.0).round() / 10.0
    }

    /// What the system calls the processor, where it says that in a file.
    fn processor() -> Option<String> {
        let text = fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    }
}
