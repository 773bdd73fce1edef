//! `burn-tune search`: from a space file to a leaderboard.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use burn_tune_data::{Dataset, stratified_folds};
use burn_tune_model::{Backend, MlpObjective};
use burn_tune_ranking::curves_file::CurvesByTask;
use burn_tune_ranking::timeline::TimelineEntry;
use burn_tune_ranking::{
    Evaluation, Leaderboard, ResultFile, StudyFacts, cv_results, standings, top,
};
use burn_tune_search::bind::check_file;
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::study::{Refit, RunOptions, refit, run};
use burn_tune_search::study_file::StudySettings;
use burn_tune_search::{
    Candidate, Candidates, Direction, Event, History, ObjectiveError, Params, StudyFile,
};

use crate::args::SearchArgs;
use crate::output::OutputFolder;
use crate::progress::Progress;
use crate::results::{CV_RESULTS, LEADERBOARD, StudyFiles};
use crate::signals::INTERRUPTED;
use crate::space_file::{self, Found};
use crate::table::{leaderboard_text, terminal_width};
use crate::{WorkFailed, dry_run, setup};

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
    let objective = MlpObjective {
        dataset: Dataset::mnist()?,
        folds: Vec::new(),
        backend: Backend::Flex,
        curves: false,
    };
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
    let Found { file, path } = space_file::find(&args.run.space)?;
    let plan = plan(file, &args)?;
    if args.dry_run {
        dry_run::print(&plan.objective, &plan.candidates, &plan.notices);
        return Ok(ExitCode::SUCCESS);
    }
    let output = OutputFolder::open(&args.run.out)?;
    let options = setup::run_options(&args.run, plan.study.seed, args.timeout)?;
    let mut progress = progress(&plan, args.run.quiet);
    progress.say(&opening_line(&plan, &path, options.jobs));
    for notice in &plan.notices {
        progress.say(&format!("note: {notice}"));
    }
    let mut timeline = Vec::new();
    let candidates = plan.candidates.iter().cloned();
    let history = run(&plan.objective, candidates, &options, |event, history| {
        progress.event(event, history);
        timeline.extend(timeline_entry(event));
        if *event == Event::StopRequested {
            // In case the running trials are not given the time to end.
            write_results(&plan, history, &[], &timeline, &output)
                .map_or_else(|error| progress.say(&format!("{error:#}")), drop);
        }
    });
    let refits = refit_best(&plan, &history, &options, &mut progress);
    progress.finish();
    let files = write_results(&plan, &history, &refits, &timeline, &output)?;
    finish(&args, &plan, &files, &output, options.stop.is_requested())
}

fn timeline_entry(event: &Event) -> Option<TimelineEntry> {
    let Event::FoldFinished { trial, fold, result, span: Some(span) } = event else { return None };
    // An abandoned fold came to nothing, neither good nor bad: nor are abandoned refits listed.
    let succeeded = match result {
        Err(ObjectiveError::Interrupted) => return None,
        result => result.is_ok(),
    };
    Some(TimelineEntry { trial: *trial, task: Task::Fold(*fold), span: *span, succeeded })
}

fn plan(file: StudyFile, args: &SearchArgs) -> Result<Plan> {
    let mut study = file.study.clone();
    study.seed = args.run.seed.unwrap_or(study.seed);
    study.sampler = args.sampler.unwrap_or(study.sampler);
    study.folds = args.folds.unwrap_or(study.folds);
    study.top = args.top.unwrap_or(study.top);

    let dataset = setup::dataset(&file, &args.run)?;
    let splits = stratified_folds(dataset.train.labels(), study.folds)?;
    let mut notices: Vec<String> = splits.warning.iter().map(ToString::to_string).collect();
    let (backend, curves) = (args.run.backend, args.curves);
    let objective = MlpObjective { dataset, folds: splits.folds, backend, curves };
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
    progress.begin_refits(total, "refit");
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

/// Puts together and writes all result files but the page.
fn write_results(
    plan: &Plan,
    history: &History,
    refits: &[Refit],
    timeline: &[TimelineEntry],
    output: &OutputFolder,
) -> Result<StudyFiles> {
    let facts = facts(plan);
    let of_refits = refits.iter().map(|refit| TimelineEntry {
        trial: refit.trial,
        task: Task::Refit(refit.seed),
        span: refit.span,
        succeeded: refit.result.is_ok(),
    });
    let files = StudyFiles {
        leaderboard: Leaderboard::new(&facts, history, refits),
        timeline: timeline.iter().copied().chain(of_refits).collect(),
        curves: curves(history, refits),
    };
    let written = files.write(&cv_results(&facts, history), output);
    written.map_err(|error| WorkFailed(format!("{error:#}")))?;
    Ok(files)
}

/// What was recorded of each fold and refit.
fn curves(history: &History, refits: &[Refit]) -> CurvesByTask {
    let folds = history.trials().iter().flat_map(|trial| {
        let folds = trial.folds().iter().enumerate();
        folds.map(|(fold, score)| ((trial.number, Task::Fold(fold)), score.curves.as_ref()))
    });
    let refits = refits.iter().map(|refit| {
        let score = refit.result.as_ref().ok();
        ((refit.trial, Task::Refit(refit.seed)), score.and_then(|score| score.curves.as_ref()))
    });
    folds.chain(refits).filter_map(|(task, curves)| Some((task, curves?.clone()))).collect()
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
fn finish(
    args: &SearchArgs,
    plan: &Plan,
    files: &StudyFiles,
    output: &OutputFolder,
    interrupted: bool,
) -> Result<ExitCode> {
    let leaderboard = &files.leaderboard;
    let page = files.write_page(output).map_err(|error| WorkFailed(format!("{error:#}")))?;
    let path = |name: &str| output.path(name).display().to_string();
    if args.run.json {
        print!("{}", leaderboard.to_json());
    } else {
        let size = |params: &Params| plan.objective.parameters(params);
        print!("{}", leaderboard_text(leaderboard, size, terminal_width()));
        println!("All trials: {}, {}", path(LEADERBOARD), path(CV_RESULTS));
        println!("Figures, in a browser: {}", path(&page));
    }
    if interrupted {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if leaderboard.counts.complete == 0 && leaderboard.counts.failed > 0 {
        bail!(WorkFailed(format!(
            "all {} trials failed; the reasons are in {}",
            leaderboard.counts.failed,
            path(LEADERBOARD)
        )));
    }
    Ok(ExitCode::SUCCESS)
}
