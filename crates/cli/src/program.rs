//! What burn-tune searches: space files, with our model or a command as the objective.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Error, Result, bail};
use burn_tune_app::args::SearchOptions;
use burn_tune_app::console::{print, quoted};
use burn_tune_app::search::{self, search};
use burn_tune_app::worker::Joining;
use burn_tune_app::{Program, Source};
use burn_tune_command::CommandObjective;
use burn_tune_model::{Backend, MlpIdentity};
use burn_tune_search::pruner::StepName;
use burn_tune_spec::{SpaceError, StudyFile};
use burn_tune_study::begun::InCode;
use serde_json::{Value, json};

use crate::args::{ObjectiveArgs, SpaceArgs, command_line};
use crate::objectives::KnownObjectives;
use crate::our_model::{MlpObjective, OurModel};
use crate::space_file::{self, Found};
use crate::{prepare, setup};

/// This program.
pub struct BurnTune;

impl Program for BurnTune {
    type Space = SpaceArgs;
    type Objective = ObjectiveArgs;

    fn command_line(&self) -> clap::Command {
        command_line()
    }

    fn source(&self, args: &SpaceArgs) -> Result<Source> {
        let Found { file, path } = space_file::find(&args.space)?;
        let arguments = format!(" --space {}", quoted(&args.space.display()));
        Ok(source(file, &path, arguments))
    }

    fn search(
        &self,
        source: &Source,
        args: &ObjectiveArgs,
        options: &SearchOptions,
    ) -> Result<ExitCode> {
        let overrides = overrides(args);
        let file = source.file.as_ref().expect("what burn-tune searches is a file");
        let searched = match file.command.is_some() {
            true => search::<CommandObjective>(
                source,
                options,
                overrides,
                &KnownObjectives,
                |_, stored| {
                    if stored.is_none() {
                        prepare::refuse_arguments_of_models(args, options)?;
                    }
                    prepare::command(file, options.memory_limit)
                },
            ),
            false => {
                prepare::refuse_memory_limit(options)?;
                let model = OurModel::default();
                search::<MlpObjective>(source, options, overrides, &model, |settings, stored| {
                    let run = &options.run;
                    model.prepare(prepare::training(file, args, run, stored)?, settings)
                })
            }
        };
        searched.map_err(with_own_models)
    }

    fn work(&self, study: Joining) -> Result<ExitCode> {
        if let Some(command) = CommandObjective::settings_of(study.identity()) {
            study.allow_command(&command.to_string())?;
            let in_code = InCode { step_name: StepName::Program, ..InCode::default() };
            let limit = study.study.limits.memory_bytes;
            return study.work::<CommandObjective>(in_code, &KnownObjectives, |_, _| {
                prepare::known_command(command.clone(), limit)
            });
        }
        let Some(known) = MlpIdentity::of(study.identity()) else {
            return Err(study.unknown_objective());
        };
        let run = study.run();
        let model = OurModel::default();
        study.work::<MlpObjective>(InCode::default(), &model, |settings, _| {
            let training = prepare::known_training(known.clone(), &run)?;
            if let Some(warning) = training.lanes.backend().warning() {
                bail!("{warning}; so this worker would come to other results than the others: start it on another machine");
            }
            model.prepare(training, settings)
        })
    }
}

/// Tells whoever searches for a parameter that our model does not have how to search another model.
fn with_own_models(error: Error) -> Error {
    match error.downcast::<SpaceError>() {
        Ok(mut error) if error.problem.starts_with("the model has no parameter") => {
            error.help += "; for a model of your own there are the crate `burn-tune`, and programs that are run for each trial: `burn-tune init --command`";
            error.into()
        }
        Ok(error) => error.into(),
        Err(error) => error,
    }
}

/// What a space file says.
fn source(file: StudyFile, path: &Path, arguments: String) -> Source {
    let dataset = ("dataset".to_owned(), Value::from(setup::dataset_of(&file)));
    let command = file.command.as_ref().map(|command| ("objective".to_owned(), json!(command)));
    Source {
        spec: file.spec.clone(),
        stated: std::iter::once(dataset).chain(command).collect(),
        name: path.display().to_string(),
        arguments,
        file: Some(file),
    }
}

/// What the arguments say of our model, by the keys that its studies have for it.
fn overrides(args: &ObjectiveArgs) -> Vec<(&'static str, Value)> {
    let ObjectiveArgs { model, curves } = args;
    let given = [
        ("data", model.data.as_ref().map(|data| json!(data))),
        ("limit", model.limit.map(Value::from)),
        ("backend", model.backend.map(Backend::name).map(Value::from)),
        ("curves", curves.then_some(Value::from(true))),
    ];
    given.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// Checks a file against its objective and says how large its space is.
pub fn check_space(path: &Path) -> Result<ExitCode> {
    let Found { file, path } = space_file::find(path)?;
    let source = source(file, &path, String::new());
    let text = match source.file.as_ref().filter(|file| file.command.is_some()) {
        Some(file) => {
            search::check_space::<CommandObjective>(&source, |_, _| prepare::command(file, None))
        }
        // Whether there is such data is another question, and another machine's.
        None => search::check_space::<MlpObjective>(&source, |settings, _| {
            let training = setup::training(Default::default(), Default::default(), None, false)?;
            OurModel::default().prepare(training, settings)
        }),
    };
    print(&text.map_err(with_own_models)?)
}
