//! What is saved of a model is the model: the same predictions, and a word on whatever does not fit.

use std::fs;
use std::path::Path;

use burn_tune_data::{Dataset, Examples};
use burn_tune_model::predict::predict;
use burn_tune_model::saved::{DESCRIPTION, RECORD, SAFETENSORS};
use burn_tune_model::{Activation, Backend, Mlp, MlpConfig, SavedMlp};
use burn_tune_search::keyed_rng::{Purpose, Task};
use burn_tune_search::{Stop, TaskHandle};

use crate::harness::as_training;

/// A model of initial weights, with classes that are called 1 to 10.
fn model(config: MlpConfig) -> SavedMlp {
    let stop = Stop::default();
    let mut rng = TaskHandle::new(1, 2, Task::Fold(0), &stop).rng(Purpose::InitialWeights);
    let (backend, classes) = (Backend::Flex, (1..=10).collect());
    let model = Mlp::init(&config, 784, 10, &mut rng, &backend.device());
    SavedMlp { model, config, features: 784, classes, backend }
}

fn small() -> MlpConfig {
    let own = Some(7);
    MlpConfig { depth: 2, hidden_size: 12, hidden_size_2: own, ..MlpConfig::default() }
}

fn digits() -> Examples {
    Dataset::mnist().expect("it is embedded").limited(1_100).test
}

fn refused(folder: &Path) -> String {
    SavedMlp::load(folder, Backend::Flex).expect_err("it does not fit").to_string()
}

#[test]
fn a_model_that_was_saved_predicts_as_before() {
    let digits = digits();
    let stop = Stop::default();
    let handle = TaskHandle::new(1, 2, Task::Fold(0), &stop);
    let indices: Vec<u32> = (0..digits.len() as u32).collect();
    for config in [
        small(),
        MlpConfig { activation: Activation::Gelu, ..small() },
        MlpConfig { softmax: true, ..small() },
        MlpConfig { depth: 0, hidden_size_2: None, ..small() },
    ] {
        let folder = tempfile::tempdir().unwrap();
        let saved = model(config);
        saved.save(folder.path()).unwrap();
        let loaded = SavedMlp::load(folder.path(), Backend::Flex).unwrap();
        let predictions = loaded.predict(&digits).unwrap();
        assert_eq!(predictions, saved.predict(&digits).unwrap());
        assert_eq!((&loaded.config, loaded.classes.len()), (&saved.config, 10));
        let (model, digits, indices) = (saved.model.clone(), digits.clone(), indices.clone());
        let classes = as_training(&handle, move |trial| {
            predict(&model, &digits, &indices, &Backend::Flex.device(), trial)
        });
        let classes = classes.unwrap();
        assert!(predictions.iter().map(|its| its.class).eq(classes));
        assert!(predictions.iter().all(|its| its.label == its.class + 1));
        assert!(predictions.iter().all(|its| (0.1..=1.0).contains(&its.probability)));
        saved.save(folder.path()).unwrap();
    }
}

#[test]
fn what_does_not_fit_is_said_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(refused(folder.path()).starts_with("there is no model of burn-tune in "));
    let saved = model(small());
    saved.save(folder.path()).unwrap();
    let description = fs::read_to_string(path(DESCRIPTION)).unwrap();
    let described = |from: &str, to: &str| {
        let changed = description.replacen(from, to, 1);
        assert_ne!(changed, description);
        fs::write(path(DESCRIPTION), changed).unwrap();
        refused(folder.path())
    };
    let wider = described("\"hidden_size\": 12", "\"hidden_size\": 1200");
    assert!(wider.contains("does not fit the model.json"), "{wider}");
    let narrower = described("\"hidden_size\": 12", "\"hidden_size\": 11");
    assert!(narrower.contains("does not fit the model.json"), "{narrower}");
    let wrong = described("\"hidden_size\": 12", "\"hidden_size\": 0");
    assert!(wrong.contains("`hidden_size` is 0"), "{wrong}");
    assert!(described("\"relu\"", "\"step\"").contains("unknown variant"));
    fs::write(path(DESCRIPTION), &description).unwrap();
    let record = fs::read(path(RECORD)).unwrap();
    fs::write(path(RECORD), &record[..record.len() / 2]).unwrap();
    assert!(refused(folder.path()).contains(RECORD));
    fs::remove_file(path(RECORD)).unwrap();
    assert!(refused(folder.path()).starts_with("cannot read "));
    let other = Examples::new(4, vec![0; 8], vec![0; 2]);
    let error = saved.predict(&other).unwrap_err().to_string();
    assert_eq!(error, "an example has 4 numbers here, and the model takes 784");
    assert!(saved.save(path(SAFETENSORS)).is_err(), "it is a file");
}
