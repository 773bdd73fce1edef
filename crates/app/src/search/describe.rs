//! What people are told of an objective.

use burn_tune_search::Objective;
use burn_tune_study::{Observer, StudyFolder, StudyPlan};

use super::dry_run::DryRun;

/// Tells people of objectives of one kind.
pub trait Describe<O: Objective> {
    /// What trials are scored on, as a part of a sentence: `3 folds on 60000 examples of mnist`.
    fn evaluation(&self, objective: &O) -> String;

    /// What computes, as the end of a sentence: ` on flex`.
    fn device(&self, _objective: &O) -> String {
        String::new()
    }

    /// How a training gives values on its way, as an order.
    fn how_to_report(&self) -> &'static str {
        "print lines such as {\"step\": 1, \"value\": 0.5}"
    }

    /// Of how many of the best trials models are kept, where the user does not say.
    fn keep_models(&self) -> usize {
        0
    }

    /// What to do about a training that goes on after its time-out, as the end of a sentence; nothing where none can.
    fn how_to_end(&self) -> &'static str {
        ""
    }

    /// Whether trainings of the objective can be computed together: otherwise `--fuse` is refused.
    fn fuses(&self) -> bool {
        false
    }

    /// How many trainings of a plan each device computes together, where it does and nobody says otherwise: as many run at
    /// once. `device` is the number of one of them.
    fn fused(&self, _plan: &StudyPlan<O>, _device: Option<usize>) -> Option<usize> {
        None
    }

    /// What a worker that this search begins is to be told beside what stands in the database.
    fn worker_arguments(&self) -> Vec<String> {
        Vec::new()
    }

    /// The search of a plan begins, whose files go into this folder: whoever is to see what happens.
    fn begin(&self, _plan: &StudyPlan<O>, _folder: &StudyFolder) -> Option<Box<dyn Observer>> {
        None
    }

    /// What a search would do.
    fn dry_run(&self, _plan: &StudyPlan<O>, trials: &DryRun) -> String {
        trials.of_params()
    }
}
