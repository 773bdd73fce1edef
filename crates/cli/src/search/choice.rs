//! Which study a search works on: a new one, one that goes on, or one that other processes are at.

use anyhow::{Result, anyhow, bail};
use burn_tune_search::{Direction, Metric};
use burn_tune_spec::StudyFile;
use burn_tune_storage::attributes::BUDGETS;
use burn_tune_storage::{Distribution, Storage, StorageError, StorageUrl, StudyRecord};
use serde_json::Value;

use super::definition::{Change, Definition, differences, distributions};
use super::plan::Plan;
use crate::args::SearchArgs;
use crate::commands::open_study::unknown;
use crate::space_file::Found;

/// A study of the database that the search works on, and what it is going to do with it.
pub struct Chosen {
    pub record: StudyRecord,
    pub plan: Plan,
    /// Whether it was there before.
    pub resumed: bool,
}

/// The plan of a new study, where its database would be a new file: so a search that is refused leaves no
/// database behind.
///
/// # Errors
///
/// What is wrong with the file or the arguments.
pub fn plan_before_there_is_a_database(
    url: &StorageUrl,
    found: &Found,
    args: &SearchArgs,
) -> Result<Option<Plan>> {
    let StorageUrl::Sqlite(path) = url else { return Ok(None) };
    if path.exists() {
        return Ok(None);
    }
    if args.resume {
        bail!(
            "there is no database {} with a study to go on with: leave --resume out to begin one, or name another with --storage",
            path.display()
        );
    }
    Plan::new(found.file.clone(), args).map(Some)
}

/// Chooses the study, and makes it where it is a new one: as `planned`, where that was done before.
pub fn choose(
    storage: &mut Storage,
    found: Found,
    planned: Option<Plan>,
    args: &SearchArgs,
) -> Result<Chosen> {
    let file = found.file;
    let Some(record) = known_study(storage, &file, args)? else {
        let plan = match planned {
            Some(plan) => plan,
            None => Plan::new(file, args)?,
        };
        let attributes = attributes(storage, &plan)?;
        let metrics = plan.definition.metrics();
        let directions = directions(&metrics);
        let record = match &args.study {
            Some(name) => storage.create_study(name, &directions, &attributes),
            None => storage.create_study_numbered(&plan.study().name, &directions, &attributes),
        };
        return match (record, &args.study) {
            (Ok(record), _) => {
                let names: Vec<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
                storage.set_metric_names(record.id, &names)?;
                Ok(Chosen { record, plan, resumed: false })
            }
            // Another process was faster in making the one that both are to work on.
            (Err(StorageError::Input(_)), Some(name)) if storage.study(name)?.is_some() => {
                join(storage, name, plan.file, args)
            }
            (Err(error), _) => Err(error.into()),
        };
    };
    join(storage, &record.name, file, args)
}

/// The study that was begun before and is meant; `None` for a new one.
fn known_study(
    storage: &mut Storage,
    file: &StudyFile,
    args: &SearchArgs,
) -> Result<Option<StudyRecord>> {
    if let Some(name) = &args.study {
        let record = storage.study(name)?;
        if record.is_none() && args.resume {
            return Err(unknown(name, storage)?);
        }
        return Ok(record);
    }
    if !args.resume {
        return Ok(None);
    }
    let name = &file.spec.settings.name;
    let mut of_space: Vec<StudyRecord> = Vec::new();
    for summary in storage.studies()? {
        let definition = Definition::read(&summary.record).ok().flatten();
        if definition.is_some_and(|definition| definition.settings.study.name == *name) {
            of_space.push(summary.record);
        }
    }
    if let Some(unfinished) = of_space.iter().rev().find(|record| !record.is_finished()) {
        return Ok(Some(unfinished.clone()));
    }
    match of_space.pop() {
        None => bail!(
            "there is no study of the space `{name}` in {} to go on with: leave --resume out to begin one",
            storage.url()
        ),
        Some(newest)
            if args.proposals.trials.is_some_and(|trials| Some(trials) > newest.budget()) =>
        {
            Ok(Some(newest))
        }
        Some(newest) => bail!(
            "nothing is left to do: the newest study of the space `{name}`, `{}`, has all of its {} trials; `--resume --trials N` makes more, and without --resume a new study begins",
            newest.name,
            newest.budget().unwrap_or(0),
        ),
    }
}

