//! What a study is going to do: what its file or program, the overrides, and what was begun before come to
//! together.

use burn_tune_search::allowed::{self, PointCount};
use burn_tune_search::bind::{bind, check_spec, max_steps};
use burn_tune_search::candidates::{Listed, for_budgets};
use burn_tune_search::constraint::Shortage;
use burn_tune_search::metric::deterministic;
use burn_tune_search::pruner::{Pruning, ReportUnit};
use burn_tune_search::sampler::SobolSampler;
use burn_tune_search::sampler::unit_space::UnitSpace;
use burn_tune_search::settings::{StopRule, StudySettings};
use burn_tune_search::suggester::Suggester;
use burn_tune_search::{Candidate, Identity, Metric, Objective, Params, StudySpec};

use crate::definition::StudyDefinition;
use crate::error::{NeedsOneValue, StudyError};
use crate::objective_reader::ObjectiveReader;
use crate::results::{CV_RESULTS, LEADERBOARD};

/// From so many points the work is estimated that trials will need which cannot be listed.
const ESTIMATED: usize = 64;

/// What scores the trials of a study, made ready for it.
#[derive(Debug)]
pub struct Prepared<O> {
    /// The objective.
    pub objective: O,
    /// What is to be known of it, in a sentence each.
    pub notices: Vec<String>,
}

/// What a study is going to do.
#[derive(Debug)]
pub struct StudyPlan<O> {
    /// What makes it this study.
    pub definition: StudyDefinition,
    /// Its space, explicit trials, and the settings before any override.
    pub spec: StudySpec,
    /// What scores its trials.
    pub objective: O,
    /// How many trials the study has been asked for, one number after the other.
    pub budgets: Vec<usize>,
    /// What it is after; at least one metric.
    pub metrics: Vec<Metric>,
    /// The trials, in order, as far as they can be listed.
    pub candidates: Vec<Candidate>,
    /// Why they are fewer than were asked for, where that is because of the study's constraint.
    pub shortage: Option<Shortage>,
    /// What is to be known before it begins, in a sentence each.
    pub notices: Vec<String>,
}

/// What the folds of all trials cost, and the refits of the best, in the objective's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TotalCost {
    /// The folds.
    pub folds: f64,
    /// The refits.
    pub refits: f64,
}

impl<O: Objective> StudyPlan<O> {
    /// A study of `spec` with these settings, whose file or program says `stated` of the objective, for
    /// `budgets` trials. `reader` knows what a score is called.
    ///
    /// # Errors
    ///
    /// What does not fit the objective, the sampler or the pruner.
    pub fn new(
        spec: StudySpec,
        stated: &Identity,
        mut settings: StudySettings,
        prepared: Prepared<O>,
        budgets: Vec<usize>,
        reader: &dyn ObjectiveReader,
    ) -> Result<Self, StudyError> {
        let Prepared { objective, notices } = prepared;
        if objective.metrics().is_empty() && !settings.objectives.is_empty() {
            return Err(StudyError::NoMetrics);
        }
        check_spec(&objective, &spec)?;
        refuse_single_value_rules(&settings)?;
        settings.resolve(&resolved_metrics(&objective, &settings)?);
        allowed::check(&spec, settings.seed)?;
        let listed = for_budgets(&spec, settings.sampler, &budgets, settings.seed);
        let Listed { candidates, shortage, .. } = listed.map_err(StudyError::Unsuitable)?;
        if let Some(shortage) = shortage.as_ref().filter(|_| candidates.is_empty()) {
            return Err(allowed::nothing(shortage).into());
        }
        let definition = StudyDefinition::new(&spec, stated, settings, objective.identity());
        let metrics = definition.metrics(reader);
        let notices = spec.notes().into_iter().chain(notices).chain(wall_clock_notice(&metrics));
        let notices = notices.collect();
        let mut plan = StudyPlan {
            definition,
            spec,
            objective,
            budgets,
            metrics,
            candidates,
            shortage,
            notices,
        };
        plan.notices.extend(plan.budget_notices());
        // What they cannot take is said before there is a study.
        plan.suggester()?;
        plan.pruning()?;
        Ok(plan)
    }

    /// The settings of the study.
    pub fn settings(&self) -> &StudySettings {
        &self.definition.settings
    }

    /// How many trials the study is to have, other programs' included.
    pub fn budget(&self) -> usize {
        self.budgets.last().copied().unwrap_or(0)
    }

    /// How many trials there will be.
    pub fn trial_count(&self) -> usize {
        match self.settings().sampler.learns() {
            true => self.budget(),
            false => self.budget().min(self.candidates.len()),
        }
    }

    /// What decides what the next trial tries.
    ///
    /// # Errors
    ///
    /// [`StudyError::Unsuitable`] where the sampler cannot take the space.
    pub fn suggester(&self) -> Result<Suggester, StudyError> {
        let objectives = deterministic(&self.metrics);
        Suggester::of(&self.spec, self.settings(), &self.budgets, objectives)
            .map_err(StudyError::Unsuitable)
    }

    /// What intermediate values are: the pruner's, or else the objective's unit.
    pub fn report_unit(&self) -> ReportUnit {
        let StudySettings { pruner, folds, .. } = self.settings();
        pruner
            .as_ref()
            .map_or_else(|| self.objective.report_unit(), |pruner| pruner.report_unit(*folds))
    }

