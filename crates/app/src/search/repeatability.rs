//! `search --check`: whether a trial comes to the same whoever runs beside it.

use std::process::ExitCode;

use anyhow::Result;
use burn_tune_ranking::format::count;
use burn_tune_search::runner::{RunOptions, run};
use burn_tune_search::store::InMemory;
use burn_tune_search::suggester::Suggestion;
use burn_tune_search::{
    Candidate, Event, FoldScore, History, Objective, Params, Trial, TrialState,
};
use burn_tune_study::StudyPlan;

use crate::console::{print, say};
use crate::exit::WorkFailed;
use crate::lines::params_line;
use crate::signals;

/// The usual reasons, in the order in which they are found most often.
const REASONS: &str = "The usual reasons:
  - a generator that is not seeded from the trial's seed, or is shared by all trainings of a process, as Burn's is on the CPU: seed it for each training, and let trainings have processes
  - the time, a thread's number, or a random hash (the order of a HashMap) has a part in it
  - sums over several threads, whose order changes: give each training one thread
  - data that a training changes, and the next one sees";

/// Runs the first trial of a plan alone, and once more beside others, by the same plan of another objective; nothing
/// is stored. Says where it comes to other numbers.
pub fn check<O: Objective>(
    [plan, again]: &[StudyPlan<O>; 2],
    options: RunOptions,
) -> Result<ExitCode> {
    let points = plan.typical_params();
    // A space of few points is tried again from its first one: as another trial, with another seed.
    let params: Vec<Params> = points.iter().cycle().take(options.jobs.max(2)).cloned().collect();
    let Some(first) = params.first() else {
        return Err(WorkFailed("there is no trial to check".to_owned()).into());
    };
    let others = params.len() - 1;
    say(&format!("trial 0: {}", params_line(first.iter())));
    say("alone …");
    let alone = first_of(plan, &params[..1], &RunOptions { jobs: 1, ..options.clone() });
    say(&format!("beside {} …", count(others, "other")));
    let beside = first_of(again, &params, &RunOptions { jobs: params.len(), ..options.clone() });
    if options.stop.is_requested() {
        return Ok(ExitCode::from(crate::exit::INTERRUPTED));
    }
    let differences = differences(&alone, &beside);
    if differences.is_empty() {
        return print(&format!(
            "trial 0 comes to the same alone and beside {}: {}\n",
            count(others, "other"),
            outcome(&alone)
        ));
    }
    Err(WorkFailed(format!(
        "trial 0 comes to other numbers beside {} than alone:\n{}\n{REASONS}",
        count(others, "other"),
        differences.join("\n")
    ))
    .into())
}

/// What the first of these trials comes to.
fn first_of<O: Objective>(
    plan: &StudyPlan<O>,
    params: &[Params],
    options: &RunOptions,
) -> Option<Trial> {
    let mut suggest = |history: &History| match params.get(history.trials().len()) {
        Some(params) => Suggestion::Candidate(Candidate { name: None, params: params.clone() }),
        None => Suggestion::End,
    };
    let store = &mut InMemory::default();
    let watch = |event: &Event, _: &History| {
        if *event == Event::GivenUp {
            signals::end_here();
        }
    };
    let found = run(&plan.objective, &mut suggest, store, options, watch);
    found.history.trials().first().cloned()
}

/// Where two runs of a trial differ, a line each.
fn differences(alone: &Option<Trial>, beside: &Option<Trial>) -> Vec<String> {
    let (Some(alone), Some(beside)) = (alone, beside) else { return Vec::new() };
    let mut lines = Vec::new();
    if failure(alone) != failure(beside) {
        lines.push(format!("  it ended as: {}, and then: {}", failure(alone), failure(beside)));
    }
    for (fold, (a, b)) in alone.folds().iter().zip(beside.folds()).enumerate() {
        lines.extend(fold_differences(a, b).map(|what| format!("  fold {fold}: {what}")));
    }
    lines
}

fn fold_differences<'a>(
    a: &'a FoldScore,
    b: &'a FoldScore,
) -> impl Iterator<Item = String> + use<'a> {
    let numbers = |name: String, a: f64, b: f64| {
        (a.to_bits() != b.to_bits()).then(|| format!("{name} {a} and {b}"))
    };
    let score = numbers("the score is".to_owned(), a.score, b.score);
    let values = a.intermediate_values.iter().zip(&b.intermediate_values);
    let step = values.filter(|(a, b)| a != b).map(|(a, b)| {
        format!("from step {} on, what it reports is {} and {}", a.step, a.value, b.value)
    });
    let flags = (a.flags != b.flags).then(|| "its flags differ".to_owned());
    score.into_iter().chain(step.take(1)).chain(flags)
}

/// What a trial came to, in a few words.
fn outcome(trial: &Option<Trial>) -> String {
    match trial {
        Some(trial) => match trial.value() {
            Some(value) => format!("{value}"),
            None => failure(trial),
        },
        None => "nothing".to_owned(),
    }
}

fn failure(trial: &Trial) -> String {
    match &trial.state {
        TrialState::Failed { failure, .. } => format!("failed: {}", failure.reason),
        TrialState::Pruned { .. } => "pruned".to_owned(),
        _ => "complete".to_owned(),
    }
}
