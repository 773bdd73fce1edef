//! Workers as jobs of a Ray cluster, through its REST API. A job is a worker and never a trial: Ray calls a job failed
//! whose node it has lost while its processes may run on, so another worker takes its place, and the database decides
//! who owns a trial.

mod access;
mod jobs_api;
mod slot;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Error, Result, anyhow};
use burn_tune_search::clock::Stopwatch;
use serde_json::{Map, Value};

use self::jobs_api::{ApiError, JobsApi, NewJob, RuntimeEnv};
use self::slot::{End, Ended, MOST_QUICK, QUICK, Slot, Verdict};
use super::contract::{Cancel, Engine, FailedWorker, Job, Look, Notice, Workers};
use crate::console::quoted;
use crate::exit::WorkFailed;

/// A dashboard that restarts is not worth a word.
const SILENCE: Duration = Duration::from_secs(30);
/// What Ray leaves a job between SIGTERM and SIGKILL, beyond what a worker needs to end in order.
const BEYOND_GRACE: Duration = Duration::from_secs(10);
/// Its variable, in seconds; without it, Ray leaves 3.
const STOP_WAIT_VARIABLE: &str = "RAY_JOB_STOP_WAIT_TIME_S";
const HOW_TO_GIVE_A_TOKEN: &str = "put it into RAY_AUTH_TOKEN or ~/.ray/auth_token, or name its file with RAY_AUTH_TOKEN_PATH, as for `ray job submit`";

/// A cluster, and the workers on it.
pub struct Ray {
    api: JobsApi,
    gpus: Option<f64>,
    /// For how long it may be silent before that is said.
    silence: Duration,
    /// Whether the nodes have the folders of this machine.
    shares_files: bool,
    placed: Option<PlacedJobs>,
}

/// The jobs that a cluster was asked for, one for each worker.
struct PlacedJobs {
    silence: Duration,
    /// All of each job but its name.
    job: NewJob,
    /// With what the names of all their jobs begin.
    run: String,
    slots: Vec<Slot>,
    /// Since when it has not answered, and whether that was said.
    silent: Option<(Stopwatch, bool)>,
    has_said_no_place: bool,
}

impl Ray {
    /// The cluster whose dashboard has the address that is given, or that the environment names, once it is sure that
    /// it is there and lets us in. Each worker has so many graphics cards for itself.
    ///
    /// # Errors
    ///
    /// Why it cannot be used, and what to do.
    pub fn find(address: Option<&str>, gpus: Option<f64>) -> Result<Self> {
        let api = JobsApi::new(access::address(address)?, access::token()?);
        Ray::at(api, gpus, SILENCE)
    }

    fn at(api: JobsApi, gpus: Option<f64>, silence: Duration) -> Result<Self> {
        let version = api.version().map_err(explained)?;
        tracing::debug!("Ray {version} at {}", api.address());
        Ok(Ray { api, gpus, silence, shares_files: true, placed: None })
    }

    /// The same, with nodes that do not have the folders of this machine.
    pub fn without_shared_files(self) -> Self {
        Ray { shares_files: false, ..self }
    }

    /// What a shell on a node is to run: the worker itself, so that it gets the signals.
    fn entrypoint(&self, workers: &Workers) -> String {
        let words: Vec<String> = workers.command.iter().map(quoted).collect();
        let worker = format!("exec {}", words.join(" "));
        match self.shares_files {
            true => format!("cd {} && {worker}", quoted(&workers.directory.display())),
            false => worker,
        }
    }

    fn job(&self, workers: &Workers) -> NewJob {
        let stop_wait = (workers.grace + BEYOND_GRACE).as_secs().to_string();
        let given = workers.environment.iter().cloned();
        let variables = given.chain([(STOP_WAIT_VARIABLE.to_owned(), stop_wait)]);
        let metadata = [("study".to_owned(), Value::from(workers.study.clone()))];
        NewJob {
            submission_id: String::new(),
            entrypoint: self.entrypoint(workers),
            entrypoint_num_cpus: workers.cpus,
            entrypoint_num_gpus: self.gpus,
            runtime_env: RuntimeEnv {
                env_vars: variables.map(|(name, value)| (name, value.into())).collect(),
            },
            metadata: Map::from_iter(metadata),
        }
    }
}

