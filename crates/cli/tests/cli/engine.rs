//! Searches that have an engine start their workers, with stand-ins for its commands. A real Slurm is in
//! `crates/storage/tests/interop/slurm_workers.py`.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use insta::assert_snapshot;

use crate::harness::Workplace;

const SPACE: &str =
    "[objective]\ncommand = \"sh -c 'echo {a}'\"\n[space]\na = { low = 0.0, high = 1.0 }";
const SEARCH: &str = "search --space spaces/space.toml --trials 2 --study s --engine slurm";

fn stand_in(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What a search with `args` says that is refused, where these are the commands of Slurm.
fn refused(workplace: &Workplace, commands: &Path, args: &str) -> String {
    let path = format!("{}:/usr/bin:/bin", commands.display());
    // Without a Slurm that may be installed here.
    let path = if commands.exists() { path } else { commands.display().to_string() };
    let output = workplace.command(&format!("{SEARCH} {args}")).env("PATH", path).output().unwrap();
    crate::harness::Run::new(output, &workplace.path("")).ends_with(2).stderr
}

#[test]
fn what_cannot_be_had_is_refused_before_a_study_is_begun() {
    let workplace = Workplace::with_space(SPACE);
    let nowhere = workplace.path("none");
    let commands = workplace.path("commands");
    fs::create_dir(&commands).unwrap();
    ["sbatch", "squeue", "scancel"].iter().for_each(|name| stand_in(&commands, name, "exit 1"));
    let server = "--storage postgresql://me@127.0.0.1:1/tune";
    let said = [
        refused(&workplace, &commands, "--workers 4"),
        refused(&workplace, &commands, "--workers 4 --storage postgresql://me:secret@db/tune"),
        refused(&workplace, &nowhere, &format!("--workers 4 {server}")),
        refused(&workplace, &commands, &format!("--workers 4 --timeout 1h {server}")),
        refused(&workplace, &commands, server),
        refused(&workplace, &commands, &format!("--workers many {server}")),
    ];
    assert_snapshot!(said.join("\n"));
    let alone = "search --space spaces/space.toml --workers 4";
    assert_snapshot!(workplace.run(alone).ends_with(2).stderr);
    assert!(!workplace.path("results").join("studies.db").exists());
}
