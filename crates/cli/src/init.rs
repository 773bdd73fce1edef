//! `burn-tune init`: a space file or a crate to begin with, and `burn-tune space list` and `show`: the examples of this program.

mod new_crate;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use burn_tune_study::output_folder::replace_with;

use crate::args::InitArgs;
use crate::space_file::{EXAMPLES, example};
use burn_tune_app::console::{print, quoted, say};

const SPACE: &str = include_str!("init/space.toml");
const COMMAND_SPACE: &str = include_str!("init/command.toml");
const SCRIPT: &str = include_str!("init/train.py");
/// The program that [`COMMAND_SPACE`] runs.
const SCRIPT_NAME: &str = "train.py";

/// Writes the file, and with `--command` a program to go with it; or with `--crate` a crate.
pub fn init(args: &InitArgs) -> Result<ExitCode> {
    let place = args.place.as_deref();
    if args.new_crate {
        return new_crate::new_crate(place.unwrap_or(Path::new(".")), args.path.as_deref());
    }
    let path = place.unwrap_or(Path::new("space.toml"));
    let script = path.with_file_name(SCRIPT_NAME);
    let files: &[(&Path, &str)] = match args.command {
        true => &[(path, COMMAND_SPACE), (&script, SCRIPT)],
        false => &[(path, SPACE)],
    };
    let there = files.iter().find(|(path, _)| path.exists());
    if let Some((path, _)) = there.filter(|_| !args.force) {
        bail!(
            "{} is there already, and is not replaced: name another file, or add --force",
            path.display()
        );
    }
    for (path, text) in files {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        replace_with(path, |file| std::io::Write::write_all(file, text.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        say(&format!("written: {}", path.display()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    say(&match (args.command, folder, path.file_name()) {
        // The program is looked for where the search runs.
        (true, Some(folder), Some(name)) => format!(
            "next: cd {} && burn-tune search --space {} --trials 8",
            quoted(&folder.display()),
            quoted(&name.display())
        ),
        (true, ..) => {
            format!("next: burn-tune search --space {} --trials 8", quoted(&path.display()))
        }
        (false, ..) => format!(
            "next: burn-tune search --space {} --trials 8 --limit 3000",
            quoted(&path.display())
        ),
    });
    Ok(ExitCode::SUCCESS)
}

/// Lists the example spaces, each with its first line.
pub fn list() -> Result<ExitCode> {
    let line = |(name, text): &(&str, &str)| {
        let about = text.lines().next().unwrap_or_default().trim_start_matches(['#', ' ']);
        let about = about.split(['.', ':']).next().unwrap_or_default();
        format!("spaces/{name:13}  {about}\n")
    };
    print(&EXAMPLES.iter().map(line).collect::<String>())
}

/// Prints an example space.
pub fn show(name: &Path) -> Result<ExitCode> {
    match example(name) {
        Some((_, text)) => print(text),
        None => {
            let names: Vec<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
            bail!("there is no example {}: there are {}", name.display(), names.join(", "))
        }
    }
}
