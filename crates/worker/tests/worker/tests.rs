//! The tests.

use std::fs::{self, File};
use std::panic::catch_unwind;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::pruner::IntermediateValue;
use burn_tune_search::runner::{FoldTask, RunOptions};
use burn_tune_search::{
    Event, FoldScore, History, Objective, ObjectiveError, Params, Stop, TaskHandle, TrialState,
};
use burn_tune_worker::{WorkerObjective, is_worker};

use crate::function::{MISBEHAVES, curves};
use crate::searching::{
    Described, FOLDER, evaluate, objective, options, params, params_with_lock, pruning, refits,
    search, search_watched, small,
};

type Test = (&'static str, fn());

/// Tests with their names.
macro_rules! named {
    ($($test:ident),* $(,)?) => { &[$((stringify!($test), $test)),*] };
}

const TESTS: &[Test] = named![
    results_are_the_same_for_one_job_and_for_four,
    what_a_task_leaves_in_statics_stays,
    curves_and_numbers_that_are_not_finite_arrive,
    a_failure_keeps_its_flags_and_the_process_goes_on,
    a_panic_fails_its_task_and_the_next_has_a_new_process,
    a_process_that_dies_fails_its_trial_alone,
    a_process_that_dies_between_two_tasks_is_replaced,
    what_never_returns_is_killed_at_the_deadline,
    who_does_not_hear_a_signal_is_killed_with_its_children,
    who_has_too_much_memory_is_killed,
    what_earlier_tasks_have_kept_fails_nobody,
    what_never_returns_is_killed_when_the_search_is_abandoned,
    much_output_is_read_and_its_end_is_kept,
    standard_input_is_empty,
    a_stop_of_the_pruner_reaches_the_function,
    reports_that_go_back_are_passed_over,
    who_reports_after_the_end_of_a_task_is_not_heard,
    the_function_is_told_all_that_it_needs,
    devices_are_given_out_in_turn,
    a_program_that_does_not_serve_is_told_to,
    workers_end_with_the_search,
    nothing_is_left_where_the_search_is_killed,
    kill_all_reaches_workers,
];

/// Far more than anything takes here: whatever waits for longer hangs.
const LONG: Duration = Duration::from_secs(60);

pub fn run() -> ExitCode {
    assert!(!is_worker());
    let names: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part));
    let mut failed = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| is_wanted(name)) {
        let is_ok = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if is_ok { "ok" } else { "FAILED" });
        failed += u32::from(!is_ok);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What each trial came to, in words.
fn ends(history: &History) -> Vec<String> {
    let end = |state: &TrialState| match state {
        TrialState::Complete { folds } => format!("{:?}", folds[0].score),
        TrialState::Pruned { folds } => format!("pruned at {:?}", folds[0].score),
        TrialState::Failed { failure, .. } => failure.reason.clone(),
        other => format!("{other:?}"),
    };
    history.trials().iter().map(|trial| end(&trial.state)).collect()
}

fn trials(does: &[&str]) -> Vec<Params> {
    does.iter().map(|does| params(does)).collect()
}

fn results_are_the_same_for_one_job_and_for_four() {
    let all = |jobs| {
        let objective = objective(3);
        let mut history = search(&objective, &trials(&["draw"; 12]), &options(jobs));
        let states = history.trials().iter().map(|trial| format!("{:?}", trial.state));
        let states: Vec<String> = states.collect();
        let refits = refits(&objective, jobs);
        let refits: Vec<String> = refits
            .iter()
            .map(|refit| format!("{} {} {:?}", refit.trial, refit.seed, refit.result))
            .collect();
        history = search(&objective, &trials(&["draw"]), &options(jobs));
        assert_eq!(history.trials().len(), 1, "the workers are still there");
        (states, refits)
    };
    let (states, refits) = all(1);
    assert_eq!((states.len(), refits.len()), (12, 4));
    assert!(states.iter().all(|state| state.starts_with("Complete")), "{states:?}");
    assert!(refits.iter().all(|refit| refit.contains("Ok")), "{refits:?}");
    let mut different = states.clone();
    different.dedup();
    assert_eq!(different.len(), 12, "each task has its seed");
    assert_eq!(all(4), (states, refits));
}

fn what_a_task_leaves_in_statics_stays() {
    let objective = objective(1);
    let counts = [1.0, 2.0, 3.0].map(|_| evaluate(&objective, "count").unwrap().score);
    assert_eq!(counts, [1.0, 2.0, 3.0]);
    let [first, second] = [0, 1].map(|_| printed(&objective, "load"));
    assert_eq!((first.as_str(), second.as_str()), ("loading\n", ""));
}

