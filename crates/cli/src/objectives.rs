//! What this program can search: our model and commands, as studies keep them and as people are told of them.

use burn_tune_command::CommandObjective;
use burn_tune_model::{MlpIdentity, MlpObjective};
use burn_tune_search::{Identity, Objective, ObjectiveFacts, Params};
use burn_tune_study::{ObjectiveReader, StudyPlan};

use crate::dry_run::DryRun;

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
        command.map_or_else(ObjectiveFacts::default, |command| command.facts())
    }

    fn size(&self, identity: &Identity, params: &Params) -> Option<u64> {
        MlpIdentity::of(identity)?.size(params)
    }
}

/// An objective that people are told of.
pub trait Described: Objective + Sized {
    /// What trials are scored on.
    fn description(&self) -> String;

    /// What computes, as the end of a sentence: ` on flex`.
    fn device(&self) -> String {
        String::new()
    }

    /// What a search of it would do.
    fn dry_run(plan: &StudyPlan<Self>, dry_run: &DryRun) -> String;
}

impl Described for MlpObjective {
    fn description(&self) -> String {
        let folds = match self.folds.len() {
            1 => "a fifth held out".to_owned(),
            folds => format!("{folds} folds"),
        };
        format!("{folds} on {} examples of {}", self.dataset.train.len(), self.dataset.name)
    }

    fn device(&self) -> String {
        format!(" on {}", self.backend.name())
    }

    fn dry_run(plan: &StudyPlan<Self>, dry_run: &DryRun) -> String {
        let typical = plan.typical_params();
        dry_run.of_models(&plan.objective, plan.total_cost(&typical), &typical)
    }
}

impl Described for CommandObjective {
    fn description(&self) -> String {
        // A script of many lines is not repeated.
        let command = self.settings().to_string();
        let words: Vec<&str> = command.split_whitespace().collect();
        let command = words.join(" ");
        match command.char_indices().nth(SHOWN) {
            Some((at, _)) => format!("scored by {}…", &command[..at]),
            None => format!("scored by {command}"),
        }
    }

    fn dry_run(plan: &StudyPlan<Self>, dry_run: &DryRun) -> String {
        dry_run.of_commands(plan.objective.settings())
    }
}
