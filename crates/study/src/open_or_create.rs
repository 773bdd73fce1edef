//! Which study is worked on: a new one, one that goes on, or one that other processes are at.

use burn_tune_search::settings::StudySettings;
use burn_tune_search::{Direction, Identity, Metric, Objective, StudySpec};
use burn_tune_storage::attributes::BUDGETS;
use burn_tune_storage::{Distribution, Storage, StorageError, StorageUrl, StudyRecord};
use serde_json::Value;

use crate::definition::{StudyDefinition, distributions};
use crate::differences::{Content, Difference, Setting};
use crate::error::StudyError;
use crate::objective_reader::ObjectiveReader;
use crate::plan::{Prepared, StudyPlan};
use crate::settings_overrides::SettingsOverrides;
use crate::told_objective::is_told;

/// Trials that are made where nobody says how many.
pub const TRIALS: usize = 50;

/// What somebody asks for who wants to work on a study.
#[derive(Debug, Clone, Default)]
pub struct StudyRequest {
    /// The study, as its file or program describes it.
    pub spec: StudySpec,
    /// What file or program say of the objective, by key.
    pub stated: Identity,
    /// What is said of the settings besides.
    pub overrides: SettingsOverrides,
    /// How many trials the study is to have, explicit ones included; where it is not stated, as many as it was
    /// asked for before, or [`TRIALS`].
    pub trials: Option<usize>,
    /// The study's name: one that is there is joined. Where it is not stated, a new name after the settings'.
    pub name: Option<String>,
    /// Whether a study is to go on: the one of this name, or else the newest unfinished one of the space.
    pub resume: bool,
    /// Whether the trials are given out to whoever asks, and told by them, instead of being scored here.
    pub told: bool,
    /// What the program that asks is called, for whoever is to work on the study with it; empty where it is known
    /// by no name.
    pub program: String,
}

/// A study of a database, and what it is going to do.
#[derive(Debug)]
pub struct OpenStudy<O> {
    /// The study.
    pub record: StudyRecord,
    /// What it is going to do.
    pub plan: StudyPlan<O>,
    /// Whether it was there before.
    pub resumed: bool,
}

/// Makes what scores the trials of a study with these settings; of one that goes on, from the identity that it
/// has kept.
pub trait Prepare<O, E>:
    FnMut(&StudySettings, Option<&Identity>) -> Result<Prepared<O>, E>
{
}

impl<O, E, F: FnMut(&StudySettings, Option<&Identity>) -> Result<Prepared<O>, E>> Prepare<O, E>
    for F
{
}

/// The plan of a new study.
///
/// # Errors
///
/// What is wrong with the study, or what `prepare` says.
pub fn plan_new<O: Objective, E: From<StudyError>>(
    request: &StudyRequest,
    reader: &dyn ObjectiveReader,
    prepare: &mut impl Prepare<O, E>,
) -> Result<StudyPlan<O>, E> {
    let settings = request.overrides.applied_to(&request.spec.settings);
    let prepared = prepare(&settings, None)?;
    let budgets = vec![request.trials.unwrap_or(TRIALS)];
    let spec = request.spec.clone();
    Ok(StudyPlan::new(spec, &request.stated, settings, prepared, budgets, reader)?)
}

/// The plan of a new study where its database would be a new file: so a study that is refused leaves no
/// database behind. `None` where there is a database.
///
/// # Errors
///
/// As of [`plan_new`], and where a study is to go on.
pub fn plan_without_database<O: Objective, E: From<StudyError>>(
    url: &StorageUrl,
    request: &StudyRequest,
    reader: &dyn ObjectiveReader,
    prepare: &mut impl Prepare<O, E>,
) -> Result<Option<StudyPlan<O>>, E> {
    let StorageUrl::Sqlite(path) = url else { return Ok(None) };
    if path.exists() {
        return Ok(None);
    }
    if request.resume {
        return Err(StudyError::NoDatabase { path: path.clone() }.into());
    }
    plan_new(request, reader, prepare).map(Some)
}

/// Opens the study that is asked for, or creates it: as `planned`, where that was done before.
///
/// # Errors
///
/// Where a study that is there was begun otherwise, is another program's with other distributions, or is not
/// there though it is to go on; what is wrong with a new one; what the database or `prepare` says.
pub fn open_or_create<O: Objective, E: From<StudyError>>(
    storage: &mut Storage,
    request: &StudyRequest,
    planned: Option<StudyPlan<O>>,
    reader: &dyn ObjectiveReader,
    prepare: &mut impl Prepare<O, E>,
) -> Result<OpenStudy<O>, E> {
    if let Some(record) = known_study(storage, request)? {
        return join(storage, &record.name, request, reader, prepare);
    }
    let plan = match planned {
        Some(plan) => plan,
        None => plan_new(request, reader, prepare)?,
    };
    match create(storage, &plan, request) {
        Ok(record) => Ok(OpenStudy { record, plan, resumed: false }),
        // Another process was faster in making the one that both are to work on.
        Err(StorageError::Input(problem)) => match &request.name {
            Some(name) if storage.study(name).map_err(StudyError::from)?.is_some() => {
                join(storage, name, request, reader, prepare)
            }
            _ => Err(StudyError::from(StorageError::Input(problem)).into()),
        },
        Err(error) => Err(StudyError::from(error).into()),
    }
}

