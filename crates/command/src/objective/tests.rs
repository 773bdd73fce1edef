//! Small programs of the shell, run as trials.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::objective::Deadline;
use burn_tune_search::{ParamValue, Stop};

use super::*;

fn settings(words: &[&str], directory: &str) -> CommandSettings {
    let word = |word: &&str| (*word).to_owned().try_into().unwrap();
    CommandSettings {
        command: words.iter().map(word).collect(),
        metric: "score".into(),
        directory: (!directory.is_empty()).then(|| PathBuf::from(directory)),
    }
}

fn objective(script: &str, directory: &str) -> Result<CommandObjective, Unusable> {
    // Braces stand for params.
    let script = script.replace('{', "{{").replace('}', "}}");
    CommandObjective::new(settings(&["sh", "-c", &script], directory))
}

fn handle(stop: &Stop) -> TaskHandle<'_> {
    TaskHandle::new(3, 7, Task::Fold(0), stop)
}

fn params() -> Params {
    Params::from_iter([("lr".to_owned(), ParamValue::Float(0.5))])
}

fn run(script: &str) -> Result<f64, String> {
    let stop = Stop::default();
    let score = objective(script, "").unwrap().evaluate(&params(), 0, &handle(&stop));
    score.map(|score| score.score).map_err(|error| error.to_string())
}

#[test]
fn the_last_line_is_the_score() {
    assert_eq!(run("echo 1; echo 0.25; echo"), Ok(0.25));
    assert_eq!(run("printf 'epoch 1\\n0.5'"), Ok(0.5), "without a newline");
    assert_eq!(run(r#"echo '{"step": 1, "value": 2}'; echo '{"value": 3}'"#), Ok(3.0));
    assert!(run("echo 0.5; echo done").unwrap_err().contains("`done`"));
    assert!(run("true").unwrap_err().contains("printed nothing"));
}

#[test]
fn params_trial_and_seed_are_in_the_environment() {
    let seen = |name: &str| run(&format!("echo \"${name}\" > /dev/stderr; exit 1")).unwrap_err();
    assert_eq!(seen("BURN_TUNE_PARAM_lr"), "it ended with status 1: 0.5");
    assert_eq!(seen("BURN_TUNE_PARAMS"), r#"it ended with status 1: {"lr":0.5}"#);
    assert_eq!(seen("BURN_TUNE_TRIAL"), "it ended with status 1: 7");
    assert_eq!(seen("BURN_TUNE_DEVICE"), "it ended with status 1");
    let script = r#"echo "$BURN_TUNE_DEVICE""#;
    let stop = Stop::default();
    let on_device = handle(&stop).with_device(Some(3));
    let score = objective(script, "").unwrap().evaluate(&params(), 0, &on_device);
    assert_eq!(score.unwrap().score, 3.0);
    let seed = handle(&stop).program_seed();
    assert_eq!(seen("BURN_TUNE_SEED"), format!("it ended with status 1: {seed}"));
}

#[test]
fn a_program_that_fails_says_why() {
    assert_eq!(run("echo 0.9; exit 3"), Err("it ended with status 3".into()));
    let killed = run("kill -9 $$").unwrap_err();
    assert!(
        killed.starts_with("it was killed by signal 9 (SIGKILL), perhaps because memory ran out")
    );
    assert_eq!(run("echo no >&2; echo 0.5"), Ok(0.5), "to complain is not to fail");
}

#[test]
fn much_output_of_both_kinds_blocks_nobody() {
    let flood = "i=0; while [ $i -lt 40000 ]; do echo some output; echo some complaint >&2; i=$((i+1)); done; echo 0.75";
    assert_eq!(run(flood), Ok(0.75));
}

#[test]
fn nothing_that_it_has_started_is_left_or_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let since = Stopwatch::start();
    assert_eq!(run(&format!("sleep 100 & echo $! > {}; echo 0.5", pid.display())), Ok(0.5));
    assert!(since.elapsed() < Duration::from_secs(20));
    assert_gone(&pid);
}

#[test]
fn a_time_out_kills_the_whole_group_even_where_it_does_not_listen() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!(
        "trap '' TERM; (trap '' TERM; while true; do sleep 1; done) & echo $! > {}; echo begun >&2; while true; do sleep 1; done",
        pid.display()
    );
    let stop = Stop::default();
    let deadline = Deadline { since: Stopwatch::start(), limit: Duration::from_millis(500) };
    let handle = handle(&stop).with_deadline(Some(deadline));
    let error = objective(&script, "").unwrap().evaluate(&params(), 0, &handle).unwrap_err();
    assert!(error.to_string().starts_with("timed out"), "{error}");
    assert_gone(&pid);
}

/// What a trial with 32 MiB came to.
fn run_small(script: &str) -> Result<f64, String> {
    let stop = Stop::default();
    let objective = objective(script, "").unwrap().memory_limit(Some(32 << 20));
    let score = objective.evaluate(&params(), 0, &handle(&stop));
    score.map(|score| score.score).map_err(|error| error.to_string())
}

#[test]
fn a_program_that_takes_too_much_memory_is_killed_with_all_of_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let greedy = format!(
        "sh -c 'echo $$ > {}; x=$(head -c 67108864 /dev/zero | tr \"\\0\" x); sleep 100'; echo 1",
        pid.display()
    );
    assert_eq!(run_small(&greedy), Err("it used more than 32.0 MiB of memory".into()));
    assert_gone(&pid);
    assert_eq!(run_small("sleep 0.3; echo 0.5"), Ok(0.5));
}

