//! The page of a search: there from the first finished trial on, written anew now and then by a thread of its own, and
//! at the end with how the search was done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use burn_tune_ranking::format::{count, duration_text};
use burn_tune_report::page::PageState;
use burn_tune_search::clock::Stopwatch;

use crate::about::program_name;

/// The page is not written more often than this.
const PAUSE: Duration = Duration::from_secs(5);
/// Nor does it take more than this share of the time.
const MOST_SHARE: f64 = 0.03;
/// How often a browser reads it again, in seconds.
const RELOAD_S: u32 = 5;

/// Writes the page while a search runs.
pub struct LivePage {
    /// Since it was last written, if it was.
    since: Option<Stopwatch>,
    cost: Duration,
    busy: Arc<AtomicBool>,
    writer: Option<JoinHandle<Duration>>,
}

impl LivePage {
    /// Nothing is written yet.
    pub fn new() -> Self {
        LivePage { since: None, cost: Duration::ZERO, busy: Arc::default(), writer: None }
    }

    /// Whether it is time to write the page again.
    pub fn is_due(&mut self) -> bool {
        if self.busy.load(Ordering::Acquire) {
            return false;
        }
        self.join();
        let pause = PAUSE.max(self.cost.div_f64(MOST_SHARE));
        self.since.as_ref().is_none_or(|since| since.elapsed() >= pause)
    }

    /// Has the page written beside the search. What goes wrong is said at the end, when it is written for good.
    pub fn write(&mut self, write: impl FnOnce() + Send + 'static) {
        self.busy.store(true, Ordering::Release);
        self.since = Some(Stopwatch::start());
        let busy = self.busy.clone();
        let work = move || {
            let since = Stopwatch::start();
            write();
            busy.store(false, Ordering::Release);
            since.elapsed()
        };
        match thread::Builder::new().name("page".into()).spawn(work) {
            Ok(writer) => self.writer = Some(writer),
            // A system that starts no thread has other worries than a page.
            Err(_) => self.busy.store(false, Ordering::Release),
        }
    }

    /// Waits for the page that is being written.
    pub fn join(&mut self) {
        if let Some(cost) = self.writer.take().and_then(|writer| writer.join().ok()) {
            self.cost = cost;
        }
    }
}

/// What the page says while the search runs.
pub fn running(ended: usize, trials: usize) -> PageState {
    PageState {
        banner: Some(format!(
            "The search is running: {ended} of {} have ended. This page reads itself again every few seconds.",
            count(trials, "trial")
        )),
        reload_s: Some(RELOAD_S),
        ..PageState::default()
    }
}

/// What the page says of a search that has not come to its end.
pub fn unfinished(ended: usize, trials: usize, resume: &str) -> PageState {
    let banner = format!(
        "The search is not finished: {ended} of {} have ended. To go on: {resume}",
        count(trials, "trial")
    );
    PageState { banner: Some(banner), ..PageState::default() }
}

/// When and how a search was done that ends now.
pub fn origin(took: Duration) -> Vec<String> {
    let now = humantime::format_rfc3339_seconds(Stopwatch::start().began(0.0)).to_string();
    let now = now.replace('T', " ").replace('Z', " UTC");
    vec![
        format!("ended {now}, after {}", duration_text(took)),
        made_by(),
        command_line(),
        processor(),
    ]
}

fn made_by() -> String {
    format!("burn-tune {}", env!("CARGO_PKG_VERSION"))
}

/// The command, as it was typed; a password in it is left out.
fn command_line() -> String {
    let hidden = |arg: String| match arg.split_once("://") {
        Some((scheme, rest)) if rest.contains('@') => {
            let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://…@{host}")
        }
        _ => arg,
    };
    let args = std::env::args().skip(1).map(hidden);
    let args: Vec<String> = args.map(|arg| crate::console::quoted(&arg)).collect();
    format!("{} {}", program_name(), args.join(" "))
}

/// Which processor, and how many of its cores.
fn processor() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, model)| model.trim());
    format!("{model}, {}", count(cores, "core"))
}
