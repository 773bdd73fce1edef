//! A study as a program of its own, with the command line of burn-tune.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use burn_tune_app::anyhow;
use burn_tune_app::args::{RunArgs, SearchOptions, WorkersArg};
use burn_tune_app::command_line::{self, command_line};
use burn_tune_app::console::quoted;
use burn_tune_app::run::start_log;
use burn_tune_app::search::dry_run::{DryRun, space_text};
use burn_tune_app::search::{Describe, search};
use burn_tune_app::table::terminal_width;
use burn_tune_app::worker::Joining;
use burn_tune_app::{About, Program, Source};
use burn_tune_search::pruner::StepName;
use burn_tune_search::settings::StudySettings;
use burn_tune_search::{Identity, Objective};
use burn_tune_spec::StudyFile;
use burn_tune_study::begun::InCode;
use burn_tune_study::objective_reader::AnyObjective;
use burn_tune_study::study_folder::{CHECKPOINTS, StudyIdentity};
use burn_tune_study::{Observer, Prepared, StudyFolder, StudyPlan};
use burn_tune_worker::{NoWorkers, WorkerObjective, is_worker};
use clap::Args;

use crate::backend::{Backend, BackendArgs, or_begin_anew};
use crate::checkpoint_keeper::{CheckpointKeeper, KeepsCheckpoints};
use crate::function::FunctionObjective;
use crate::space::Space;
use crate::study::{Execution, NO_MEMORY_LIMIT, Study, Workers};

/// The most columns of the list of parameters in `--help`.
const WIDTH_OF_HELP: usize = 96;

/// What `--workers` means in a program that can run its trainings in several ways.
const HELP_OF_WORKERS: &str = "What runs the trainings: `processes` of this program, or `threads` of one [default: processes]; with --engine, how many workers it starts, each with --jobs trials at once";

/// What is searched.
#[derive(Debug, Args)]
struct SpaceArgs {
    /// A TOML file that narrows the space of this program, or changes its settings
    #[arg(long, value_name = "FILE")]
    space: Option<PathBuf>,
}

/// How it is scored.
#[derive(Debug, Args)]
struct FunctionArgs {
    #[command(flatten)]
    backend: BackendArgs,
}

impl<S: Space> Study<S> {
    /// Makes a program of the study: it reads the arguments, and has the commands, options, files and exit codes of
    /// burn-tune, such as `search --trials 50 --jobs 4`, `search --resume`, `trials`, `best` and `report`.
    ///
    /// ```no_run
    /// # use burn_tune::prelude::*;
    /// # #[derive(Space)]
    /// # struct Net {
    /// #     #[space(0.0..=1.0)]
    /// #     lr: f64,
    /// # }
    /// # fn train(net: &Net, trial: &Trial) -> Result<Score> {
    /// #     trial.finish(net.lr)
    /// # }
    /// fn main() -> std::process::ExitCode {
    ///     Study::new("net", train).score("accuracy").main()
    /// }
    /// ```
    pub fn main(self) -> ExitCode {
        if is_worker() {
            // Its warnings are kept with the trial.
            start_log(0);
            self.serve();
        }
        let about = About {
            name: Box::leak(name_of_program().into_boxed_str()),
            known_flags: self.properties.known_flags.clone().leak(),
            studies_are_files: false,
            reader: &AnyObjective,
            kill_children,
        };
        command_line::main(&StudyProgram { study: self }, about)
    }
}

