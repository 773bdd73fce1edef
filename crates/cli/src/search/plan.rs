//! What a search is going to do: what the file, the arguments, and a study that was begun before come to
//! together.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use burn_tune_model::MlpConfig;
use burn_tune_ranking::format::count;
use burn_tune_search::bind::bind;
use burn_tune_search::candidates::for_budgets;
use burn_tune_search::metric::{deterministic, resolve_objectives};
use burn_tune_search::pruner::Pruning;
use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::sampler::SobolSampler;
use burn_tune_search::sampler::unit_space::UnitSpace;
use burn_tune_search::settings::{SamplerKind, StopRule, StudySettings};
use burn_tune_search::suggester::Suggester;
use burn_tune_search::{Candidate, Direction, Domain, Metric, Objective, Params};
use burn_tune_spec::StudyFile;

use super::definition::{Definition, Settings};
use super::work::{Prepared, Work};
use crate::args::{PrunerChoice, SearchArgs};
use crate::dry_run::{DryRun, EstimatedWork};
use crate::progress::Progress;
use crate::results::{CV_RESULTS, LEADERBOARD};

/// Trials that are made where nobody says how many.
const TRIALS: usize = 50;

/// From so many points the work is estimated that trials will need which cannot be listed.
const ESTIMATED: usize = 64;

/// What a search is going to do.
pub struct Plan {
    pub definition: Definition,
    pub file: StudyFile,
    pub work: Work,
    /// How many trials the study has been asked for, one number after the other.
    pub budgets: Vec<usize>,
    /// The trials of ours, in order, as far as they can be listed.
    pub candidates: Vec<Candidate>,
    pub notices: Vec<String>,
}

impl Plan {
    /// A new study.
    pub fn new(file: StudyFile, args: &SearchArgs) -> Result<Self> {
        let study = StudySettings {
            seed: args.run.seed.unwrap_or(file.spec.settings.seed),
            sampler: args.proposals.sampler.unwrap_or(file.spec.settings.sampler),
            folds: if args.told { 1 } else { args.folds.unwrap_or(file.spec.settings.folds) },
            top: if args.told { 0 } else { args.top.unwrap_or(file.spec.settings.top) },
            pruner: match &args.proposals.pruner {
                Some(PrunerChoice::None) => None,
                Some(PrunerChoice::Some(pruner)) => Some(pruner.clone()),
                None => file.spec.settings.pruner.clone(),
            },
            window: args.proposals.window.or(file.spec.settings.window),
            stop_rule: StopRule {
                target: args.target.or(file.spec.settings.stop_rule.target),
                no_improvement: args.no_improvement.or(file.spec.settings.stop_rule.no_improvement),
            },
            ..file.spec.settings.clone()
        };
        let budgets = vec![args.proposals.trials.unwrap_or(TRIALS)];
        let prepared = Prepared::new(&file, &study, args)?;
        Plan::of(file, study, prepared, budgets)
    }

    /// A study that was begun before, for whose `budgets` trials the file has not changed.
    pub fn resumed(file: StudyFile, definition: &Definition, budgets: Vec<usize>) -> Result<Self> {
        let prepared = Prepared::resumed(&file, definition)?;
        Plan::of(file, definition.settings.study.clone(), prepared, budgets)
    }

