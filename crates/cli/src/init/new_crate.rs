//! `burn-tune init --crate`: a small program with a Burn model, which searches as soon as it is compiled.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use burn_tune_app::console::{quoted, say};

const PROGRAM: &str = include_str!("crate/main.rs");
/// With `{name}`, and `{source}`: where burn-tune comes from.
const MANIFEST: &str = include_str!("crate/manifest.toml");
/// What a build and a search make.
const IGNORED: &str = "/target\n/results\n";

/// No package can be called so: keywords of Rust.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if",
    "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
    "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];
/// Nor so: folders of cargo's builds, crates of Rust's own, and what the program itself depends on.
const TAKEN: &[&str] = &[
    "alloc",
    "build",
    "burn",
    "burn-tune",
    "burn_tune",
    "core",
    "deps",
    "examples",
    "incremental",
    "proc-macro",
    "proc_macro",
    "std",
    "test",
];
/// Windows keeps these for devices.
const DEVICES: &[&str] = &[
    "aux", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "con", "lpt1",
    "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "nul", "prn",
];

/// Writes the crate into `folder`, where nothing of it may be yet. It depends on the burn-tune in `source`, or
/// else on the published one.
pub fn new_crate(folder: &Path, source: Option<&Path>) -> Result<ExitCode> {
    let whole = whole_path(folder)?;
    let name = package_name(&whole)?;
    let manifest = manifest(&name, source, is_in_package(&whole))?;
    let files = [("Cargo.toml", manifest.as_str()), ("src/main.rs", PROGRAM)];
    let files = files.map(|(name, text)| (folder.join(name), text));
    if let Some((path, _)) = files.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        bail!("{} is there already, and is not replaced: name another folder", path.display());
    }
    fs::create_dir_all(folder.join("src"))
        .with_context(|| format!("cannot make the folder {}", folder.join("src").display()))?;
    for (path, text) in &files {
        write_new(path, text)?;
        say(&format!("written: {}", path.display()));
    }
    let ignored = folder.join(".gitignore");
    if ignored.symlink_metadata().is_err() {
        write_new(&ignored, IGNORED)?;
    }
    let run = "cargo run --release -- search --trials 20";
    say(&match whole_path(Path::new("."))? == whole {
        true => format!("next: {run}"),
        false => format!("next: cd {} && {run}", quoted(&folder.display())),
    });
    Ok(ExitCode::SUCCESS)
}

/// Without `..`, as far as the folder is there: its last part is a name.
fn whole_path(folder: &Path) -> Result<PathBuf> {
    let whole = absolute(folder).with_context(|| format!("cannot find {}", folder.display()))?;
    Ok(whole.canonicalize().unwrap_or(whole))
}

/// Never replaces a file, even one that has come since somebody looked.
fn write_new(path: &Path, text: &str) -> Result<()> {
    File::create_new(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The name of the folder, if cargo takes it for a package.
fn package_name(folder: &Path) -> Result<String> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let refuse = |why: &str| {
        Err(anyhow::anyhow!(
            "a crate cannot be called `{name}`, as its folder is: {why}; name another folder"
        ))
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || !name.chars().all(allowed) {
        return refuse("it may have a-z, A-Z, 0-9, - and _");
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || name == "_" {
        return refuse("it has to begin with a letter");
    }
    if KEYWORDS.contains(&name.as_str()) {
        return refuse("that is a keyword of Rust");
    }
    if TAKEN.contains(&name.as_str()) {
        return refuse("cargo, Rust or a dependency is called so");
    }
    if DEVICES.contains(&name.to_lowercase().as_str()) {
        return refuse("that is a device of Windows");
    }
    Ok(name)
}

fn manifest(name: &str, source: Option<&Path>, is_in_package: bool) -> Result<String> {
    let source = match source {
        Some(source) => format!("path = {}", toml_text(&facade(source)?)?),
        None => format!("version = \"{}\"", env!("CARGO_PKG_VERSION")),
    };
    let mut manifest = MANIFEST.replace("{name}", name).replace("{source}", &source);
    if is_in_package {
        manifest += "\n# It is no member of a workspace around it.\n[workspace]\n";
    }
    Ok(manifest)
}

/// The folder of the crate burn-tune: this one, or the one in this repository.
fn facade(folder: &Path) -> Result<PathBuf> {
    let folders = [folder.to_owned(), folder.join("crates/burn-tune")];
    let is_facade = |folder: &PathBuf| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line == "name = \"burn-tune\"")
    };
    let Some(facade) = folders.iter().find(|folder| is_facade(folder)) else {
        bail!(
            "{} is neither the crate burn-tune nor its repository: give --path a folder whose Cargo.toml has `name = \"burn-tune\"`",
            folder.display()
        );
    };
    absolute(facade).with_context(|| format!("cannot find {}", facade.display()))
}

/// Cargo takes a package for a part of the workspace that it finds in a folder above.
fn is_in_package(folder: &Path) -> bool {
    folder.ancestors().skip(1).any(|above| above.join("Cargo.toml").exists())
}

/// The texts of JSON are texts of TOML, too.
fn toml_text(path: &Path) -> Result<String> {
    let text = path.to_str();
    ensure!(text.is_some(), "cargo cannot have the path {}, which is no UTF-8", path.display());
    serde_json::to_string(&text).context("cannot write a path")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn names_are_those_that_cargo_takes() {
        for name in ["tuned", "my-model", "my_model2", "_x", "Net"] {
            assert_eq!(package_name(&Path::new("/a").join(name)).unwrap(), name);
        }
        let refusal = |name: &str| package_name(&Path::new("/a").join(name)).unwrap_err();
        assert_snapshot!(refusal("2nd"), @"a crate cannot be called `2nd`, as its folder is: it has to begin with a letter; name another folder");
        assert_snapshot!(refusal("my model"), @"a crate cannot be called `my model`, as its folder is: it may have a-z, A-Z, 0-9, - and _; name another folder");
        assert_snapshot!(refusal("größe"), @"a crate cannot be called `größe`, as its folder is: it may have a-z, A-Z, 0-9, - and _; name another folder");
        assert_snapshot!(refusal("match"), @"a crate cannot be called `match`, as its folder is: that is a keyword of Rust; name another folder");
        assert_snapshot!(refusal("test"), @"a crate cannot be called `test`, as its folder is: cargo, Rust or a dependency is called so; name another folder");
        assert_snapshot!(refusal("burn-tune"), @"a crate cannot be called `burn-tune`, as its folder is: cargo, Rust or a dependency is called so; name another folder");
        assert_snapshot!(refusal("CON"), @"a crate cannot be called `CON`, as its folder is: that is a device of Windows; name another folder");
        assert!(package_name(Path::new("/")).is_err());
    }

    #[test]
    fn a_path_is_written_as_toml_reads_it() {
        assert_eq!(toml_text(Path::new(r#"C:\a "b""#)).unwrap(), r#""C:\\a \"b\"""#);
    }

    #[test]
    fn a_crate_inside_of_a_package_is_a_workspace_of_its_own() {
        assert!(!manifest("tuned", None, false).unwrap().contains("[workspace]"));
        let manifest = manifest("tuned", None, true).unwrap();
        assert!(manifest.ends_with("[workspace]\n"), "{manifest}");
        assert!(manifest.contains(concat!(
            "version = \"",
            env!("CARGO_PKG_VERSION"),
            "\", features"
        )));
    }
}
