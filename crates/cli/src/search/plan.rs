//! What a search is going to do: what the file, the arguments, and a study that was begun before come to
//! together.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use burn_tune_data::stratified_folds;
use burn_tune_model::{Backend, MlpConfig, MlpMetric, MlpObjective};
use burn_tune_search::bind::{bind, check_file};
use burn_tune_search::candidates::for_budgets;
use burn_tune_search::metric::{steady, wanted};
use burn_tune_search::pruner::{LooksAt, PrunerSettings};
use burn_tune_search::pruning::Pruning;
use burn_tune_search::sampler::SobolSampler;
use burn_tune_search::sampler::unit_space::UnitSpace;
use burn_tune_search::study_file::StudySettings;
use burn_tune_search::suggester::{EndRule, Suggester};
use burn_tune_search::{Candidate, Direction, Domain, Metric, Objective, Params, StudyFile};

use super::definition::{Definition, ExampleFacts, Settings};
use crate::args::{PrunerChoice, SearchArgs};
use crate::progress::Progress;
use crate::results::{CV_RESULTS, LEADERBOARD};
use crate::setup::DataSource;
use crate::{dry_run, setup};

/// Trials that are made where nobody says how many.
const TRIALS: usize = 50;

/// From so many points the work is estimated that trials will need which cannot be listed.
const ESTIMATED: usize = 64;

