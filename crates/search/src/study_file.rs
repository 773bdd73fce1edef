//! A study as its TOML file describes it: settings, data, the space and explicit trials. Everything
//! that can be checked without the model is checked here; each error shows the line.

mod claim;
mod command;
mod condition;
mod domain;
mod error;
mod objectives;
mod pruner;
mod toml_view;

use std::ops::Range;
use std::path::Path;

pub use self::claim::{Claim, Expectation, Fall};
pub use self::command::{CommandSettings, Word, joined};
use toml::Spanned;

use self::domain::{parse_domain, parse_value};
pub use self::error::SpaceError;
pub use self::objectives::ObjectiveSettings;
use self::objectives::parse_objectives;
use self::toml_view::{Source, TableView};
use crate::params::ParamValue;
use crate::pruner::PrunerSettings;
use crate::space::{Domain, Space};
use crate::suggester::StopRule;

/// Whether a larger or a smaller score is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The larger, as with accuracy.
    #[default]
    Maximize,
    /// The smaller, as with a loss.
    Minimize,
}

/// How candidates are drawn from the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SamplerKind {
    /// At random, as scikit-learn's `ParameterSampler`.
    #[default]
    Random,
    /// The points of the whole grid in order, as scikit-learn's `ParameterGrid`.
    Grid,
    /// Spread evenly: Sobol's sequence, scrambled.
    Sobol,
    /// A tree-structured Parzen estimator, which learns from the trials before.
    Tpe,
    /// A Gaussian process, which learns from the trials before: for few trials that cost much.
    Gp,
    /// CMA-ES, an evolution strategy, which learns from the trials before: for numbers alone.
    Cmaes,
}

impl SamplerKind {
    /// All samplers, by the names that users type.
    pub const NAMES: [(&'static str, SamplerKind); 6] = [
        ("random", SamplerKind::Random),
        ("grid", SamplerKind::Grid),
        ("sobol", SamplerKind::Sobol),
        ("tpe", SamplerKind::Tpe),
        ("gp", SamplerKind::Gp),
        ("cmaes", SamplerKind::Cmaes),
    ];

    /// What users call it.
    pub fn name(self) -> &'static str {
        let known = Self::NAMES.iter().find(|(_, kind)| *kind == self);
        known.map_or("", |(name, _)| name)
    }

    /// Whether it proposes from what the trials before came to.
    pub fn learns(self) -> bool {
        matches!(self, SamplerKind::Tpe | SamplerKind::Gp | SamplerKind::Cmaes)
    }
}

const DIRECTIONS: [(&str, Direction); 2] =
    [("maximize", Direction::Maximize), ("minimize", Direction::Minimize)];

/// `[study]`: how the search is done. Every key has a default.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StudySettings {
    /// What the study is called; by default the file's name without its ending.
    pub name: String,
    /// Which score is the better one.
    pub direction: Direction,
    /// The seed that every random draw of the study is keyed by.
    pub seed: u64,
    /// How candidates are drawn.
    pub sampler: SamplerKind,
    /// What stops trials that are hopeless; by default nothing does.
    // Left out where there is none, as in the studies of versions that had no pruners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruner: Option<PrunerSettings>,
    /// Folds of the stratified cross-validation; 1 holds out a fifth instead.
    pub folds: usize,
    /// How many of the best are retrained on all of the training data.
    pub top: usize,
    /// How many times each of them is retrained, each time from another seed.
    pub refit_seeds: usize,
    /// How many trials are under way at once, at most, where something learns from those before;
    /// [`DEFAULT_WINDOW`] where it is not stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// When the study ends early.
    #[serde(flatten)]
    pub stop_rule: StopRule,
    /// What it is after, the score that ranks first; the model's usual score alone where it is empty.
    // Left out where it is empty, as in the studies of versions that had one objective.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<ObjectiveSettings>,
}

/// How many trials are under way at once, at most, where something learns from those before: few enough to
/// learn from nearly all of them, and with three folds each, enough for the cores of most machines.
pub const DEFAULT_WINDOW: usize = 8;

