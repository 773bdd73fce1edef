//! `worker`: works on a study that somebody else has begun, on any machine, by what the database has of it.

mod attention;
mod log;
mod metrics;
mod reporter;
mod tally;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Error, Result, anyhow, bail};
use burn_tune_ranking::format::{count, duration_text};
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::runner::RunOptions;
use burn_tune_search::{Identity, Objective, Stop};
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageError, StorageUrl};
use burn_tune_study::active_study::LeaseOptions;
use burn_tune_study::begun::{BegunStudy, InCode};
use burn_tune_study::differences::differences_text;
use burn_tune_study::observer::Observers;
use burn_tune_study::open_or_create::Prepare;
use burn_tune_study::study_folder::StudyIdentity;
use burn_tune_study::{
    ActiveStudy, Observer, OpenStudy, Outcome, OutputFolder, StudyError, StudyFolder,
};

use self::attention::{Limits, with_attention};
use self::log::WorkerLog;
use self::metrics::MetricsServer;
use self::reporter::Reporter;
use self::tally::Tally;
use crate::about::{program_name, reader};
use crate::args::{RunArgs, WorkerArgs};
use crate::console::quoted;
use crate::errors::{study_failure, text};
use crate::exit::{INTERRUPTED, WorkFailed};
use crate::search::{Describe, check_jobs, jobs, run_options};
use crate::shown_password;

/// How often it is looked whether there is a study.
const LOOK: Duration = Duration::from_secs(1);

/// Works on the study that the arguments name, as `work` does.
pub(crate) fn worker(
    args: &WorkerArgs,
    work: impl FnOnce(Joining) -> Result<ExitCode>,
) -> Result<ExitCode> {
    let url: StorageUrl = args.storage.parse().map_err(Error::from)?;
    let log = WorkerLog::open(args.log.as_deref(), args.quiet)?;
    if let Some(warning) = shown_password::warning(&url, &args.storage) {
        log.warn(warning);
    }
    let run = args.run();
    let options = run_options(&run, jobs(&run, None, None)?, 0)?;
    let worked = find(args, &url, &options.stop, &log).and_then(|found| match found {
        Some((storage, study)) => work(Joining { args, storage, study, options, log: &log }),
        None => Ok(ExitCode::from(INTERRUPTED)),
    });
    if let Err(error) = &worked {
        log.write(&format!("error: {}", text(error)));
    }
    worked
}

/// A worker that has found its study, and not begun to work.
pub struct Joining<'a> {
    args: &'a WorkerArgs,
    storage: Storage,
    log: &'a WorkerLog,
    /// The study.
    pub study: BegunStudy,
    /// How it is going to work.
    pub options: RunOptions,
}

