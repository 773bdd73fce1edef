//! What makes a study the one that it is: kept with it in the database, and compared when it is to go on.

use std::collections::{BTreeMap, BTreeSet};

use burn_tune_ranking::{Evaluation, StudyFacts};
use burn_tune_search::pruner::{Pruning, StepName};
use burn_tune_search::settings::StudySettings;
use burn_tune_search::{Domain, ExplicitTrial, Identity, Metric, ParamValue, Params};
use burn_tune_search::{Space, StudySpec};
use burn_tune_storage::attributes::{BURN_TUNE, EXPLICIT_TRIALS, FILE_SETTINGS, SETTINGS, SPACE};
use burn_tune_storage::coordination::Moment;
use burn_tune_storage::{Distribution, StudyRecord};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::differences::{Difference, Setting, differing_entries, space_differences};
use crate::error::StudyError;
use crate::objective_reader::ObjectiveReader;
use crate::settings_overrides::SettingsOverrides;

/// The version of what is written into a study's attributes.
const FORMAT: u64 = 1;
/// The version of burn-tune by which studies begin.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The key under which file settings have the objective, and the settings of a study its name.
const OBJECTIVE: &str = "objective";

/// A study as it was begun.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyDefinition {
    /// What is searched.
    pub space: Space,
    /// Name and values of the explicit trials.
    pub explicit_trials: Value,
    /// What the study's file or program itself said of settings, before any override.
    pub file_settings: Value,
    /// How trials are made and ranked: the file's settings with the overrides.
    pub settings: StudySettings,
    /// What scores them.
    pub identity: Identity,
}

impl StudyDefinition {
    /// A study of this space and these explicit trials, whose file or program says `stated` of the objective.
    pub fn new(
        spec: &StudySpec,
        stated: &Identity,
        settings: StudySettings,
        identity: Identity,
    ) -> Self {
        StudyDefinition {
            space: spec.space.clone(),
            explicit_trials: explicit_trials(spec),
            file_settings: file_settings(spec, stated),
            settings,
            identity,
        }
    }

    /// What is written into the user attributes of the study, which the program called `program`, if that is
    /// known, begins `now`: first that it is a study of ours.
    pub fn attributes(&self, program: &str, now: &Moment) -> Vec<(&'static str, String)> {
        let mut about = json!({
            "format": FORMAT,
            "version": VERSION,
            "created": now.date,
            "created_s": now.epoch_s,
        });
        if !program.is_empty() {
            about["program"] = program.into();
        }
        vec![
            (BURN_TUNE, about.to_string()),
            (SPACE, serde_json::to_string(&self.space).expect("a space is JSON")),
            (EXPLICIT_TRIALS, self.explicit_trials.to_string()),
            (FILE_SETTINGS, self.file_settings.to_string()),
            (SETTINGS, self.stored_settings().to_string()),
        ]
    }

    /// Reads what [`StudyDefinition::attributes`] gives; `None` for another program's study.
    ///
    /// # Errors
    ///
    /// Where another version has written it in another format, or an attribute is damaged.
    pub fn read(record: &StudyRecord) -> Result<Option<Self>, StudyError> {
        let Some(about) = record.user_attributes.get(BURN_TUNE) else { return Ok(None) };
        let about: Value = serde_json::from_str(about).unwrap_or_default();
        if about["format"] != FORMAT {
            let version = about["version"].as_str().unwrap_or("of another version");
            return Err(StudyError::Format {
                study: record.name.clone(),
                version: version.to_owned(),
            });
        }
        let stored: Value = attribute(record, SETTINGS)?;
        let settings: StudySettings = attribute(record, SETTINGS)?;
        Ok(Some(StudyDefinition {
            space: attribute(record, SPACE)?,
            explicit_trials: attribute(record, EXPLICIT_TRIALS)?,
            file_settings: attribute(record, FILE_SETTINGS)?,
            identity: without_settings(stored, &settings),
            settings,
        }))
    }

    /// The study as its file or program describes it, with the settings that it is done with. Its constraint, if
    /// it has one, is a program's own.
    ///
    /// # Errors
    ///
    /// Where its explicit trials are damaged: what is wrong with them.
    pub fn spec(&self) -> Result<StudySpec, String> {
        let trials: Vec<StoredTrial> = serde_json::from_value(self.explicit_trials.clone())
            .map_err(|error| error.to_string())?;
        let trial = |StoredTrial { name, params }| {
            let values =
                params.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
            ExplicitTrial { name, values, ..ExplicitTrial::default() }
        };
        Ok(StudySpec {
            settings: self.settings.clone(),
            space: self.space.clone(),
            trials: trials.into_iter().map(trial).collect(),
            ..StudySpec::default()
        })
    }

    /// Settings and identity as one JSON object.
    fn stored_settings(&self) -> Value {
        let mut stored = serde_json::to_value(&self.settings).expect("settings are JSON");
        if let Some(stored) = stored.as_object_mut() {
            stored.extend(self.identity.clone());
        }
        stored
    }