/// What a task has printed that the trial keeps.
fn printed(objective: &WorkerObjective<Described>, does: &str) -> String {
    watched(objective, does, &options(1)).1
}

/// What one trial came to, and what it has printed.
fn watched(
    objective: &WorkerObjective<Described>,
    does: &str,
    options: &RunOptions,
) -> (String, String) {
    let mut text = String::new();
    let history = search_watched(objective, &trials(&[does]), options, |event| {
        if let Event::FoldFinished { stderr, .. } = event {
            text = stderr.clone().unwrap_or_default();
        }
    });
    (ends(&history).remove(0), text)
}

fn curves_and_numbers_that_are_not_finite_arrive() {
    let score = evaluate(&objective(1), "curves").unwrap();
    let came = score.curves.unwrap();
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
    for name in ["loss", "accuracy"] {
        assert!(bits(came.get(name)) == bits(curves().get(name)), "{name}");
    }
    assert!(score.score.is_nan());
}

fn a_failure_keeps_its_flags_and_the_process_goes_on() {
    let (objective, stop) = (objective(1), Stop::default());
    let handle = TaskHandle::new(0, 0, Task::Fold(0), &stop);
    let Err(ObjectiveError::Failed { reason, flags }) =
        objective.evaluate(&params("fail"), 0, &handle)
    else {
        panic!("it fails")
    };
    assert_eq!((reason.as_str(), flags[0].id()), ("no luck", "odd"));
    assert_eq!(flags[0].advice(), "an even one may help", "as the objective knows it");
    assert_eq!(evaluate(&objective, "count").unwrap().score, 2.0);
}

fn a_panic_fails_its_task_and_the_next_has_a_new_process() {
    let objective = objective(1);
    assert_eq!(evaluate(&objective, "panic").unwrap_err(), "panic: the loss is 7");
    assert_eq!(evaluate(&objective, "count").unwrap().score, 1.0);
    let printed = printed(&objective, "panic");
    assert!(printed.contains("panicked at") && printed.contains("the loss is 0"), "{printed}");
}

fn a_process_that_dies_fails_its_trial_alone() {
    let does = ["draw", "abort", "overflow", "exit", "kill", "draw", "panic", "draw"];
    let ends = |jobs| ends(&search(&objective(1), &trials(&does), &options(jobs)));
    let one = ends(1);
    assert_eq!(one[1], "its process was killed by signal 6 (SIGABRT)");
    assert!(one[2].starts_with("its process was killed by signal"), "{}", one[2]);
    assert!(one[2].contains("thread 'main' has overflowed its stack"), "{}", one[2]);
    assert_eq!(one[3], "its process ended with status 3: no memory left");
    assert!(one[4].starts_with("its process was killed by signal 9 (SIGKILL), perhaps because"));
    assert!([0, 5, 7].iter().all(|trial| one[*trial].parse::<f64>().is_ok()), "{one:?}");
    assert_eq!(ends(4), one);
}

fn a_process_that_dies_between_two_tasks_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let lock = File::create(&path).unwrap();
    let (objective, watch) = (objective(1), Stopwatch::start());
    let history = search(&objective, &[params_with_lock("die later", &path)], &options(1));
    assert_eq!(ends(&history), ["1.0"]);
    until(&watch, || lock.try_lock().is_ok());
    // It has closed its files, and so is about to be gone.
    thread::sleep(Duration::from_millis(200));
    assert_eq!(evaluate(&objective, "count"), Ok(FoldScore { score: 1.0, ..FoldScore::default() }));
}

fn what_never_returns_is_killed_at_the_deadline() {
    let objective = objective(1);
    let limit = Some(Duration::from_millis(300));
    let watch = Stopwatch::start();
    let limited = RunOptions { trial_timeout: limit, ..options(1) };
    let (end, printed) = watched(&objective, "hang", &limited);
    assert!(watch.elapsed() < LONG);
    assert_eq!(end, "timed out: the trial took longer than 300ms");
    assert_eq!(printed, "I think\n");
    assert_eq!(evaluate(&objective, "count").unwrap().score, 1.0, "in a new process");
}

