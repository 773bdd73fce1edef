//! `burn-tune compare`: what has moved between two leaderboards.

mod captions;
mod markdown;
#[cfg(test)]
mod tests;
mod text;

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use burn_tune_ranking::comparison::Verdict;
use burn_tune_ranking::{Comparison, Leaderboard, ResultFile};
use burn_tune_study::results::LEADERBOARD;

use crate::about::known_flags;
use crate::args::{CompareArgs, CompareFormat};
use crate::console::{print, print_json};
use crate::exit::FAILED;
use crate::table::terminal_width;

/// Stdin, as an argument.
const STDIN: &str = "-";

/// Compares the two leaderboards that the arguments name.
pub fn compare(args: &CompareArgs) -> Result<ExitCode> {
    if args.old == Path::new(STDIN) && args.new == Path::new(STDIN) {
        bail!("stdin holds one leaderboard: name a file or a folder for the other");
    }
    let old = read(&args.old)?;
    let new = read(&args.new)?;
    let comparison = Comparison::new(&old, &new, args.tolerance)?;
    let printed = match args.format {
        CompareFormat::Text => print(&text::comparison_text(&comparison, terminal_width())),
        CompareFormat::Json => print_json(&comparison),
        CompareFormat::Markdown => print(&markdown::comparison_markdown(&comparison)),
    }?;
    Ok(match comparison.verdict {
        Verdict::Worse => ExitCode::from(FAILED),
        Verdict::Better | Verdict::Same => printed,
    })
}

/// A leaderboard from a file, a folder that has one, or stdin.
fn read(path: &Path) -> Result<Leaderboard> {
    let (name, bytes) = if path == Path::new(STDIN) {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).context("cannot read stdin")?;
        ("stdin".to_owned(), bytes)
    } else {
        let file = if path.is_dir() { path.join(LEADERBOARD) } else { path.to_owned() };
        let name = file.display().to_string();
        let bytes = fs::read(&file).with_context(|| {
            format!(
                "cannot read {name}: name a {LEADERBOARD}, a folder that has one, or - for stdin"
            )
        })?;
        (name, bytes)
    };
    if bytes.is_empty() {
        bail!("{name} is empty, and no leaderboard");
    }
    let text = String::from_utf8(bytes).with_context(|| name.clone())?;
    let mut leaderboard = Leaderboard::from_json(&text).with_context(|| name)?;
    leaderboard.look_up_flags(known_flags());
    Ok(leaderboard)
}
