//! What goes on beside a worker's work: whether the time to end is over, whether there is nothing to do, how the
//! database fares.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use burn_tune_search::Stop;
use burn_tune_search::clock::Stopwatch;

use super::log::WorkerLog;
use super::tally::Tally;

/// How often it is looked.
const PAUSE: Duration = Duration::from_millis(100);

/// When a worker ends before its study does.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// After so long without anything to do.
    pub idle_exit: Option<Duration>,
    /// So long after it was asked to.
    pub grace: Duration,
}

/// Does `work`, with attention to all else; says what it came to, and whether it was ended because there was nothing
/// to do.
pub fn with_attention<T>(
    limits: Limits,
    stop: &Stop,
    log: &WorkerLog,
    tally: &Tally,
    work: impl FnOnce() -> T,
) -> (T, bool) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let attention = scope.spawn(|| attend(limits, stop, log, tally, &is_over));
        // Also where it panics, or nobody would ever see that.
        let over = SetWhenDropped(&is_over);
        let answer = work();
        drop(over);
        (answer, attention.join().unwrap_or(false))
    })
}

struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Whether the worker was asked to end because there was nothing to do.
fn attend(
    Limits { idle_exit, grace }: Limits,
    stop: &Stop,
    log: &WorkerLog,
    tally: &Tally,
    is_over: &AtomicBool,
) -> bool {
    let mut asked: Option<Stopwatch> = None;
    let mut was_idle = false;
    while !is_over.load(Ordering::SeqCst) {
        thread::sleep(PAUSE);
        let connections = tally.look_at_database();
        if connections > 0 {
            log.write("is connected with the database again");
        }
        let idle_for = tally.idle_for();
        if !stop.is_requested() && idle_exit.is_some_and(|limit| idle_for >= limit) {
            let time = humantime::format_duration(Duration::from_secs(idle_for.as_secs()));
            log.say(&format!("ends, since there was nothing to do for {time}"));
            was_idle = true;
            stop.request();
        }
        if stop.is_requested() {
            let asked = asked.get_or_insert_with(Stopwatch::start);
            if asked.elapsed() >= grace && !stop.is_urgent() {
                log.say("has no time left to end what runs, and abandons it");
                stop.request();
            }
        }
    }
    was_idle
}