impl StudySettings {
    /// How many trials are under way at once, at most; `None` where nothing looks at those before.
    pub fn effective_window(&self) -> Option<usize> {
        let looks = self.sampler.learns() || self.pruner.is_some() || self.stop_rule.is_some();
        looks.then(|| self.window.unwrap_or(DEFAULT_WINDOW))
    }
}

/// An explicit configuration, tried before anything is sampled.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplicitTrial {
    /// What the user calls it.
    pub name: Option<String>,
    /// The parameters it states; the others are drawn from the space.
    pub values: Vec<(String, ParamValue)>,
    /// The scores that somebody else has published for it, to be set beside ours.
    pub reported: Vec<f64>,
    value_spans: Vec<Range<usize>>,
}

/// A parsed and checked file.
#[derive(Debug, Clone)]
pub struct StudyFile {
    /// The `[study]` table.
    pub study: StudySettings,
    /// `[data] dataset`: `mnist`, or a folder.
    pub dataset: String,
    /// The `[objective]` table: the program that is run for each trial, where there is one.
    pub command: Option<CommandSettings>,
    /// The `[space]` table.
    pub space: Space,
    /// The `[[trial]]` tables, in order.
    pub trials: Vec<ExplicitTrial>,
    /// The `[[claim]]` tables, in order: what is said of the explicit trials' training.
    pub claims: Vec<Claim>,
    source: Source,
    command_span: Range<usize>,
    /// For each domain of the space: where its name stands, and where each of its extremes.
    domain_spans: Vec<(Range<usize>, Vec<Range<usize>>)>,
    objective_spans: Vec<Range<usize>>,
}

impl StudyFile {
    /// Parses the text of a file that messages call `path`.
    ///
    /// # Errors
    ///
    /// Where the text is no TOML, has a key that is not known, or a value that is not allowed: with
    /// the place in the file and what would be right.
    pub fn parse(path: &Path, text: &str) -> Result<Self, SpaceError> {
        let source = Source::new(path, text);
        let document = source.parse()?;
        let root = TableView::new(&source, "the file", &document);
        root.allow_only(&["study", "objective", "data", "space", "trial", "claim"])?;

        let stem = path.file_stem().map_or("study".into(), |stem| stem.to_string_lossy());
        let table = root.table("study")?;
        let objectives_are_listed =
            root.value("objective").is_some_and(|value| value.get_ref().is_array());
        let (objectives, objective_spans) = match objectives_are_listed {
            true => parse_objectives(&source, &root, table.as_ref())?,
            false => Default::default(),
        };
        let mut study = StudySettings { objectives, ..study_settings(&source, table, &stem)? };
        let dataset = match root.table("data")? {
            None => None,
            Some(data) => {
                data.allow_only(&["dataset"])?;
                data.string("dataset")?
            }
        };
        let (space, domain_spans) = match root.table("space")? {
            None => (Space::default(), Vec::new()),
            Some(table) => parse_space(&source, &table)?,
        };
        refuse_nothing_to_search(&source, &root, &space)?;
        let mut trials = Vec::new();
        for table in root.tables("trial")? {
            trials.push(parse_trial(&source, &table, &space, &trials)?);
        }
        let names: Vec<&str> = trials.iter().filter_map(|trial| trial.name.as_deref()).collect();
        let claims: Result<Vec<Claim>, SpaceError> = root
            .tables("claim")?
            .iter()
            .map(|table| claim::parse_claim(&source, table, &names))
            .collect();
        let claims = claims?;
        let (mut command, mut command_span) = (None, 0..0);
        // A table is a command; a list of tables says what is measured of the model.
        let command_table = match objectives_are_listed {
            true => None,
            false => root.table("objective")?,
        };
        if let Some(table) = command_table {
            command::refuse_settings_of_models(&source, &root)?;
            command = Some(command::parse_command(&source, &table, &space)?);
            command_span = table.value("command").map_or(0..0, Spanned::span);
            (study.folds, study.top) = (1, 0);
        }
        let dataset = dataset.unwrap_or_else(|| "mnist".into());
        Ok(StudyFile {
            study,
            dataset,
            command,
            space,
            trials,
            claims,
            source,
            command_span,
            domain_spans,
            objective_spans,
        })
    }

