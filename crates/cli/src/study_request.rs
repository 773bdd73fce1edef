//! What space file and arguments ask of a study.

use burn_tune_model::Backend;
use burn_tune_search::Identity;
use burn_tune_spec::StudyFile;
use burn_tune_study::{SettingsOverrides, StudyRequest};
use serde_json::{Value, json};

use crate::args::{AskArgs, ProposalArgs, PrunerChoice, SearchArgs};
use crate::setup;

/// A study of this file, with nothing else said.
pub fn of_file(file: &StudyFile) -> StudyRequest {
    StudyRequest { spec: file.spec.clone(), stated: stated(file), ..StudyRequest::default() }
}

/// What a search asks for.
pub fn of_search(file: &StudyFile, args: &SearchArgs) -> StudyRequest {
    let overrides = SettingsOverrides {
        seed: args.run.seed,
        target: args.target,
        no_improvement: args.no_improvement,
        folds: args.folds,
        top: args.top,
        objective: objective_overrides(args),
        ..of_proposals(&args.proposals)
    };
    StudyRequest {
        overrides,
        trials: args.proposals.trials,
        name: args.study.clone(),
        resume: args.resume,
        ..of_file(file)
    }
}

/// What somebody asks for who scores the trials elsewhere.
pub fn of_ask(file: &StudyFile, args: &AskArgs) -> StudyRequest {
    // A trial that is told has one score, and nobody refits it.
    let overrides = SettingsOverrides {
        seed: args.seed,
        folds: Some(1),
        top: Some(0),
        ..of_proposals(&args.proposals)
    };
    let name = args.study.clone().unwrap_or_else(|| file.spec.settings.name.clone());
    StudyRequest {
        overrides,
        trials: args.proposals.trials,
        name: Some(name),
        told: true,
        ..of_file(file)
    }
}

fn of_proposals(args: &ProposalArgs) -> SettingsOverrides {
    let pruner = args.pruner.as_ref().map(|choice| match choice {
        PrunerChoice::None => None,
        PrunerChoice::Some(pruner) => Some(pruner.clone()),
    });
    SettingsOverrides {
        sampler: args.sampler,
        pruner,
        window: args.window,
        ..SettingsOverrides::default()
    }
}

/// What the file says of the objective.
fn stated(file: &StudyFile) -> Identity {
    let dataset = ("dataset".to_owned(), Value::from(setup::dataset_of(file)));
    let command = file.command.as_ref().map(|command| ("objective".to_owned(), json!(command)));
    std::iter::once(dataset).chain(command).collect()
}

/// What the arguments say of our model, by the keys that its studies have for it.
fn objective_overrides(args: &SearchArgs) -> Vec<(&'static str, Value)> {
    let given = [
        ("data", args.run.data.as_ref().map(|data| json!(data))),
        ("limit", args.run.limit.map(Value::from)),
        ("backend", args.run.backend.map(Backend::name).map(Value::from)),
        ("curves", args.curves.then_some(Value::from(true))),
    ];
    given.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}
