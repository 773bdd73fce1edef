//! The training function: what it does, the param `does` says.

use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write};
use std::process::{Command, ExitCode};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use burn_tune_search::keyed_rng::Task;
use burn_tune_search::objective::Verdict;
use burn_tune_search::trial::Failure;
use burn_tune_search::{Curves, Flag, ParamValue};
use burn_tune_worker::{Channel, Request, Response, TaskScore};

/// The variable that has a worker do something else than to serve.
pub const MISBEHAVES: &str = "TEST_MISBEHAVES";

/// How many tasks this process has begun.
static TASKS: AtomicU64 = AtomicU64::new(0);

pub fn train(request: &Request, channel: &Channel) -> Response {
    let tasks = TASKS.fetch_add(1, Ordering::SeqCst) + 1;
    match text(request, "does").as_str() {
        "draw" => Ok(drawn(request, channel)),
        "count" => Ok(score(tasks as f64)),
        "device" => {
            let first = std::env::var("BURN_TUNE_DEVICE").ok().and_then(|n| n.parse().ok());
            assert_eq!(request.device, first, "a worker stays on its device");
            println!("worker {} on {:?}", request.worker, request.device);
            thread::sleep(Duration::from_millis(50));
            Ok(score(0.5))
        }
        "load" => Ok(score(f64::from(*data()))),
        "curves" => Ok(TaskScore { curves: Some(curves()), ..score(f64::NAN) }),
        "fail" => Err(Failure { reason: "no luck".into(), flags: vec![odd()] }),
        "report" => Ok(score(reports(channel) as f64)),
        "go on" => Ok(score(goes_on(channel) as f64)),
        "go back" => {
            let verdicts = [3, 2, 3, 1, 4].map(|step| channel.report(step, step as f64));
            assert_eq!(verdicts, [Verdict::Continue; 5]);
            Ok(score(0.0))
        }
        "keep memory" => {
            let told_to_stop = reports(channel);
            std::mem::forget(black_box(memory(100)));
            Ok(score(told_to_stop as f64))
        }
        "report later" => {
            let (channel, steps) = (channel.clone(), tasks);
            thread::spawn(move || while channel.report(steps, 0.0) == Verdict::Continue {});
            Ok(score(1.0))
        }
        "say" => {
            let environment = std::env::var("RAYON_NUM_THREADS").unwrap_or_default();
            let args: Vec<String> = std::env::args().collect();
            Err(Failure::new(format!("{environment} {args:?} {request:?}")))
        }
        other => Ok(dies(other, request)),
    }
}

/// Does what ends a process, or seems to.
fn dies(how: &str, request: &Request) -> TaskScore {
    match how {
        "panic" => panic!("the loss is {}", request.trial),
        "abort" => std::process::abort(),
        "overflow" => score(f64::from(deep(1))),
        "exit" => {
            eprintln!("no memory left");
            std::process::exit(3)
        }
        "kill" => {
            let script = format!("kill -KILL {}", std::process::id());
            let _ = Command::new("sh").args(["-c", &script]).status();
            loop_for_ever()
        }
        "hang" => {
            println!("I think");
            loop_for_ever()
        }
        "take memory" => {
            let _memory = black_box(memory(500));
            loop_for_ever()
        }
        "take memory for a moment" => score(f64::from(black_box(memory(300))[7])),
        "take memory in a child" => {
            let script = "x=$(head -c 314572800 /dev/zero | tr '\\0' x); sleep 1000";
            let _ = Command::new("sh").args(["-c", script]).status();
            loop_for_ever()
        }
        "ignore signals" => {
            let script = "trap '' TERM INT HUP; (trap '' TERM INT HUP; sleep 1000); sleep 1000";
            let file = lock(request);
            let _ = Command::new("sh").args(["-c", script]).stdin(file).status();
            loop_for_ever()
        }
        "hold lock" => holds_lock_for_ever(request),
        "keep lock" => keeps_lock(request),
        "die later" => {
            thread::spawn(|| {
                thread::sleep(Duration::from_millis(100));
                std::process::exit(5)
            });
            keeps_lock(request)
        }
        "flood" => {
            let line = "many words ".repeat(100);
            (0..10_000).for_each(|_| println!("{line}"));
            println!("the end");
            score(1.0)
        }
        "whisper" => {
            print!("no newline");
            score(1.0)
        }
        "read" => {
            let mut input = String::new();
            std::io::stdin().read_to_string(&mut input).unwrap();
            // A program that it starts is no worker, and has not got the socket either.
            let mut child = Command::new("cat");
            let output = child.output().unwrap().stdout;
            score((input.len() + output.len()) as f64)
        }
        other => panic!("what is {other}?"),
    }
}