    /// What the study is after; at least one metric.
    pub fn metrics(&self, reader: &dyn ObjectiveReader) -> Vec<Metric> {
        self.settings.metrics(&reader.facts(&self.identity).metric)
    }

    /// What a leaderboard says of the study besides its trials.
    pub fn facts(&self, reader: &dyn ObjectiveReader) -> StudyFacts {
        let study = &self.settings;
        let facts = reader.facts(&self.identity);
        let metrics = study.metrics(&facts.metric);
        StudyFacts {
            name: study.name.clone(),
            seed: study.seed,
            direction: study.direction,
            space: self.space.clone(),
            evaluation: Evaluation {
                dataset: facts.dataset,
                command: facts.command,
                metric: metrics[0].name.clone(),
                folds: study.folds,
                train_examples: facts.train_examples,
                test_examples: facts.test_examples,
                backend: facts.backend,
            },
            top: study.top,
            refit_seeds: study.refit_seeds,
            pruner: study.pruner.as_ref().map(|pruner| pruner.name().to_owned()),
            metrics,
        }
    }

    /// How hopeless trials are stopped, where they are, and a trial reports at most so many times. Messages call its
    /// steps so.
    ///
    /// # Errors
    ///
    /// [`StudyError::Unsuitable`] where the pruner cannot take that.
    pub fn pruning(
        &self,
        max_steps: Option<u64>,
        steps: StepName,
    ) -> Result<Option<Pruning>, StudyError> {
        let study = &self.settings;
        let Some(settings) = &study.pruner else { return Ok(None) };
        let pruning = Pruning::of(settings, study.direction, study.folds, max_steps, steps);
        pruning.map(Some).map_err(StudyError::Unsuitable)
    }

    /// What differs in what a file or program says now, or is said besides, from the study as it was begun.
    pub fn differences(
        &self,
        spec: &StudySpec,
        stated: &Identity,
        overrides: &SettingsOverrides,
    ) -> Vec<Difference> {
        let mut differences = space_differences(&self.space, &spec.space);
        let (was, now) = (&self.explicit_trials, &explicit_trials(spec));
        differences.extend(differing_entries(Setting::Trial, was, now));
        let (was, now) = (&self.file_settings, &file_settings(spec, stated));
        differences.extend(differing_entries(Setting::Objective, &was[OBJECTIVE], &now[OBJECTIVE]));
        let others = |settings: &Value| {
            let mut settings = settings.clone();
            // Nor does the file's name matter: the study has its own, by which it was found.
            for key in [OBJECTIVE, "name"] {
                settings.as_object_mut().map(|settings| settings.remove(key));
            }
            settings
        };
        differences.extend(differing_entries(Setting::Study, &others(was), &others(now)));
        let stored = self.stored_settings();
        for (key, now) in overrides.entries() {
            let was = stored.get(key).cloned().unwrap_or_default();
            if was != now {
                let what = Setting::Override(key.to_owned());
                differences.push(Difference::of_values(what, &was, &now));
            }
        }
        differences
    }

    /// What differs in what the objective has found now, such as the examples, one level down.
    pub fn identity_differences(&self, now: &Identity) -> Vec<Difference> {
        let keys: BTreeSet<&String> = self.identity.keys().chain(now.keys()).collect();
        let mut differences = Vec::new();
        for key in keys {
            let of = |identity: &Identity| identity.get(key).cloned().unwrap_or_default();
            let (was, now) = (of(&self.identity), of(now));
            if was.is_object() && now.is_object() {
                let inner = |inner: String| Setting::Identity(format!("{key} {inner}"));
                differences.extend(differing_entries(inner, &was, &now));
            } else if was != now {
                differences.push(Difference::of_values(Setting::Identity(key.clone()), &was, &now));
            }
        }
        differences
    }
}

/// An explicit trial as it is kept.
#[derive(Deserialize)]
struct StoredTrial {
    name: Option<String>,
    params: Params,
}

/// What each parameter is drawn from, as Optuna says it.
pub fn distributions(spec: &StudySpec) -> BTreeMap<String, Distribution> {
    let distribution = |(name, domain): &(String, Domain)| {
        let stated = spec.trials.iter().flat_map(|trial| &trial.values);
        let extra: Vec<&ParamValue> =
            stated.filter(|(key, _)| key == name).map(|(_, value)| value).collect();
        (name.clone(), Distribution::of(domain, &extra))
    };
    spec.space.domains.iter().map(distribution).collect()
}

fn attribute<T: DeserializeOwned>(
    record: &StudyRecord,
    key: &'static str,
) -> Result<T, StudyError> {
    let json = record.user_attributes.get(key).map_or("null", String::as_str);
    serde_json::from_str(json).map_err(|error| StudyError::Attribute {
        study: record.name.clone(),
        key,
        problem: error.to_string(),
    })
}

/// What stands beside the settings of a study in its attribute.
fn without_settings(stored: Value, settings: &StudySettings) -> Identity {
    let known = serde_json::to_value(settings).unwrap_or_default();
    let Value::Object(mut identity) = stored else { return Identity::new() };
    identity.retain(|key, _| known.get(key).is_none());
    identity
}

