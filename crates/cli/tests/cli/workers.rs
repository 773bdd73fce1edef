//! Workers on studies that a search has begun. What can happen to them on a server is in
//! `crates/storage/tests/interop/many_workers.py`.

#![cfg(unix)]

use std::fs;
use std::process::Stdio;

use insta::assert_snapshot;

use crate::harness::{Run, Workplace};
use crate::search::write_idx;

const WORKER: &str = "worker --study s --storage results/studies.db";
const COMMAND: &str =
    "[objective]\ncommand = \"sh -c 'sleep 30; echo {a}'\"\n[space]\na = { low = 0.0, high = 1.0 }";

#[test]
fn our_model_comes_to_the_same_without_its_space_file() {
    let workplace = Workplace::with_space(
        "[study]\nfolds = 2\ntop = 1\nrefit_seeds = 2\n[space]\nlr = { low = 1e-3, high = 1e-1 }\nepochs = 1\nhidden_size = 8\n",
    );
    let search = "search --space spaces/space.toml --limit 300 --trials 3 --curves -q";
    workplace.run(&format!("{search} --out alone")).ends_with(0);
    workplace.run(&format!("{search} --study s --timeout 0s")).ends_with(0);
    fs::remove_file(workplace.path("search-spaces/space.toml")).unwrap();
    let worker = workplace.run(&format!("{WORKER} --jobs 2 --log w.log --out kept")).ends_with(0);
    assert!(worker.stderr.contains("trial 2, fold 2/2: "), "{}", worker.stderr);
    assert_eq!(worker.stderr.lines().count(), workplace.read("w.log").lines().count());
    assert!(workplace.path("kept/s/models").is_dir());
    workplace.run("rank --study s --out again").ends_with(0);
    for file in ["leaderboard.json", "curves.npz"] {
        let bytes = |folder: &str| fs::read(workplace.path(&format!("{folder}/{file}"))).unwrap();
        assert_eq!(bytes("again"), bytes("alone"), "{file}");
    }
}

#[test]
fn a_worker_with_other_data_is_refused() {
    let workplace = Workplace::with_space(
        "[space]\nlr = [0.01, 0.03]\ndepth = 0\nbatch_size = 4\nepochs = 1\n",
    );
    write_idx(&workplace, "squares", 120, 40);
    let search = "search --space spaces/space.toml --data squares --study s --timeout 0s";
    workplace.run(search).ends_with(0);
    write_idx(&workplace, "squares", 124, 40);
    assert_snapshot!(workplace.run(WORKER).ends_with(2).stderr);
}

#[test]
fn a_command_runs_where_that_is_allowed_with_the_limits_of_the_search() {
    let workplace = Workplace::with_space(COMMAND);
    let search = "search --space spaces/space.toml --trials 1 --trial-timeout 1s";
    workplace.run(&format!("{search} --study s --timeout 0s")).ends_with(0);
    assert_snapshot!(workplace.run(WORKER).ends_with(2).stderr);
    let run = workplace.run(&format!("{WORKER} --allow-command -q")).ends_with(0);
    assert_eq!(run.stderr, "");
    let trials = workplace.run("trials --study s --format json").ends_with(0).stdout;
    assert!(trials.contains("\"failed\"") && trials.contains("1s"), "{trials}");
}

#[test]
fn whoever_only_watches_sees_the_work_of_others_and_writes_the_files() {
    let workplace = Workplace::with_space(
        "[study]\nfolds = 2\ntop = 2\nrefit_seeds = 1\nsampler = \"tpe\"\n[space]\nlr = { low = 1e-3, high = 1e-1 }\nepochs = 1\nhidden_size = 8\n",
    );
    let search = "search --space spaces/space.toml --limit 300 --trials 12";
    workplace.run(&format!("{search} --out alone -q")).ends_with(0);
    let mut watch = workplace.command(&format!("{search} --study s --watch"));
    let watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    workplace.run(&format!("{WORKER} --wait-for-study 60s --jobs 2 -q")).ends_with(0);
    let watch = Run::new(watch.wait_with_output().unwrap(), &workplace.path("")).ends_with(0);
    assert!(watch.stderr.contains(", 0 jobs"), "{}", watch.stderr);
    assert!(watch.stderr.contains("12/12 trial "), "{}", watch.stderr);
    assert_eq!(
        workplace.read("results/leaderboard.json"),
        workplace.read("alone/leaderboard.json")
    );
    let timeline = workplace.read("results/timeline.csv");
    let lines = || timeline.lines().skip(1);
    assert!(lines().count() >= 24, "{timeline}");
}
