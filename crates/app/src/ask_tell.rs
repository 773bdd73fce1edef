//! `burn-tune ask` and `burn-tune tell`: the search for programs that burn-tune does not run.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Error, Result, anyhow, bail};
use burn_tune_search::pruner::IntermediateValue;
use burn_tune_search::{Candidate, Params, TrialState};
use burn_tune_storage::ask_tell::{AskReply, Tell, TellReply};
use burn_tune_storage::{OpenMode, Storage};
use burn_tune_study::ask_tell::ToldStudy;
use burn_tune_study::open_or_create::plan_without_database;
use burn_tune_study::told_objective::ToldObjective;
use burn_tune_study::{OpenStudy, Prepared, StudyError, open_or_create};
use serde::Serialize;

use crate::about::{program_name, reader};
use crate::args::{AskOptions, TellArgs, ToldState};
use crate::commands::open_study::{StoredStudy, open, open_study};
use crate::console::{print, say, write};
use crate::errors::{failure, study_failure};
use crate::exit::WorkFailed;
use crate::source::Source;
use crate::study_request;

/// How often somebody who waits looks again.
const LOOK: Duration = Duration::from_millis(500);

/// A trial as it is given out.
#[derive(Serialize)]
struct TrialLine<'a> {
    trial: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    params: &'a Params,
}

/// Gives out the next trial.
pub fn ask(source: &Source, args: &AskOptions) -> Result<ExitCode> {
    refuse_command(source)?;
    let (mut storage, study) = open_told(source, args).map_err(source.with_line())?;
    if !study.resumed {
        say(&format!("study: {} in {}", study.record.name, storage.url()));
        study.plan.notices.iter().for_each(|notice| say(&format!("note: {notice}")));
    }
    loop {
        match study.ask(&mut storage).map_err(study_failure)? {
            AskReply::Given { number, candidate } => {
                return give_out(&mut storage, &study, number, &candidate);
            }
            AskReply::Wait if args.wait => thread::sleep(LOOK),
            AskReply::Wait => bail!(WorkFailed(waiting(&mut storage, &study)?)),
            AskReply::Over => bail!(WorkFailed(format!(
                "there is no next trial: the study `{}` was asked for {}, or has come to its end before; --trials N makes more",
                study.record.name,
                study.plan.budget(),
            ))),
        }
    }
}

fn refuse_command(source: &Source) -> Result<()> {
    let Some(file) = source.file.as_ref().filter(|file| file.command.is_some()) else {
        return Ok(());
    };
    let problem = "`ask` gives out trials to programs that are not run by burn-tune";
    let help = format!("take [objective] out, or let `{} search` run the command", program_name());
    Err(file.error_in_command(problem, &help).into())
}

/// The study that trials are asked of, which is made where it is not there.
fn open_told(source: &Source, args: &AskOptions) -> Result<(Storage, OpenStudy<ToldObjective>)> {
    let request = study_request::of_ask(source, args);
    let url = args.database.storage.parse().map_err(failure)?;
    let mut prepare = |_: &_, _: Option<&_>| -> Result<_, Error> {
        Ok(Prepared { objective: ToldObjective, notices: Vec::new() })
    };
    let planned = plan_without_database(&url, &request, reader(), &mut prepare)?;
    let mut storage = open(&args.database, OpenMode::MayCreate)?;
    let study = open_or_create(&mut storage, &request, planned, reader(), &mut prepare)?;
    Ok((storage, study))
}

/// Prints a trial for whoever asked; one that cannot be printed goes to the next who asks.
fn give_out(
    storage: &mut Storage,
    study: &OpenStudy<ToldObjective>,
    number: usize,
    candidate: &Candidate,
) -> Result<ExitCode> {
    let Candidate { name, params } = candidate;
    let line = TrialLine { trial: number, name: name.as_deref(), params };
    let line = format!("{}\n", serde_json::to_string(&line)?);
    let Err(error) = write(&line) else { return Ok(ExitCode::SUCCESS) };
    storage.give_back(&study.record, number).map_err(failure)?;
    // Also to a pipe that is closed: here nothing has reached its reader.
    bail!(WorkFailed(format!(
        "cannot write to stdout: {error}; trial {number} goes to the next who asks"
    )))
}

/// Why there is no trial for now.
fn waiting(storage: &mut Storage, study: &OpenStudy<ToldObjective>) -> Result<String> {
    let numbers: Vec<String> = study.running(storage)?.iter().map(usize::to_string).collect();
    Ok(format!(
        "there is no trial for now: {} trials of `{}` are under way ({}), and the next depends on what the first of them comes to; tell that, or wait for it with --wait",
        numbers.len(),
        study.record.name,
        numbers.join(", "),
    ))
}

/// Takes up what somebody tells of a trial.
pub fn tell(args: &TellArgs) -> Result<ExitCode> {
    let StoredStudy { mut storage, study } = open_study(&args.study)?;
    let study = ToldStudy::new(&study).map_err(not_told)?;
    let told = told(args)?;
    let reply = study.tell(&mut storage, args.trial, &told).map_err(study_failure)?;
    if let TellReply::Ended(trial) = reply
        && let TrialState::Failed { failure, .. } = &trial.state
        && args.state != Some(ToldState::Fail)
    {
        say(&format!("trial {} has failed: {}", args.trial, failure.reason));
    }
    match told {
        Tell::Step(_) => {
            let prune = study.is_hopeless(&mut storage, args.trial).map_err(study_failure)?;
            print(&format!("{{\"prune\": {prune}}}\n"))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn not_told(error: StudyError) -> Error {
    match error {
        StudyError::IsSearched { .. } => {
            anyhow!("{error}: --study names one that `{} ask` has made", program_name())
        }
        error => error.into(),
    }
}

fn told(args: &TellArgs) -> Result<Tell> {
    let value = args.value.as_deref().map(str::trim);
    let number = value.and_then(|value| value.parse::<f64>().ok());
    Ok(match (args.state, args.step, number) {
        (Some(ToldState::Fail), ..) => Tell::Failed { reason: "told to have failed".into() },
        (Some(ToldState::Pruned), ..) => Tell::Pruned,
        (None, Some(step), Some(value)) => Tell::Step(IntermediateValue { step, value }),
        (None, Some(_), None) => {
            return Err(anyhow!("--value is no number: `{}`", value.unwrap_or_default()));
        }
        (None, None, Some(value)) => Tell::Value(value),
        (None, None, None) => {
            let value = value.unwrap_or_default();
            Tell::Failed { reason: format!("the score is `{value}`, which is no number") }
        }
    })
}
