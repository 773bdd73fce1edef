//! House rules on what the packages need on crates.io, where each stands alone.

use std::path::{Component, Path};

use crate::tidy::{assert_none, files, manifests, name, numbered_code, production, read, root};

/// What each package says of itself, beside its name and version.
const SAID: [&str; 7] =
    ["description", "license", "repository", "readme", "keywords", "categories", "exclude"];
const LICENSES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

#[test]
fn published_packages_say_what_they_are() {
    let missing = published().flat_map(|(package, manifest)| {
        let said = |key: &&str| {
            // cargo finds a README.md by itself.
            let own_readme = *key == "readme" && root().join(&package).join("README.md").exists();
            manifest["package"].get(*key).is_some() || own_readme
        };
        let missing: Vec<&str> = SAID.into_iter().filter(|key| !said(key)).collect();
        missing.into_iter().map(|key| format!("{package}: {key}")).collect::<Vec<String>>()
    });
    assert_none(missing, "write it into Cargo.toml, most with `.workspace = true`");
}

#[test]
fn published_packages_have_their_licences() {
    let licences = |package: &str| {
        LICENSES.map(|licence| (format!("{package}/{licence}"), read(&root().join(licence))))
    };
    let missing = published()
        .flat_map(|(package, _)| licences(&package))
        .filter(|(path, text)| {
            std::fs::read_to_string(root().join(path)).ok().as_ref() != Some(text)
        })
        .map(|(path, _)| path);
    assert_none(missing, "link to the file of the workspace: ln -s ../../LICENSE-…");
}

/// The path alone: cargo leaves it out of the package. With a version, two packages could each wait for the
/// other to be published first.
#[test]
fn tests_depend_on_packages_of_ours_by_their_path() {
    let versioned = published().flat_map(|(package, manifest)| {
        let tests = manifest.get("dev-dependencies").and_then(toml::Value::as_table).cloned();
        let ours = tests.into_iter().flatten().filter(|(name, _)| name.starts_with("burn-tune"));
        let is_path = |table: &toml::Table| table.len() == 1 && table.contains_key("path");
        ours.filter(|(_, dependency)| !dependency.as_table().is_some_and(is_path))
            .map(|(name, _)| format!("{package}: {name}"))
            .collect::<Vec<String>>()
    });
    assert_none(versioned, "write { path = \"../…\" }");
}

/// A package that includes a file of another compiles here, and nowhere else.
#[test]
fn what_is_included_lies_in_the_package() {
    let strays =
        production().filter(|(path, _)| path.starts_with("crates/")).flat_map(|(path, text)| {
            // Documents are tested here alone.
            let text = text.replace("#[cfg(doctest)]\n#[doc = include_str!", "");
            let lines: Vec<String> =
                numbered_code(&text).map(|(_, line)| line.to_owned()).collect();
            let included = lines.iter().flat_map(|line| included(line)).map(str::to_owned);
            let strays: Vec<String> = included
                .filter(|file| leaves_package(Path::new(&path), file))
                .map(|file| format!("{path}: {file}"))
                .collect();
            strays
        });
    assert_none(strays, "move the file into the package");
}

#[test]
fn what_is_for_us_is_not_published() {
    let folders = ["examples", "xtask"].map(|folder| root().join(folder));
    let ours = folders.iter().flat_map(|folder| files(folder, "toml"));
    let published = ours.filter(|path| path.ends_with("Cargo.toml")).filter(|path| {
        let manifest: toml::Table = read(path).parse().unwrap();
        manifest["package"].get("publish").and_then(toml::Value::as_bool) != Some(false)
    });
    assert_none(published.map(|path| name(&path)), "write `publish = false`");
}

/// What CI uses, and no newer one: then everything that passes there is known to compile with it.
#[test]
fn ci_checks_with_the_oldest_rust_that_is_promised() {
    let workspace: toml::Table = read(&root().join("Cargo.toml")).parse().unwrap();
    let promised = workspace["workspace"]["package"]["rust-version"].as_str().unwrap();
    for workflow in ["ci.yml", "release.yml"] {
        let text = read(&root().join(".github/workflows").join(workflow));
        let toolchain = format!("  RUSTUP_TOOLCHAIN: \"{promised}\"\n");
        assert!(text.contains(&toolchain), "{workflow} is to have the line{toolchain}");
    }
}

fn published() -> impl Iterator<Item = (String, toml::Table)> {
    manifests().filter(|(package, _)| package.starts_with("crates/"))
}

/// The files that a line includes.
fn included(line: &str) -> Vec<&str> {
    let calls = ["include_str!(\"", "include_bytes!(\""].into_iter();
    calls
        .flat_map(|call| line.split(call).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

/// Whether a path that stands in the source file `source`, as in crates/data/src/mnist.rs, leads out of its
/// package.
fn leaves_package(source: &Path, included: &str) -> bool {
    let folders_down = source.parent().map_or(0, |folder| folder.components().count());
    let up = Path::new(included).components().filter(|part| *part == Component::ParentDir).count();
    // The first two folders are those of the package.
    up > folders_down.saturating_sub(2)
}

#[test]
fn a_file_of_another_package_is_found() {
    let line = r#"    ("a", include_str!("../../../spaces/a.toml")), include_bytes!("../b"),"#;
    assert_eq!(included(line), ["../../../spaces/a.toml", "../b"]);
    let source = Path::new("crates/cli/src/space_file.rs");
    assert!(leaves_package(source, "../../../spaces/a.toml"));
    assert!(!leaves_package(source, "../spaces/a.toml"));
}
