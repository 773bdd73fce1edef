//! `burn-tune ask` and `burn-tune tell`: the search for programs that burn-tune does not run.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use burn_tune_search::pruner::IntermediateValue;
use burn_tune_search::pruning::PrunerHistory;
use burn_tune_search::suggester::Suggest;
use burn_tune_search::trial::StoredTrial;
use burn_tune_search::{Candidate, Event, History, Params, TrialState};
use burn_tune_storage::ask_tell::{AskReply, FOLDS, Tell, TellReply, intermediate_values_of};
use burn_tune_storage::attributes::FINISHED;
use burn_tune_storage::{OpenMode, Storage, StudyRecord, TrialRecord};
use serde::Serialize;

use crate::WorkFailed;
use crate::args::{AskArgs, TellArgs, ToldState};
use crate::commands::open_study::{OpenStudy, failure, open, open_study};
use crate::console::{print, say, write};
use crate::search::{Chosen, Definition, choose, distributions, plan_before_there_is_a_database};
use crate::space_file;
use crate::study_state::StudyState;

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
pub fn ask(args: &AskArgs) -> Result<ExitCode> {
    let found = space_file::find(&args.space)?;
    if found.file.command.is_some() {
        return Err(found
            .file
            .error_in_command(
                "`ask` gives out trials to programs that are not run by burn-tune",
                "take [objective] out, or let `burn-tune search` run the command",
            )
            .into());
    }
    let name = args.study.clone().unwrap_or_else(|| found.file.spec.settings.name.clone());
    let search = args.as_search(name);
    let url = args.database.storage.parse().map_err(failure)?;
    let planned = plan_before_there_is_a_database(&url, &found, &search)?;
    let mut storage = open(&args.database, OpenMode::MayCreate)?;
    let chosen = choose(&mut storage, found, planned, &search)?;
    if !chosen.resumed {
        say(&format!("study: {} in {}", chosen.record.name, storage.url()));
        chosen.plan.notices.iter().for_each(|notice| say(&format!("note: {notice}")));
    }
    // What is wrong with the pruner is said before anybody works for it.
    chosen.plan.pruning()?;
    loop {
        match next(&mut storage, &chosen)? {
            AskReply::Given { number, candidate: Candidate { name, params } } => {
                let line = TrialLine { trial: number, name: name.as_deref(), params: &params };
                let line = format!("{}\n", serde_json::to_string(&line)?);
                return match write(&line) {
                    Ok(()) => Ok(ExitCode::SUCCESS),
                    Err(error) => {
                        storage.give_back(&chosen.record, number).map_err(failure)?;
                        // Also to a pipe that is closed: here nothing has reached its reader.
                        Err(WorkFailed(format!(
                            "cannot write to stdout: {error}; trial {number} goes to the next who asks"
                        ))
                        .into())
                    }
                };
            }
            AskReply::Wait if args.wait => thread::sleep(LOOK),
            AskReply::Wait => bail!(WorkFailed(waiting(&mut storage, &chosen)?)),
            AskReply::Over => bail!(WorkFailed(format!(
                "there is no next trial: the study `{}` was asked for {}, or has come to its end before; --trials N makes more",
                chosen.record.name,
                chosen.plan.budget(),
            ))),
        }
    }
}

fn next(storage: &mut Storage, chosen: &Chosen) -> Result<AskReply> {
    let distributions = distributions(&chosen.plan.file);
    let mut suggester = chosen.plan.suggester()?;
    let suggest = &mut |trials: &[StoredTrial]| suggester.suggest(&history(trials));
    storage.ask(&chosen.record, &distributions, suggest).map_err(failure)
}

fn history(trials: &[StoredTrial]) -> History {
    let mut history = History::new(FOLDS);
    for found in trials {
        // Trials of a database are numbered without gaps; behind one, nothing is known.
        if history.apply(&Event::TrialFound { found: found.clone() }).is_err() {
            break;
        }
    }
    history
}

/// Why there is no trial for now.
fn waiting(storage: &mut Storage, chosen: &Chosen) -> Result<String> {
    let state = StudyState::read(storage, &chosen.record, FOLDS, &[])?;
    let running =
        |trial: &&burn_tune_search::Trial| matches!(trial.state, TrialState::Running { .. });
    let numbers: Vec<String> = state
        .history
        .trials()
        .iter()
        .filter(running)
        .map(|trial| trial.number.to_string())
        .collect();
    Ok(format!(
        "there is no trial for now: {} trials of `{}` are under way ({}), and the next depends on what the first of them comes to; tell that, or wait for it with --wait",
        numbers.len(),
        chosen.record.name,
        numbers.join(", "),
    ))
}

/// Takes up what somebody tells of a trial.
pub fn tell(args: &TellArgs) -> Result<ExitCode> {
    let OpenStudy { mut storage, study } = open_study(&args.study)?;
    let definition = told_study(&study)?;
    let told = told(args)?;
    let heard = storage.tell(&study, args.trial, &told).map_err(failure)?;
    if matches!(heard, TellReply::Ended(_)) {
        finish(&mut storage, &study)?;
    }
    if let TellReply::Ended(trial) = heard
        && let TrialState::Failed { failure, .. } = &trial.state
        && args.state != Some(ToldState::Fail)
    {
        say(&format!("trial {} has failed: {}", args.trial, failure.reason));
    }
    match told {
        Tell::Step(_) => {
            let prune = is_hopeless(&mut storage, &study, &definition, args.trial)?;
            print(&format!("{{\"prune\": {prune}}}\n"))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Notes that a study has come to its end, once all trials that it was asked for have.
fn finish(storage: &mut Storage, study: &StudyRecord) -> Result<()> {
    let budget = study.budget().unwrap_or(0);
    let trials = storage.trials(study).map_err(failure)?;
    let ended = |trial: &TrialRecord| trial.state.has_ended();
    if trials.len() >= budget && trials.iter().all(ended) {
        storage.set_study_attribute(study.id, FINISHED, &budget.to_string()).map_err(failure)?;
    }
    Ok(())
}

/// Refuses the studies whose trials nobody gives out.
fn told_study(study: &StudyRecord) -> Result<Definition> {
    let name = &study.name;
    match Definition::read(study)? {
        Some(definition) if definition.settings.work.is_told() => Ok(definition),
        Some(_) => bail!(
            "the study `{name}` is a search's, and its trials are its own: --study names one that `burn-tune ask` has made"
        ),
        None => bail!(
            "the study `{name}` is another program's: --study names one that `burn-tune ask` has made"
        ),
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

/// Whether the study's pruner would stop a trial that has come so far. It sees the trials that had ended by
/// number when this one was given out, as in a search.
fn is_hopeless(
    storage: &mut Storage,
    study: &StudyRecord,
    definition: &Definition,
    number: usize,
) -> Result<bool> {
    let Some(pruning) = definition.pruning_of(None)? else { return Ok(false) };
    let window = definition.settings.study.effective_window().unwrap_or(1);
    let Some(record) = storage.trial(study, number).map_err(failure)? else { return Ok(false) };
    let history = StudyState::read(storage, study, FOLDS, &[])?.history;
    let visible = (number + 1).saturating_sub(window);
    let pruner =
        PrunerHistory::new(pruning).pruner_of(&history, number, visible).planning(None, FOLDS);
    Ok(pruner.prunes(&intermediate_values_of(&record)))
}
