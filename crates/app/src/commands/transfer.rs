//! `burn-tune export` and `burn-tune import`: a study as a file of JSON lines, and back.

use burn_tune_ranking::format::count;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use burn_tune_storage::OpenMode;
use burn_tune_storage::transfer::{self, Imported, TransferError};
use burn_tune_study::output_folder::replace_with;

use crate::about::program_name;
use crate::args::{ExportArgs, ImportArgs};
use crate::commands::open_study::{StoredStudy, open, open_study};
use crate::console::{done, quoted, say};
use crate::errors::failure;
use crate::exit::WorkFailed;

/// Writes the study.
pub fn export(args: &ExportArgs) -> Result<ExitCode> {
    let StoredStudy { mut storage, study } = open_study(&args.study)?;
    let Some(path) = &args.to else {
        let mut stdout = BufWriter::new(io::stdout().lock());
        return match transfer::export(&mut storage, &study, &mut stdout) {
            Err(TransferError::Io(error)) => done(Err(error)),
            result => result.map_err(transfer_failure).map(|()| ExitCode::SUCCESS),
        };
    };
    let mut from_database = None;
    let written = replace_with(path, |file| {
        let mut file = BufWriter::new(file);
        match transfer::export(&mut storage, &study, &mut file) {
            Ok(()) => Ok(()),
            Err(TransferError::Io(error)) => Err(error),
            Err(error) => {
                from_database = Some(error);
                Err(io::Error::other("the database failed"))
            }
        }
    });
    if let Some(error) = from_database {
        return Err(transfer_failure(error));
    }
    written.map_err(|error| WorkFailed(format!("cannot write {}: {error}", path.display())))?;
    say(&format!("study `{}` is in {}", study.name, path.display()));
    Ok(ExitCode::SUCCESS)
}

/// Reads a study.
pub fn import(args: &ImportArgs) -> Result<ExitCode> {
    let (mut file, name) = input(&args.file)?;
    let mut storage = open(&args.database, OpenMode::MayCreate)?;
    let imported = transfer::import(&mut storage, &mut file, args.study.as_deref());
    let imported = imported.map_err(transfer_failure).context(name)?;
    say(&format!("{} in {}", outcome(&imported), storage.url()));
    Ok(ExitCode::SUCCESS)
}

/// The file, and what errors call it.
fn input(path: &Path) -> Result<(Box<dyn BufRead>, String)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), "stdin".into()));
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok((Box::new(BufReader::new(file)), name)),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(anyhow!(
            "there is no file {name}: `{} export --to {}` makes one",
            program_name(),
            quoted(&name)
        )),
        Err(error) => Err(anyhow!("cannot read {name}: {error}")),
    }
}

fn outcome(imported: &Imported) -> String {
    let Imported { name, created, trials, completed } = imported;
    match (created, trials, completed) {
        (true, trials, _) => format!("new study `{name}` with {}", count(*trials, "trial")),
        (false, 0, 0) => format!("study `{name}` has all of it already: nothing is changed"),
        (false, trials, 0) => format!("{} added to study `{name}`", count(*trials, "trial")),
        (false, trials, completed) => format!(
            "{} added to study `{name}`, {} completed",
            count(*trials, "trial"),
            count(*completed, "trial")
        ),
    }
}

/// An error with the right exit code: a faulty file is wrong input.
fn transfer_failure(error: TransferError) -> anyhow::Error {
    match error {
        TransferError::Storage(error) => failure(error),
        TransferError::Line { .. } => anyhow!(error.to_string()),
        TransferError::Io(error) => anyhow!(WorkFailed(error.to_string())),
    }
}