/// What a process does that was started as a worker, and knows nothing of that.
pub fn misbehave(how: &str) -> ExitCode {
    if how == "searches" {
        let error = burn_tune_worker::Workers::new("study").unwrap_err();
        eprintln!("{error}");
        return ExitCode::from(4);
    }
    // Garbage, where messages should be.
    let socket = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned().unwrap();
    File::from(socket).write_all(b"epoch 1: loss 0.25\n").unwrap();
    loop_for_ever()
}

fn text(request: &Request, name: &str) -> String {
    request.params.get(name).map(ParamValue::to_string).unwrap_or_default()
}

fn score(score: f64) -> TaskScore {
    TaskScore { score, ..TaskScore::default() }
}

/// A score that depends on the seed alone, with all there is of the rest.
fn drawn(request: &Request, channel: &Channel) -> TaskScore {
    channel.show(1, Some(2), 0.5);
    let draw = request.seed as f64 / u64::MAX as f64;
    let class = match request.task {
        Task::Fold(fold) => fold,
        Task::Refit(seed) => 100 + seed,
    };
    let flags = if draw < 0.5 { vec![odd().about([class as i64])] } else { Vec::new() };
    TaskScore {
        extra_values: vec![draw.sqrt()],
        per_class_recall: vec![draw],
        flags,
        ..score(draw)
    }
}

pub fn odd() -> Flag {
    Flag::new("odd", "try an even one").unwrap()
}

pub fn curves() -> Curves {
    let mut curves = Curves::default();
    curves.add("loss", (0..250_000).map(|step| 1.0 / step as f32).collect());
    curves.push_probe("accuracy", 7, f32::NAN);
    curves
}

/// Loaded by the first task that wants it, and then there.
fn data() -> &'static u32 {
    static DATA: OnceLock<u32> = OnceLock::new();
    DATA.get_or_init(|| {
        println!("loading");
        42
    })
}

/// Reports until it is told to stop: how often.
fn reports(channel: &Channel) -> u64 {
    (1..=20).find(|step| channel.report(*step, *step as f64) == Verdict::Stop).unwrap_or(20)
}

/// Does not mind being told to stop: how often it was.
fn goes_on(channel: &Channel) -> usize {
    (1..=20).filter(|step| channel.report(*step, *step as f64) == Verdict::Stop).count()
}

#[expect(unconditional_recursion, reason = "it is to overflow the stack")]
fn deep(depth: u32) -> u32 {
    let frame = black_box([depth; 1000]);
    // Not the last thing that it does, or it would be a loop.
    deep(frame[depth as usize % 1000] + 1).wrapping_add(frame[7])
}

/// So many MiB, all of them used.
fn memory(mib: usize) -> Vec<u8> {
    vec![1; mib << 20]
}

/// A lock that others than the search do not get, until this process has ended.
fn lock(request: &Request) -> File {
    let file = File::options().append(true).open(text(request, "path")).unwrap();
    file.lock_shared().unwrap();
    (&file).write_all(b"x").unwrap();
    file
}

/// With a program of its own that holds the lock as well.
fn holds_lock_for_ever(request: &Request) -> ! {
    let file = lock(request);
    let mut sleep = Command::new("sleep");
    let _ = sleep.arg("1000").stdin(file.try_clone().unwrap()).status();
    loop_for_ever()
}

/// Beyond the task.
fn keeps_lock(request: &Request) -> TaskScore {
    static LOCK: OnceLock<File> = OnceLock::new();
    LOCK.get_or_init(|| lock(request));
    score(1.0)
}

fn loop_for_ever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}