    /// How hopeless trials are stopped, where they are.
    ///
    /// # Errors
    ///
    /// [`StudyError::Unsuitable`] where the pruner cannot take that.
    pub fn pruning(&self) -> Result<Option<Pruning>, StudyError> {
        self.definition.pruning(self.max_steps(), self.spec.step_name)
    }

    /// How often a trial reports at most; `None` where nobody knows.
    pub fn max_steps(&self) -> Option<u64> {
        let mut spec = self.spec.clone();
        spec.trials.truncate(self.budget());
        max_steps(&self.objective, &spec)
    }

    /// What all folds of a trial cost; nothing where the params do not fit.
    pub fn cost(&self, params: &Params) -> f64 {
        bind(&self.objective, params).map_or(0.0, |config| self.objective.cost(&config))
    }

    /// What the folds of all trials cost, and the refits, from params like theirs.
    pub fn total_cost(&self, typical: &[Params]) -> TotalCost {
        let settings = self.settings();
        let trials = if settings.sampler.learns() { self.budget() } else { typical.len() };
        let folds: f64 = typical.iter().map(|params| self.cost(params)).sum();
        let folds = folds / typical.len().max(1) as f64 * trials as f64;
        // What is refitted are likely to be average trials.
        let refits = settings.top.min(trials) * settings.refit_seeds;
        let of_one = self.objective.refitter().map_or(0.0, |refitter| refitter.cost());
        let refits = refits as f64 * folds / trials.max(1) as f64 * of_one;
        TotalCost { folds, refits }
    }

    /// Params like those of the trials that there will be.
    pub fn typical_params(&self) -> Vec<Params> {
        let settings = self.settings();
        let listed = self.candidates.iter().map(|candidate| candidate.params.clone());
        let more = self.budget().saturating_sub(self.candidates.len()).min(ESTIMATED);
        let space = UnitSpace::constrained(&self.spec.space, self.spec.constraint.as_ref());
        let sobol = SobolSampler::new(&space, settings.seed).ok();
        let sobol = sobol.filter(|_| settings.sampler.learns());
        let drawn = (0..more as u64).filter_map(|n| Some(sobol.as_ref()?.point(n)));
        let allowed = drawn.filter(|point| space.allows(point));
        listed.chain(allowed.map(|point| space.params(&point))).collect()
    }

    /// That there are fewer points to try than trials, where that is known.
    fn few_points(&self) -> Option<String> {
        let (trials, listed) = (self.budget(), self.candidates.len());
        let count = match (self.settings().sampler.learns(), &self.shortage) {
            (true, _) => allowed::points(&self.spec)?,
            (false, Some(shortage @ Shortage { attempts: Some(_), .. })) => {
                return Some(format!("behind {listed} trials, of {trials}, {shortage}"));
            }
            (false, _) => PointCount::Exactly(listed as u128),
        };
        let (PointCount::Exactly(points) | PointCount::AtMost(points)) = count;
        let is_constrained = self.spec.constraint.is_some();
        (points < trials as u128).then(|| few_points_text(count, is_constrained, trials))
    }

    /// What is to be known where there are other numbers of points or explicit trials than trials.
    fn budget_notices(&self) -> Vec<String> {
        let trials = self.budget();
        let few = self.few_points();
        let explicit = self.spec.trials.len();
        let many = (explicit > trials).then(|| {
            format!(
                "the file has {explicit} explicit trials, of which the first {trials} are tried"
            )
        });
        few.into_iter().chain(many).collect()
    }
}

/// What is said where there are fewer points than trials.
fn few_points_text(count: PointCount, is_constrained: bool, trials: usize) -> String {
    let tried = format!("all of them are tried, instead of {trials} trials");
    match count {
        PointCount::Exactly(points) if is_constrained => {
            format!("the check allows only {points} different points of the space: {tried}")
        }
        PointCount::Exactly(points) => {
            format!("the space has only {points} different points: {tried}")
        }
        PointCount::AtMost(points) => {
            format!("the check allows at most {points} different points of the space: {tried}")
        }
    }
}

/// The study's objectives, as the objective gives them.
fn resolved_metrics<O: Objective>(
    objective: &O,
    settings: &StudySettings,
) -> Result<Vec<Metric>, StudyError> {
    burn_tune_search::metric::resolve_objectives(&settings.objectives, &objective.metrics())
        .map_err(|fault| StudyError::Unsuitable(format!("{}: {}", fault.problem, fault.help)))
}

/// Refuses what ends a trial or the study by a single value, where there are several.
fn refuse_single_value_rules(settings: &StudySettings) -> Result<(), StudyError> {
    let objectives = settings.objectives.len();
    if objectives < 2 {
        return Ok(());
    }
    let StopRule { target, no_improvement } = settings.stop_rule;
    let needs = if let Some(pruner) = &settings.pruner {
        NeedsOneValue::Pruner(pruner.name().to_owned())
    } else if target.is_some() {
        NeedsOneValue::Target
    } else if no_improvement.is_some() {
        NeedsOneValue::NoImprovement
    } else {
        return Ok(());
    };
    Err(StudyError::NeedsOneObjective { needs, objectives })
}

/// What is said of objectives that are wall-clock time.
fn wall_clock_notice(metrics: &[Metric]) -> Option<String> {
    let clocked = metrics.iter().filter(|metric| metric.wall_clock);
    let names: Vec<&str> = clocked.map(|metric| metric.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} is wall-clock time, another in each run: shown in the table, the page and {CV_RESULTS}, never ranked, not in {LEADERBOARD}, and no sampler learns from it",
            names.join(" and ")
        )
    })
}
