//! The record of what the facade promises, `crates/burn-tune/public-api.txt`, and whether each item of it has an
//! example. Both are read from what rustdoc writes as JSON; `.ci/public-api` has it do so, and runs these tests.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use public_api::{PublicApi, PublicItem};
use serde_json::Value;

use crate::tidy::{assert_none, read, root};

const RECORD: &str = "crates/burn-tune/public-api.txt";
const FACADE: &str = "burn_tune";
/// Crates of which the facade hands items on. Nothing else of them is promised.
const ENGINE: [&str; 3] = ["burn_tune_search", "burn_tune_ranking", "burn_tune_study"];
/// What has an example of its own. Fields and variants are shown with their type, and methods of a trait with it.
const SHOWN: [&str; 6] = ["struct", "enum", "trait", "function", "module", "type_alias"];

#[test]
#[ignore = "needs what rustdoc writes: .ci/public-api"]
fn the_public_api_is_the_recorded_one() {
    let found = promised();
    let record = root().join(RECORD);
    if env::var_os("UPDATE_API").is_some() {
        let text: Vec<&str> = found.iter().map(String::as_str).collect();
        return fs::write(&record, text.join("\n") + "\n").unwrap();
    }
    let before: BTreeSet<String> = read(&record).lines().map(str::to_owned).collect();
    let gone = before.difference(&found).map(|line| format!("- {line}"));
    let new = found.difference(&before).map(|line| format!("+ {line}"));
    let rule = "what is gone breaks the programs of others; where this is meant, \
                UPDATE_API=1 .ci/public-api records it";
    assert_none(gone.chain(new), rule);
}

#[test]
#[ignore = "needs what rustdoc writes: .ci/public-api"]
fn every_item_of_the_facade_has_an_example() {
    let json = json(FACADE);
    let items = api(FACADE).into_items().map(|item| item.id().0.to_string());
    let items: BTreeSet<String> = items.collect();
    let items = items.iter().filter_map(|id| json["index"].get(id));
    let without = items.filter(|item| is_shown(item) && !has_example(item)).map(|item| {
        let (file, line) = (&item["span"]["filename"], &item["span"]["begin"][0]);
        format!("{}:{line} {}", file.as_str().unwrap(), item["name"].as_str().unwrap())
    });
    assert_none(without, "show how it is used, in a block of code, which is a test");
}

fn is_shown(item: &Value) -> bool {
    SHOWN.iter().any(|kind| item["inner"].get(kind).is_some()) && item["visibility"] == "public"
}

fn has_example(item: &Value) -> bool {
    item["docs"].as_str().is_some_and(|docs| docs.contains("```"))
}

/// A line for each item that the facade has, and for those of the engine that it hands on.
fn promised() -> BTreeSet<String> {
    let handed_on = handed_on();
    let engine = ENGINE.iter().flat_map(|krate| lines_about(krate, &handed_on));
    lines(FACADE).into_iter().chain(engine).filter(|line| says_something(line)).collect()
}

/// The lines of a crate about the items of these paths.
fn lines_about(krate: &str, paths: &BTreeSet<String>) -> Vec<String> {
    let json = json(krate);
    let defined_at = |id: &str| Some(path_of(&json["paths"][id]["path"])?.join("::"));
    let is_handed_on = |item: &&PublicItem| {
        defined_at(&item.id().0.to_string()).is_some_and(|path| paths.contains(&path))
    };
    let api = api(krate);
    // A line speaks of an item as users find it, and of a type in a signature as it is defined.
    let public = api.items().filter(is_handed_on).map(|item| subject(&item.to_string()));
    let spellings: BTreeSet<String> = public.chain(paths.iter().cloned()).collect();
    let lines = api.items().map(ToString::to_string);
    lines.filter(|line| spellings.iter().any(|path| is_about(line, path))).collect()
}

/// What a line about an item itself calls it, without its parameters.
fn subject(line: &str) -> String {
    let path = line.split_whitespace().find(|word| word.contains("::")).unwrap_or(line);
    path.trim_end_matches(':').split(['<', '(']).next().unwrap_or(path).to_owned()
}

fn path_of(path: &Value) -> Option<Vec<String>> {
    serde_json::from_value(path.clone()).ok()
}

/// The paths of the items that the facade hands on, each as the crate that it is from defines it.
fn handed_on() -> BTreeSet<String> {
    let json = json(FACADE);
    let items = json["index"].as_object().unwrap().values();
    let used = items.filter_map(|item| item["inner"].get("use")).map(|used| used["id"].to_string());
    let path = |id: String| {
        let path = path_of(&json["paths"][id.as_str()]["path"])?;
        ENGINE.contains(&path[0].as_str()).then(|| path.join("::"))
    };
    used.filter_map(path).collect()
}

/// Whether a line is about the item at `path`: about itself, a part of it, or a trait that it has.
fn is_about(line: &str, path: &str) -> bool {
    let implementor = line.split_once(" for ").filter(|_| line.starts_with("impl"));
    let subject = match implementor {
        Some((_, implementor)) => Some(implementor),
        None => line.split_whitespace().find(|word| word.contains("::")),
    };
    let rest = subject.and_then(|subject| subject.strip_prefix(path));
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// All but the opening of an `impl`, whose methods have lines of their own.
fn says_something(line: &str) -> bool {
    !line.starts_with("impl") || line.contains(" for ")
}

fn lines(krate: &str) -> Vec<String> {
    api(krate).items().map(ToString::to_string).collect()
}

fn api(krate: &str) -> PublicApi {
    public_api::Builder::from_rustdoc_json(path(krate))
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .unwrap_or_else(|error| panic!("{error}\nrun it with Rust 1.95: RUSTUP_TOOLCHAIN=1.95"))
}

fn json(krate: &str) -> Value {
    serde_json::from_str(&read(&path(krate))).unwrap()
}

/// What rustdoc wrote of a crate, in the folder that `.ci/public-api` names.
fn path(krate: &str) -> PathBuf {
    let folder = env::var_os("RUSTDOC_JSON").expect("`.ci/public-api` says where rustdoc wrote it");
    root().join(folder).join(format!("{krate}.json"))
}

#[test]
fn lines_are_about_an_item_its_parts_and_its_traits_and_nothing_else() {
    let is_about = |line: &str| is_about(line, "engine::space::Space");
    assert!(is_about("pub struct engine::space::Space"));
    assert!(is_about("pub fn engine::space::Space::get(&self, &str) -> core::option::Option<u8>"));
    assert!(is_about("impl core::fmt::Display for engine::space::Space"));
    assert!(!is_about("pub struct engine::space::SpaceError"));
    assert!(!is_about("pub fn engine::spec::spec(engine::space::Space)"));
    assert!(!is_about("pub engine::spec::Spec::space: engine::space::Space"));
    assert!(!is_about("impl core::convert::From<engine::space::Space> for engine::spec::Spec"));
}

#[test]
fn an_item_is_found_by_the_name_that_its_line_has() {
    assert_eq!(subject("pub struct engine::Running<'a>"), "engine::Running");
    assert_eq!(subject("pub enum engine::pruner::Pruner"), "engine::pruner::Pruner");
    assert_eq!(subject("pub trait engine::Observer: core::marker::Sized"), "engine::Observer");
}