fn create<O: Objective>(
    storage: &mut Storage,
    plan: &StudyPlan<O>,
    request: &StudyRequest,
) -> Result<StudyRecord, StorageError> {
    let attributes = attributes(storage, plan, &request.program)?;
    let directions = directions(&plan.metrics);
    let record = match &request.name {
        Some(name) => storage.create_study(name, &directions, &attributes),
        None => storage.create_study_numbered(&plan.settings().name, &directions, &attributes),
    }?;
    let names: Vec<&str> = plan.metrics.iter().map(|metric| metric.name.as_str()).collect();
    storage.set_metric_names(record.id, &names)?;
    Ok(record)
}

/// The study that was begun before and is meant; `None` for a new one.
fn known_study(
    storage: &mut Storage,
    request: &StudyRequest,
) -> Result<Option<StudyRecord>, StudyError> {
    if let Some(name) = &request.name {
        let record = storage.study(name)?;
        if record.is_none() && request.resume {
            return Err(unknown(name, storage)?);
        }
        return Ok(record);
    }
    if !request.resume {
        return Ok(None);
    }
    newest_of_space(storage, request).map(Some)
}

/// The newest study of a space that is not finished, or is to have more trials.
fn newest_of_space(
    storage: &mut Storage,
    request: &StudyRequest,
) -> Result<StudyRecord, StudyError> {
    let space = &request.spec.settings.name;
    let mut of_space: Vec<StudyRecord> = Vec::new();
    for summary in storage.studies()? {
        let definition = StudyDefinition::read(&summary.record).ok().flatten();
        if definition.is_some_and(|definition| definition.settings.name == *space) {
            of_space.push(summary.record);
        }
    }
    if let Some(unfinished) = of_space.iter().rev().find(|record| !record.is_finished()) {
        return Ok(unfinished.clone());
    }
    let Some(newest) = of_space.pop() else {
        return Err(StudyError::NothingToResume {
            space: space.clone(),
            storage: storage.url().to_string(),
        });
    };
    if request.trials.is_some_and(|trials| Some(trials) > newest.budget()) {
        return Ok(newest);
    }
    Err(StudyError::NothingLeft {
        space: space.clone(),
        trials: newest.budget().unwrap_or(0),
        study: newest.name,
    })
}

/// What is wrong with a name that no study has.
///
/// # Errors
///
/// What the database says.
pub fn unknown(name: &str, storage: &mut Storage) -> Result<StudyError, StorageError> {
    let studies = storage.studies()?;
    let known: Vec<String> = studies.into_iter().map(|summary| summary.record.name).collect();
    let storage = storage.url().to_string();
    Ok(match known.is_empty() {
        true => StudyError::NoStudy { storage },
        false => StudyError::Unknown { name: name.to_owned(), storage, known },
    })
}

/// Takes part in a study that is there.
fn join<O: Objective, E: From<StudyError>>(
    storage: &mut Storage,
    name: &str,
    request: &StudyRequest,
    reader: &dyn ObjectiveReader,
    prepare: &mut impl Prepare<O, E>,
) -> Result<OpenStudy<O>, E> {
    let record = existing(storage, name)?;
    let Some(definition) = StudyDefinition::read(&record)? else {
        return adopt(storage, record, request, reader, prepare);
    };
    refuse_other_use(name, &definition, request)?;
    let StudyRequest { spec, stated, overrides, .. } = request;
    refuse(name, definition.differences(spec, stated, overrides))?;
    let before = parsed_budgets(record.user_attributes.get(BUDGETS).map(String::as_str));
    let budgets = extended(before, name, request)?;
    let settings = definition.settings.clone();
    let prepared = prepare(&settings, Some(&definition.identity))?;
    let plan = StudyPlan::new(spec.clone(), stated, settings, prepared, budgets, reader)?;
    refuse(name, definition.identity_differences(&plan.definition.identity))?;
    // Last, so that a request that is refused changes nothing.
    if extend(storage, &record, request)? != plan.budgets {
        // Meanwhile another process has asked for more.
        return join(storage, name, request, reader, prepare);
    }
    let record = existing(storage, name)?;
    Ok(OpenStudy { record, plan, resumed: true })
}

fn existing(storage: &mut Storage, name: &str) -> Result<StudyRecord, StudyError> {
    storage.study(name)?.ok_or_else(|| StudyError::Deleted { study: name.to_owned() })
}