impl Joining<'_> {
    /// What the study has kept of what scores its trials.
    pub fn identity(&self) -> &Identity {
        &self.study.definition.identity
    }

    /// Whether nobody has said how many trials run at once.
    pub fn has_default_jobs(&self) -> bool {
        self.args.jobs.is_none() && self.args.device.is_empty()
    }

    /// How it runs, as a search does.
    pub fn run(&self) -> RunArgs {
        self.args.run()
    }

    /// Refuses to run what somebody else has written into the database, unless the user allows it.
    ///
    /// # Errors
    ///
    /// What the command is, and how to allow it.
    pub fn allow_command(&self, command: &str) -> Result<()> {
        if self.args.allow_command {
            return Ok(());
        }
        let study = &self.study.record.name;
        bail!(
            "the study `{study}` is scored by a command, which would run here with all that you may do: {command}\nwhoever can write to the database chooses it: if it is what you expect, add --allow-command"
        )
    }

    /// Why this program cannot score the trials.
    pub fn unknown_objective(&self) -> Error {
        anyhow!(
            "nothing in {} scores the trials of the study `{}`: start a worker of the program that has begun it",
            program_name(),
            self.study.record.name
        )
    }

    /// Works on the study with the objective that `prepare` makes, until there is nothing left to do.
    ///
    /// # Errors
    ///
    /// Whatever ends the program otherwise than well.
    pub fn work<O: Objective>(
        self,
        in_code: InCode,
        describe: &dyn Describe<O>,
        mut prepare: impl Prepare<O, Error>,
    ) -> Result<ExitCode> {
        let Joining { args, storage, log, study, options } = self;
        check_jobs(&args.run(), describe.fuses())?;
        let trial_timeout = study.limits.trial_timeout();
        let study = study.open(in_code, reader(), &mut prepare).map_err(as_of_a_worker)?;
        let fused = describe.fused(&study.plan, args.device.first().copied());
        let jobs = match fused {
            Some(_) => jobs(&args.run(), fused, Some(study.plan.settings()))?,
            // A program may have set its own.
            None => options.jobs,
        };
        let options = RunOptions { jobs, trial_timeout, ..options };
        let stop = options.stop.clone();
        let tally = Tally::new(storage.statistics().clone());
        let url = storage.url().to_string();
        let LeaseOptions { revive, only_watches, .. } = LeaseOptions::default();
        let (lease, retries) = (args.lease, args.retries);
        let lease = LeaseOptions { lease, retries, revive, only_watches };
        let mut active =
            ActiveStudy::join(storage, &study, reader(), options, lease).map_err(study_failure)?;
        let mut own = keep_files(args, &study, &url, describe, &mut active)?;
        let server = args.metrics.map(|address| MetricsServer::start(address, tally.registry()));
        let server = server.transpose()?;
        log.say(&format!(
            "works on the study {} in {url}, {}",
            study.record.name,
            count(jobs, "job")
        ));
        for notice in &study.plan.notices {
            log.say(&format!("note: {notice}"));
        }
        if let Some(server) = &server {
            log.say(&format!("shows counts at http://{}/metrics", server.address));
        }
        let limits = Limits { idle_exit: args.idle_exit, grace: args.grace };
        let (outcome, was_idle) = with_attention(limits, &stop, log, &tally, || {
            let mut reporter =
                Reporter::new(log, &tally, stop.clone(), study.plan.settings().folds);
            // The reporter comes last, since it may end the program.
            let mut observers: Vec<&mut dyn Observer> = Vec::new();
            if let Some(own) = &mut own {
                observers.push(own.as_mut());
            }
            observers.push(&mut reporter);
            active.run(&mut Observers(observers))
        });
        let (trials, waited) = tally.summary();
        log.say(&format!(
            "has ended {}, and has waited {} for the database",
            count(usize::try_from(trials).unwrap_or(usize::MAX), "trial"),
            duration_text(waited)
        ));
        end(&active, outcome, was_idle, log, &url)
    }
}

/// The study and its database, once they are there; `None` where the user does not want to wait any longer.
fn find(
    args: &WorkerArgs,
    url: &StorageUrl,
    stop: &Stop,
    log: &WorkerLog,
) -> Result<Option<(Storage, BegunStudy)>> {
    let since = Stopwatch::start();
    let patience = args.wait_for_study.unwrap_or_default();
    let mut has_said = false;
    loop {
        let retry_policy = RetryPolicy { limit: args.reconnect_for, stop: stop.clone() };
        let found = open(url, retry_policy, &args.study);
        match found {
            Ok((storage, study)) => {
                return refuse_other_program(&study).map(|()| Some((storage, study)));
            }
            Err(error) if is_not_there(&error) && since.elapsed() < patience => {
                if stop.is_requested() {
                    return Ok(None);
                }
                if !std::mem::replace(&mut has_said, true) {
                    log.say(&format!("waits for the study {}", args.study));
                }
                thread::sleep(LOOK);
            }
            Err(error) => return Err(as_of_a_worker(study_failure(error))),
        }
    }
}