/// What a search is going to do.
pub struct Plan {
    pub definition: Definition,
    pub file: StudyFile,
    pub objective: MlpObjective,
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
            seed: args.run.seed.unwrap_or(file.study.seed),
            sampler: args.sampler.unwrap_or(file.study.sampler),
            folds: args.folds.unwrap_or(file.study.folds),
            top: args.top.unwrap_or(file.study.top),
            pruner: match &args.pruner {
                Some(PrunerChoice::None) => None,
                Some(PrunerChoice::Some(pruner)) => Some(pruner.clone()),
                None => file.study.pruner.clone(),
            },
            window: args.window.or(file.study.window),
            end_rule: EndRule {
                target: args.target.or(file.study.end_rule.target),
                no_improvement: args.no_improvement.or(file.study.end_rule.no_improvement),
            },
            ..file.study.clone()
        };
        let source = DataSource::of(&file, &args.run);
        let backend = args.run.backend.unwrap_or_default();
        let budgets = vec![args.trials.unwrap_or(TRIALS)];
        Plan::of(file, study, source, backend, args.curves, budgets)
    }

    /// A study that was begun before, for whose `budgets` trials the file has not changed.
    pub fn resumed(file: StudyFile, definition: &Definition, budgets: Vec<usize>) -> Result<Self> {
        let Settings { study, source, backend, curves, .. } = definition.settings.clone();
        let backend = Backend::by_name(&backend).ok_or_else(|| {
            anyhow!("the study computes on {backend}, which this program was built without: `--features {backend}` builds it in")
        })?;
        Plan::of(file, study, source, backend, curves, budgets)
    }

    fn of(
        file: StudyFile,
        mut study: StudySettings,
        source: DataSource,
        backend: Backend,
        curves: bool,
        budgets: Vec<usize>,
    ) -> Result<Self> {
        refuse_ends(&study)?;
        let dataset = setup::dataset(&source, backend)?;
        let examples = ExampleFacts::of(&dataset);
        let splits = stratified_folds(dataset.train.labels(), study.folds)?;
        let mut notices: Vec<String> = splits.warning.iter().map(ToString::to_string).collect();
        let metrics = study.objectives.iter().map(|wanted| MlpMetric::by_name(&wanted.name));
        let metrics = metrics.flatten().collect();
        let objective = MlpObjective { dataset, folds: splits.folds, backend, curves, metrics };
        check_file(&objective, &file)?;
        let metrics = wanted(&study.objectives, &objective.metrics())
            .map_err(|fault| anyhow!("{}: {}", fault.problem, fault.help))?;
        study.resolve(&metrics);
        notices.extend(clock_notice(&metrics));

        let candidates = for_budgets(&file, study.sampler, &budgets, study.seed)
            .map_err(|problem| anyhow!(problem))?;
        let trials = budgets.last().copied().unwrap_or(TRIALS);
        let points = match study.sampler.learns() {
            false => Some(candidates.len()),
            true => file.space.points().and_then(|points| usize::try_from(points).ok()),
        };
        if let Some(points) = points.filter(|points| *points < trials) {
            notices.push(format!(
                "the space has only {points} different points: all of them are tried, instead of {trials} trials",
            ));
        }
        if file.trials.len() > trials {
            notices.push(format!(
                "the file has {} explicit trials, of which the first {trials} are tried",
                file.trials.len(),
            ));
        }
        let backend = backend.name().to_owned();
        let settings = Settings { study, source, backend, curves, examples };
        let definition = Definition::new(&file, settings);
        let plan = Plan { definition, file, objective, budgets, candidates, notices };
        // What its sampler cannot take is said before there is a study.
        plan.suggester()?;
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
        let objectives = steady(&self.definition.metrics());
        Suggester::of(&self.file, self.study(), &self.budgets, objectives)
            .map_err(|problem| anyhow!(problem))
    }

    /// What intermediate values are.
    pub fn looks_at(&self) -> LooksAt {
        self.study().pruner.as_ref().map(PrunerSettings::looks_at).unwrap_or_default()
    }

    /// How hopeless trials are stopped, where they are.
    pub fn pruning(&self) -> Result<Option<Pruning>> {
        let Some(settings) = &self.study().pruner else { return Ok(None) };
        let (direction, folds) = (self.study().direction, self.study().folds);
        let pruner = settings
            .build(direction, folds, self.max_steps())
            .map_err(|problem| anyhow!(problem))?;
        Ok(Some(Pruning { pruner, looks_at: settings.looks_at(), direction }))
    }

    /// The most epochs that a trial may have.
    fn max_steps(&self) -> Option<u64> {
        let explicit = self.candidates.iter().map(|candidate| candidate.params.clone());
        let space = &self.file.space;
        let epochs = space.get("epochs").map(Domain::extremes).unwrap_or_default();
        let sampled =
            epochs.into_iter().map(|value| Params::from_iter([("epochs".to_owned(), value)]));
        let steps = explicit
            .chain(sampled)
            .filter_map(|params| self.objective.steps(&bind(&self.objective, &params).ok()?));
        // A space that says nothing of epochs gives every trial as many as there are by default.
        steps
            .chain(
                self.objective
                    .steps(&MlpConfig::default())
                    .filter(|_| space.get("epochs").is_none()),
            )
            .max()
    }

    /// Params like those of the trials that there will be.
    fn typical(&self) -> Vec<Params> {
        let listed = self.candidates.iter().map(|candidate| candidate.params.clone());
        let more = self.budget().saturating_sub(self.candidates.len()).min(ESTIMATED);
        let space = UnitSpace::new(&self.file.space);
        let sobol = SobolSampler::new(&space, self.study().seed).ok();
        let sobol = sobol.filter(|_| self.study().sampler.learns());
        let drawn = (0..more as u64).filter_map(|n| Some(space.params(&sobol.as_ref()?.point(n))));
        listed.chain(drawn).collect()
    }

    /// The display of the search.
    pub fn progress(&self, quiet: bool) -> Progress<'_> {
        let cost = |params: &Params| dry_run::work(&self.objective, params);
        let typical = self.typical();
        let trials = if self.study().sampler.learns() { self.budget() } else { typical.len() };
        let work: f64 = typical.iter().map(cost).sum();
        let work = work / typical.len().max(1) as f64 * trials as f64;
        // A refit is a fold with all of the examples, of what are likely to be average trials.
        let examples: usize = self.objective.folds.iter().map(|fold| fold.train.len()).sum();
        let whole = self.objective.dataset.train.len() as f64 / examples as f64;
        let refits = self.study().top.min(trials) * self.study().refit_seeds;
        let refit_work = refits as f64 * work / trials.max(1) as f64 * whole;
        let maximize = self.study().direction == Direction::Maximize;
        let folds = self.objective.folds.len();
        Progress::new(self.budget().min(trials), cost, (work, refit_work), folds, maximize, quiet)
    }

    /// How many trials there will be.
    fn count(&self) -> usize {
        match self.study().sampler.learns() {
            true => self.budget(),
            false => self.budget().min(self.candidates.len()),
        }
    }

    /// What is said first.
    pub fn opening_line(&self, path: &Path, jobs: usize, study: &str) -> String {
        let dataset = &self.objective.dataset;
        let folds = match self.objective.folds.len() {
            1 => "a fifth held out".to_owned(),
            folds => format!("{folds} folds"),
        };
        format!(
            "{}: {} trials, {folds} on {} examples of {}, seed {}, {jobs} jobs on {}\nspace: {}\nstudy: {study}",
            self.study().name,
            self.count(),
            dataset.train.len(),
            dataset.name,
            self.study().seed,
            self.objective.backend.name(),
            path.display(),
        )
    }
}

/// Refuses what ends a trial or the study by a single value, where there are several.
pub fn refuse_ends(study: &StudySettings) -> Result<()> {
    let several = study.objectives.len();
    if several < 2 {
        return Ok(());
    }
    let EndRule { target, no_improvement } = study.end_rule;
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

/// What is said of objectives that a clock decides.
fn clock_notice(metrics: &[Metric]) -> Option<String> {
    let clocked = metrics.iter().filter(|metric| metric.by_clock);
    let names: Vec<&str> = clocked.map(|metric| metric.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "a clock decides {}, in each run anew: it is in the database, {CV_RESULTS}, the table and the page, but neither in {LEADERBOARD} nor in the ranks, and no sampler learns from it",
            names.join(" and ")
        )
    })
}