/// The trials of a search are its own, and those that are asked for are told by whoever asked.
fn refuse_other_use(
    name: &str,
    definition: &StudyDefinition,
    request: &StudyRequest,
) -> Result<(), StudyError> {
    let study = name.to_owned();
    match (is_told(&definition.identity), request.told) {
        (false, true) => Err(StudyError::IsSearched { study }),
        (true, false) => Err(StudyError::IsTold { study }),
        _ => Ok(()),
    }
}

pub(crate) fn refuse(name: &str, differences: Vec<Difference>) -> Result<(), StudyError> {
    match differences.is_empty() {
        true => Ok(()),
        false => Err(StudyError::Differs { study: name.to_owned(), differences }),
    }
}

/// Stores the number of trials that is asked for now, if it is another one: all that the study was asked for.
fn extend(
    storage: &mut Storage,
    record: &StudyRecord,
    request: &StudyRequest,
) -> Result<Vec<usize>, StudyError> {
    let mut refusal = None;
    let json = storage.update_study_attribute(record, BUDGETS, |json| {
        let before = parsed_budgets(json);
        match extended(before.clone(), &record.name, request) {
            Ok(budgets) if budgets == before => Ok(None),
            Ok(budgets) => Ok(Some(Value::from(budgets).to_string())),
            Err(error) => {
                refusal = Some(error);
                Ok(None)
            }
        }
    })?;
    refusal.map_or_else(|| Ok(parsed_budgets(json.as_deref())), Err)
}

/// The numbers of trials that the study was asked for, with the one that is asked for now.
fn extended(
    mut budgets: Vec<usize>,
    study: &str,
    request: &StudyRequest,
) -> Result<Vec<usize>, StudyError> {
    let asked = budgets.last().copied().unwrap_or(0);
    let Some(trials) = request.trials.filter(|trials| *trials != asked) else {
        return Ok(budgets);
    };
    let study = study.to_owned();
    if trials < asked {
        return Err(StudyError::FewerTrials { study, asked, trials, told: request.told });
    }
    if !request.resume && !request.told {
        return Err(StudyError::MoreTrials { study, asked, trials });
    }
    budgets.push(trials);
    Ok(budgets)
}

pub(crate) fn parsed_budgets(json: Option<&str>) -> Vec<usize> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Goes on with a study that another program has begun.
fn adopt<O: Objective, E: From<StudyError>>(
    storage: &mut Storage,
    record: StudyRecord,
    request: &StudyRequest,
    reader: &dyn ObjectiveReader,
    prepare: &mut impl Prepare<O, E>,
) -> Result<OpenStudy<O>, E> {
    let plan = plan_new(request, reader, prepare)?;
    let ours = directions(&plan.metrics);
    if record.directions != ours {
        return Err(StudyError::Directions {
            study: record.name,
            theirs: record.directions,
            ours: ours.into_iter().map(str::to_owned).collect(),
        }
        .into());
    }
    let trials = storage.trials(&record).map_err(StudyError::from)?;
    let ours = distributions(&plan.spec);
    let mut differences = Vec::new();
    for (trial, param) in trials.iter().flat_map(|t| t.params.iter().map(move |param| (t, param))) {
        let theirs = Distribution::parse(&param.distribution).map_err(StudyError::from)?;
        let Some(ours) = ours.get(&param.name).filter(|ours| !ours.is_compatible(&theirs)) else {
            continue;
        };
        let what = Setting::Drawn { param: param.name.clone(), trial: trial.number };
        differences.push(Difference {
            what,
            was: Content::Distribution(theirs),
            now: Content::Distribution(ours.clone()),
        });
    }
    refuse(&record.name, differences)?;
    let record = take_over(storage, record, &plan, &request.program)?;
    Ok(OpenStudy { record, plan, resumed: true })
}

/// Makes a study one of ours.
fn take_over<O: Objective>(
    storage: &mut Storage,
    record: StudyRecord,
    plan: &StudyPlan<O>,
    program: &str,
) -> Result<StudyRecord, StudyError> {
    // That it is a study of ours is said last: whoever finds that said finds the rest.
    for (key, json) in attributes(storage, plan, program)?.into_iter().rev() {
        storage.set_study_attribute(record.id, key, &json)?;
    }
    Ok(storage.study(&record.name)?.unwrap_or(record))
}

fn attributes<O>(
    storage: &mut Storage,
    plan: &StudyPlan<O>,
    program: &str,
) -> Result<Vec<(&'static str, String)>, StorageError> {
    let mut attributes = plan.definition.attributes(program, &storage.now()?);
    attributes.push((BUDGETS, Value::from(plan.budgets.clone()).to_string()));
    Ok(attributes)
}

/// In Optuna's words.
fn directions(metrics: &[Metric]) -> Vec<&'static str> {
    let direction = |metric: &Metric| match metric.direction {
        Direction::Maximize => "MAXIMIZE",
        Direction::Minimize => "MINIMIZE",
    };
    metrics.iter().map(direction).collect()
}

#[cfg(test)]
mod tests;