    /// What a reader of the space may not expect, in one sentence each: values that are never tried.
    pub fn notes(&self) -> Vec<String> {
        self.space.domains.iter().filter_map(|(name, domain)| domain.note(name)).collect()
    }

    /// An error about the parameter called `name`: at `value` in its domain, where that is one of its
    /// extremes, else at its name.
    pub fn error_in_space(
        &self,
        name: &str,
        value: Option<&ParamValue>,
        problem: &str,
        help: &str,
    ) -> SpaceError {
        let Some(position) = self.space.domains.iter().position(|(n, _)| n == name) else {
            return self.source.error(0..0, problem, "in this file", help);
        };
        let (name_span, value_spans) = &self.domain_spans[position];
        let extremes = self.space.domains[position].1.extremes();
        let span = value
            .and_then(|value| extremes.iter().position(|extreme| extreme == value))
            .map_or(name_span, |index| &value_spans[index]);
        self.source.error(span.clone(), problem, "here", help)
    }

    /// An error about a value of the explicit trial with this index.
    pub fn error_in_trial(
        &self,
        trial: usize,
        name: &str,
        problem: &str,
        help: &str,
    ) -> SpaceError {
        let trial = &self.trials[trial];
        match trial.values.iter().position(|(n, _)| n == name) {
            Some(index) => {
                self.source.error(trial.value_spans[index].clone(), problem, "here", help)
            }
            None => self.error_in_space(name, None, problem, help),
        }
    }

    /// An error about the command of `[objective]`.
    pub fn error_in_command(&self, problem: &str, help: &str) -> SpaceError {
        self.source.error(self.command_span.clone(), problem, "this command", help)
    }

    /// An error about the objective with this index.
    pub fn error_in_objective(&self, objective: usize, problem: &str, help: &str) -> SpaceError {
        let span = self.objective_spans.get(objective).cloned().unwrap_or(0..0);
        self.source.error(span, problem, "here", help)
    }

    /// An error about the parameter that is missing from the space.
    pub fn error_at_end(&self, problem: &str, help: &str) -> SpaceError {
        let end = self.source.text().len();
        self.source.error(end..end, problem, "the file ends here", help)
    }
}

const STUDY_KEYS: [&str; 11] = [
    "name",
    "direction",
    "seed",
    "sampler",
    "pruner",
    "window",
    "folds",
    "top",
    "refit_seeds",
    "target",
    "no_improvement",
];

fn study_settings(
    source: &Source,
    table: Option<TableView>,
    default_name: &str,
) -> Result<StudySettings, SpaceError> {
    let mut study = StudySettings {
        name: default_name.to_owned(),
        direction: Direction::default(),
        seed: 0,
        sampler: SamplerKind::default(),
        pruner: None,
        folds: 3,
        top: 3,
        refit_seeds: 3,
        window: None,
        stop_rule: StopRule::default(),
        objectives: Vec::new(),
    };
    let Some(table) = table else { return Ok(study) };
    table.allow_only(&STUDY_KEYS)?;
    if let Some(name) = table.string("name")? {
        check_name(&name).map_err(|problem| {
            source.error(table.span_of("name"), &problem, "here", "give the study another name")
        })?;
        study.name = name;
    }
    if let Some(direction) = table.one_of("direction", &DIRECTIONS)? {
        study.direction = direction;
    }
    if let Some(sampler) = table.one_of("sampler", &SamplerKind::NAMES)? {
        study.sampler = sampler;
    }
    study.pruner = pruner::parse_pruner(source, &table, "pruner")?;
    if let Some(seed) = table.whole("seed", 0)? {
        study.seed = seed;
    }
    if let Some(folds) = table.whole("folds", 1)? {
        study.folds = folds as usize;
    }
    if let Some(top) = table.whole("top", 0)? {
        study.top = top as usize;
    }
    if let Some(refit_seeds) = table.whole("refit_seeds", 1)? {
        study.refit_seeds = refit_seeds as usize;
    }
    study.window = table.whole("window", 1)?.map(|window| window as usize);
    study.stop_rule.target = table.number("target")?;
    study.stop_rule.no_improvement =
        table.whole("no_improvement", 1)?.map(|trials| trials as usize);
    Ok(study)
}

