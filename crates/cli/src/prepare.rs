//! The objective of a search, made of a space file and the arguments, or of what a study has kept.

use anyhow::{Result, anyhow, bail};
use burn_tune_app::args::{RunArgs, SearchOptions};
use burn_tune_command::{CommandObjective, CommandSettings, Unusable};
use burn_tune_model::{Backend, MlpIdentity, MlpTraining};
use burn_tune_search::Identity;
use burn_tune_spec::StudyFile;
use burn_tune_study::Prepared;

use crate::args::ObjectiveArgs;
use crate::setup;

/// The training of our model, for a new study; for one that was begun before, as that has kept it.
pub fn training(
    file: &StudyFile,
    args: &ObjectiveArgs,
    run: &RunArgs,
    stored: Option<&Identity>,
) -> Result<MlpTraining> {
    if let Some(known) = stored.and_then(MlpIdentity::of) {
        return known_training(known, run);
    }
    let source = setup::data_source(file, &args.model);
    setup::training(source, args.model.backend.unwrap_or_default(), Some(run), args.curves)
}

/// The training of our model, as a study has kept it.
pub fn known_training(known: MlpIdentity, run: &RunArgs) -> Result<MlpTraining> {
    let MlpIdentity { source, backend, curves, .. } = known;
    let backend = Backend::by_name(&backend).ok_or_else(|| {
        anyhow!("the study computes on {backend}, which this program was built without: `--features {backend}` builds it in")
    })?;
    setup::training(source, backend, Some(run), curves)
}

/// The command of a file, if it can be run.
pub fn command(file: &StudyFile, memory_limit: Option<u64>) -> Result<Prepared<CommandObjective>> {
    let Some(settings) = file.command.clone() else { bail!("the file has no [objective]") };
    let objective = CommandObjective::new(settings)
        .map_err(|Unusable { problem, help }| file.error_in_command(&problem, &help))?;
    Ok(Prepared { objective: objective.memory_limit(memory_limit), notices: Vec::new() })
}

/// The command that a study has kept, if it can be run here.
pub fn known_command(
    settings: CommandSettings,
    memory_limit: Option<u64>,
) -> Result<Prepared<CommandObjective>> {
    let objective = CommandObjective::new(settings)
        .map_err(|Unusable { problem, help }| anyhow!("{problem}: {help}"))?;
    Ok(Prepared { objective: objective.memory_limit(memory_limit), notices: Vec::new() })
}

/// Refuses a limit for one of several threads.
pub fn refuse_memory_limit(options: &SearchOptions) -> Result<()> {
    if options.memory_limit.is_some() {
        bail!(
            "--memory-limit ends the process that takes too much, and our model is trained by threads, which are all in one: leave it out; fewer --jobs need less, and `ulimit -v` limits all of them"
        );
    }
    Ok(())
}

/// Refuses what says how models are trained and scored, which a program does by itself.
pub fn refuse_arguments_of_models(args: &ObjectiveArgs, options: &SearchOptions) -> Result<()> {
    let given = [
        ("--data", args.model.data.is_some()),
        ("--limit", args.model.limit.is_some()),
        ("--backend", args.model.backend.is_some()),
        ("--curves", args.curves),
        ("--folds", options.folds.is_some_and(|folds| folds != 1)),
        ("--keep-models", options.keep_models.is_some_and(|models| models != 0)),
        ("--top", options.top.is_some_and(|top| top != 0)),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((argument, _)) => bail!(
            "{argument} is nothing to a command: a program of yours has its own data, is scored once for each trial, is not refitted, and keeps its models itself"
        ),
    }
}
