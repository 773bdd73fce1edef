//! `burn-tune search`: from a space file to a leaderboard.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use burn_tune_data::{Dataset, stratified_folds};
use burn_tune_model::{Backend, MlpObjective};
use burn_tune_ranking::{Evaluation, Leaderboard, StudyFacts, cv_results, standings, top};
use burn_tune_search::bind::check_file;
use burn_tune_search::study::{Refit, RunOptions, refit, run};
use burn_tune_search::study_file::StudySettings;
use burn_tune_search::{Candidate, Candidates, Direction, Event, History, Params, StudyFile};

use crate::args::SearchArgs;
use crate::dry_run;
use crate::output::OutputFolder;
use crate::progress::Progress;
use crate::signals::{self, INTERRUPTED};
use crate::space_file::{self, Found};
use crate::table::leaderboard_text;

/// The input was right, and the work came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WorkFailed(pub String);

/// What the arguments and the file together come to.
struct Plan {
    study: StudySettings,
    file: StudyFile,
    objective: MlpObjective,
    candidates: Vec<Candidate>,
    notices: Vec<String>,
}

/// Checks a file against the model and says how large its space is.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub fn check_space(path: &Path) -> Result<ExitCode> {
    let Found { file, path } = space_file::find(path)?;
    let objective =
        MlpObjective { dataset: Dataset::mnist()?, folds: Vec::new(), backend: Backend::Flex };
    check_file(&objective, &file)?;
    let points = match file.space.points() {
        Some(points) => format!("{points} points"),
        None => "uncountably many points".to_owned(),
    };
    let explicit = file.trials.len();
    println!(
        "{} is fine: {} parameters, {points}, {explicit} explicit trials",
        path.display(),
        file.space.domains.len()
    );
    Ok(ExitCode::SUCCESS)
}

/// Runs a search.
pub fn search(args: SearchArgs) -> Result<ExitCode> {
    let Found { file, path } = space_file::find(&args.space)?;
    let plan = plan(file, &args)?;
    if args.dry_run {
        dry_run::print(&plan.objective, &plan.candidates, &plan.notices);
        return Ok(ExitCode::SUCCESS);
    }
    let output = OutputFolder::open(&args.out)?;
    let (stop, signals) = signals::listen()?;
    let jobs =
        args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let options = RunOptions {
        jobs,
        seed: plan.study.seed,
        timeout: args.timeout,
        stop,
        signals: Some(signals),
    };

    let mut progress = progress(&plan, args.quiet);
    progress.say(&opening_line(&plan, &path, jobs));
    for notice in &plan.notices {
        progress.say(&format!("note: {notice}"));
    }
    let candidates = plan.candidates.iter().cloned();
    let history = run(&plan.objective, candidates, &options, |event, history| {
        progress.event(event, history);
        if *event == Event::StopRequested {
            // In case the running trials are not given the time to end.
            write_results(&plan, history, &[], &output)
                .map_or_else(|error| progress.say(&format!("{error:#}")), drop);
        }
    });
    let refits = refit_best(&plan, &history, &options, &mut progress);
    progress.finish();
    finish(&args, &plan, &history, &refits, &output, options.stop.is_requested())
}

fn plan(file: StudyFile, args: &SearchArgs) -> Result<Plan> {
    let mut study = file.study.clone();
    study.seed = args.seed.unwrap_or(study.seed);
    study.sampler = args.sampler.unwrap_or(study.sampler);
    study.folds = args.folds.unwrap_or(study.folds);
    study.top = args.top.unwrap_or(study.top);

    args.backend.probe().map_err(|problem| anyhow::anyhow!(problem))?;
    let mut dataset = load(&file.dataset, args.data.as_deref())?;
    if let Some(examples) = args.limit {
        dataset = dataset.limited(examples);
    }
    let splits = stratified_folds(dataset.train.labels(), study.folds)?;
    let mut notices: Vec<String> = splits.warning.iter().map(ToString::to_string).collect();
    let objective = MlpObjective { dataset, folds: splits.folds, backend: args.backend };
    check_file(&objective, &file)?;

    let candidates = Candidates::new(&file, study.sampler, args.trials, study.seed)
        .map_err(|problem| anyhow::anyhow!(problem))?;
    let candidates: Vec<Candidate> = candidates.collect();
    if candidates.len() < args.trials {
        notices.push(format!(
            "the space has only {} different points: all of them are tried, instead of {} trials",
            candidates.len(),
            args.trials
        ));
    }
    if file.trials.len() > args.trials {
        notices.push(format!(
            "the file has {} explicit trials, of which the first {} are tried",
            file.trials.len(),
            args.trials
        ));
    }
    Ok(Plan { study, file, objective, candidates, notices })
}

fn load(dataset: &str, folder: Option<&Path>) -> Result<Dataset> {
    match folder {
        Some(folder) => Ok(Dataset::from_dir(folder)?),
        None if dataset == "mnist" => Ok(Dataset::mnist()?),
        None => Dataset::from_dir(Path::new(dataset)).with_context(|| {
            format!("[data] dataset = \"{dataset}\" is neither \"mnist\" nor a folder of IDX files")
        }),
    }
}

