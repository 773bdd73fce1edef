//! `burn-tune delete`: removes a study, after a question.

use burn_tune_ranking::format::count;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use burn_tune_storage::Counts;
use burn_tune_study::models::remove;

use crate::args::DeleteArgs;
use crate::commands::kept_models::KeptModels;
use crate::commands::open_study::{StoredStudy, open_named};
use crate::console::say;
use crate::errors::failure;
use crate::exit::WorkFailed;

/// Deletes the study.
pub fn delete(args: &DeleteArgs) -> Result<ExitCode> {
    let StoredStudy { mut storage, study } = open_named(&args.database, &args.study)?;
    let workers = storage.active_workers(&study).map_err(failure)?;
    if workers > 0 && !args.force {
        bail!(
            "{} on `{}`: stop it first, or delete the study all the same with --force",
            match workers {
                1 => "a process works".to_owned(),
                workers => format!("{workers} processes work"),
            },
            study.name
        );
    }
    let studies = storage.studies().map_err(failure)?;
    let summary = studies.into_iter().find(|summary| summary.record.id == study.id);
    let trials = counts_text(summary.map(|summary| summary.counts).unwrap_or_default());
    let models = KeptModels::of(&study, &args.database.storage, args.out.as_deref());
    let folders: Vec<PathBuf> = models.folders().cloned().collect();
    let what = match folders.as_slice() {
        [] => trials,
        folders => {
            let folders = folders.iter().map(|folder| folder.display().to_string());
            format!("{trials} and the models in {}", folders.collect::<Vec<_>>().join(", "))
        }
    };
    if !args.yes && !confirmed(&format!("delete study `{}` with {what}?", study.name))? {
        say("nothing is deleted");
        return Ok(ExitCode::SUCCESS);
    }
    storage.delete_study(&study).map_err(failure)?;
    let kept = folders.iter().map(|folder| ("models", folder.clone()));
    // Checkpoints are of no use to anybody, so nobody is asked.
    let checkpoints = models.checkpoints().map(|folder| ("checkpoints", folder));
    for (what, folder) in kept.chain(checkpoints) {
        remove(&folder).map_err(|error| {
            WorkFailed(format!(
                "the study is deleted, but its {what} are not: cannot remove {}: {error}",
                folder.display()
            ))
        })?;
    }
    say(&format!("deleted study `{}` with {what}", study.name));
    Ok(ExitCode::SUCCESS)
}

/// `50 trials (48 complete, 2 failed)`.
fn counts_text(counts: Counts) -> String {
    let Counts { complete, pruned, failed, running, lost, waiting } = counts;
    let by_state = [
        (complete, "complete"),
        (failed, "failed"),
        (pruned, "pruned"),
        (running, "running"),
        (lost, "lost"),
        (waiting, "waiting"),
    ];
    let all = count(by_state.iter().map(|(number, _)| number).sum(), "trial");
    let parts: Vec<String> = by_state
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, state)| format!("{number} {state}"))
        .collect();
    if parts.is_empty() { all } else { format!("{all} ({})", parts.join(", ")) }
}

/// Asks a person.
fn confirmed(question: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("nobody can be asked here, and nothing is deleted: add --yes to delete it");
    }
    let mut stderr = io::stderr();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
