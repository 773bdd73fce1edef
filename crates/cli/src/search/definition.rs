//! What makes a study the one that it is: kept with it in the database, and compared when it is to go
//! on.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use burn_tune_command::CommandSettings;
use burn_tune_data::Dataset;
use burn_tune_model::{Backend, MlpConfig};
use burn_tune_ranking::{Evaluation, StudyFacts};
use burn_tune_search::bind::from_params;
use burn_tune_search::pruner::Pruning;
use burn_tune_search::settings::StudySettings;
use burn_tune_search::{Metric, ParamValue, Params, Space};
use burn_tune_spec::StudyFile;
use burn_tune_storage::StudyRecord;
use burn_tune_storage::attributes::{BURN_TUNE, EXPLICIT_TRIALS, FILE_SETTINGS, SETTINGS, SPACE};
use burn_tune_storage::coordination::Moment;
use burn_tune_storage::distribution::Distribution;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::args::{PrunerChoice, SearchArgs};
use crate::setup::DataSource;

/// What a score of our model is.
const ACCURACY: &str = "accuracy";
/// What a value that somebody tells is called.
const TOLD_METRIC: &str = "score";
/// The version of what is written into a study's attributes.
const FORMAT: u64 = 1;

/// How the trials of a study are made and ranked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The space file's, with what the arguments said instead.
    #[serde(flatten)]
    pub study: StudySettings,
    /// What scores them.
    #[serde(flatten)]
    pub work: WorkSettings,
}

/// What scores the trials of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WorkSettings {
    /// Our model is trained.
    Model(ModelSettings),
    /// A command is run.
    Command {
        /// It, with places for params.
        objective: CommandSettings,
    },
    /// Whoever asks for trials tells what they come to.
    Tell {
        /// That it is so.
        objective: Tell,
    },
}

/// The word for a study whose trials are asked for and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tell {
    /// It.
    Tell,
}

/// How our model is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSettings {
    /// Where the examples come from.
    #[serde(flatten)]
    pub source: DataSource,
    /// What computes.
    pub backend: String,
    /// Whether learning curves are recorded.
    pub curves: bool,
    /// The examples themselves.
    pub examples: ExampleFacts,
}

impl WorkSettings {
    /// The examples, where there are any.
    pub fn examples(&self) -> Option<&ExampleFacts> {
        match self {
            WorkSettings::Model(model) => Some(&model.examples),
            _ => None,
        }
    }

    /// Whether learning curves are recorded.
    pub fn curves(&self) -> bool {
        matches!(self, WorkSettings::Model(model) if model.curves)
    }

    /// Whether trials are asked for and told.
    pub fn is_told(&self) -> bool {
        matches!(self, WorkSettings::Tell { .. })
    }

    /// What a score is called.
    pub fn metric(&self) -> &str {
        match self {
            WorkSettings::Model(_) => ACCURACY,
            WorkSettings::Command { objective } => &objective.metric,
            WorkSettings::Tell { .. } => TOLD_METRIC,
        }
    }
}

/// What tells one data set from another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExampleFacts {
    /// What the data set is called.
    pub name: String,
    /// How many there are to train on.
    pub train: usize,
    /// How many are held out for refits.
    pub test: usize,
    /// How many numbers one has.
    pub features: usize,
    /// How many classes there are.
    pub classes: usize,
    /// CRC-32 of all pixels and labels.
    pub checksum: u32,
}

impl ExampleFacts {
    /// The facts about a data set.
    pub fn of(dataset: &Dataset) -> Self {
        let mut checksum = crc32fast::Hasher::new();
        for examples in [&dataset.train, &dataset.test] {
            (0..examples.len()).for_each(|index| checksum.update(examples.pixels(index)));
            checksum.update(examples.labels());
        }
        ExampleFacts {
            name: dataset.name.clone(),
            train: dataset.train.len(),
            test: dataset.test.len(),
            features: dataset.train.features(),
            classes: dataset.classes.len(),
            checksum: checksum.finalize(),
        }
    }
}

/// A study as it was begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// What is searched.
    pub space: Space,
    /// Name and values of the explicit trials.
    pub explicit_trials: Value,
    /// What the space file itself said of settings.
    pub file_settings: Value,
    /// What was done.
    pub settings: Settings,
}

impl Definition {
    /// The study that a file describes.
    pub fn new(file: &StudyFile, settings: Settings) -> Self {
        Definition {
            space: file.spec.space.clone(),
            explicit_trials: explicit_trials(file),
            file_settings: file_settings(file),
            settings,
        }
    }

