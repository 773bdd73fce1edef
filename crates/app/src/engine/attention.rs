//! What goes on beside a search that watches: how its engine's workers are, whether any is left, and whether their user
//! wants an end.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use burn_tune_ranking::format::count;
use burn_tune_search::Stop;
use burn_tune_search::clock::Stopwatch;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::contract::{Cancel, Engine, Job, Look, Notice, Workers};
use super::failures::Failures;
use crate::progress::Voice;

/// How often it is looked whether their user wants an end.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the engine is asked while things change, and at most how seldom: a scheduler has many users.
const FIRST_LOOK: Duration = Duration::from_secs(1);
const LONGEST_LOOK: Duration = Duration::from_secs(15);
/// So long no worker is left before that is an end: the last ones may have brought the study to its own.
const NOBODY: Duration = Duration::from_secs(10);
/// What workers may take to end beyond the time that they have for it.
const ENDING: Duration = Duration::from_secs(15);

/// Workers of an engine, and how their user asks for an end.
pub struct Placed {
    pub engine: Box<dyn Engine>,
    pub workers: Workers,
    /// Each time that their user asks for an end.
    pub signals: Option<Receiver<()>>,
    /// What the engine was given, once it was.
    pub job: Option<Job>,
}

impl Placed {
    /// Has the engine start the workers.
    ///
    /// # Errors
    ///
    /// What the engine says.
    pub fn submit(&mut self) -> Result<()> {
        self.job = Some(self.engine.submit(&self.workers)?);
        Ok(())
    }

    /// What was submitted, as a sentence.
    pub fn told(&self) -> Option<String> {
        let Job { name, how_to_cancel, whereabouts } = self.job.as_ref()?;
        let workers = count(self.workers.count, "worker");
        Some(format!("{name} has {workers}{whereabouts}; Ctrl-C or `{how_to_cancel}` ends it"))
    }

    /// Has those not begin that still wait to: the study is complete.
    pub fn nothing_is_left(&mut self, voice: &Voice) {
        if let Err(error) = self.engine.cancel(Cancel::Waiting) {
            voice.say(&format!("warning: workers may still begin, and end at once: {error:#}"));
        }
    }

    /// What is said of workers that are left alone.
    pub fn go_on(&self) -> Option<String> {
        let Job { name, how_to_cancel, .. } = self.job.as_ref()?;
        Some(format!("the workers of {name} go on by themselves; `{how_to_cancel}` ends them"))
    }

    /// Watches with `watch`, which ends when `stop` is requested, with attention to the workers. Says what it came to,
    /// and, where it was ended because nobody works any more, that. `others` counts whoever is at work on the study.
    pub fn attend<T>(
        &mut self,
        voice: &Voice,
        stop: &Stop,
        others: impl FnMut() -> usize + Send,
        watch: impl FnOnce() -> T,
    ) -> (T, Option<String>) {
        let (over, ended) = bounded::<()>(0);
        thread::scope(|scope| {
            let attention = Attention {
                placed: self,
                voice,
                stop,
                others,
                failures: Failures::default(),
                look: None,
                pause: FIRST_LOOK,
                since_look: Stopwatch::start(),
                nobody: None,
                ending: None,
            };
            let attention = scope.spawn(move || attention.attend(&ended));
            let answer = watch();
            // Dropped as well where it panics.
            drop(over);
            (answer, attention.join().unwrap_or(None))
        })
    }
}

struct Attention<'a, F> {
    placed: &'a mut Placed,
    voice: &'a Voice,
    stop: &'a Stop,
    others: F,
    failures: Failures,
    /// How the workers were.
    look: Option<Look>,
    /// When the engine is asked again.
    pause: Duration,
    since_look: Stopwatch,
    /// Since when no worker is left.
    nobody: Option<Stopwatch>,
    /// Since when the user wants an end, and how often that was said.
    ending: Option<(Stopwatch, usize)>,
}