/// Takes part in a study that is there.
fn join(storage: &mut Storage, name: &str, file: StudyFile, args: &SearchArgs) -> Result<Chosen> {
    let gone = || anyhow!("the study `{name}` was deleted just now");
    let record = storage.study(name)?.ok_or_else(gone)?;
    let Some(definition) = Definition::read(&record)? else {
        return adopt(storage, &record, file, args);
    };
    refuse_other_use(name, &definition, args)?;
    refuse(name, definition.changes(&file, args))?;
    let budgets = extend(storage, &record, args)?;
    let plan = Plan::resumed(file, &definition, budgets)?;
    let examples = |definition: &Definition| {
        serde_json::to_value(definition.settings.work.examples()).unwrap_or_default()
    };
    refuse(name, differences("examples ", &examples(&definition), &examples(&plan.definition)))?;
    let record = storage.study(name)?.ok_or_else(gone)?;
    Ok(Chosen { record, plan, resumed: true })
}

/// The trials of a search are its own, and those that are asked for are told by whoever asked.
fn refuse_other_use(name: &str, definition: &Definition, args: &SearchArgs) -> Result<()> {
    match (definition.settings.work.is_told(), args.told) {
        (false, true) => bail!(
            "the study `{name}` is a search's, and its trials are its own: give --study another name"
        ),
        (true, false) => bail!(
            "the trials of the study `{name}` are given out by `burn-tune ask`, and `search` cannot score them: give --study another name"
        ),
        _ => Ok(()),
    }
}

fn refuse(name: &str, changes: Vec<Change>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = changes
        .iter()
        .map(|Change { what, was, now }| format!("  {what}\n    was {was}\n    is  {now}"))
        .collect();
    bail!(
        "the study `{name}` cannot go on, because this is not as it was when it began:\n{}\nundo the change, or begin a new study: leave --resume and --study out, or give --study another name",
        lines.join("\n")
    )
}

/// The numbers of trials that the study was asked for, with the one that the arguments ask for.
fn extend(storage: &mut Storage, record: &StudyRecord, args: &SearchArgs) -> Result<Vec<usize>> {
    let json = storage.update_study_attribute(record, BUDGETS, |json| {
        let mut budgets: Vec<usize> =
            json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let last = budgets.last().copied().unwrap_or(0);
        match args.proposals.trials {
            None => Ok(None),
            Some(trials) if trials == last => Ok(None),
            Some(trials) if trials < last => Err(StorageError::Input(format!(
                "the study `{}` was asked for {last} trials: --trials cannot make it {trials}{}",
                record.name,
                if args.told { "" } else { "; Ctrl-C ends a search at any time" },
            ))),
            Some(trials) if !args.resume && !args.told => Err(StorageError::Input(format!(
                "the study `{}` was asked for {last} trials: add --resume to make it {trials}",
                record.name
            ))),
            Some(trials) => {
                budgets.push(trials);
                Ok(Some(serde_json::Value::from(budgets).to_string()))
            }
        }
    })?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
}

/// Goes on with a study that another program has begun.
fn adopt(
    storage: &mut Storage,
    record: &StudyRecord,
    file: StudyFile,
    args: &SearchArgs,
) -> Result<Chosen> {
    let name = &record.name;
    let plan = Plan::new(file, args)?;
    let wanted = directions(&plan.definition.metrics());
    if record.directions != wanted {
        let (noun, remedy) = match (record.directions.len(), wanted.len()) {
            (1, 1) => ("direction", "set `direction` in [study]"),
            _ => ("directions", "write as many [[objective]]s, with these directions"),
        };
        bail!(
            "the study `{name}` has the {noun} {}, and the space file has {}: {remedy}, or choose another name with --study",
            record.directions.join(", "),
            wanted.join(", ")
        );
    }
    let ours = distributions(&plan.file);
    let mut changes = Vec::new();
    for trial in storage.trials(record)? {
        for param in &trial.params {
            let theirs = Distribution::parse(&param.distribution)?;
            let Some(ours) = ours.get(&param.name) else { continue };
            if !ours.is_compatible(&theirs) {
                let what = format!("`{}` of trial {}", param.name, trial.number);
                changes.push(Change { what, was: theirs.to_json(), now: ours.to_json() });
            }
        }
    }
    refuse(name, changes)?;
    // That it is a study of ours is said last: whoever finds that said finds the rest.
    for (key, json) in attributes(storage, &plan)?.into_iter().rev() {
        storage.set_study_attribute(record.id, key, &json)?;
    }
    let record = storage.study(name)?.unwrap_or_else(|| record.clone());
    Ok(Chosen { record, plan, resumed: true })
}

fn attributes(storage: &mut Storage, plan: &Plan) -> Result<Vec<(&'static str, String)>> {
    let mut attributes = plan.definition.attributes(&storage.now()?);
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
