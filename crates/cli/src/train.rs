//! `burn-tune train`: the named trials of a file, each from several seeds, beside what was reported of
//! them.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use burn_tune_model::MlpTraining;
use burn_tune_model::training::ACCURACY;
use burn_tune_ranking::curves_file::CurvesByTask;
use burn_tune_ranking::format::count;
use burn_tune_ranking::{
    NamedModel, ResultFile, TrainingEvaluation, TrainingFacts, TrainingReport,
};
use burn_tune_search::bind::check_spec;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::runner::refit;
use burn_tune_search::settings::StudySettings;
use burn_tune_search::store::InMemory;
use burn_tune_search::trial::Refit;
use burn_tune_search::{Candidate, Candidates, Params};
use burn_tune_spec::StudyFile;
use burn_tune_study::OutputFolder;
use burn_tune_study::output_folder::FileError;
use burn_tune_study::results::{REPORT, TrainingResults};

use crate::args::TrainArgs;
use crate::our_model::{self, MlpObjective};
use crate::space_file::{self, Found};
use crate::training_table::training_text;
use crate::{dry_run, setup};
use burn_tune_app::console::print;
use burn_tune_app::errors::file_text;
use burn_tune_app::exit::{INTERRUPTED, WorkFailed};
use burn_tune_app::pages::write_training_page;
use burn_tune_app::progress::Progress;
use burn_tune_app::search::{check_jobs, jobs, run_options};
use burn_tune_app::table::terminal_width;

/// Trains the models.
pub fn train(args: &TrainArgs) -> Result<ExitCode> {
    check_jobs(&args.run, true)?;
    let Found { file, path } = space_file::find(&args.space.space)?;
    if file.command.is_some() {
        bail!(
            "{} has a command as its objective, and `train` trains models of ours alone: use `burn-tune search`",
            path.display()
        );
    }
    let seed = args.run.seed.unwrap_or(file.spec.settings.seed);
    let backend = args.model.backend.unwrap_or_default();
    let source = setup::data_source(&file, &args.model);
    let training = setup::training(source, backend, Some(&args.run), !args.no_curves)?;
    let training = Arc::new(training);
    // Whatever a search of the file is after, models are compared by their accuracy.
    let settings = StudySettings { objectives: Vec::new(), ..file.spec.settings.clone() };
    let objective = our_model::objective(&training, &[], &settings);
    let models = models(&file, &path, (&objective, &training), seed)?;
    let output = OutputFolder::open(&args.run.out)?;
    let configs = models.iter().filter_map(|model| dry_run::config(&model.candidate.params));
    let configs = configs.collect::<Vec<_>>();
    let device = args.run.device.first().copied();
    let jobs = jobs(&args.run, training.fused_at_once(&configs, device), None)?;
    let mut options = run_options(&args.run, jobs, seed)?;

    let trials: Vec<(usize, Params)> =
        models.iter().map(|model| model.candidate.params.clone()).enumerate().collect();
    let total = models.len() * args.seeds;
    let mut progress = progress(&models, &training, args);
    progress.say(&opening_line(&file, &path, &training, models.len(), args, options.jobs));
    progress.begin_refits(total, "training");
    options.live = progress.live_watch();
    let mut store = InMemory::default();
    let (refits, _) = refit(&objective, &trials, args.seeds, &mut store, &options, |event| {
        progress.refit(event, total);
    });
    progress.finish();

    let facts = facts(&file, &training, seed, args.seeds);
    let files = TrainingResults {
        report: TrainingReport::new(&facts, &models, &file.claims, &refits),
        curves: curves(&refits),
    };
    finish(args, &files, &output, options.stop.is_requested())
}