    fn of(
        file: StudyFile,
        mut study: StudySettings,
        prepared: Prepared,
        budgets: Vec<usize>,
    ) -> Result<Self> {
        refuse_ends(&study)?;
        let Prepared { work, settings, notices } = prepared;
        let mut notices: Vec<String> = file.spec.notes().into_iter().chain(notices).collect();
        let offered = match &work {
            Work::Model(objective) => objective.metrics(),
            Work::Command(_) | Work::Tell => Vec::new(),
        };
        if offered.is_empty() && !study.objectives.is_empty() {
            bail!(
                "[[objective]] says what is measured of our model; a program of yours has one score: take [[objective]] out"
            );
        }
        let metrics = resolve_objectives(&study.objectives, &offered)
            .map_err(|fault| anyhow!("{}: {}", fault.problem, fault.help))?;
        study.resolve(&metrics);
        notices.extend(clock_notice(&metrics));

        let candidates = for_budgets(&file.spec, study.sampler, &budgets, study.seed)
            .map_err(|problem| anyhow!(problem))?;
        let trials = budgets.last().copied().unwrap_or(TRIALS);
        let points = match study.sampler.learns() {
            false => Some(candidates.len()),
            true => file.spec.space.points().and_then(|points| usize::try_from(points).ok()),
        };
        if let Some(points) = points.filter(|points| *points < trials) {
            notices.push(format!(
                "the space has only {points} different points: all of them are tried, instead of {trials} trials",
            ));
        }
        if file.spec.trials.len() > trials {
            notices.push(format!(
                "the file has {} explicit trials, of which the first {trials} are tried",
                file.spec.trials.len(),
            ));
        }
        let definition = Definition::new(&file, Settings { study, work: settings });
        let plan = Plan { definition, file, work, budgets, candidates, notices };
        // What they cannot take is said before there is a study.
        plan.suggester()?;
        plan.pruning()?;
        Ok(plan)
    }

    /// The settings of the study.
    pub fn study(&self) -> &StudySettings {
        &self.definition.settings.study
    }

    /// How many trials the study is to have, other programs' included.
    pub fn budget(&self) -> usize {
        self.budgets.last().copied().unwrap_or(0)
    }

    /// What decides what the next trial tries.
    pub fn suggester(&self) -> Result<Suggester> {
        let objectives = deterministic(&self.definition.metrics());
        Suggester::of(&self.file.spec, self.study(), &self.budgets, objectives)
            .map_err(|problem| anyhow!(problem))
    }

    /// What intermediate values are.
    pub fn report_unit(&self) -> ReportUnit {
        match (&self.study().pruner, &self.work) {
            (Some(pruner), _) => pruner.report_unit(),
            (None, Work::Model(_)) => ReportUnit::default(),
            // A program's intermediate values are kept, whether anybody decides by them or not.
            (None, Work::Command(_) | Work::Tell) => ReportUnit::Steps,
        }
    }

    /// How hopeless trials are stopped, where they are.
    pub fn pruning(&self) -> Result<Option<Pruning>> {
        self.definition.pruning_of(self.max_steps())
    }

    /// The most epochs that a trial may have; nobody knows how often a program reports.
    fn max_steps(&self) -> Option<u64> {
        let Work::Model(objective) = &self.work else { return None };
        let objective = objective.as_ref();
        let explicit = self.candidates.iter().map(|candidate| candidate.params.clone());
        let space = &self.file.spec.space;
        let epochs = space.get("epochs").map(Domain::extremes).unwrap_or_default();
        let sampled =
            epochs.into_iter().map(|value| Params::from_iter([("epochs".to_owned(), value)]));
        let steps = explicit
            .chain(sampled)
            .filter_map(|params| objective.steps(&bind(objective, &params).ok()?));
        // A space that says nothing of epochs gives every trial as many as there are by default.
        let default = objective.steps(&MlpConfig::default());
        steps.chain(default.filter(|_| space.get("epochs").is_none())).max()
    }

    /// Params like those of the trials that there will be.
    fn typical(&self) -> Vec<Params> {
        let listed = self.candidates.iter().map(|candidate| candidate.params.clone());
        let more = self.budget().saturating_sub(self.candidates.len()).min(ESTIMATED);
        let space = UnitSpace::new(&self.file.spec.space);
        let sobol = SobolSampler::new(&space, self.study().seed).ok();
        let sobol = sobol.filter(|_| self.study().sampler.learns());
        let drawn = (0..more as u64).filter_map(|n| Some(space.params(&sobol.as_ref()?.point(n))));
        listed.chain(drawn).collect()
    }