impl<F: FnMut() -> usize> Attention<'_, F> {
    /// Until `over` is closed; why the watching is to end, where nobody works.
    fn attend(mut self, over: &Receiver<()>) -> Option<String> {
        let mut abandoned = None;
        while let Err(RecvTimeoutError::Timeout) = over.recv_timeout(PAUSE) {
            let requests = self.placed.signals.iter().flat_map(Receiver::try_iter).count();
            (0..requests).for_each(|_| self.asked_to_end());
            if self.since_look.elapsed() >= self.pause {
                self.ask_engine();
            }
            match &self.ending {
                Some((since, _)) => {
                    let is_late = since.elapsed() >= self.placed.workers.grace + ENDING;
                    if is_late && !self.stop.is_requested() {
                        self.cancel(Cancel::AtOnce);
                    }
                    if is_late || self.is_nobody_left() {
                        self.stop.request();
                    }
                }
                None if abandoned.is_none() => {
                    abandoned = self.abandoned();
                    if abandoned.is_some() {
                        self.stop.request();
                    }
                }
                None => {}
            }
        }
        // Both at once: it has come to its end after all, or its user knows why it ended.
        abandoned.filter(|_| self.ending.is_none())
    }

    /// The user wants an end: at first in order, then at once. The third time ends the program where it stands.
    fn asked_to_end(&mut self) {
        let (_, requests) = self.ending.get_or_insert_with(|| (Stopwatch::start(), 0));
        *requests += 1;
        match *requests {
            1 => {
                let grace = humantime::format_duration(self.placed.workers.grace);
                self.voice.say(&format!(
                    "stopping: the workers finish what they can in {grace}; once more to abandon it"
                ));
                self.cancel(Cancel::InOrder);
                self.pause = FIRST_LOOK;
            }
            _ => {
                self.cancel(Cancel::AtOnce);
                self.stop.request();
            }
        }
    }

    fn cancel(&mut self, which: Cancel) {
        if let Err(error) = self.placed.engine.cancel(which) {
            let job = self.placed.job.as_ref();
            let remedy = job.map_or_else(String::new, |job| format!(": `{}`", job.how_to_cancel));
            self.voice.say(&format!("warning: the workers may go on{remedy}: {error:#}"));
        }
    }

    fn ask_engine(&mut self) {
        let mut look = self.placed.engine.poll();
        let mut failed = Vec::new();
        for notice in std::mem::take(&mut look.notices) {
            match notice {
                Notice::Said(text) => self.voice.say(&text),
                Notice::Failed(worker) => failed.push(worker),
            }
        }
        // Whoever wants workers to end need not be told that they do.
        if self.ending.is_none() {
            self.failures.tell(&failed).iter().for_each(|text| self.voice.say(text));
        }
        self.voice.show(&state(self.placed.job.as_ref(), &look));
        self.pause = match self.look.as_ref() == Some(&look) && self.ending.is_none() {
            true => (self.pause * 3 / 2).min(LONGEST_LOOK),
            false => FIRST_LOOK,
        };
        self.look = Some(look);
        self.since_look = Stopwatch::start();
        match self.is_nobody_left() {
            true => drop(self.nobody.get_or_insert_with(Stopwatch::start)),
            false => self.nobody = None,
        }
    }

    fn is_nobody_left(&self) -> bool {
        self.look.as_ref().is_some_and(|look| look.running + look.waiting == 0)
    }

    /// Where no worker is left, and nobody else works, that.
    fn abandoned(&mut self) -> Option<String> {
        if self.nobody.as_ref()?.elapsed() < NOBODY {
            return None;
        }
        let others = (self.others)();
        if others > 0 {
            let others = match others {
                1 => "1 other process is".to_owned(),
                others => format!("{others} other processes are"),
            };
            self.voice.show(&format!("no worker of {} is left; {others} at work", self.job_name()));
            // Asked again later.
            self.nobody = Some(Stopwatch::start());
            return None;
        }
        Some(format!(
            "all workers of {} have ended, none waits to begin, and nobody else works on the study, which is not complete; what they have said is in {}",
            self.job_name(),
            self.placed.workers.folder.display()
        ))
    }

    fn job_name(&self) -> &str {
        self.placed.job.as_ref().map_or("the engine", |job| &job.name)
    }
}

/// `job 12 of Slurm: 3 workers run, 29 wait (Priority)`.
fn state(job: Option<&Job>, Look { running, waiting, why, .. }: &Look) -> String {
    let name = job.map_or("the engine", |job| &job.name);
    let mut state = match running {
        0 => format!("{name}: no worker runs"),
        1 => format!("{name}: 1 worker runs"),
        running => format!("{name}: {running} workers run"),
    };
    if *waiting > 0 {
        let verb = if *waiting == 1 { "waits" } else { "wait" };
        state += &format!(", {waiting} {verb}");
        state += &why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
    }
    state
}
