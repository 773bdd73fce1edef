//! What a search is going to do: what the file, the arguments, and a study that was begun before come to
//! together.

use std::path::Path;

use anyhow::{Result, anyhow};
use burn_tune_data::stratified_folds;
use burn_tune_model::{Backend, MlpObjective};
use burn_tune_search::bind::check_file;
use burn_tune_search::candidates::for_budgets;
use burn_tune_search::study_file::StudySettings;
use burn_tune_search::{Candidate, Direction, History, StudyFile};

use super::definition::{Definition, ExampleFacts, Settings};
use crate::args::SearchArgs;
use crate::progress::Progress;
use crate::setup::DataSource;
use crate::{dry_run, setup};

/// Trials that are made where nobody says how many.
const TRIALS: usize = 50;

/// What a search is going to do.
pub struct Plan {
    pub definition: Definition,
    pub file: StudyFile,
    pub objective: MlpObjective,
    /// How many trials the study has been asked for, one number after the other.
    pub budgets: Vec<usize>,
    /// The trials of ours, in order.
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
        study: StudySettings,
        source: DataSource,
        backend: Backend,
        curves: bool,
        budgets: Vec<usize>,
    ) -> Result<Self> {
        let dataset = setup::dataset(&source, backend)?;
        let examples = ExampleFacts::of(&dataset);
        let splits = stratified_folds(dataset.train.labels(), study.folds)?;
        let mut notices: Vec<String> = splits.warning.iter().map(ToString::to_string).collect();
        let objective = MlpObjective { dataset, folds: splits.folds, backend, curves };
        check_file(&objective, &file)?;

        let candidates = for_budgets(&file, study.sampler, &budgets, study.seed)
            .map_err(|problem| anyhow!(problem))?;
        let trials = budgets.last().copied().unwrap_or(TRIALS);
        if candidates.len() < trials {
            notices.push(format!(
                "the space has only {} different points: all of them are tried, instead of {trials} trials",
                candidates.len(),
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
        Ok(Plan { definition, file, objective, budgets, candidates, notices })
    }

    /// The settings of the study.
    pub fn study(&self) -> &StudySettings {
        &self.definition.settings.study
    }

    /// How many trials the study is to have, other programs' included.
    pub fn budget(&self) -> usize {
        self.budgets.last().copied().unwrap_or(0)
    }

    /// What the next trial tries, given those that there are.
    pub fn suggest(&self, history: &History) -> Option<Candidate> {
        let ours = history.trials().len() - history.foreign();
        self.candidates.get(ours).filter(|_| history.trials().len() < self.budget()).cloned()
    }

    /// The display of the search.
    pub fn progress(&self, quiet: bool) -> Progress<'_> {
        let cost = |params: &_| dry_run::work(&self.objective, params);
        let trials = self.candidates.len();
        let work: f64 = self.candidates.iter().map(|candidate| cost(&candidate.params)).sum();
        // A refit is a fold with all of the examples, of what are likely to be average trials.
        let examples: usize = self.objective.folds.iter().map(|fold| fold.train.len()).sum();
        let whole = self.objective.dataset.train.len() as f64 / examples as f64;
        let refits = self.study().top.min(trials) * self.study().refit_seeds;
        let refit_work = refits as f64 * work / trials.max(1) as f64 * whole;
        let maximize = self.study().direction == Direction::Maximize;
        let folds = self.objective.folds.len();
        Progress::new(self.budget().min(trials), cost, (work, refit_work), folds, maximize, quiet)
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
            self.budget().min(self.candidates.len()),
            dataset.train.len(),
            dataset.name,
            self.study().seed,
            self.objective.backend.name(),
            path.display(),
        )
    }
}
