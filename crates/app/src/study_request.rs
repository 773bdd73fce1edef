//! What a program's space and the arguments ask of a study.

use burn_tune_search::pruner::StepName;
use burn_tune_study::{SettingsOverrides, StudyRequest};
use serde_json::Value;

use crate::about::program_name;
use crate::args::{AskOptions, ProposalArgs, PrunerChoice, SearchOptions};
use crate::engine::workers_at_once;
use crate::source::Source;

/// A study of this space, with nothing else said.
pub fn of_source(source: &Source) -> StudyRequest {
    let Source { spec, stated, .. } = source;
    StudyRequest {
        spec: spec.clone(),
        stated: stated.clone(),
        program: program_name().to_owned(),
        ..StudyRequest::default()
    }
}

/// What a search asks for; `objective` is what the arguments say of the objective, by the keys of its identity.
pub fn of_search(
    source: &Source,
    args: &SearchOptions,
    objective: Vec<(&'static str, Value)>,
) -> StudyRequest {
    let overrides = SettingsOverrides {
        seed: args.run.seed,
        target: args.target,
        no_improvement: args.no_improvement,
        folds: args.folds,
        top: args.top,
        objective,
        workers: workers_at_once(args),
        ..of_proposals(&args.proposals)
    };
    StudyRequest {
        overrides,
        trials: args.proposals.trials,
        name: args.study.clone(),
        resume: args.resume,
        ..of_source(source)
    }
}

/// What somebody asks for who scores the trials elsewhere.
pub fn of_ask(source: &Source, args: &AskOptions) -> StudyRequest {
    // A trial that is told has one score, and nobody refits it.
    let overrides = SettingsOverrides {
        seed: args.seed,
        folds: Some(1),
        top: Some(0),
        ..of_proposals(&args.proposals)
    };
    let name = args.study.clone().unwrap_or_else(|| source.spec.settings.name.clone());
    let mut request = of_source(source);
    request.spec.step_name = StepName::Program;
    StudyRequest {
        overrides,
        trials: args.proposals.trials,
        name: Some(name),
        told: true,
        ..request
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