fn who_does_not_hear_a_signal_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock");
    fs::write(&lock, "").unwrap();
    let limit = Some(Duration::from_millis(500));
    let options = RunOptions { trial_timeout: limit, ..options(1) };
    let trials = [params_with_lock("ignore signals", &lock)];
    let ends = ends(&search(&objective(1), &trials, &options));
    assert_eq!(ends, ["timed out: the trial took longer than 500ms"]);
    assert!(!fs::read(&lock).unwrap().is_empty(), "it had the lock");
    let lock = File::open(&lock).unwrap();
    until(&Stopwatch::start(), || lock.try_lock().is_ok());
}

fn who_has_too_much_memory_is_killed() {
    let too_much = "its process used more than 256.0 MiB of memory";
    for (does, why) in [
        ("take memory", "and goes on"),
        ("take memory for a moment", "between two looks"),
        ("take memory in a child", "what it has started counts"),
    ] {
        let (end, printed) = watched(&small(), does, &options(1));
        assert_eq!(end, too_much, "{does}: {why}");
        assert!(printed.contains("[its process was killed when it had "), "{printed}");
    }
    let ends = ends(&search(&small(), &trials(&["draw", "take memory", "draw"]), &options(2)));
    assert_eq!(ends[1], too_much);
    assert!([&ends[0], &ends[2]].iter().all(|end| end.parse::<f64>().is_ok()), "{ends:?}");
}

/// The memory of a worker is full of what its first two tasks have kept: the third is done by another one, and begins
/// anew, also with what it reports.
fn what_earlier_tasks_have_kept_fails_nobody() {
    let history = search(&small(), &trials(&["keep memory"; 5]), &pruning(1));
    assert_eq!(ends(&history), ["pruned at 3.0"; 5]);
    assert!((0..5).all(|trial| reported(&history, trial) == [1, 2, 3]));
}

fn what_never_returns_is_killed_when_the_search_is_abandoned() {
    let (objective, stop) = (objective(1), Stop::default());
    let handle = TaskHandle::new(0, 0, Task::Fold(0), &stop);
    let watch = Stopwatch::start();
    let result = thread::scope(|scope| {
        let task = scope.spawn(|| objective.evaluate(&params("hang"), 0, &handle));
        thread::sleep(Duration::from_millis(200));
        assert!(!task.is_finished());
        stop.request();
        thread::sleep(Duration::from_millis(200));
        assert!(!task.is_finished(), "the first request lets it run");
        stop.request();
        task.join().unwrap()
    });
    assert_eq!(result, Err(ObjectiveError::Interrupted));
    assert!(watch.elapsed() < LONG);
}

fn much_output_is_read_and_its_end_is_kept() {
    let objective = objective(1);
    let text = printed(&objective, "flood");
    assert!(text.len() < 10_000 && text.ends_with("many words \nthe end\n"), "{}", text.len());
    assert_eq!(printed(&objective, "whisper"), "no newline");
    assert_eq!(printed(&objective, "count"), "");
}

fn standard_input_is_empty() {
    assert_eq!(evaluate(&objective(1), "read").unwrap().score, 0.0);
}

fn a_stop_of_the_pruner_reaches_the_function() {
    for jobs in [1, 4] {
        let does = ["report", "go on", "report", "count"];
        let history = search(&objective(1), &trials(&does), &pruning(jobs));
        let ends = ends(&history);
        assert_eq!(ends[..3], ["pruned at 3.0", "pruned at 18.0", "pruned at 3.0"]);
        assert_eq!(reported(&history, 1), [1, 2, 3], "what comes after is not looked at");
    }
    let history = search(&objective(1), &trials(&["report"]), &options(1));
    assert_eq!(ends(&history), ["20.0"], "nobody decides by it");
    assert_eq!(reported(&history, 0), (1..=20).collect::<Vec<u64>>());
}

fn reported(history: &History, trial: usize) -> Vec<u64> {
    let folds = match &history.trials()[trial].state {
        TrialState::Complete { folds } | TrialState::Pruned { folds } => folds,
        other => panic!("{other:?}"),
    };
    let steps = folds[0].intermediate_values.iter().map(|IntermediateValue { step, .. }| *step);
    steps.collect()
}

fn reports_that_go_back_are_passed_over() {
    let history = search(&objective(1), &trials(&["go back"]), &options(1));
    assert_eq!(ends(&history), ["0.0"]);
    assert_eq!(reported(&history, 0), [3, 4]);
}

fn who_reports_after_the_end_of_a_task_is_not_heard() {
    let objective = objective(1);
    let does = ["report later", "report", "report later", "report"];
    let history = search(&objective, &trials(&does), &options(1));
    assert_eq!(ends(&history), ["1.0", "20.0", "1.0", "20.0"]);
    for trial in [1, 3] {
        assert_eq!(reported(&history, trial), (1..=20).collect::<Vec<u64>>());
    }
}

