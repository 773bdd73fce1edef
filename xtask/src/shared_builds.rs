//! Which builds share what takes minutes to compile: Burn, and above all burn-flex, which no feature of ours changes.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::tidy::{assert_none, root};

/// What a newcomer builds first.
const PROGRAM: &str = "build -p burn-tune-cli";
/// Builds that have no other Burn than the program.
const OF_ONE_BURN: [&str; 6] = [
    "test",
    "test -p burn-tune-cli -p burn-tune-model --lib",
    "test -p burn-tune-cli -p burn-tune-storage --features burn-tune-cli/postgres,burn-tune-cli/http",
    "build -p burn-tune-cli --features burn-tune-cli/postgres",
    "build -p burn-tune-cli --features burn-tune-cli/http",
    "bench --profile dev -p burn-tune-cli -p burn-tune-model --bench throughput",
];
/// Builds that ask Burn for more, but have no other burn-flex.
const OF_ONE_FLEX: [&str; 4] = [
    "test --workspace",
    "build -p burn-tune-cli -p mnist-learner --features burn-tune/train",
    "build -p burn-tune-cli --features burn-tune-cli/wgpu",
    "test -p burn-tune-cli -p burn-tune-model --features burn-tune-cli/ndarray,burn-tune-cli/wgpu",
];
const ALL: &str = "--workspace --features burn-tune-cli/ndarray,burn-tune-cli/postgres,burn-tune-cli/http,\
                   burn-tune-cli/wgpu,burn-tune/postgres,burn-tune/train";

#[test]
fn the_program_and_its_tests_share_one_build_of_burn() {
    assert_shared("burn", PROGRAM, &OF_ONE_BURN);
}

#[test]
fn backends_and_the_learner_need_no_other_build_of_burn_flex() {
    assert_shared("burn_flex", PROGRAM, &OF_ONE_FLEX);
}

/// Both need the types of what is below, and no code.
#[test]
fn clippy_and_documentation_share_the_types_of_burn() {
    assert_shared(
        "burn",
        &format!("check --all-targets {ALL}"),
        &[&format!("doc --no-deps {ALL}")],
    );
}

#[test]
fn a_build_of_other_features_is_found() {
    // Without the program, nobody asks for what it does not use.
    let (first, other) =
        (below("burn_flex", PROGRAM), below("burn_flex", "test -p burn-tune-model"));
    let mut differing = first.symmetric_difference(&other);
    assert!(differing.any(|unit| unit.starts_with("serde_json@")), "{differing:#?}");
}

/// Whether `builds` compile `library`, and what is below it, no otherwise than `first` does. Cargo compiles a crate
/// once for each set of features that is asked of it, and with it whatever stands above it.
fn assert_shared(library: &str, first: &str, builds: &[&str]) {
    let first = below(library, first);
    for build in builds {
        let other = below(library, build);
        let rule = format!(
            "`cargo {build}` compiles {library} again: let crates/cli ask for the same features of"
        );
        assert_none(first.symmetric_difference(&other).cloned(), &rule);
    }
}

/// What a build compiles for `library`, itself included: packages with their features.
fn below(library: &str, build: &str) -> BTreeSet<String> {
    let graph = unit_graph(build);
    let units = graph["units"].as_array().unwrap();
    let is_library = |unit: &Value| {
        unit["target"]["name"] == library
            && unit["target"]["kind"][0] == "lib"
            && unit["mode"] != "doc"
    };
    let mut to_visit: Vec<usize> =
        (0..units.len()).filter(|&index| is_library(&units[index])).collect();
    assert!(!to_visit.is_empty(), "`cargo {build}` compiles {library}");
    let mut found = BTreeSet::new();
    while let Some(index) = to_visit.pop() {
        if found.insert(index) {
            let dependencies = units[index]["dependencies"].as_array().unwrap().iter();
            to_visit.extend(dependencies.map(|one| one["index"].as_u64().unwrap() as usize));
        }
    }
    found.into_iter().map(|index| described(&units[index])).collect()
}

/// What decides how a unit is compiled, but for what is below it.
fn described(unit: &Value) -> String {
    let package = unit["pkg_id"].as_str().unwrap().rsplit(['#', '/']).next().unwrap();
    let (kind, mode, profile) = (&unit["target"]["kind"][0], &unit["mode"], &unit["profile"]);
    let (level, checks) = (&profile["opt_level"], &profile["debug_assertions"]);
    format!("{package} {} ({kind}, {mode}, opt-level {level}, checks {checks})", unit["features"])
}

/// What cargo would compile; it compiles nothing.
fn unit_graph(build: &str) -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(build.split(' ')).args(["--locked", "--unit-graph", "-Zunstable-options"]);
    // The graph is no stable option of cargo's yet.
    let output = cargo.env("RUSTC_BOOTSTRAP", "1").current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