impl Engine for Ray {
    fn submit(&mut self, workers: &Workers) -> Result<Job> {
        let mut placed = PlacedJobs {
            silence: self.silence,
            job: self.job(workers),
            run: run_name(&workers.study),
            slots: (0..workers.count).map(Slot::new).collect(),
            silent: None,
            has_said_no_place: false,
        };
        let submitted = placed.submit_due(&self.api);
        if !placed.slots.iter().any(Slot::is_submitted) {
            submitted.map_err(explained)?;
        }
        let (address, run) = (self.api.address(), &placed.run);
        let job = Job {
            name: format!("Ray at {address}"),
            how_to_cancel: format!("ray job stop --address {} NAME", quoted(&address)),
            whereabouts: format!(", each a job with the NAME {run}-…"),
        };
        self.placed = Some(placed);
        Ok(job)
    }

    fn poll(&mut self) -> Look {
        match &mut self.placed {
            Some(placed) => placed.poll(&self.api),
            None => Look::default(),
        }
    }

    fn cancel(&mut self, which: Cancel) -> Result<()> {
        match &mut self.placed {
            Some(placed) => placed.cancel(&self.api, which),
            None => Ok(()),
        }
    }
}

impl PlacedJobs {
    /// Submits the next job of each place that has none. The first error ends it, and the rest stays due.
    fn submit_due(&mut self, api: &JobsApi) -> Result<(), ApiError> {
        for slot in self.slots.iter_mut().filter(|slot| slot.is_due()) {
            let submission_id = slot.submission_id(&self.run);
            api.submit(&NewJob { submission_id, ..self.job.clone() })?;
            slot.submitted();
        }
        Ok(())
    }

    fn poll(&mut self, api: &JobsApi) -> Look {
        let mut notices = Vec::new();
        let looked = self.look(api, &mut notices);
        let asked = looked.and_then(|()| self.submit_due(api));
        notices.extend(self.answered(asked, api));
        let running = self.slots.iter().filter(|slot| slot.is_running()).count();
        let open = self.slots.iter().filter(|slot| !slot.is_closed()).count();
        Look { running, waiting: open - running, why: None, notices }
    }

    /// Takes up how all workers are.
    fn look(&mut self, api: &JobsApi, notices: &mut Vec<Notice>) -> Result<(), ApiError> {
        let jobs = api.jobs()?;
        let named = jobs.iter().filter_map(|job| Some((job.submission_id.as_deref()?, job)));
        let jobs: HashMap<&str, &jobs_api::Job> = named.collect();
        for slot in &mut self.slots {
            let job = jobs.get(slot.submission_id(&self.run).as_str()).copied();
            let Some(ended) = slot.look(&self.run, job) else { continue };
            // A cluster that is full says so of each worker, every quarter of an hour.
            let is_news =
                ended.end != End::NoPlace || !std::mem::replace(&mut self.has_said_no_place, true);
            if is_news {
                notices.push(notice(ended));
            }
        }
        Ok(())
    }

    /// What is to be said of a cluster that does not answer, or answers again.
    fn answered(&mut self, asked: Result<(), ApiError>, api: &JobsApi) -> Option<Notice> {
        let Err(error) = asked else {
            let was_said = self.silent.take().is_some_and(|(_, was_said)| was_said);
            return was_said
                .then(|| Notice::Said(format!("Ray at {} answers again", api.address())));
        };
        let (since, was_said) = self.silent.get_or_insert_with(|| (Stopwatch::start(), false));
        let is_news = !*was_said && (error.is_about_token() || since.elapsed() >= self.silence);
        *was_said |= is_news;
        is_news.then(|| {
            Notice::Said(format!(
                "{error}; what runs goes on, and it is asked again{}",
                advice(&error).map_or_else(String::new, |advice| format!(": {advice}"))
            ))
        })
    }

