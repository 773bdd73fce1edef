//! A study of a user's own function.

mod execution;

use std::sync::Arc;

use burn_tune_search::pruner::{PrunerSettings, StepName};
use burn_tune_search::settings::{ObjectiveSettings, SamplerKind, StopRule, StudySettings};
use burn_tune_search::{
    Constraint, Direction, ExplicitTrial, Identity, KnownFlag, Metric, Params, Rejection, StudySpec,
};
use burn_tune_study::objective_reader::METRIC;
use serde_json::Value;

pub use self::execution::Workers;
pub(crate) use self::execution::{Execution, NO_MEMORY_LIMIT};
use crate::error::Result;
use crate::flags;
use crate::function::{FunctionObjective, Properties, Train};
use crate::space::Space;
use crate::trial::{Score, Trial};

/// A search for the best params of a function that trains.
///
/// ```
/// use burn_tune::prelude::*;
///
/// #[derive(Space, Debug)]
/// struct Point {
///     #[space(-10.0..=10.0)]
///     x: f64,
///     #[space(["flat", "steep"])]
///     slope: String,
/// }
///
/// fn train(point: &Point, trial: &Trial) -> Result<Score> {
///     let slope = if point.slope == "flat" { 1.0 } else { 4.0 };
///     trial.finish(slope * (point.x - 2.0).powi(2))
/// }
///
/// let study = Study::new("parabola", train).minimize().run(30)?;
/// let best = study.best().expect("a trial is complete");
/// assert!(best.score < Some(5.0));
/// println!("x = {}, slope = {}", best.params.x, best.params.slope);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a study does nothing until it is run"]
pub struct Study<S> {
    pub(crate) train: Arc<Train<S>>,
    pub(crate) properties: Properties<S>,
    pub(crate) settings: StudySettings,
    pub(crate) trials: Vec<ExplicitTrial>,
    pub(crate) constraint: Option<Constraint>,
    /// The score first.
    pub(crate) metrics: Vec<Metric>,
    /// What a space file may ask for besides.
    pub(crate) offered: Vec<Metric>,
    pub(crate) identity: Identity,
    pub(crate) description: Option<String>,
    pub(crate) execution: Execution,
    pub(crate) keep_models: usize,
    pub(crate) storage: Option<String>,
}

impl<S: Space> Study<S> {
    /// A study called `name` of the space `S`, whose trials are scored by `train`: at random, each trial on one
    /// fold, the largest score the best.
    ///
    #[doc = study_example!("let study = Study::new(\"net\", |net: &Net, trial| trial.finish(net.lr));\nassert_eq!(study.run(5)?.trials()?.len(), 5);")]
    pub fn new(
        name: &str,
        train: impl Fn(&S, &Trial) -> Result<Score> + Send + Sync + 'static,
    ) -> Self {
        let settings =
            StudySettings { name: name.to_owned(), folds: 1, top: 0, ..StudySettings::default() };
        Study {
            train: Arc::new(train),
            properties: Properties {
                steps: None,
                cost: None,
                check_values: None,
                known_flags: flags::ALL.to_vec(),
                reports_on_demand: false,
            },
            settings,
            trials: Vec::new(),
            constraint: None,
            metrics: vec![Metric::new("score", Direction::Maximize)],
            offered: Vec::new(),
            identity: Identity::new(),
            description: None,
            execution: Execution::default(),
            keep_models: 0,
            storage: None,
        }
    }

    /// What it is, for `--help`.
    ///
    #[doc = study_example!("let study = study.about(\"The learning rate of a small network\");")]
    pub fn about(mut self, description: &str) -> Self {
        self.description = Some(description.to_owned());
        self
    }

    /// The largest score is the best: so it is by default.
    ///
    #[doc = study_example!("let best = study.maximize().run(10)?.best().expect(\"a trial is complete\");")]
    pub fn maximize(mut self) -> Self {
        self.metrics[0].direction = Direction::Maximize;
        self
    }

    /// The smallest score is the best.
    ///
    #[doc = study_example!("let best = study.minimize().run(10)?.best().expect(\"a trial is complete\");")]
    pub fn minimize(mut self) -> Self {
        self.metrics[0].direction = Direction::Minimize;
        self
    }

    /// What the score is called, such as `accuracy`; `score` by default.
    ///
    #[doc = study_example!("let study = study.score(\"accuracy\");")]
    pub fn score(mut self, name: &str) -> Self {
        self.metrics[0].name = name.to_owned();
        self
    }

