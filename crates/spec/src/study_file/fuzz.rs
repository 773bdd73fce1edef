//! Space files as somebody might write them, or a disk might leave them: each is refused with a place, or can be
//! searched.

use std::path::Path;

use proptest::prelude::*;

use burn_tune_search::{Domain, ParamValue};

use super::*;
use burn_tune_search::Candidates;
use burn_tune_search::sampler::unit_space::UnitSpace;

#[path = "../../tests/fuzz/mutations.rs"]
mod mutations;

/// Every form that a space file has.
const ALL_FORMS: &str = r#"[study]
name = "mlp"
seed = 7
sampler = "tpe"
pruner = { name = "patient", patience = 4, wraps = "median" }
window = 8
target = 0.98
no_improvement = 20
folds = 3
top = 3
refit_seeds = 3

[data]
dataset = "mnist"

[space]
batch_size = [100, 200]
lr = { low = 1e-4, high = 3e-2, log = true }
width = { low = 100, high = 800, step = 100 }
units = { low = 1, high = 64, log = true }
share = { low = 0.1, high = 0.9, step = 0.1 }
free = { low = -1.5, high = 2.5 }
activation = ["relu", "tanh"]
depth = [1, 2, 3]
bias = true
width_2 = { low = 1, high = 8, when = { depth = { low = 2 } } }
width_3 = { values = [50, 100], when = { depth = 3, activation = ["relu"] } }

[[objective]]
name = "accuracy"

[[trial]]
name = "baseline"
batch_size = 100
lr = 0.001
reported = [0.9786, 0.9]

[[claim]]
model = "baseline"
text = "it is flat"
flat_step = [1500, 2500]
fall = "sharp"
"#;

const COMMAND: &str = r#"[study]
direction = "minimize"
sampler = "gp"
[objective]
command = ["sh", "-c", "echo {a} '{b}'"]
metric = "mse"
[space]
a = { low = 0.0, high = 1.0, step = 0.3 }
b = ["x", "y"]
c = { low = -9007199254740992, high = 9007199254740992 }
"#;

const CORPUS: [&str; 5] = [
    ALL_FORMS,
    COMMAND,
    include_str!("../../../cli/search-spaces/mlp.toml"),
    include_str!("../../../cli/search-spaces/report.toml"),
    include_str!("../../../cli/search-spaces/pareto.toml"),
];

/// Whatever a file says that is taken, it can be searched: no sampler panics, and no value is outside of its range.
fn can_be_searched(file: &StudyFile) {
    let kinds = SamplerKind::NAMES.map(|(_, kind)| kind);
    for kind in kinds {
        let Ok(candidates) = Candidates::new(&file.spec, kind, 4, 3) else { continue };
        for candidate in candidates {
            let json = serde_json::to_value(&candidate.params).unwrap();
            let values = json.as_object().unwrap().values();
            assert!(values.into_iter().all(|value| !value.is_null()), "{json}");
        }
    }
    let space = UnitSpace::new(&file.spec.space);
    for u in [0.0, 0.3, 0.999_999_999_999] {
        let mut point: Vec<f64> = space.dimensions().iter().map(|d| d.uniform(u)).collect();
        space.snap(&mut point);
        for (name, value) in space.params(&point).iter() {
            let domain = file.spec.space.get(name).unwrap();
            let is_inside = match (domain, value) {
                (Domain::FloatRange { low, high, .. }, ParamValue::Float(x)) => {
                    (*low..=*high).contains(x)
                }
                (Domain::IntRange { low, high, .. }, ParamValue::Int(x)) => {
                    (*low..=*high).contains(x)
                }
                (Domain::Choices(values), value) => values.contains(value),
                _ => false,
            };
            assert!(is_inside, "{name} = {value} of {domain:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_file_is_refused_with_its_place_or_can_be_searched(text in mutations::mutated(&CORPUS)) {
        match StudyFile::parse(Path::new("s.toml"), &text) {
            Ok(file) => {
                let _ = file.spec.notes();
                can_be_searched(&file);
            }
            Err(error) => prop_assert!(error.to_string().starts_with("s.toml:"), "{error}"),
        }
    }
}

#[test]
fn the_corpus_is_read() {
    for text in CORPUS {
        can_be_searched(&StudyFile::parse(Path::new("s.toml"), text).unwrap());
    }
}