    /// Asks all to end that are meant. One that Ray refuses to end keeps none of the others.
    fn cancel(&mut self, api: &JobsApi, which: Cancel) -> Result<()> {
        let mut failed = None;
        let is_meant = |slot: &&mut Slot| which != Cancel::Waiting || !slot.is_running();
        for slot in self.slots.iter_mut().filter(is_meant) {
            let stopped = match slot.is_submitted() {
                true => api.stop(&slot.submission_id(&self.run)),
                false => Ok(()),
            };
            match stopped {
                Ok(()) => slot.end(),
                Err(error @ ApiError::Refused { .. }) => failed = failed.or(Some(error)),
                Err(error) => return Err(explained(error)),
            }
        }
        failed.map_or(Ok(()), |error| Err(explained(error)))
    }
}

/// A name that no other search has, of letters that stand in paths and file names as they are.
fn run_name(study: &str) -> String {
    let words = study.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let study: String = words.collect::<Vec<&str>>().join("-").chars().take(40).collect();
    let now = Stopwatch::start().began(0.0).duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("burn-tune-{study}-{:x}-{:x}", now.as_millis(), std::process::id())
}

/// The end of a job, as its user reads of it.
fn notice(Ended { end, verdict, submission_id, machine, log }: Ended) -> Notice {
    let is_refused = end.is_refused();
    let how = match end {
        End::NoPlace => {
            return Notice::Said(
                "the cluster has had no place for some workers for a while: they go on waiting; `ray status` shows what is free, and fewer --jobs need fewer cores".to_owned(),
            );
        }
        End::Code(code @ ..0) => format!("killed by signal {}", -code),
        End::Code(code) => format!("exit code {code}"),
        End::Lost(reason) => reason,
        End::Forgotten => "Ray does not know it any more".to_owned(),
        End::Stopped => "somebody has stopped it".to_owned(),
    };
    let then = match verdict {
        Verdict::Again => "another one is started in its place".to_owned(),
        Verdict::Closed => "no other is started".to_owned(),
        Verdict::GivenUp if is_refused => {
            "no other is started, since it would end in the same way".to_owned()
        }
        Verdict::GivenUp => format!(
            "no other is started, since {MOST_QUICK} have ended within {} s",
            QUICK.as_secs()
        ),
    };
    let worker = submission_id;
    Notice::Failed(FailedWorker { worker, machine, state: format!("{how}, {then}"), log })
}

/// An error with what to do about it.
fn explained(error: ApiError) -> Error {
    let text = match advice(&error) {
        Some(advice) => format!("{error}: {advice}"),
        None => error.to_string(),
    };
    match error {
        ApiError::NoToken { .. } | ApiError::Unreadable { .. } => anyhow!(text),
        _ => anyhow!(WorkFailed(text)),
    }
}

fn advice(error: &ApiError) -> Option<String> {
    match error {
        ApiError::NoAnswer { .. } => Some("--ray-address or RAY_API_SERVER_ADDRESS name the dashboard of the cluster, which `ray start --head` shows; from outside of it, it may be reached through a tunnel: ssh -L 8265:localhost:8265 HEAD".to_owned()),
        ApiError::NoToken { .. } => Some(HOW_TO_GIVE_A_TOKEN.to_owned()),
        ApiError::WrongToken { .. } => Some(format!("it is not the one that the cluster was started with: {HOW_TO_GIVE_A_TOKEN}")),
        ApiError::Unreadable { .. } => Some("--ray-address names the dashboard of a cluster, such as http://HOST:8265".to_owned()),
        ApiError::Refused { .. } => None,
    }
}