fn models(
    file: &StudyFile,
    path: &Path,
    (objective, training): (&MlpObjective, &MlpTraining),
    seed: u64,
) -> Result<Vec<NamedModel>> {
    if file.spec.trials.is_empty() {
        bail!(
            "{} has no [[trial]], and `train` trains those alone: add one, such as\n\n  [[trial]]\n  name = \"baseline\"\n\nor use `burn-tune search` to sample from [space]",
            path.display()
        );
    }
    check_spec(objective, &file.spec).map_err(|error| file.error(&error))?;
    let candidates =
        Candidates::new(&file.spec, file.spec.settings.sampler, file.spec.trials.len(), seed)
            .map_err(|problem| anyhow!(problem))?;
    let model = |(candidate, trial): (Candidate, &burn_tune_search::ExplicitTrial)| NamedModel {
        size: dry_run::parameters(training, &candidate.params).unwrap_or(0),
        reported: trial.reported.clone(),
        candidate,
    };
    Ok(candidates.zip(&file.spec.trials).map(model).collect())
}

fn progress<'a>(
    models: &[NamedModel],
    training: &'a MlpTraining,
    args: &TrainArgs,
) -> Progress<'a> {
    let cost = |params: &Params| dry_run::refit_work(training, params);
    let once: f64 = models.iter().map(|model| cost(&model.candidate.params)).sum();
    let work = (0.0, once * args.seeds as f64);
    let mut progress = Progress::new(models.len(), cost, work, 1, true, args.run.quiet);
    for (number, model) in models.iter().enumerate() {
        progress.introduce(number, model.candidate.name.as_ref(), &model.candidate.params);
    }
    progress
}

fn opening_line(
    file: &StudyFile,
    path: &Path,
    training: &MlpTraining,
    models: usize,
    args: &TrainArgs,
    jobs: usize,
) -> String {
    let dataset = &training.dataset;
    format!(
        "{}: {}, {}{}, on {} examples of {}, {} on {}\nspace: {}",
        file.spec.settings.name,
        count(models, "model"),
        count(args.seeds, "seed"),
        if models == 1 { "" } else { " each" },
        dataset.train.len(),
        dataset.name,
        count(jobs, "job"),
        training.lanes.backend().name(),
        path.display(),
    )
}

fn facts(file: &StudyFile, training: &MlpTraining, seed: u64, seeds: usize) -> TrainingFacts {
    let dataset = &training.dataset;
    TrainingFacts {
        name: file.spec.settings.name.clone(),
        seed,
        evaluation: TrainingEvaluation {
            dataset: dataset.name.clone(),
            metric: ACCURACY.into(),
            classes: dataset.classes.clone(),
            train_examples: dataset.train.len(),
            test_examples: dataset.test.len(),
            backend: training.lanes.backend().name().into(),
        },
        seeds,
    }
}

/// What was recorded of each training.
fn curves(refits: &[Refit]) -> CurvesByTask {
    let recorded = refits.iter().filter_map(|refit| {
        let curves = refit.result.as_ref().ok()?.curves.clone()?;
        Some(((refit.trial, Task::Refit(refit.seed)), curves))
    });
    recorded.collect()
}

fn finish(
    args: &TrainArgs,
    files: &TrainingResults,
    output: &OutputFolder,
    interrupted: bool,
) -> Result<ExitCode> {
    let failed = |error: FileError| WorkFailed(file_text(&error));
    files.write(output).map_err(failed)?;
    let page = write_training_page(files, output).map_err(failed)?;
    let report = &files.report;
    if args.run.json {
        print(&report.to_json())?;
    } else {
        print(&format!(
            "{}All numbers: {}\nFigures, in a browser: {}\n",
            training_text(report, terminal_width()),
            output.path(REPORT).display(),
            output.path(&page).display()
        ))?;
    }
    if interrupted {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if report.models.iter().all(|model| model.test_scores.iter().all(Option::is_none)) {
        let reason = report.models.iter().find_map(|model| model.errors.first());
        bail!(WorkFailed(format!(
            "all trainings failed, such as {}",
            reason.map_or("the first one", |reason| reason)
        )));
    }
    Ok(ExitCode::SUCCESS)
}
