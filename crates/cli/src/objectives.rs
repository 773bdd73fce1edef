//! What this program can search: our model and commands, as studies keep them and as people are told of them.

use burn_tune_app::search::Describe;
use burn_tune_app::search::dry_run::DryRun;
use burn_tune_command::CommandObjective;
use burn_tune_model::MlpIdentity;
use burn_tune_model::training::ACCURACY;
use burn_tune_search::{Identity, ObjectiveFacts, Params};
use burn_tune_study::objective_reader::AnyObjective;
use burn_tune_study::{ObjectiveReader, StudyPlan};

use crate::dry_run;
use crate::our_model::{MlpObjective, OnData, OurModel};

/// So much of a command is shown, in characters.
const SHOWN: usize = 80;

/// Reads what studies of this program have kept of their objectives.
pub struct KnownObjectives;

impl ObjectiveReader for KnownObjectives {
    fn facts(&self, identity: &Identity) -> ObjectiveFacts {
        if let Some(model) = MlpIdentity::of(identity) {
            return facts_of_model(model);
        }
        let command = CommandObjective::settings_of(identity);
        command.map_or_else(|| AnyObjective.facts(identity), |command| command.facts())
    }

    fn size(&self, identity: &Identity, params: &Params) -> Option<u64> {
        MlpIdentity::of(identity)?.size(params)
    }
}

fn facts_of_model(model: MlpIdentity) -> ObjectiveFacts {
    ObjectiveFacts {
        metric: ACCURACY.to_owned(),
        dataset: Some(model.examples.name),
        command: None,
        train_examples: Some(model.examples.train),
        test_examples: Some(model.examples.test),
        backend: Some(model.backend),
    }
}

impl Describe<MlpObjective> for OurModel {
    fn evaluation(&self, _: &MlpObjective) -> String {
        self.told(|OnData { training, folds }| {
            let folds = match folds.len() {
                1 => "a fifth held out".to_owned(),
                folds => format!("{folds} folds"),
            };
            let dataset = &training.dataset;
            format!("{folds} on {} examples of {}", dataset.train.len(), dataset.name)
        })
    }

    fn device(&self, _: &MlpObjective) -> String {
        self.told(|on_data| format!(" on {}", on_data.training.lanes.backend().name()))
    }

    fn fuses(&self) -> bool {
        true
    }

    fn fused(&self, plan: &StudyPlan<MlpObjective>, device: Option<usize>) -> Option<usize> {
        let typical = plan.typical_params();
        let configs = typical.iter().filter_map(dry_run::config).collect::<Vec<_>>();
        self.on_data(|on_data| on_data.training.fused_at_once(&configs, device)).flatten()
    }

    /// Of the best trial: what its user is most likely to want, at little cost.
    fn keep_models(&self) -> usize {
        1
    }

    fn dry_run(&self, plan: &StudyPlan<MlpObjective>, trials: &DryRun) -> String {
        self.told(|on_data| {
            let typical = plan.typical_params();
            dry_run::of_models(
                trials,
                on_data,
                &plan.objective,
                plan.total_cost(&typical),
                &typical,
            )
        })
    }
}

impl Describe<CommandObjective> for KnownObjectives {
    /// Who begins the search has the command in a file of his own, and a study that goes on has the same.
    fn worker_arguments(&self) -> Vec<String> {
        vec!["--allow-command".to_owned()]
    }

    fn evaluation(&self, objective: &CommandObjective) -> String {
        // A script of many lines is not repeated.
        let command = objective.settings().to_string();
        let words: Vec<&str> = command.split_whitespace().collect();
        let command = words.join(" ");
        match command.char_indices().nth(SHOWN) {
            Some((at, _)) => format!("scored by {}…", &command[..at]),
            None => format!("scored by {command}"),
        }
    }

    fn dry_run(&self, plan: &StudyPlan<CommandObjective>, trials: &DryRun) -> String {
        dry_run::of_commands(trials, plan.objective.settings())
    }
}
