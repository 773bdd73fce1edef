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

#[test]
fn what_an_engine_does_not_know_is_refused() {
    let workplace = Workplace::with_space(SPACE);
    let search = "search --space spaces/space.toml --trials 2 --study s --workers 4";
    let server = "--storage postgresql://me@127.0.0.1:1/tune";
    let refused = |args: &str| workplace.run(&format!("{search} {args}")).ends_with(2).stderr;
    let said = [
        refused(&format!("--engine kubernetes {server}")),
        refused(&format!("--engine ray --sbatch-arg=--time=1 {server}")),
        refused(&format!("--engine slurm --ray-address http://head:8265 {server}")),
        refused(&format!("--engine slurm --worker-gpus 1 {server}")),
        refused(&format!("--engine ray --print {server}")),
        refused("--engine kubernetes --print --storage results/studies.db"),
        refused("--engine kubernetes --worker-gpus 0 --print"),
        refused("--engine ray"),
    ];
    assert_snapshot!(said.join("\n"));
    let unnamed = "search --space spaces/space.toml --engine kubernetes --workers 4 --print";
    assert!(workplace.run(unnamed).ends_with(2).stderr.contains("--study"));
    assert!(!workplace.path("results").join("studies.db").exists());
}

#[test]
#[cfg(not(any(feature = "http", feature = "postgres")))]
fn an_engine_that_is_not_built_in_is_told_with_the_feature() {
    let workplace = Workplace::with_space(SPACE);
    let search = "search --space spaces/space.toml --trials 2 --study s --workers 4";
    for args in
        ["--engine ray --storage postgresql://me@127.0.0.1:1/tune", "--engine kubernetes --print"]
    {
        let said = workplace.run(&format!("{search} {args}")).ends_with(2).stderr;
        assert!(said.contains("the feature `postgres` or `http`"), "{said}");
    }
}