    /// The display of the search.
    pub fn progress(&self, quiet: bool) -> Progress<'_> {
        let cost = |params: &Params| self.work.cost(params);
        let work = self.work_of(&self.typical());
        let maximize = self.study().direction == Direction::Maximize;
        let folds = self.study().folds;
        Progress::new(self.count(), cost, work, folds, maximize, quiet)
    }

    /// How many trials there will be.
    fn count(&self) -> usize {
        match self.study().sampler.learns() {
            true => self.budget(),
            false => self.budget().min(self.candidates.len()),
        }
    }

    /// Who proposes and who stops trials, where that is not left to chance and to nobody.
    fn policy(&self) -> String {
        let StudySettings { sampler, pruner, .. } = self.study();
        let sampler = match sampler {
            SamplerKind::Random => String::new(),
            sampler => format!(" by {}", sampler.name()),
        };
        let pruner = pruner.as_ref().map(|pruner| format!(" pruned by {}", pruner.name()));
        sampler + &pruner.unwrap_or_default()
    }

    /// What would be tried, as text, with `jobs` workers.
    pub fn dry_run(&self, jobs: usize) -> String {
        let proposals = DryRun {
            candidates: &self.candidates,
            unlisted: self.count().saturating_sub(self.candidates.len()),
            sampler: self.study().sampler.name(),
            notices: &self.notices,
            jobs,
        };
        match &self.work {
            Work::Model(objective) => {
                let typical = self.typical();
                let (work, refit_work) = self.work_of(&typical);
                let work = EstimatedWork { folds: work, refits: refit_work, typical: &typical };
                proposals.of_models(objective, &work)
            }
            Work::Command(objective) => proposals.of_commands(objective.settings()),
            Work::Tell => String::new(),
        }
    }

    /// What the folds of all trials cost, and the refits of the best, from params like theirs.
    fn work_of(&self, typical: &[Params]) -> (f64, f64) {
        let trials = if self.study().sampler.learns() { self.budget() } else { typical.len() };
        let work: f64 = typical.iter().map(|params| self.work.cost(params)).sum();
        let work = work / typical.len().max(1) as f64 * trials as f64;
        // What is refitted are likely to be average trials.
        let refits = self.study().top.min(trials) * self.study().refit_seeds;
        (work, refits as f64 * work / trials.max(1) as f64 * self.work.refit_cost())
    }

    /// What is said first.
    pub fn opening_line(&self, path: &Path, jobs: usize, study: &str) -> String {
        let on = match &self.work {
            Work::Model(objective) => format!(" on {}", objective.backend.name()),
            Work::Command(_) | Work::Tell => String::new(),
        };
        format!(
            "{}: {}{}, {}, seed {}, {}{on}\nspace: {}\nstudy: {study}",
            self.study().name,
            count(self.count(), "trial"),
            self.policy(),
            self.work.description(),
            self.study().seed,
            count(jobs, "job"),
            path.display(),
        )
    }
}

/// Refuses what ends a trial or the study by a single value, where there are several.
fn refuse_ends(study: &StudySettings) -> Result<()> {
    let several = study.objectives.len();
    if several < 2 {
        return Ok(());
    }
    let StopRule { target, no_improvement } = study.stop_rule;
    let (what, keys) = if let Some(pruner) = &study.pruner {
        (format!("the {} pruner", pruner.name()), "`pruner` of [study], or `--pruner`")
    } else if target.is_some() {
        ("a target".to_owned(), "`target` of [study], or `--target`")
    } else if no_improvement.is_some() {
        (
            "an end without improvement".to_owned(),
            "`no_improvement` of [study], or `--no-improvement`",
        )
    } else {
        return Ok(());
    };
    bail!(
        "{what} needs one value to go by, and this study has {several} objectives: leave out {keys}, or all but one [[objective]]"
    )
}

/// What is said of objectives that are wall-clock time.
fn clock_notice(metrics: &[Metric]) -> Option<String> {
    let clocked = metrics.iter().filter(|metric| metric.wall_clock);
    let names: Vec<&str> = clocked.map(|metric| metric.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} is wall-clock time, another in each run: shown in the table, the page and {CV_RESULTS}, never ranked, not in {LEADERBOARD}, and no sampler learns from it",
            names.join(" and ")
        )
    })
}