/// What its user has typed to call it.
fn name_of_program() -> String {
    let path = std::env::args_os().next().map(PathBuf::from);
    let stem = path.as_deref().and_then(|path| path.file_stem());
    stem.map_or_else(|| "program".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

struct StudyProgram<S> {
    study: Study<S>,
}

impl<S: Space> Program for StudyProgram<S> {
    type Space = SpaceArgs;
    type Objective = FunctionArgs;

    fn command_line(&self) -> clap::Command {
        let description = self.study.description.clone();
        let name = &self.study.settings.name;
        let command = command_line::<Self>(
            description.unwrap_or_else(|| format!("Hyperparameter search: {name}")),
        );
        let space = space_text(&S::space(), S::description, WIDTH_OF_HELP);
        let indented: String = space.lines().map(|line| format!("  {line}\n")).collect();
        command.mut_subcommand("search", |search| {
            let examples = search.get_after_long_help().map(ToString::to_string);
            let help = format!("Parameters:\n{indented}\n{}", examples.unwrap_or_default());
            search
                .after_long_help(help)
                .mut_arg("workers", |workers| workers.help(HELP_OF_WORKERS).value_name("W"))
        })
    }

    fn source(&self, args: &SpaceArgs) -> anyhow::Result<Source> {
        let spec = self.study.spec();
        let stated = Identity::new();
        let Some(path) = &args.space else {
            spec.check()?;
            let name = format!("built into {}", burn_tune_app::program_name());
            return Ok(Source { spec, stated, file: None, name, arguments: String::new() });
        };
        let text = fs::read_to_string(path)
            .map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()))?;
        let file = StudyFile::parse_over(path, &text, &spec)?;
        Ok(Source {
            spec: file.spec.clone(),
            stated,
            file: Some(file),
            name: path.display().to_string(),
            arguments: format!(" --space {}", quoted(&path.display())),
        })
    }

    fn search(
        &self,
        source: &Source,
        args: &FunctionArgs,
        options: &SearchOptions,
    ) -> anyhow::Result<ExitCode> {
        self.search_here(source, args, options).or_else(or_begin_anew)
    }

    fn work(&self, study: Joining) -> anyhow::Result<ExitCode> {
        self.work_here(study).or_else(or_begin_anew)
    }
}

impl<S: Space> StudyProgram<S> {
    /// The search, where Burn takes the right backend in this process.
    fn search_here(
        &self,
        source: &Source,
        args: &FunctionArgs,
        options: &SearchOptions,
    ) -> anyhow::Result<ExitCode> {
        let text =
            FunctionText { keep_models: self.study.keep_models, description: S::description };
        let backend = Backend::new(&args.backend, &self.study.identity);
        let overrides = backend.overrides();
        let execution = self.execution(options);
        let Execution { jobs, trial_timeout, ref devices, .. } = execution;
        let run = RunArgs { jobs, device: devices.clone(), ..options.run.clone() };
        let options = &SearchOptions { run, trial_timeout, ..options.clone() };
        let function = |settings: &StudySettings, stored: Option<&Identity>| {
            self.function(settings, &backend, stored, devices)
        };
        match execution.workers.unwrap_or(Workers::Processes) {
            Workers::Threads if execution.memory_limit.is_some() => {
                anyhow::bail!(
                    "{NO_MEMORY_LIMIT}: take `--workers processes`, or leave out the limit"
                )
            }
            Workers::Threads => search(source, options, overrides, &text, |settings, stored| {
                Ok(Prepared { objective: function(settings, stored)?, notices: Vec::new() })
            }),
            Workers::Processes => search(source, options, overrides, &text, |settings, stored| {
                let function = function(settings, stored)?;
                Ok(Prepared {
                    objective: execution.in_processes(function, settings)?,
                    notices: Vec::new(),
                })
            }),
        }
    }

    /// The work on a study that has been begun, where Burn takes the right backend in this process.
    fn work_here(&self, mut study: Joining) -> anyhow::Result<ExitCode> {
        let text =
            FunctionText { keep_models: self.study.keep_models, description: S::description };
        let backend = Backend::of_study(&self.study.identity);
        let execution = self.execution_of_worker(&mut study);
        let devices = execution.devices.clone();
        let in_code =
            InCode { constraint: self.study.constraint.clone(), step_name: StepName::Function };
        let function = |settings: &StudySettings, stored: Option<&Identity>| {
            self.function(settings, &backend, stored, &devices)
        };
        match execution.workers.unwrap_or(Workers::Processes) {
            Workers::Threads => study.work(in_code, &text, |settings, stored| {
                Ok(Prepared { objective: function(settings, stored)?, notices: Vec::new() })
            }),
            Workers::Processes => study.work(in_code, &text, |settings, stored| {
                let function = function(settings, stored)?;
                Ok(Prepared {
                    objective: execution.in_processes(function, settings)?,
                    notices: Vec::new(),
                })
            }),
        }
    }

