//! What is said of a search before it begins.

use burn_tune_ranking::format::count;
use burn_tune_search::settings::{SamplerKind, StudySettings};
use burn_tune_search::{Direction, Objective, Params};
use burn_tune_study::StudyPlan;
use burn_tune_study::plan::TotalCost;

use super::Describe;
use super::dry_run::DryRun;
use crate::progress::Progress;

/// What a search would do with `jobs` workers.
pub fn dry_run<O: Objective>(
    plan: &StudyPlan<O>,
    describe: &dyn Describe<O>,
    jobs: usize,
) -> String {
    let dry_run = DryRun {
        candidates: &plan.candidates,
        unlisted: plan.trial_count().saturating_sub(plan.candidates.len()),
        sampler: plan.settings().sampler.name(),
        notices: &plan.notices,
        jobs,
    };
    describe.dry_run(plan, &dry_run)
}

/// The display of the search.
pub fn progress<O: Objective>(plan: &StudyPlan<O>, quiet: bool) -> Progress<'_> {
    let cost = |params: &Params| plan.cost(params);
    let TotalCost { folds, refits } = plan.total_cost(&plan.typical_params());
    let maximize = plan.settings().direction == Direction::Maximize;
    Progress::new(plan.trial_count(), cost, (folds, refits), plan.settings().folds, maximize, quiet)
        .naming_steps(plan.spec.step_name)
}

/// What is said first; `at_work` says how many jobs or workers there are.
pub fn opening_line<O: Objective>(
    plan: &StudyPlan<O>,
    describe: &dyn Describe<O>,
    space: &str,
    at_work: &str,
    study: &str,
) -> String {
    format!(
        "{}: {}{}, {}, seed {}, {at_work}{}\nspace: {space}\nstudy: {study}",
        plan.settings().name,
        count(plan.trial_count(), "trial"),
        policy(plan.settings()),
        describe.evaluation(&plan.objective),
        plan.settings().seed,
        describe.device(&plan.objective),
    )
}

/// Who proposes and who stops trials, where that is not left to chance and to nobody.
fn policy(settings: &StudySettings) -> String {
    let sampler = match settings.sampler {
        SamplerKind::Random => String::new(),
        sampler => format!(" by {}", sampler.name()),
    };
    let pruner = settings.pruner.as_ref().map(|pruner| format!(" pruned by {}", pruner.name()));
    sampler + &pruner.unwrap_or_default()
}
