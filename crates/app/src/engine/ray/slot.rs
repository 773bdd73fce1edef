//! One of the workers that are asked for: which job it is at present, and what follows from what Ray says of that.

use std::time::Duration;

use burn_tune_search::clock::Stopwatch;

use super::jobs_api::{Job, JobStatus};

/// A worker that ends sooner than this has hardly worked.
pub const QUICK: Duration = Duration::from_secs(60);
/// So many that end so in a row are enough to see that the next one would.
pub const MOST_QUICK: usize = 3;
/// Looks in which a job is not there before it is held for forgotten.
const UNSEEN: usize = 3;
/// Exit code of a worker that was refused, as `crate::exit` has it.
const REFUSED: i64 = crate::exit::WRONG_INPUT as i64;
/// Lines of the log that are shown.
const LOG_LINES: usize = 12;

/// A place for a worker.
#[derive(Debug)]
pub struct Slot {
    number: usize,
    /// How many jobs have been made for it.
    attempt: usize,
    quick_ends: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Its next job is to be submitted.
    Due,
    Submitted {
        /// Since when it has been seen to run.
        running: Option<Stopwatch>,
        /// Looks since it was there.
        unseen: usize,
        /// Whether it was asked to end, so that its end is no news.
        is_ending: bool,
    },
    /// It takes no further job.
    Closed,
}

/// How a job has ended otherwise than well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The worker has ended with this code.
    Code(i64),
    /// Ray has lost it, with what Ray says of that.
    Lost(String),
    /// Ray has found no place for it in the time that it takes to look for one.
    NoPlace,
    /// Ray does not know it any more.
    Forgotten,
    /// Somebody has stopped it.
    Stopped,
}

/// What becomes of the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Another worker is started.
    Again,
    /// Others would end in the same way.
    GivenUp,
    /// Nobody wants another.
    Closed,
}

/// The end of a job.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub end: End,
    pub verdict: Verdict,
    pub submission_id: String,
    /// The node that it was on, if it was on any.
    pub machine: Option<String>,
    /// The last lines of its log, where there are some.
    pub log: String,
}

impl End {
    /// Whether the worker had nothing to work on, for a reason that another one would find as well.
    pub fn is_refused(&self) -> bool {
        *self == End::Code(REFUSED)
    }
}

impl Slot {
    pub fn new(number: usize) -> Self {
        Slot { number, attempt: 1, quick_ends: 0, state: State::Due }
    }

    /// The name of its present job, of those that begin with `run`.
    pub fn submission_id(&self, run: &str) -> String {
        format!("{run}-{}-{}", self.number, self.attempt)
    }

    pub fn is_due(&self) -> bool {
        matches!(self.state, State::Due)
    }

    pub fn is_submitted(&self) -> bool {
        matches!(self.state, State::Submitted { .. })
    }

    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Submitted { running: Some(_), .. })
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Its job has been taken.
    pub fn submitted(&mut self) {
        self.state = State::Submitted { running: None, unseen: 0, is_ending: false };
    }

    /// Its worker is to end, and no other is to take its place. One that does not run yet is not waited for.
    pub fn end(&mut self) {
        match &mut self.state {
            State::Submitted { running: Some(_), is_ending, .. } => *is_ending = true,
            state => *state = State::Closed,
        }
    }

    /// Takes up what Ray says of its job, if it says something.
    pub fn look(&mut self, run: &str, job: Option<&Job>) -> Option<Ended> {
        let State::Submitted { running, unseen, .. } = &mut self.state else { return None };
        let Some(job) = job else {
            *unseen += 1;
            let is_forgotten = *unseen >= UNSEEN;
            return is_forgotten
                .then(|| self.ended(run, End::Forgotten, None, String::new()))
                .flatten();
        };
        *unseen = 0;
        match job.status {
            JobStatus::Pending | JobStatus::Unknown => None,
            JobStatus::Running => {
                running.get_or_insert_with(Stopwatch::start);
                None
            }
            JobStatus::Succeeded => {
                self.state = State::Closed;
                None
            }
            JobStatus::Stopped => self.ended(run, End::Stopped, job.machine(), String::new()),
            JobStatus::Failed => {
                let (end, log) = end_and_log(job);
                self.ended(run, end, job.machine(), log)
            }
        }
    }

    /// Its job has ended; what is to be said of that.
    fn ended(
        &mut self,
        run: &str,
        end: End,
        machine: Option<String>,
        log: String,
    ) -> Option<Ended> {
        if let State::Submitted { is_ending: true, .. } = self.state {
            self.state = State::Closed;
            return None;
        }
        let submission_id = self.submission_id(run);
        let verdict = self.verdict(&end);
        self.attempt += 1;
        self.state = match verdict {
            Verdict::Again => State::Due,
            Verdict::GivenUp | Verdict::Closed => State::Closed,
        };
        Some(Ended { end, verdict, submission_id, machine, log })
    }

    fn verdict(&mut self, end: &End) -> Verdict {
        match end {
            End::Stopped => return Verdict::Closed,
            // It has not been tried, so nothing is known of it.
            End::NoPlace => return Verdict::Again,
            end if end.is_refused() => return Verdict::GivenUp,
            End::Code(_) | End::Lost(_) | End::Forgotten => {}
        }
        let has_worked = match &self.state {
            State::Submitted { running: Some(since), .. } => since.elapsed() >= QUICK,
            _ => false,
        };
        self.quick_ends = if has_worked { 0 } else { self.quick_ends + 1 };
        if self.quick_ends < MOST_QUICK { Verdict::Again } else { Verdict::GivenUp }
    }
}

/// How a failed job has ended, and the end of its log, which Ray puts behind the first line of its message.
fn end_and_log(job: &Job) -> (End, String) {
    let message = job.message.as_deref().unwrap_or_default().trim();
    let error_type = job.error_type.as_deref().unwrap_or_default();
    let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
    if let Some(code) = job.driver_exit_code {
        return (End::Code(code), last_lines(rest));
    }
    // Earlier releases have no type of error.
    if error_type.contains("START_TIMEOUT") || first.contains("failed to start within") {
        return (End::NoPlace, String::new());
    }
    match first {
        "" => (End::Lost("Ray does not say why".to_owned()), String::new()),
        first => (End::Lost(first.trim_end_matches('.').to_owned()), last_lines(rest)),
    }
}

/// The end of what a worker has written, without what Ray has written into the same log: that differs between workers that
/// have failed alike.
fn last_lines(text: &str) -> String {
    let is_of_ray = |line: &str| {
        line.starts_with("Running entrypoint for job ")
            || line.ends_with("Runtime env is setting up.")
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !is_of_ray(line));
    let lines: Vec<&str> = lines.collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