fn open(
    url: &StorageUrl,
    retry_policy: RetryPolicy,
    study: &str,
) -> Result<(Storage, BegunStudy), StudyError> {
    let mut storage = Storage::open(url, OpenMode::MustExist, retry_policy)?;
    let study = BegunStudy::find(&mut storage, study)?;
    Ok((storage, study))
}

/// Whether it may be there a little later.
fn is_not_there(error: &StudyError) -> bool {
    matches!(
        error,
        StudyError::NoStudy { .. }
            | StudyError::Unknown { .. }
            | StudyError::Storage(StorageError::Input(_))
    )
}

fn refuse_other_program(study: &BegunStudy) -> Result<()> {
    match &study.program {
        Some(theirs) if theirs != program_name() => bail!(
            "the study `{}` was begun by the program `{theirs}`, and this is `{}`: start `{theirs} worker`",
            study.record.name,
            program_name()
        ),
        _ => Ok(()),
    }
}

/// An error in words for somebody who has no space file, and has begun nothing.
fn as_of_a_worker(error: Error) -> Error {
    match error.downcast_ref::<StudyError>() {
        Some(StudyError::Differs { study, differences }) => anyhow!(
            "this worker would come to other results than the others of the study `{study}`, because this is not as it was when that began:\n{}\nstart it where that is the same",
            differences_text(differences)
        ),
        Some(StudyError::IsForeign { study }) => anyhow!(
            "the study `{study}` was not begun by `{} search`: what scores its trials stands nowhere in the database",
            program_name()
        ),
        _ => error,
    }
}

/// Keeps what trainings leave behind, where the user wants that; answers who looks after it.
fn keep_files<'a, O: Objective>(
    args: &WorkerArgs,
    study: &'a OpenStudy<O>,
    url: &str,
    describe: &dyn Describe<O>,
    active: &mut ActiveStudy<'a, O>,
) -> Result<Option<Box<dyn Observer>>> {
    let Some(out) = &args.out else { return Ok(None) };
    let identity = StudyIdentity {
        study: study.record.name.clone(),
        storage: url.to_owned(),
        created_s: study.record.created_s(),
    };
    let folder = StudyFolder::open(OutputFolder::open(out)?, &identity)?;
    match args.keep_models.unwrap_or_else(|| describe.keep_models()) {
        0 => {}
        best => active.keep_models(folder.models(), best),
    }
    Ok(describe.begin(&study.plan, &folder))
}

/// How it ends, after `outcome`.
fn end<O: Objective>(
    active: &ActiveStudy<O>,
    Outcome { lost, failure }: Outcome,
    was_idle: bool,
    log: &WorkerLog,
    url: &str,
) -> Result<ExitCode> {
    let stop = &active.options().stop;
    if let Some(failure) = failure {
        if stop.is_requested() {
            log.warn(&format!(
                "{failure}; its trials are left to others once their leases have expired"
            ));
            return Ok(ExitCode::from(INTERRUPTED));
        }
        bail!(WorkFailed(format!(
            "{failure}\nwhat this worker had not stored is done again by others, to the same numbers"
        )));
    }
    let study = &active.study().record.name;
    if !lost.is_empty() {
        let numbers: Vec<String> = lost.iter().map(usize::to_string).collect();
        bail!(WorkFailed(format!(
            "{} of the study `{study}` lost ({}): the processes at work on it ended again and again, without a word. Is there too little memory? `search --resume --study {}` takes it up again",
            count(lost.len(), "trial"),
            numbers.join(", "),
            quoted(study)
        )));
    }
    if active.is_done()? {
        log.say(&format!(
            "the study is complete: `{} rank --study {} --storage {} --out DIR` writes its files",
            program_name(),
            quoted(study),
            quoted(&url)
        ));
        return Ok(ExitCode::SUCCESS);
    }
    match was_idle {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::from(INTERRUPTED)),
    }
}
