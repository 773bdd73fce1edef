//! What scores the trials of a search: our model, a command, or whoever asks for them.

use anyhow::{Result, anyhow, bail};
use burn_tune_command::{CommandObjective, Unusable};
use burn_tune_data::stratified_folds;
use burn_tune_model::{Backend, MlpMetric, MlpObjective};
use burn_tune_search::bind::{bind, check_spec};
use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::settings::StudySettings;
use burn_tune_search::{Event, Objective, Params};
use burn_tune_spec::StudyFile;

use super::definition::{Definition, ExampleFacts, ModelSettings, Tell, WorkSettings};
use super::plan::Plan;
use crate::args::SearchArgs;
use crate::setup;
use crate::setup::DataSource;

/// So much of a command is shown, in characters.
const SHOWN: usize = 80;

/// What scores a trial.
pub enum Work {
    /// Our model is trained.
    Model(Box<MlpObjective>),
    /// A command is run.
    Command(CommandObjective),
    /// Nothing here: whoever asks for trials tells what they come to.
    Tell,
}

/// What there is to work with, how it is kept with the study, and what the user is to know of it.
pub struct Prepared {
    pub work: Work,
    pub settings: WorkSettings,
    pub notices: Vec<String>,
}

impl Prepared {
    /// For a new study.
    pub fn new(file: &StudyFile, study: &StudySettings, args: &SearchArgs) -> Result<Self> {
        if args.told {
            return Ok(told());
        }
        if file.command.is_some() {
            refuse_arguments_of_models(args)?;
            return prepared_command(file);
        }
        let source = DataSource::of(file, &args.run);
        model(file, study, source, args.run.backend.unwrap_or_default(), args.curves)
    }

    /// For a study that was begun before.
    pub fn resumed(file: &StudyFile, definition: &Definition) -> Result<Self> {
        let study = &definition.settings.study;
        match definition.settings.work.clone() {
            WorkSettings::Tell { .. } => Ok(told()),
            WorkSettings::Command { .. } => prepared_command(file),
            WorkSettings::Model(ModelSettings { source, backend, curves, .. }) => {
                let backend = Backend::by_name(&backend).ok_or_else(|| {
                    anyhow!("the study computes on {backend}, which this program was built without: `--features {backend}` builds it in")
                })?;
                model(file, study, source, backend, curves)
            }
        }
    }
}

/// The command of a file, if it can be run.
fn command(file: &StudyFile) -> Result<CommandObjective> {
    let Some(settings) = file.command.clone() else { bail!("the file has no [objective]") };
    let objective = CommandObjective::new(settings);
    objective.map_err(|Unusable { problem, help }| file.error_in_command(&problem, &help).into())
}

fn prepared_command(file: &StudyFile) -> Result<Prepared> {
    let objective = command(file)?;
    let settings = WorkSettings::Command { objective: objective.settings().clone() };
    Ok(Prepared { work: Work::Command(objective), settings, notices: Vec::new() })
}

fn told() -> Prepared {
    let settings = WorkSettings::Tell { objective: Tell::Tell };
    Prepared { work: Work::Tell, settings, notices: Vec::new() }
}

fn model(
    file: &StudyFile,
    study: &StudySettings,
    source: DataSource,
    backend: Backend,
    curves: bool,
) -> Result<Prepared> {
    let dataset = setup::dataset(&source, backend)?;
    let examples = ExampleFacts::of(&dataset);
    let splits = stratified_folds(dataset.train.labels(), study.folds)?;
    let notices = splits.warning.iter().map(ToString::to_string).collect();
    let metrics = study.objectives.iter().map(|wanted| MlpMetric::by_name(&wanted.name));
    let metrics = metrics.flatten().collect();
    let objective = MlpObjective { dataset, folds: splits.folds, backend, curves, metrics };
    check_spec(&objective, &file.spec).map_err(|error| file.error(&error))?;
    let backend = backend.name().to_owned();
    let settings = WorkSettings::Model(ModelSettings { source, backend, curves, examples });
    Ok(Prepared { work: Work::Model(Box::new(objective)), settings, notices })
}

/// Refuses what says how models are trained and scored, which a program does by itself.
fn refuse_arguments_of_models(args: &SearchArgs) -> Result<()> {
    let given = [
        ("--data", args.run.data.is_some()),
        ("--limit", args.run.limit.is_some()),
        ("--backend", args.run.backend.is_some()),
        ("--curves", args.curves),
        ("--folds", args.folds.is_some_and(|folds| folds != 1)),
        ("--top", args.top.is_some_and(|top| top != 0)),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((argument, _)) => bail!(
            "{argument} is nothing to a command: a program of yours has its own data, is scored once for each trial, and is not refitted"
        ),
    }
}

impl Work {
    /// What all folds of a trial cost, in any unit; nothing where the params do not fit.
    pub fn cost(&self, params: &Params) -> f64 {
        fn of<O: Objective>(objective: &O, params: &Params) -> f64 {
            bind(objective, params).map_or(0.0, |config| objective.cost(&config))
        }
        match self {
            Work::Model(objective) => of(objective.as_ref(), params),
            Work::Command(objective) => of(objective, params),
            Work::Tell => 1.0,
        }
    }

    /// What a refit costs, in trials.
    pub fn refit_cost(&self) -> f64 {
        match self {
            Work::Model(objective) => objective.refitter().map_or(0.0, |refitter| refitter.cost()),
            Work::Command(_) | Work::Tell => 0.0,
        }
    }

    /// What trials are scored on.
    pub fn description(&self) -> String {
        match self {
            Work::Model(objective) => {
                let folds = match objective.folds.len() {
                    1 => "a fifth held out".to_owned(),
                    folds => format!("{folds} folds"),
                };
                let dataset = &objective.dataset;
                format!("{folds} on {} examples of {}", dataset.train.len(), dataset.name)
            }
            Work::Command(objective) => {
                // A script of many lines is not repeated.
                let command = objective.settings().to_string();
                let words: Vec<&str> = command.split_whitespace().collect();
                let command = words.join(" ");
                match command.char_indices().nth(SHOWN) {
                    Some((at, _)) => format!("scored by {}…", &command[..at]),
                    None => format!("scored by {command}"),
                }
            }
            Work::Tell => "scored by whoever asks".to_owned(),
        }
    }
}

/// Whether anybody has been told that a pruner hears nothing.
pub struct Silence {
    /// The pruner, until then.
    deaf: Option<String>,
}

impl Silence {
    /// Where a pruner looks at what a program reports, nobody knows beforehand whether it reports anything.
    pub fn of(plan: &Plan) -> Self {
        let hears =
            matches!(plan.work, Work::Command(_)) && plan.report_unit() == ReportUnit::Steps;
        let pruner = plan.study().pruner.as_ref().filter(|_| hears);
        Silence { deaf: pruner.map(|pruner| pruner.name().to_owned()) }
    }

    /// What is to be said once, when the first trial has ended without an intermediate value.
    pub fn warning(&mut self, event: &Event) -> Option<String> {
        let Event::FoldFinished { trial, result: Ok(score), .. } = event else { return None };
        if !score.intermediate_values.is_empty() {
            return None;
        }
        let pruner = self.deaf.take()?;
        Some(format!(
            "warning: trial {trial} has printed no intermediate value, so the pruner {pruner} had nothing to decide by: print lines such as {{\"step\": 1, \"value\": 0.5}}"
        ))
    }
}