    /// How a worker runs trainings: as the program says, but for what its arguments and the study say.
    fn execution_of_worker(&self, study: &mut Joining) -> Execution {
        let mut execution = self.study.execution.clone();
        execution.memory_limit = study.study.limits.memory_bytes.or(execution.memory_limit);
        let own_jobs = execution.jobs;
        let options = &mut study.options;
        match options.devices.is_empty() {
            false => execution.devices = options.devices.clone(),
            true => options.devices = execution.devices.clone(),
        }
        if let Some(jobs) = own_jobs.filter(|_| study.has_default_jobs()) {
            study.options.jobs = jobs;
        }
        execution
    }

    /// The function for a study with these settings, once it is sure that there is what it computes on.
    #[cfg_attr(
        not(feature = "burn"),
        expect(unused_variables, unused_mut, reason = "nobody knows devices")
    )]
    fn function(
        &self,
        settings: &StudySettings,
        backend: &Backend,
        stored: Option<&Identity>,
        devices: &[usize],
    ) -> anyhow::Result<FunctionObjective<S>> {
        let mut function = self.study.objective(settings);
        #[cfg(feature = "burn")]
        {
            backend.settle(stored, &mut function.identity)?;
            crate::devices::check(devices).map_err(anyhow::Error::msg)?;
        }
        Ok(function)
    }

    /// What the arguments say of how trainings are run, and else the program.
    fn execution(&self, options: &SearchOptions) -> Execution {
        let own = self.study.execution.clone();
        let workers = options.engine.workers.and_then(|workers| match workers {
            WorkersArg::Processes => Some(Workers::Processes),
            WorkersArg::Threads => Some(Workers::Threads),
            WorkersArg::Count(_) => None,
        });
        let (jobs, devices) = match options.run.device.is_empty() {
            true => (options.run.jobs.or(own.jobs), own.devices),
            // As many as these devices have, and not as the program's own.
            false => (options.run.jobs, options.run.device.clone()),
        };
        Execution {
            workers: workers.or(own.workers),
            jobs,
            devices,
            trial_timeout: options.trial_timeout.or(own.trial_timeout),
            memory_limit: options.memory_limit.or(own.memory_limit),
        }
    }
}

impl Execution {
    /// A function that processes of this program call.
    fn in_processes<S: Space>(
        &self,
        function: FunctionObjective<S>,
        settings: &StudySettings,
    ) -> anyhow::Result<WorkerObjective<FunctionObjective<S>>> {
        let workers = self.processes(&settings.name);
        let workers = workers.map_err(|NoWorkers { problem, help }| {
            anyhow::anyhow!("{problem}: {help}, with `--workers threads`")
        })?;
        let workers = workers.metrics(&function.wanted);
        Ok(WorkerObjective::new(function, workers))
    }
}

/// The workers: for a program that ends where it stands.
fn kill_children() {
    #[cfg(unix)]
    burn_tune_worker::kill_all();
}

/// What people are told of a function, and how many models of its trainings are kept.
struct FunctionText {
    keep_models: usize,
    /// What a parameter is.
    description: fn(&str) -> Option<&'static str>,
}

impl<O: Objective + KeepsCheckpoints> Describe<O> for FunctionText {
    fn keep_models(&self) -> usize {
        self.keep_models
    }

    fn begin(&self, plan: &StudyPlan<O>, folder: &StudyFolder) -> Option<Box<dyn Observer>> {
        let own = folder.all().path(&folder.name);
        let StudyIdentity { study, created_s, .. } = folder.identity();
        let identity = (study.as_str(), *created_s);
        let checkpoints = CheckpointKeeper::new(plan, &own.join(CHECKPOINTS), identity);
        let checkpoints = checkpoints.map_err(|error| {
            tracing::warn!("no training will go on where it is broken off: {error}");
        });
        Some(Box::new(checkpoints.ok()?))
    }

    fn evaluation(&self, function: &O) -> String {
        match function.folds() {
            1 => "one fold".to_owned(),
            folds => format!("{folds} folds"),
        }
    }

    fn how_to_end(&self) -> &'static str {
        ": call `trial.report(epoch, score)` or ask `trial.is_stopped()` in the training, or take `--workers processes`, which are killed"
    }

    fn dry_run(&self, plan: &StudyPlan<O>, trials: &DryRun) -> String {
        let space = space_text(&plan.spec.space, self.description, terminal_width());
        format!("{space}\n{}", trials.of_params())
    }

    fn how_to_report(&self) -> &'static str {
        "call `trial.report(epoch, score)` in the training, after each epoch"
    }
}