#[test]
fn whoever_wants_to_stop_at_once_is_heard() {
    let stop = Stop::default();
    let asks = stop.clone();
    let asking = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        asks.request();
        asks.request();
    });
    let since = Stopwatch::start();
    // An endless flood of output must not keep it from looking.
    let ended = objective("while true; do echo 0.5; done", "").unwrap().evaluate(
        &params(),
        0,
        &handle(&stop),
    );
    assert_eq!(ended, Err(ObjectiveError::Interrupted));
    assert!(since.elapsed() < Duration::from_secs(20));
    asking.join().unwrap();
}

#[test]
fn what_is_ended_together_with_the_search_is_no_failure() {
    let stop = Stop::default();
    let evaluate = |script: &str| {
        objective(script, "").unwrap().evaluate(&params(), 0, &handle(&stop)).map(drop)
    };
    let killed = "it was killed by signal 15 (SIGTERM)";
    assert_eq!(evaluate("kill $$").map_err(|error| error.to_string()), Err(killed.to_owned()));
    // The search hears of it somewhat later.
    let asks = stop.clone();
    let asking = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        asks.request();
    });
    assert_eq!(evaluate("kill $$"), Err(ObjectiveError::Interrupted));
    asking.join().unwrap();
    assert_eq!(evaluate("exit 3"), Err(ObjectiveError::Interrupted));
    assert_eq!(evaluate("echo 0.5"), Ok(()));
}

#[test]
fn what_cannot_run_is_refused_before_the_first_trial() {
    let named = |program: &str| {
        let words: Vec<&str> = program.split(' ').collect();
        CommandObjective::new(settings(&words, "")).map(drop).map_err(|error| error.problem)
    };
    assert_eq!(named("pyhton3 train.py"), Err("there is no program `pyhton3`".into()));
    assert_eq!(named("./train.sh"), Err("there is no program `./train.sh`".into()));
    assert_eq!(named("/bin/sh"), Ok(()));
    assert_eq!(named("{lr}"), Ok(()), "each trial has its own");
    let error = objective("true", "nowhere").unwrap_err();
    assert_eq!(error.problem, "there is no folder nowhere");
}

#[test]
fn it_runs_where_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("value"), "0.125\n").unwrap();
    let more = folder.path().display().to_string();
    let stop = Stop::default();
    let score = objective("cat value", &more).unwrap().evaluate(&params(), 0, &handle(&stop));
    assert_eq!(score.unwrap().score, 0.125);
}

/// The kill is on its way: the process is gone soon, or a zombie that its new parent has yet to bury.
fn assert_gone(pid_file: &Path) {
    let pid = fs::read_to_string(pid_file).unwrap();
    let stat = Path::new("/proc").join(pid.trim()).join("stat");
    let since = Stopwatch::start();
    while since.elapsed() < Duration::from_secs(10) {
        match fs::read_to_string(&stat) {
            Ok(text) if !text.contains(") Z ") => thread::sleep(Duration::from_millis(20)),
            _ => return,
        }
    }
    panic!("process {pid} survives");
}
