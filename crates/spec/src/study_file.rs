//! A study as its TOML file describes it: settings, data, the space and explicit trials. Everything
//! that can be checked without the objective is checked here; each error shows the line.

use std::path::Path;

use burn_tune_command::CommandSettings;
use burn_tune_ranking::claim::Claim;
use burn_tune_search::pruner::StepName;
use burn_tune_search::settings::{SamplerKind, StudySettings};
use burn_tune_search::spec::{Place, SpecError, TRIAL_KEYS};
use burn_tune_search::{Direction, ExplicitTrial, Space, StudySpec};
use toml::Spanned;

use crate::changes::{check_existence, parse_changes};
use crate::claim_table::parse_claim;
use crate::command_table::{parse_command, refuse_settings_of_models};
use crate::domain::{parse_domain, parse_value};
use crate::error::SpaceError;
use crate::objectives::parse_objectives;
use crate::pruner::parse_pruner;
use crate::source::{Source, SourceMap};
use crate::toml_view::TableView;
use crate::when::parse_conditions;

/// A parsed and checked file.
#[derive(Debug, Clone)]
pub struct StudyFile {
    /// The tables `[study]`, `[space]`, `[[objective]]` and `[[trial]]`.
    pub spec: StudySpec,
    /// `[data] dataset`, where it is stated.
    pub dataset: Option<String>,
    /// The `[objective]` table: the program that is run for each trial, where there is one.
    pub command: Option<CommandSettings>,
    /// The `[[claim]]` tables, in order: what is said of the explicit trials' training.
    pub claims: Vec<Claim>,
    map: SourceMap,
}

impl StudyFile {
    /// Parses the text of a file that messages call `path`.
    ///
    /// # Errors
    ///
    /// Where the text is no TOML, has a key that is not known, or a value that is not allowed: with
    /// the place in the file and what would be right.
    pub fn parse(path: &Path, text: &str) -> Result<Self, SpaceError> {
        let stem = path.file_stem().map_or("study".into(), |stem| stem.to_string_lossy());
        let settings = StudySettings { name: stem.into_owned(), ..StudySettings::default() };
        Self::parse_as(path, text, settings, None)
    }

    /// Parses a file that says something else than `base`: what it does not say is as in `base`. Of the space it
    /// can change what parameters may be, and add none; of what scores the trials, it may choose what the study is after.
    ///
    /// # Errors
    ///
    /// As [`StudyFile::parse`], and where it names a parameter that `base` does not have.
    pub fn parse_over(path: &Path, text: &str, base: &StudySpec) -> Result<Self, SpaceError> {
        Self::parse_as(path, text, base.settings.clone(), Some(base))
    }

    fn parse_as(
        path: &Path,
        text: &str,
        settings: StudySettings,
        base: Option<&StudySpec>,
    ) -> Result<Self, SpaceError> {
        let mut map = SourceMap::new(Source::new(path, text));
        let source = map.source().clone();
        let document = source.parse()?;
        let root = TableView::new(&source, "the file", &document);
        // A table is a command; a list of tables says what is measured of the model.
        let objectives_are_listed =
            root.value("objective").is_some_and(|value| value.get_ref().is_array());
        match base {
            None => root.allow_only(&["study", "objective", "data", "space", "trial", "claim"])?,
            Some(_) if objectives_are_listed => {
                root.allow_only(&["study", "objective", "space", "trial"])?;
            }
            Some(_) => root.allow_only(&["study", "space", "trial"])?,
        }

        let table = root.table("study")?;
        let is_command = !objectives_are_listed && root.value("objective").is_some();
        let mut settings = settings;
        if objectives_are_listed {
            let (objectives, spans) = parse_objectives(&source, &root, table.as_ref())?;
            let spans = spans.into_iter().enumerate();
            spans.for_each(|(place, span)| map.insert(Place::Objective(place), span));
            settings.objectives = objectives;
        }
        let own_steps = if is_command { StepName::Program } else { StepName::Training };
        let step_name = base.map_or(own_steps, |base| base.step_name);
        let mut settings = parse_settings(&source, table, settings, step_name, &mut map)?;
        let dataset = parse_dataset(&root)?;
        let space = match (root.table("space")?, base) {
            (None, base) => base.map(|base| base.space.clone()).unwrap_or_default(),
            (Some(table), None) => parse_space(&source, &table, &mut map)?,
            (Some(table), Some(base)) => parse_changes(&source, &table, &base.space, &mut map)?,
        };
        let mut trials = parse_trials(&source, &root, &mut map)?;
        if let Some(base) = base {
            check_existence(&trials, base, &space, &map)?;
            if trials.is_empty() {
                trials = base.trials.clone();
                check_existence(&trials, base, &space, &map)?;
            }
        }
        let mut command = None;
        if !objectives_are_listed && let Some(table) = root.table("objective")? {
            refuse_settings_of_models(&source, &root)?;
            map.set_command(table.value("command").map_or(0..0, Spanned::span));
            command = Some(parse_command(&source, &table, &space)?);
            (settings.folds, settings.top) = (1, 0);
        }
        let constraint = base.and_then(|base| base.constraint.clone());
        let spec = StudySpec { settings, space, trials, constraint, step_name };
        spec.check().map_err(|error| map.error(&error))?;
        let names = spec.trials.iter().filter_map(|trial| trial.name.as_deref());
        let names: Vec<&str> = names.collect();
        let claims = root.tables("claim")?;
        let claims: Result<Vec<Claim>, SpaceError> =
            claims.iter().map(|table| parse_claim(&source, table, &names)).collect();
        Ok(StudyFile { claims: claims?, spec, dataset, command, map })
    }

