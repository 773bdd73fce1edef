//! House rules that can be checked: the opening lines and the length of files, the paths that documents
//! name, who may depend on what, and the committed leaderboard against its schema.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Lines of a file before its tests.
const MOST_LINES: usize = 500;
/// What is for experiments, and for tests.
const FORBIDDEN: [&str; 3] = ["todo!(", "dbg!(", ".unwrap()"];
const DOCUMENTS: [&str; 4] = ["README.md", "ARCHITECTURE.md", "DESIGN.md", "CONTRIBUTING.md"];
/// Made by running things: named in documents, but not there in a fresh clone.
const MADE_LATER: [&str; 2] = ["results/", "target/"];
/// Dependencies that one package of the workspace has for itself, or few have: in which section of whose
/// manifests.
const CONFINED: [(&str, &str, &[&str]); 14] = [
    ("cubecl", "dependencies", &["crates/model"]),
    (
        "burn",
        "dependencies",
        &["crates/burn-tune", "crates/model", "examples/mnist-cnn", "examples/mnist-learner"],
    ),
    ("burn-store", "dependencies", &["crates/burn-tune", "crates/model"]),
    ("clap", "dependencies", &["crates/app", "crates/burn-tune", "crates/cli"]),
    ("anyhow", "dependencies", &["crates/app", "crates/cli"]),
    ("indicatif", "dependencies", &["crates/app"]),
    ("plotly", "dependencies", &["crates/report"]),
    ("askama", "dependencies", &["crates/report"]),
    ("rusqlite", "dependencies", &["crates/storage"]),
    ("rcgen", "dependencies", &["crates/storage"]),
    ("rustls", "dependencies", &["crates/app", "crates/storage"]),
    ("ureq", "dependencies", &["crates/app"]),
    ("serde-saphyr", "dependencies", &["crates/app"]),
    ("jsonschema", "dev-dependencies", &["xtask"]),
];

#[test]
fn every_source_file_says_first_what_it_owns() {
    let silent = sources().filter(|path| !read(path).starts_with("//!"));
    assert_none(silent.map(|path| name(&path)), "begin the file with `//!` and what it owns");
}

#[test]
fn no_source_file_is_too_long() {
    let long = production().filter(|(_, code)| code.lines().count() > MOST_LINES);
    let rule = format!("split it: {MOST_LINES} lines before the tests are enough");
    assert_none(long.map(|(path, code)| format!("{path}: {}", code.lines().count())), &rule);
}

#[test]
fn nothing_unfinished_is_left_in_the_program() {
    let found = production().flat_map(|(path, code)| {
        let lines: Vec<String> = numbered_code(&code)
            .filter(|(_, line)| FORBIDDEN.iter().any(|word| line.contains(word)))
            .map(|(number, line)| format!("{path}:{number}: {}", line.trim()))
            .collect();
        lines
    });
    assert_none(
        found,
        "finish it, return an error, or `expect` with the reason why it cannot fail",
    );
}

#[test]
fn documents_name_only_paths_that_exist() {
    let documents = DOCUMENTS.iter().map(|document| root().join(document));
    let missing = documents.chain(files(&root().join("book/src"), "md")).flat_map(|document| {
        // Links start from the folder of their document, paths in running text from the repository.
        let folder = document.parent().unwrap();
        let is_missing = |path: &String| !root().join(path).exists() && !folder.join(path).exists();
        let paths = named_paths(&read(&document)).into_iter().filter(is_missing);
        paths.map(|path| format!("{}: {path}", name(&document))).collect::<Vec<_>>()
    });
    assert_none(missing, "the document is out of date");
}

#[test]
fn search_spaces_are_toml() {
    let spaces: Vec<PathBuf> = files(&root().join("search-spaces"), "toml");
    assert!(!spaces.is_empty(), "there are search spaces");
    let wrong = spaces.iter().filter_map(|path| {
        let error = read(path).parse::<toml::Table>().err()?;
        Some(format!("{}: {error}", name(path)))
    });
    assert_none(wrong, "write valid TOML");
}