    /// What is written into the user attributes of the study, which begins `now`: first that it is a study
    /// of ours.
    pub fn attributes(&self, now: &Moment) -> Vec<(&'static str, String)> {
        let text = |value: Result<Value, serde_json::Error>| {
            value.expect("names, numbers and lists are JSON").to_string()
        };
        let about = json!({
            "format": FORMAT,
            "version": env!("CARGO_PKG_VERSION"),
            "created": now.date,
            "created_s": now.epoch_s,
        });
        vec![
            (BURN_TUNE, about.to_string()),
            (SPACE, serde_json::to_string(&self.space).expect("a space is JSON")),
            (EXPLICIT_TRIALS, self.explicit_trials.to_string()),
            (FILE_SETTINGS, self.file_settings.to_string()),
            (SETTINGS, text(serde_json::to_value(&self.settings))),
        ]
    }

    /// Reads what [`Definition::attributes`] gives; `None` for another program's study.
    pub fn read(record: &StudyRecord) -> Result<Option<Self>> {
        let Some(about) = record.user_attributes.get(BURN_TUNE) else { return Ok(None) };
        let about: Value = serde_json::from_str(about).unwrap_or_default();
        if about["format"] != FORMAT {
            return Err(anyhow!(
                "the study `{}` was written by burn-tune {}, in another format than this version reads: take that version, or begin a new study",
                record.name,
                about["version"].as_str().unwrap_or("of another version"),
            ));
        }
        Ok(Some(Definition {
            space: attribute(record, SPACE)?,
            explicit_trials: attribute(record, EXPLICIT_TRIALS)?,
            file_settings: attribute(record, FILE_SETTINGS)?,
            settings: attribute(record, SETTINGS)?,
        }))
    }

    /// What the study is after; at least one metric.
    pub fn metrics(&self) -> Vec<Metric> {
        self.settings.study.metrics(self.settings.work.metric())
    }

    /// What a leaderboard says of the study besides its trials.
    pub fn facts(&self) -> StudyFacts {
        let Settings { study, work } = &self.settings;
        let examples = work.examples();
        let metrics = self.metrics();
        StudyFacts {
            name: study.name.clone(),
            seed: study.seed,
            direction: study.direction,
            space: self.space.clone(),
            evaluation: Evaluation {
                dataset: examples.map(|examples| examples.name.clone()),
                command: match work {
                    WorkSettings::Command { objective } => Some(objective.to_string()),
                    _ => None,
                },
                metric: metrics[0].name.clone(),
                folds: study.folds,
                train_examples: examples.map(|examples| examples.train),
                test_examples: examples.map(|examples| examples.test),
                backend: match work {
                    WorkSettings::Model(model) => Some(model.backend.clone()),
                    _ => None,
                },
            },
            top: study.top,
            refit_seeds: study.refit_seeds,
            pruner: study.pruner.as_ref().map(|pruner| pruner.name().to_owned()),
            metrics,
        }
    }

    /// How hopeless trials are stopped, where they are, and a trial reports at most so many times.
    pub fn pruning_of(&self, max_steps: Option<u64>) -> Result<Option<Pruning>> {
        let study = &self.settings.study;
        let Some(settings) = &study.pruner else { return Ok(None) };
        let pruning = Pruning::of(settings, study.direction, study.folds, max_steps);
        pruning.map(Some).map_err(|problem| anyhow!(problem))
    }

    /// How many numbers the model of these params trains; `None` where they do not fit, or it is not ours.
    pub fn size(&self, params: &Params) -> Option<u64> {
        let ExampleFacts { features, classes, .. } = *self.settings.work.examples()?;
        let config: MlpConfig = from_params(params).ok()?;
        Some(config.parameters(features, classes))
    }

    /// What differs in the file, or in what the arguments ask for, from the study as it was begun.
    pub fn changes(&self, file: &StudyFile, args: &SearchArgs) -> Vec<Change> {
        let space = |space: &Space| serde_json::to_value(space).unwrap_or_default();
        let mut changes = differences("[space] ", &space(&self.space), &space(&file.spec.space));
        if self.space != file.spec.space && changes.is_empty() {
            let names = |space: &Space| {
                let names: Vec<&str> =
                    space.domains.iter().map(|(name, _)| name.as_str()).collect();
                names.join(", ")
            };
            let (was, now) = (names(&self.space), names(&file.spec.space));
            changes.push(Change { what: "the order of [space]".into(), was, now });
        }
        changes.extend(differences("[[trial]] ", &self.explicit_trials, &explicit_trials(file)));
        let (was, now) = (&self.file_settings, &file_settings(file));
        changes.extend(differences("[objective] ", &was["objective"], &now["objective"]));
        let others = |settings: &Value| {
            let mut settings = settings.clone();
            // Nor does the file's name matter: the study has its own, by which it was found.
            for key in ["objective", "name"] {
                settings.as_object_mut().map(|settings| settings.remove(key));
            }
            settings
        };
        changes.extend(differences("[study] ", &others(was), &others(now)));
        let settings = serde_json::to_value(&self.settings).unwrap_or_default();
        for (key, now) in asked_for(args) {
            let was = settings.get(key).cloned().unwrap_or_default();
            if was != now {
                changes.push(Change::new(format!("--{}", key.replace('_', "-")), &was, &now));
            }
        }
        changes
    }
}