/// Whether a study may be called so.
///
/// # Errors
///
/// What is wrong with the name. PostgreSQL's column takes 512 characters; a control character would do what it
/// likes with the terminal that lists studies.
pub fn check_name(name: &str) -> Result<(), String> {
    match name.chars().count() {
        0 => Err("a study needs a name, and this one is empty".into()),
        1..=512 if name.contains(char::is_control) => {
            Err(format!("the name of a study has no control characters: {name:?}"))
        }
        1..=512 => Ok(()),
        length => Err(format!("a name has at most 512 characters, and this one {length}")),
    }
}

fn refuse_nothing_to_search(
    source: &Source,
    root: &TableView,
    space: &Space,
) -> Result<(), SpaceError> {
    if !space.is_empty() {
        return Ok(());
    }
    let help = "add a table [space] with at least one parameter, such as\n  lr = { low = 1e-4, high = 1e-1, log = true }";
    let label = "[space] is missing or empty";
    Err(source.error(root.end(), "there is no parameter to search", label, help))
}

/// What `[[trial]]` has besides parameters.
const TRIAL_KEYS: [&str; 2] = ["name", "reported"];

type DomainSpans = Vec<(Range<usize>, Vec<Range<usize>>)>;

fn parse_space(source: &Source, table: &TableView) -> Result<(Space, DomainSpans), SpaceError> {
    let mut space = Space::default();
    let mut spans = Vec::new();
    for (name, name_span, value) in table.entries() {
        if TRIAL_KEYS.contains(&name) {
            let help = format!("call it something else: in [[trial]], `{name}` is the trial's own");
            let problem = format!("`{name}` cannot be the name of a parameter");
            return Err(source.error(name_span, &problem, "here", &help));
        }
        let conditions = condition::parse_conditions(source, name, value, &space)?;
        space.conditions.extend(conditions);
        let (domain, value_spans) = parse_domain(source, name, value)?;
        space.domains.push((name.to_owned(), domain));
        spans.push((name_span, value_spans));
    }
    Ok((space, spans))
}

fn parse_trial(
    source: &Source,
    table: &TableView,
    space: &Space,
    earlier: &[ExplicitTrial],
) -> Result<ExplicitTrial, SpaceError> {
    let name = table.string("name")?;
    if let Some(name) = &name
        && earlier.iter().any(|trial| trial.name.as_ref() == Some(name))
    {
        let span = table.span_of("name");
        let problem = format!("two trials are called `{name}`");
        return Err(source.error(
            span,
            &problem,
            "the second one",
            "give each [[trial]] a name of its own",
        ));
    }
    let (mut values, mut value_spans) = (Vec::new(), Vec::new());
    let reported = table.numbers("reported")?.unwrap_or_default();
    for (key, key_span, value) in table.entries().filter(|(key, ..)| !TRIAL_KEYS.contains(key)) {
        let Some(domain) = space.get(key) else {
            let names: Vec<&str> = space.domains.iter().map(|(name, _)| name.as_str()).collect();
            let problem = format!("`{key}` is no parameter of [space]");
            let help = format!(
                "{}; a parameter that only trials set needs a fixed value in [space]",
                crate::did_you_mean::help(key, &names)
            );
            return Err(source.error(key_span, &problem, "unknown parameter", &help));
        };
        let parsed = parse_value(source, key, value)?;
        if parsed.kind() != domain.kind() {
            let problem =
                format!("`{key}` is a {} here, and a {} in [space]", parsed.kind(), domain.kind());
            return Err(source.error(
                value.span(),
                &problem,
                "another type",
                &format!("write a {}", domain.kind()),
            ));
        }
        if !matches!(domain, Domain::Choices(_)) {
            domain::check_whole(source, key, &parsed, value.span())?;
        }
        value_spans.push(value.span());
        values.push((key.to_owned(), parsed));
    }
    condition::check_trial(source, space, &values, &value_spans)?;
    Ok(ExplicitTrial { name, values, reported, value_spans })
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