#[test]
fn what_one_crate_has_for_itself_no_other_depends_on() {
    let mut strays = Vec::new();
    for (package, manifest) in manifests() {
        for (dependency, section, owners) in CONFINED {
            for found in ["dependencies", "dev-dependencies", "build-dependencies"] {
                let has = manifest.get(found).is_some_and(|table| table.get(dependency).is_some());
                if has && !(found == section && owners.contains(&package.as_str())) {
                    strays.push(format!("{package}: [{found}] {dependency}"));
                }
            }
        }
    }
    assert_none(strays.into_iter(), "see the invariants in ARCHITECTURE.md");
}

/// The crate that `init --crate` writes asks for burn as the workspace does, but for what only our model needs.
#[test]
fn a_new_crate_has_the_burn_of_the_workspace() {
    let workspace: toml::Table = read(&root().join("Cargo.toml")).parse().unwrap();
    let template = read(&root().join("crates/cli/src/init/crate/manifest.toml"));
    let template: toml::Table = template.replace("{source}", "version = \"0\"").parse().unwrap();
    let (new, ours) =
        (&template["dependencies"]["burn"], &workspace["workspace"]["dependencies"]["burn"]);
    let mut features = ours["features"].as_array().unwrap().clone();
    features.retain(|feature| feature.as_str() != Some("extension"));
    assert_eq!(new["features"].as_array(), Some(&features));
    assert_eq!(new["version"], ours["version"]);
    assert_eq!(template["package"]["edition"], workspace["workspace"]["package"]["edition"]);
}

#[test]
fn xtask_itself_depends_on_nothing() {
    let (_, manifest) = manifests().find(|(package, _)| package == "xtask").unwrap();
    assert!(manifest.get("dependencies").is_none(), "`cargo xtask` would compile it first");
}

/// The committed one, or, to check another run, the one that `LEADERBOARD` names.
#[test]
fn the_leaderboard_fits_its_schema() {
    let path = env::var_os("LEADERBOARD").unwrap_or_else(|| "results/leaderboard.json".into());
    let path = root().join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; `cargo xtask search` writes it", path.display())
    });
    let leaderboard: Value = serde_json::from_str(&text).unwrap();
    assert_none(
        schema_errors(&leaderboard).into_iter(),
        "a change of the format is a change of the schema",
    );
    assert!(!leaderboard["trials"].as_array().unwrap().is_empty(), "there are no trials in it");
}

/// With it, pull requests are compared.
#[test]
fn the_leaderboard_of_the_smoke_search_fits_its_schema() {
    let text = read(&root().join(".github/smoke-leaderboard.json"));
    let leaderboard: Value = serde_json::from_str(&text).unwrap();
    assert_none(schema_errors(&leaderboard).into_iter(), "CONTRIBUTING.md says how it is made");
    assert_eq!(leaderboard["name"], "smoke");
}

/// The committed one, or the one that `REPORT` names.
#[test]
fn the_training_report_fits_its_schema() {
    let path = env::var_os("REPORT").unwrap_or_else(|| "results/report.json".into());
    let text = read(&root().join(path));
    let report: Value = serde_json::from_str(&text).unwrap();
    let errors = errors_by_schema("report.schema.json", &report);
    assert_none(errors.into_iter(), "a change of the format is a change of the schema");
    assert!(!report["models"].as_array().unwrap().is_empty(), "there are no models in it");
    let mut lacking = report;
    lacking["models"][0].as_object_mut().unwrap().remove("convergence_steps");
    assert_ne!(errors_by_schema("report.schema.json", &lacking), [""; 0]);
}

#[test]
fn a_leaderboard_without_one_of_its_keys_does_not_fit() {
    let whole = small_leaderboard();
    assert_none(schema_errors(&whole).into_iter(), "this one is whole");
    for pointer in ["", "/evaluation", "/counts", "/top/0", "/top/0/refit", "/trials/0"] {
        let keys: Vec<String> =
            whole.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect();
        // What says how a model is trained is not there where another program scores the trials.
        let of_models = ["dataset", "train_examples", "test_examples", "backend"];
        for key in keys.into_iter().filter(|key| !of_models.contains(&key.as_str())) {
            let mut lacking = whole.clone();
            lacking.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(&key);
            assert_ne!(schema_errors(&lacking), [""; 0], "{pointer}/{key} can be left out");
        }
    }
}