/// One thing that is not as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where.
    pub what: String,
    /// How it was.
    pub was: String,
    /// How it is.
    pub now: String,
}

impl Change {
    fn new(what: String, was: &Value, now: &Value) -> Self {
        let text = |value: &Value| match value {
            Value::Null => "nothing".to_owned(),
            value => value.to_string(),
        };
        Change { what, was: text(was), now: text(now) }
    }
}

/// The entries of two objects or lists that differ.
pub fn differences(place: &str, was: &Value, now: &Value) -> Vec<Change> {
    let entries = |value: &Value| -> BTreeMap<String, Value> {
        match value {
            Value::Object(map) => map.clone().into_iter().collect(),
            Value::Array(list) => {
                let numbered = list.iter().enumerate();
                numbered
                    .map(|(index, value)| (format!("{:03}", index + 1), value.clone()))
                    .collect()
            }
            _ => BTreeMap::new(),
        }
    };
    let (was, now) = (entries(was), entries(now));
    let mut keys: Vec<&String> = was.keys().chain(now.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| was.get(*key) != now.get(*key))
        .map(|key| {
            let of = |entries: &BTreeMap<String, Value>| entries.get(key).cloned();
            let shown = key.trim_start_matches('0');
            let (was, now) = (of(&was).unwrap_or_default(), of(&now).unwrap_or_default());
            Change::new(format!("{place}{shown}"), &was, &now)
        })
        .collect()
}

/// What each parameter is drawn from, as Optuna says it.
///
/// # Errors
///
/// Where the database cannot hold a value of the space.
pub fn distributions(file: &StudyFile) -> BTreeMap<String, Distribution> {
    let mut all = BTreeMap::new();
    for (name, domain) in &file.spec.space.domains {
        let stated = file.spec.trials.iter().flat_map(|trial| &trial.values);
        let extra: Vec<&ParamValue> =
            stated.filter(|(key, _)| key == name).map(|(_, value)| value).collect();
        all.insert(name.clone(), Distribution::of(domain, &extra));
    }
    all
}

fn attribute<T: DeserializeOwned>(record: &StudyRecord, key: &str) -> Result<T> {
    let json = record.user_attributes.get(key).map_or("null", String::as_str);
    serde_json::from_str(json)
        .with_context(|| format!("the attribute `{key}` of the study `{}`", record.name))
}

fn explicit_trials(file: &StudyFile) -> Value {
    let trial = |trial: &burn_tune_search::ExplicitTrial| {
        let params: Params = trial.values.iter().cloned().collect();
        json!({ "name": trial.name, "params": params })
    };
    file.spec.trials.iter().map(trial).collect()
}

fn file_settings(file: &StudyFile) -> Value {
    let mut settings = serde_json::to_value(&file.spec.settings).unwrap_or_default();
    settings["dataset"] = crate::setup::dataset_of(file).into();
    if let Some(command) = &file.command {
        settings["objective"] = json!(command);
    }
    settings
}

/// What the arguments say of the settings, by key.
fn asked_for(args: &SearchArgs) -> Vec<(&'static str, Value)> {
    let data = args.run.data.as_ref().map(|data| json!(data));
    let backend = args.run.backend.map(Backend::name).map(Value::from);
    let pruner = args.proposals.pruner.as_ref().map(|choice| match choice {
        PrunerChoice::None => Value::Null,
        PrunerChoice::Some(pruner) => json!(pruner),
    });
    let given = [
        ("seed", args.run.seed.map(Value::from)),
        ("sampler", args.proposals.sampler.map(|sampler| json!(sampler))),
        ("pruner", pruner),
        ("window", args.proposals.window.map(Value::from)),
        ("target", args.target.map(Value::from)),
        ("no_improvement", args.no_improvement.map(Value::from)),
        ("folds", args.folds.map(Value::from)),
        ("top", args.top.map(Value::from)),
        ("data", data),
        ("limit", args.run.limit.map(Value::from)),
        ("backend", backend),
        ("curves", args.curves.then_some(Value::from(true))),
    ];
    given.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}