    /// Searches for a further metric, too: then the best trials are the Pareto front. Each training gives its value
    /// with [`Trial::metric`].
    ///
    #[doc = study_example!("let study = study.score(\"accuracy\").also(\"parameters\", Direction::Minimize);")]
    pub fn also(mut self, name: &str, direction: Direction) -> Self {
        self.metrics.push(Metric::new(name, direction));
        self
    }

    /// Measures a further metric that a clock decides, such as the seconds of an epoch: it is shown in the table, the
    /// page and `cv_results.csv`. Since it is another in each run, no trial is ranked by it, no sampler learns from
    /// it, and `leaderboard.json` has it not. Each training gives its value with [`Trial::metric`]. Pruners and stop
    /// rules go by a single value, and refuse a study with this one, too.
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// use burn_tune::prelude::*;
    /// # #[derive(Space)]
    /// # struct Net {
    /// #     #[space(16..=64, step = 16)]
    /// #     hidden: usize,
    /// # }
    ///
    /// fn train(net: &Net, trial: &Trial) -> Result<Score> {
    ///     let begin = Instant::now();
    ///     let accuracy = 1.0 - 1.0 / net.hidden as f64; // your training
    ///     trial.metric("seconds", begin.elapsed().as_secs_f64());
    ///     trial.finish(accuracy)
    /// }
    ///
    /// let study = Study::new("net", train).also_wall_clock("seconds", Direction::Minimize);
    /// assert!(study.run(4)?.best().is_some());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn also_wall_clock(mut self, name: &str, direction: Direction) -> Self {
        self.metrics.push(Metric::wall_clock(name, direction));
        self
    }

    /// Offers a further metric, which a space file may name in an `[[objective]]`: without one, the study is not after
    /// it. Each training gives its value with [`Trial::metric`] all the same.
    ///
    #[doc = study_example!("let study = study.score(\"accuracy\").offers(\"parameters\", Direction::Minimize);")]
    pub fn offers(mut self, name: &str, direction: Direction) -> Self {
        self.offered.push(Metric::new(name, direction));
        self
    }

    /// The same for a metric that a clock decides, as for [`Study::also_wall_clock`].
    ///
    #[doc = study_example!("let study = study.offers_wall_clock(\"seconds\", Direction::Minimize);")]
    pub fn offers_wall_clock(mut self, name: &str, direction: Direction) -> Self {
        self.offered.push(Metric::wall_clock(name, direction));
        self
    }

    /// Scores each trial on so many folds: `train` is called for each, and the mean is what ranks.
    ///
    #[doc = study_example!("let study = study.folds(5);")]
    pub fn folds(mut self, folds: usize) -> Self {
        self.settings.folds = folds;
        self
    }

    /// Trains the `top` best trials once more on all of the data, each from so many `seeds`; by default none. See
    /// [`Trial::is_refit`].
    ///
    #[doc = study_example!("let study = study.refits(3, 2); // six trainings more")]
    pub fn refits(mut self, top: usize, seeds: usize) -> Self {
        (self.settings.top, self.settings.refit_seeds) = (top, seeds);
        self
    }

    /// How candidates are drawn; at random by default.
    ///
    #[doc = study_example!("let study = study.sampler(Sampler::Tpe);")]
    pub fn sampler(mut self, sampler: SamplerKind) -> Self {
        self.settings.sampler = sampler;
        self
    }

    /// What stops hopeless trials, by what they report; by default, and with `None`, nothing does.
    ///
    #[doc = study_example!("let study = study.pruner(Pruner::median());")]
    pub fn pruner(mut self, pruner: impl Into<Option<PrunerSettings>>) -> Self {
        self.settings.pruner = pruner.into();
        self
    }

    /// How often a training with these params reports, such as its epochs. Hyperband and the progress display
    /// want to know.
    ///
    #[doc = study_example!("let study = study.steps(|net| net.depth as u64 * 10);")]
    pub fn steps(mut self, steps: impl Fn(&S) -> u64 + Send + Sync + 'static) -> Self {
        self.properties.steps = Some(Arc::new(steps));
        self
    }

    /// What all folds of a trial with these params cost together, in any unit that is the same for all, such as
    /// floating-point operations: so the progress display says better how long the search will take. By default all
    /// trials cost the same.
    ///
    #[doc = study_example!("let study = study.cost(|net| net.depth as f64);")]
    pub fn cost(mut self, cost: impl Fn(&S) -> f64 + Send + Sync + 'static) -> Self {
        self.properties.cost = Some(Arc::new(cost));
        self
    }

    /// Says that a training reports only where somebody decides by it, which it asks with [`Trial::wants_reports`]. Where
    /// nobody does, databases then have the scores of the folds in place of reports, and the search does not wait for any.
    ///
    #[doc = study_example!("let study = study.reports_on_demand();")]
    pub fn reports_on_demand(mut self) -> Self {
        self.properties.reports_on_demand = true;
        self
    }

    /// The flags that trainings may [raise](Trial::raise), as far as they are known before: so those that stored
    /// trials have are listed in the same order, and explained.
    ///
    #[doc = study_example!("const OVERFITS: KnownFlag =\n    KnownFlag::new(\"overfits\", 0, \"the validation loss rose again: try fewer epochs\");\n\nlet study = study.known_flags(&[OVERFITS]);")]
    pub fn known_flags(mut self, known: &[KnownFlag]) -> Self {
        self.properties.known_flags = known.iter().copied().chain(flags::ALL).collect();
        self
    }

    /// The seed of every random draw; 0 by default.
    ///
    #[doc = study_example!("let study = study.seed(7);")]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// When the study ends before it has all of its trials.
    ///
    #[doc = study_example!("use burn_tune::StopRule;\n\nlet study = study.stop_rule(StopRule { target: Some(0.5), ..StopRule::default() });")]
    pub fn stop_rule(mut self, rule: StopRule) -> Self {
        self.settings.stop_rule = rule;
        self
    }

    /// Tries these params before anything is sampled, under a name of their own.
    ///
    #[doc = study_example!("let outcome = study.try_first(\"as before\", &Net { depth: 3, lr: 0.1 }).run(1)?;\nassert_eq!(outcome.best().expect(\"it is complete\").params.depth, 3);")]
    pub fn try_first(mut self, name: &str, params: &S) -> Self {
        let values = params.to_params();
        let values = values.iter().map(|(name, value)| (name.to_owned(), value.clone()));
        let name = Some(name.to_owned());
        self.trials.push(ExplicitTrial { name, values: values.collect(), reported: Vec::new() });
        self
    }

    /// Proposes only combinations that pass this check, whatever the sampler: what it refuses costs no trial. It has
    /// to be quick, and to answer the same params always alike. It is no part of what is stored of a study.
    ///
    /// ```
    /// # use burn_tune::prelude::*;
    /// # #[derive(Space)]
    /// # struct Net {
    /// #     #[space(16..=64, step = 16)]
    /// #     batch: usize,
    /// #     #[space(16..=64, step = 16)]
    /// #     hidden: usize,
    /// # }
    /// # fn train(net: &Net, trial: &Trial) -> Result<Score> {
    /// #     trial.finish(net.hidden as f64)
    /// # }
    /// let study = Study::new("net", train)
    ///     .check(|net: &Net| ensure(net.hidden >= net.batch, "hidden is smaller than batch"));
    /// assert_eq!(study.run(20)?.trials()?.len(), 10); // of 16 combinations
    /// # Ok::<(), Error>(())
    /// ```
    pub fn check(mut self, check: impl Fn(&S) -> Result<()> + Send + Sync + 'static) -> Self {
        let check = move |params: &Params| {
            let params = S::from_params(params).map_err(|error| error.to_string())?;
            check(&params).map_err(|error| error.to_string())
        };
        self.constraint = Some(Constraint::new(check));
        self
    }

    /// Refuses values that are wrong by themselves, whatever the others are: where a space file has one, the search
    /// does not begin, and the error shows its line. All values of each list and both ends of each range are tried.
    /// What may not be combined is for [`Study::check`].
    ///
    /// ```
    /// # use burn_tune::prelude::*;
    /// # #[derive(Space, Debug)]
    /// # struct Net {
    /// #     #[space(0.0..=1.0)]
    /// #     lr: f64,
    /// # }
    /// # fn train(net: &Net, trial: &Trial) -> Result<Score> {
    /// #     trial.finish(net.lr)
    /// # }
    /// let study = Study::new("net", train).check_values(|net: &Net| {
    ///     Rejection::unless(net.lr > 0.0, "lr", net.lr, "a number above 0")
    /// });
    /// let error = study.run(20).unwrap_err().to_string(); // its range begins at 0
    /// assert_eq!(error, "`lr` is 0: allowed: a number above 0");
    /// ```
    pub fn check_values(
        mut self,
        check: impl Fn(&S) -> Result<(), Rejection> + Send + Sync + 'static,
    ) -> Self {
        self.properties.check_values = Some(Arc::new(check));
        self
    }

    /// Keeps with the study what makes its scores others than those of another study, such as the version of its
    /// data: a study goes on only with the same.
    ///
    #[doc = study_example!("let study = study.identity(\"data\", \"v2\");")]
    pub fn identity(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.identity.insert(key.to_owned(), value.into());
        self
    }

    /// Keeps what the `best` trials of a program's search leave in [`Trial::dir`], refits included, in
    /// `results/STUDY/models/trial-N/fold-K` and `…/refit-S`, with what they have tried in `params.json`. Worse ones
    /// are removed as better ones come, and of what fails or is pruned nothing stays. By default nothing is kept;
    /// `search --keep-models N` says otherwise.
    ///
    /// With several metrics, a trial may come to be one of the best again after others were better: then its models
    /// are gone.
    ///
    #[doc = study_example!("let study = study.keep_models(3);")]
    pub fn keep_models(mut self, best: usize) -> Self {
        self.keep_models = best;
        self
    }

    /// The database of [`Study::run`]: a file, or `postgresql://…`. There, a study that is broken off goes on, and
    /// several processes share one. Without it nothing is kept.
    ///
    #[doc = study_example!("# let folder = std::env::temp_dir().join(format!(\"burn-tune-storage-{}\", std::process::id()));\n# std::fs::create_dir_all(&folder)?;\n# let studies = folder.join(\"studies.db\").display().to_string();\n# let studies = studies.as_str(); // such as \"results/studies.db\"\nstudy.storage(studies).run(5)?;\nlet more = Study::new(\"net\", train).storage(studies).run(8)?;\nassert_eq!(more.trials()?.len(), 8);\n# std::fs::remove_dir_all(folder)?;")]
    pub fn storage(mut self, url: &str) -> Self {
        self.storage = Some(url.to_owned());
        self
    }

    /// The study as the engine knows it.
    pub(crate) fn spec(&self) -> StudySpec {
        let mut settings = self.settings.clone();
        settings.direction = self.metrics[0].direction;
        if self.metrics.len() > 1 {
            let objective = |metric: &Metric| ObjectiveSettings {
                name: metric.name.clone(),
                direction: Some(metric.direction),
                wall_clock: metric.wall_clock,
            };
            settings.objectives = self.metrics.iter().map(objective).collect();
        }
        StudySpec {
            settings,
            space: S::space(),
            trials: self.trials.clone(),
            constraint: self.constraint.clone(),
            step_name: StepName::Function,
        }
    }

    /// The function as an objective of the engine, as it is called in a study with these settings: for a program with a
    /// command line of its own, such as `burn-tune` itself, which searches other things, too. It calls the function in
    /// threads.
    ///
    #[doc = study_example!("use burn_tune::engine::{FunctionObjective, Objective, StudySettings};\n\nlet settings = StudySettings { folds: 3, ..StudySettings::default() };\nlet objective: FunctionObjective<Net> = study.objective(&settings);\nassert_eq!(objective.folds(), 3);")]
    pub fn objective(&self, settings: &StudySettings) -> FunctionObjective<S> {
        let score = &self.metrics[0];
        let mut identity = self.identity.clone();
        identity.insert(METRIC.to_owned(), score.name.as_str().into());
        let measured: Vec<Metric> = self.metrics.iter().chain(&self.offered).cloned().collect();
        let wanted = |ObjectiveSettings { name, direction, .. }: &ObjectiveSettings| {
            let metric = measured.iter().find(|metric| metric.name == *name)?;
            let direction = direction.unwrap_or(metric.direction);
            Some(Metric { direction, ..metric.clone() })
        };
        let mut wanted: Vec<Metric> = settings.objectives.iter().filter_map(wanted).collect();
        if wanted.is_empty() {
            wanted.push(Metric { direction: settings.direction, ..score.clone() });
        }
        FunctionObjective {
            train: self.train.clone(),
            properties: self.properties.clone(),
            folds: settings.folds,
            measured,
            wanted,
            identity,
            checkpoints: Arc::default(),
        }
    }
}