fn progress(plan: &Plan, quiet: bool) -> Progress {
    let work: Vec<f64> = plan
        .candidates
        .iter()
        .map(|candidate| dry_run::work(&plan.objective, &candidate.params))
        .collect();
    let folds = plan.objective.folds.len();
    // A refit is a fold with all of the examples, of what are likely to be average trials.
    let examples: usize = plan.objective.folds.iter().map(|fold| fold.train.len()).sum();
    let whole = plan.objective.dataset.train.len() as f64 / examples as f64;
    let average = work.iter().sum::<f64>() / work.len().max(1) as f64;
    let refits = plan.study.top.min(work.len()) * plan.study.refit_seeds;
    let refit_work = refits as f64 * average * whole;
    let maximize = plan.study.direction == Direction::Maximize;
    Progress::new(plan.candidates.clone(), work, refit_work, folds, maximize, quiet)
}

fn opening_line(plan: &Plan, path: &Path, jobs: usize) -> String {
    let dataset = &plan.objective.dataset;
    let folds = match plan.objective.folds.len() {
        1 => "a fifth held out".to_owned(),
        folds => format!("{folds} folds"),
    };
    format!(
        "{}: {} trials, {folds} on {} examples of {}, seed {}, {jobs} jobs on {}\nspace: {}",
        plan.study.name,
        plan.candidates.len(),
        dataset.train.len(),
        dataset.name,
        plan.study.seed,
        plan.objective.backend.name(),
        path.display(),
    )
}

/// Refits the best trials, unless the user wants to stop: then there is a leaderboard without refits.
fn refit_best(
    plan: &Plan,
    history: &History,
    options: &RunOptions,
    progress: &mut Progress,
) -> Vec<Refit> {
    let standings = standings(history, plan.study.direction, plan.objective.folds.len());
    let best: Vec<(usize, Params)> = top(&standings, plan.study.top)
        .into_iter()
        .map(|standing| (standing.trial.number, standing.trial.params.clone()))
        .collect();
    let total = best.len() * plan.study.refit_seeds;
    if total == 0 || options.stop.is_requested() {
        return Vec::new();
    }
    progress.begin_refits(total);
    refit(&plan.objective, &best, plan.study.refit_seeds, options, |event| {
        progress.refit(event, total);
    })
}

fn facts(plan: &Plan) -> StudyFacts {
    let Plan { study, file, objective, .. } = plan;
    StudyFacts {
        name: study.name.clone(),
        seed: study.seed,
        direction: study.direction,
        space: file.space.clone(),
        evaluation: Evaluation {
            dataset: objective.dataset.name.clone(),
            metric: "accuracy".into(),
            folds: objective.folds.len(),
            train_examples: objective.dataset.train.len(),
            test_examples: objective.dataset.test.len(),
            backend: objective.backend.name().into(),
        },
        top: study.top,
        refit_seeds: study.refit_seeds,
    }
}

fn write_results(
    plan: &Plan,
    history: &History,
    refits: &[Refit],
    output: &OutputFolder,
) -> Result<Leaderboard> {
    let facts = facts(plan);
    let leaderboard = Leaderboard::new(&facts, history, refits);
    let written = output.write("leaderboard.json", &leaderboard.to_json());
    // Both are tried, whatever becomes of the first.
    let also_written = output.write("cv_results.csv", &cv_results(&facts, history));
    written.and(also_written).map_err(|error| WorkFailed(format!("{error:#}")))?;
    Ok(leaderboard)
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
fn finish(
    args: &SearchArgs,
    plan: &Plan,
    history: &History,
    refits: &[Refit],
    output: &OutputFolder,
    interrupted: bool,
) -> Result<ExitCode> {
    let leaderboard = write_results(plan, history, refits, output)?;
    if args.json {
        print!("{}", leaderboard.to_json());
    } else {
        let size = |params: &Params| plan.objective.parameters(params);
        print!("{}", leaderboard_text(&leaderboard, size, terminal_width()));
        let path = |name| args.out.join(name).display().to_string();
        println!("All trials: {}, {}", path("leaderboard.json"), path("cv_results.csv"));
    }
    if interrupted {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if leaderboard.counts.complete == 0 && leaderboard.counts.failed > 0 {
        bail!(WorkFailed(format!(
            "all {} trials failed; the reasons are in {}",
            leaderboard.counts.failed,
            args.out.join("leaderboard.json").display()
        )));
    }
    Ok(ExitCode::SUCCESS)
}

/// Columns of the terminal; wide where the table goes to a file.
fn terminal_width() -> usize {
    const FILE_WIDTH: usize = 160;
    let (_, columns) = console::Term::stdout().size_checked().unzip();
    columns.map_or(FILE_WIDTH, usize::from)
}
