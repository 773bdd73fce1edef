//! Finding and reading a search-space file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use burn_tune_spec::StudyFile;

/// The folder in which files are looked up by name.
const FOLDER: &str = "search-spaces";

/// A search space and the file that it came from.
pub struct Found {
    /// What the file says.
    pub file: StudyFile,
    /// The file that was read.
    pub path: PathBuf,
}

/// The examples in `search-spaces/`, which are in the program, too: so they work from any folder.
pub const EXAMPLES: [(&str, &str); 4] = [
    ("mlp.toml", include_str!("../search-spaces/mlp.toml")),
    ("smoke.toml", include_str!("../search-spaces/smoke.toml")),
    ("pareto.toml", include_str!("../search-spaces/pareto.toml")),
    ("report.toml", include_str!("../search-spaces/report.toml")),
];

/// The example of this name, with or without its ending.
pub fn example(path: &Path) -> Option<&'static (&'static str, &'static str)> {
    let name = path.file_name()?.to_str()?;
    EXAMPLES.iter().find(|(known, _)| *known == name || known.strip_suffix(".toml") == Some(name))
}

/// Reads the file at `path`, or else the one of its name in `search-spaces/`, or else the example of its name.
pub fn find(path: &Path) -> Result<Found> {
    refuse_other_formats(path)?;
    let (path, text) = match locate(path) {
        Some(path) => {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            (path, text)
        }
        None => match example(path) {
            Some((name, text)) => (Path::new("spaces").join(name), (*text).to_owned()),
            None => bail!("there is no file {}{}", path.display(), known_files()),
        },
    };
    let file = StudyFile::parse(&path, &text)?;
    Ok(Found { file, path })
}

/// Other tools have spaces in other formats.
fn refuse_other_formats(path: &Path) -> Result<()> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if ["yaml", "yml", "json", "py"].contains(&ending) {
        bail!(
            "{} is no TOML file, as search spaces are: `burn-tune init space.toml` writes one to begin with",
            path.display()
        );
    }
    Ok(())
}

fn locate(path: &Path) -> Option<PathBuf> {
    if path.exists() {
        return Some(path.to_owned());
    }
    let by_name = Path::new(FOLDER).join(path.file_name()?);
    by_name.exists().then_some(by_name)
}

fn known_files() -> String {
    let names = fs::read_dir(FOLDER).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.extend(EXAMPLES.iter().map(|(name, _)| (*name).to_owned()));
    names.sort();
    names.dedup();
    format!(
        "; there are the examples {}, and `burn-tune init` writes a space of your own",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_are_those_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../search-spaces");
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        let mut known = EXAMPLES.map(|(name, _)| name);
        known.sort();
        assert_eq!(names, known);
        assert!(example(Path::new("spaces/mlp")).is_some());
    }
}