fn explicit_trials(spec: &StudySpec) -> Value {
    let trial = |trial: &ExplicitTrial| {
        let params: Params = trial.values.iter().cloned().collect();
        json!({ "name": trial.name, "params": params })
    };
    spec.trials.iter().map(trial).collect()
}

fn file_settings(spec: &StudySpec, stated: &Identity) -> Value {
    let mut settings = serde_json::to_value(&spec.settings).unwrap_or_default();
    if let Some(settings) = settings.as_object_mut() {
        settings.extend(stated.clone());
    }
    settings
}

#[cfg(test)]
mod tests {
    use burn_tune_search::settings::SamplerKind;

    use super::*;

    fn spec() -> StudySpec {
        let lr = Domain::FloatRange { low: 1e-4, high: 1e-1, step: None, log: true };
        StudySpec { space: Space::of([("lr".to_owned(), lr)]), ..StudySpec::default() }
    }

    fn identity(json: Value) -> Identity {
        json.as_object().cloned().unwrap_or_default()
    }

    fn definition() -> StudyDefinition {
        let identity =
            identity(json!({ "backend": "flex", "examples": { "train": 60, "checksum": 7 } }));
        let stated = Identity::from_iter([("dataset".to_owned(), "mnist".into())]);
        let settings = StudySettings { seed: 9, ..StudySettings::default() };
        StudyDefinition::new(&spec(), &stated, settings, identity)
    }

    fn stored(definition: &StudyDefinition) -> StudyRecord {
        let now = Moment { date: "2026-11-29 19:00:00.000000".into(), epoch_s: 1.5 };
        let attributes = definition.attributes("", &now).into_iter();
        StudyRecord {
            id: 1,
            name: "s".into(),
            directions: vec!["MAXIMIZE".into()],
            user_attributes: attributes.map(|(key, json)| (key.to_owned(), json)).collect(),
            system_attributes: BTreeMap::new(),
        }
    }

    #[test]
    fn a_definition_is_read_as_it_was_written() {
        let definition = definition();
        assert_eq!(StudyDefinition::read(&stored(&definition)).unwrap(), Some(definition));
    }

    #[test]
    fn a_definition_describes_the_study_as_its_file_did() {
        let mut spec = spec();
        spec.trials = vec![
            ExplicitTrial {
                name: Some("first".into()),
                values: vec![("lr".into(), ParamValue::Float(1.0))],
                ..ExplicitTrial::default()
            },
            ExplicitTrial::default(),
        ];
        let definition =
            StudyDefinition::new(&spec, &Identity::new(), spec.settings.clone(), Identity::new());
        assert_eq!(definition.spec(), Ok(spec));
        let damaged = StudyDefinition { explicit_trials: json!([{ "name": 7 }]), ..definition };
        assert!(damaged.spec().is_err());
    }

    #[test]
    fn damaged_foreign_and_other_versions_studies_are_told_apart() {
        let mut record = stored(&definition());
        record.user_attributes.insert(SETTINGS.into(), "{".into());
        let damaged = StudyDefinition::read(&record).unwrap_err();
        assert!(damaged.to_string().starts_with("the attribute `settings` of the study `s`: "));
        record.user_attributes.insert(BURN_TUNE.into(), r#"{"format":2,"version":"9.9"}"#.into());
        let other = StudyDefinition::read(&record).unwrap_err();
        assert!(matches!(other, StudyError::Format { version, .. } if version == "9.9"));
        record.user_attributes.remove(BURN_TUNE);
        assert!(StudyDefinition::read(&record).unwrap().is_none());
    }

    #[test]
    fn what_is_said_besides_the_file_is_compared_with_what_was_done() {
        let stated = Identity::from_iter([("dataset".to_owned(), "mnist".into())]);
        let same = SettingsOverrides { seed: Some(9), ..SettingsOverrides::default() };
        assert_eq!(definition().differences(&spec(), &stated, &same), []);
        let other = SettingsOverrides {
            sampler: Some(SamplerKind::Tpe),
            objective: vec![("backend", "wgpu".into())],
            ..same
        };
        let differences = definition().differences(&spec(), &stated, &other);
        let what: Vec<&Setting> = differences.iter().map(|difference| &difference.what).collect();
        let overridden = |key: &str| Setting::Override(key.into());
        assert_eq!(what, [&overridden("sampler"), &overridden("backend")]);
        let other_data = Identity::from_iter([("dataset".to_owned(), "fashion".into())]);
        let differences = definition().differences(&spec(), &other_data, &Default::default());
        assert_eq!(differences[0].what, Setting::Study("dataset".into()));
    }

    #[test]
    fn other_examples_are_told_by_group_and_key() {
        let now =
            identity(json!({ "backend": "flex", "examples": { "train": 60, "checksum": 8 } }));
        let differences = definition().identity_differences(&now);
        assert_eq!(differences[0].what, Setting::Identity("examples checksum".into()));
        assert_eq!(differences.len(), 1);
        assert_eq!(definition().identity_differences(&definition().identity), []);
    }
}