#[test]
fn paths_are_found_in_running_text_alone() {
    let document = "See `a/b.rs`, `cargo run --out a/c`, `d.rs`, `results/x.csv` and [here](e/f.md).\n\
                    ```\n`g/h.rs`\n```\n`i/j/`, `https://k/l`, `m/*.rs`, `N / M`, `spaces/<name>.toml`";
    assert_eq!(named_paths(document), ["a/b.rs", "e/f.md", "i/j/"]);
}

fn small_leaderboard() -> Value {
    json!({
        "format": 2, "name": "tiny", "seed": 0, "direction": "maximize",
        "space": { "lr": { "low": 1e-4, "high": 0.1, "log": true }, "depth": [1, 2], "epochs": 5 },
        "evaluation": {
            "dataset": "mnist", "metric": "accuracy", "folds": 2, "train_examples": 60000,
            "test_examples": 10000, "backend": "flex",
        },
        "counts": { "complete": 1, "pruned": 0, "failed": 0 },
        "top": [{
            "trial": 0,
            "refit": {
                "seeds": 1, "test_scores": [0.9], "mean": 0.9, "std": 0.0,
                "per_class_recall": [0.8, null],
            },
            "flags": ["diverged"],
        }],
        "trials": [{
            "rank": 1, "trial": 0, "params": { "lr": 0.01, "depth": 1, "epochs": 5 },
            "state": "complete", "mean_test_score": 0.75, "std_test_score": 0.25,
            "split_test_scores": [0.5, 1.0], "flags": [], "within_noise_of_best": true,
        }],
    })
}

/// What is wrong with a leaderboard, with the place of each fault.
fn schema_errors(leaderboard: &Value) -> Vec<String> {
    errors_by_schema("leaderboard.schema.json", leaderboard)
}

fn errors_by_schema(schema: &str, value: &Value) -> Vec<String> {
    let schema = read(&root().join("crates/ranking").join(schema));
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors = validator.iter_errors(value);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The manifest of each package with the folder that it stands in.
pub(crate) fn manifests() -> impl Iterator<Item = (String, toml::Table)> {
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let folders = crates.filter(|path| path.is_dir()).chain([root().join("xtask")]);
    folders.map(|folder| {
        let manifest = read(&folder.join("Cargo.toml"));
        (name(&folder), manifest.parse().unwrap())
    })
}

/// All Rust files of the workspace.
fn sources() -> impl Iterator<Item = PathBuf> {
    ["crates", "xtask"].into_iter().flat_map(|folder| files(&root().join(folder), "rs"))
}

/// What of each Rust file goes into the program: the part before its tests, and nothing of a file that
/// is all tests.
pub(crate) fn production() -> impl Iterator<Item = (String, String)> {
    sources().filter(|path| !is_test(path)).map(|path| {
        let text = read(&path);
        let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        (name(&path), text[..end].to_owned())
    })
}

/// Whether a file is a module that its parent has for tests alone, or an integration test.
fn is_test(path: &Path) -> bool {
    let folder = path.parent().unwrap();
    let module = format!("#[cfg(test)]\nmod {};", path.file_stem().unwrap().to_str().unwrap());
    let parents = [folder.with_extension("rs"), folder.join("lib.rs"), folder.join("main.rs")];
    path.components().any(|part| part.as_os_str() == "tests")
        || parents.iter().any(|parent| parent.exists() && read(parent).contains(&module))
}

/// Lines that are not comments, numbered from 1.
pub(crate) fn numbered_code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The paths of a document outside of its blocks of code: between backticks, with a slash, and in links.
fn named_paths(document: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut in_block = false;
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            let spans = line.split('`').skip(1).step_by(2);
            let links = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            paths.extend(spans.filter(|span| is_path(span)).map(str::to_owned));
            paths.extend(links.filter(|link| is_path(link)).map(str::to_owned));
        }
    }
    paths
}

fn is_path(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    text.contains('/')
        && text.chars().all(allowed)
        && !MADE_LATER.iter().any(|folder| text.starts_with(folder))
}

pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn assert_none(found: impl Iterator<Item = String>, rule: &str) {
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The path as documents write it.
pub(crate) fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/")
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
