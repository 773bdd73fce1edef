//! What this program can search: our model and commands, as studies keep them and as people are told of them.

use burn_tune_app::search::Describe;
use burn_tune_app::search::dry_run::DryRun;
use burn_tune_command::CommandObjective;
use burn_tune_model::{MlpIdentity, MlpObjective};
use burn_tune_search::{Identity, ObjectiveFacts, Params};
use burn_tune_study::objective_reader::AnyObjective;
use burn_tune_study::{ObjectiveReader, StudyPlan};

use crate::dry_run;

/// So much of a command is shown, in characters.
const SHOWN: usize = 80;

/// Reads what studies of this program have kept of their objectives.
pub struct KnownObjectives;

impl ObjectiveReader for KnownObjectives {
    fn facts(&self, identity: &Identity) -> ObjectiveFacts {
        if let Some(model) = MlpIdentity::of(identity) {
            return model.facts();
        }
        let command = CommandObjective::settings_of(identity);
        command.map_or_else(|| AnyObjective.facts(identity), |command| command.facts())
    }

    fn size(&self, identity: &Identity, params: &Params) -> Option<u64> {
        MlpIdentity::of(identity)?.size(params)
    }
}

impl Describe<MlpObjective> for KnownObjectives {
    fn evaluation(&self, objective: &MlpObjective) -> String {
        let folds = match objective.folds.len() {
            1 => "a fifth held out".to_owned(),
            folds => format!("{folds} folds"),
        };
        let dataset = &objective.dataset;
        format!("{folds} on {} examples of {}", dataset.train.len(), dataset.name)
    }

    fn device(&self, objective: &MlpObjective) -> String {
        format!(" on {}", objective.backend.name())
    }

    /// Of the best trial: what its user is most likely to want, at little cost.
    fn keep_models(&self) -> usize {
        1
    }

    fn dry_run(&self, plan: &StudyPlan<MlpObjective>, trials: &DryRun) -> String {
        let typical = plan.typical_params();
        dry_run::of_models(trials, &plan.objective, plan.total_cost(&typical), &typical)
    }
}

impl Describe<CommandObjective> for KnownObjectives {
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