    /// An error about the study that the file describes, with its line.
    pub fn error(&self, error: &SpecError) -> SpaceError {
        self.map.error(error)
    }

    /// An error about the command of `[objective]`.
    pub fn error_in_command(&self, problem: &str, help: &str) -> SpaceError {
        self.map.error_in_command(problem, help)
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

fn parse_settings(
    source: &Source,
    table: Option<TableView>,
    mut study: StudySettings,
    step_name: StepName,
    map: &mut SourceMap,
) -> Result<StudySettings, SpaceError> {
    let Some(table) = table else { return Ok(study) };
    table.allow_only(&STUDY_KEYS)?;
    for key in STUDY_KEYS.iter().filter(|key| table.value(key).is_some()) {
        map.insert(Place::Setting(key), table.span_of(key));
    }
    if let Some(name) = table.string("name")? {
        study.name = name;
    }
    if let Some(direction) = table.one_of("direction", &Direction::NAMES)? {
        study.direction = direction;
    }
    if let Some(sampler) = table.one_of("sampler", &SamplerKind::NAMES)? {
        study.sampler = sampler;
    }
    if table.value("pruner").is_some() {
        study.pruner = parse_pruner(source, &table, "pruner", step_name)?;
    }
    if let Some(seed) = table.whole("seed", 0)? {
        study.seed = seed;
    }
    let count = |key: &str, least: u64| Ok(table.whole(key, least)?.map(|count| count as usize));
    study.folds = count("folds", 1)?.unwrap_or(study.folds);
    study.top = count("top", 0)?.unwrap_or(study.top);
    study.refit_seeds = count("refit_seeds", 1)?.unwrap_or(study.refit_seeds);
    study.window = count("window", 1)?.or(study.window);
    let ends = &mut study.stop_rule;
    ends.target = table.number("target")?.or(ends.target);
    ends.no_improvement = count("no_improvement", 1)?.or(ends.no_improvement);
    Ok(study)
}

fn parse_dataset(root: &TableView) -> Result<Option<String>, SpaceError> {
    let Some(data) = root.table("data")? else { return Ok(None) };
    data.allow_only(&["dataset"])?;
    data.string("dataset")
}

fn parse_trials(
    source: &Source,
    root: &TableView,
    map: &mut SourceMap,
) -> Result<Vec<ExplicitTrial>, SpaceError> {
    let tables = root.tables("trial")?;
    let tables = tables.iter().enumerate();
    tables.map(|(index, table)| parse_trial(source, index, table, map)).collect()
}

fn parse_space(
    source: &Source,
    table: &TableView,
    map: &mut SourceMap,
) -> Result<Space, SpaceError> {
    let mut space = Space::default();
    for (name, name_span, value) in table.entries() {
        let conditions = parse_conditions(source, name, value, &space)?;
        space.conditions.extend(conditions);
        let (domain, spans) = parse_domain(source, name, value)?;
        space.domains.push((name.to_owned(), domain));
        map.insert(Place::Param(name.to_owned()), name_span);
        map.insert(Place::Domain(name.to_owned()), value.span());
        spans.into_iter().for_each(|(place, span)| map.insert(place, span));
    }
    Ok(space)
}

fn parse_trial(
    source: &Source,
    index: usize,
    table: &TableView,
    map: &mut SourceMap,
) -> Result<ExplicitTrial, SpaceError> {
    let name = table.string("name")?;
    map.insert(Place::TrialName(index), table.span_of("name"));
    let reported = table.numbers("reported")?.unwrap_or_default();
    let mut values = Vec::new();
    for (key, key_span, value) in table.entries().filter(|(key, ..)| !TRIAL_KEYS.contains(key)) {
        values.push((key.to_owned(), parse_value(source, key, value)?));
        map.insert(Place::TrialParam(index, key.to_owned()), key_span);
        map.insert(Place::TrialValue(index, key.to_owned()), value.span());
    }
    Ok(ExplicitTrial { name, values, reported })
}

#[cfg(test)]
mod bind_tests;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod over_tests;
#[cfg(test)]
mod tests;