fn the_function_is_told_all_that_it_needs() {
    let said = evaluate(&objective(3), "say").unwrap_err();
    let args: Vec<String> = std::env::args().collect();
    let threads = std::env::var("RAYON_NUM_THREADS").unwrap_or("1".into());
    assert!(said.starts_with(&format!("{threads} {args:?} Request")), "{said}");
    let stop = Stop::default();
    let seed = TaskHandle::new(11, 7, Task::Fold(0), &stop).seed();
    let parts = ["study: \"study\"", "trial: 7", "task: Fold(0)", "folds: 3", "worker: 0"];
    assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    assert!(said.contains(&format!("seed: {seed},")), "{said}");
}

fn devices_are_given_out_in_turn() {
    let workers = |jobs, devices: &[usize]| {
        let options = RunOptions { devices: devices.to_vec(), ..options(jobs) };
        let mut said = Vec::new();
        let history = search_watched(&objective(2), &trials(&["device"; 8]), &options, |event| {
            if let Event::FoldFinished { stderr: Some(text), .. } = event {
                said.push(text.trim().to_owned());
            }
        });
        assert_eq!(ends(&history), ["0.5"; 8]);
        said.sort();
        said.dedup();
        let devices = said.iter().map(|text| text.split_once(" on ").unwrap().1.to_owned());
        let mut devices: Vec<String> = devices.collect();
        devices.sort();
        devices
    };
    assert_eq!(workers(4, &[7, 2]), ["Some(2)", "Some(2)", "Some(7)", "Some(7)"]);
    assert_eq!(workers(3, &[0, 1]), ["Some(0)", "Some(0)", "Some(1)"]);
    assert_eq!(workers(2, &[]), ["None", "None"]);
}

fn a_program_that_does_not_serve_is_told_to() {
    let ends_of = |how: &str| {
        // SAFETY: no other thread of this program runs.
        unsafe { std::env::set_var(MISBEHAVES, how) };
        let end = evaluate(&objective(1), "count").unwrap_err();
        // SAFETY: as before.
        unsafe { std::env::remove_var(MISBEHAVES) };
        end
    };
    let told = ends_of("searches");
    assert!(told.starts_with("its process ended with status 4 before it took a task"), "{told}");
    assert!(told.ends_with("is itself a worker of a search, and must not begin one"), "{told}");
    let told = ends_of("garbage");
    assert_eq!(told, "the worker was lost: 1668247653 is not the length of a message");
}

fn workers_end_with_the_search() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let lock = File::create(&path).unwrap();
    let objective = objective(1);
    let params = params_with_lock("keep lock", &path);
    search(&objective, &[params.clone(), params.clone(), params], &options(2));
    assert!(lock.try_lock().is_err(), "they wait for another task");
    drop(objective);
    assert!(lock.try_lock().is_ok());
}

/// The lock is free once all who held it are gone.
fn nothing_is_left_where_the_search_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    File::create(&path).unwrap();
    let mut program = Command::new(std::env::current_exe().unwrap());
    let mut searching = program.env(FOLDER, folder.path()).spawn().unwrap();
    let watch = Stopwatch::start();
    until(&watch, || fs::metadata(&path).unwrap().len() == 2);
    let lock = File::open(&path).unwrap();
    assert!(lock.try_lock().is_err(), "they hold it");
    searching.kill().unwrap();
    searching.wait().unwrap();
    until(&watch, || lock.try_lock().is_ok());
}

fn kill_all_reaches_workers() {
    let (objective, stop) = (objective(1), Stop::default());
    let handle = TaskHandle::new(0, 0, Task::Fold(0), &stop);
    let task = FoldTask { trial: 0, fold: 0, config: params("hang").into(), handle };
    let result = thread::scope(|scope| {
        let task = scope.spawn(|| objective.evaluate(&task.config, task.fold, &task.handle));
        thread::sleep(Duration::from_millis(300));
        burn_tune_process::kill_all();
        task.join().unwrap()
    });
    let reason = result.unwrap_err().to_string();
    assert!(reason.starts_with("its process was killed by signal 9 (SIGKILL)"), "{reason}");
}

/// Waits for something that comes soon.
fn until(watch: &Stopwatch, is_so: impl Fn() -> bool) {
    while !is_so() {
        assert!(watch.elapsed() < LONG, "it takes too long");
        thread::sleep(Duration::from_millis(20));
    }
}
