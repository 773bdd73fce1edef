//! The commands that look at studies, and move them: on studies of ours and of Optuna's, and after a
//! real search.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::store::{Claimed, Store};
use burn_tune_search::suggester::Suggestion;
use burn_tune_search::{Candidate, Stop};
use burn_tune_storage::transfer::write_export;
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageUrl, StudyStore, WorkerOptions};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::harness::{Run, Workplace};

#[path = "../../../study/src/fixtures.rs"]
mod fixtures;

/// A folder with both studies in `results/studies.db`, and the files that they were imported from.
fn workplace() -> Workplace {
    let workplace = Workplace::with_space("");
    let studies = [("ours.jsonl", fixtures::ours()), ("optunas.jsonl", fixtures::optunas())];
    for (name, (study, trials)) in studies {
        let mut file = File::create(workplace.path(name)).unwrap();
        write_export(&study, &trials, &mut file).unwrap();
        workplace.run(&format!("import {name}")).ends_with(0);
    }
    workplace
}

fn json_of(run: Run) -> Value {
    serde_json::from_str(&run.ends_with(0).stdout).unwrap()
}

/// What the program answers to wrong input, or after work that came to nothing.
fn refused(workplace: &Workplace, args: &str, code: i32) -> String {
    let run = workplace.run(args).ends_with(code);
    assert_eq!(run.stdout, "");
    run.stderr
}

#[test]
fn studies_of_any_program_are_listed() {
    let workplace = workplace();
    assert_snapshot!(workplace.run("studies").ends_with(0).stdout);
    assert_snapshot!(workplace.run("studies --format csv").ends_with(0).stdout);
    let studies = json_of(workplace.run("studies --format json"));
    assert_eq!(studies[0]["name"], "mlp");
    assert_eq!(studies[0]["budget"], 5);
    assert_eq!(studies[0]["finished"], false);
    assert_eq!(studies[1]["finished"], Value::Null);
    assert_eq!(studies[1]["waiting"], 1);
}

#[test]
fn without_a_name_the_newest_study_is_taken_and_named() {
    let workplace = workplace();
    let run = workplace.run("trials").ends_with(0);
    assert!(run.stdout.contains("value0"), "{}", run.stdout);
    assert_snapshot!(run.stderr, @"study: cost, gain, the newest of 2; --study names another");
    workplace.run("delete --study mlp --yes").ends_with(0);
    assert_eq!(workplace.run("trials").ends_with(0).stderr, "");
}

#[test]
fn trials_are_columns_named_as_in_optuna_and_scikit_learn() {
    let workplace = workplace();
    assert_snapshot!(workplace.run("trials --study mlp --format csv").ends_with(0).stdout);
    assert_snapshot!(workplace.run("trials --format csv").ends_with(0).stdout);
}

#[test]
fn trials_are_filtered_sorted_and_cut_off() {
    let workplace = workplace();
    let numbers = |args: &str| -> Vec<u64> {
        let trials = json_of(workplace.run(&format!("trials --study mlp --format json {args}")));
        trials.as_array().unwrap().iter().map(|trial| trial["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers("--sort -value --limit 2"), [0, 1]);
    assert_eq!(numbers("--state failed,running"), [2, 3]);
    assert_eq!(numbers("--where learning_rate<0.02 --where activation=tanh"), [1, 3]);
    assert_eq!(numbers("--where value>2"), [] as [u64; 0]);
}

#[test]
fn the_best_is_printed_for_people_scripts_and_space_files() {
    let workplace = workplace();
    let best = json_of(workplace.run("best --study mlp --format json"));
    assert_eq!((&best["number"], &best["value"]), (&json!(0), &json!(0.98)));
    assert_eq!(best["refit"]["test_scores"], json!([0.985, 0.983]));
    let params = workplace.run("best --study mlp --params").ends_with(0).stdout;
    assert_eq!(params, "{\"learning_rate\":0.001,\"activation\":\"relu\",\"epochs\":5}\n");
    let front = json_of(workplace.run("best --format json"));
    assert_eq!((&front[0]["number"], &front[1]["values"][1]), (&json!(0), &json!(5.0)));
    assert_snapshot!(workplace.run("best").ends_with(0).stdout);
}

#[test]
fn a_trial_is_shown_with_all_that_there_is() {
    let workplace = workplace();
    let trial = json_of(workplace.run("show 0 --study mlp --format json"));
    assert_eq!(trial["curves"], json!({ "fold0": 34_000 }));
    assert_eq!(trial["folds"][1]["flags"][0], "dead_units");
    assert_eq!(trial["refits"][0]["per_class_recall"], json!([0.99, "NaN"]));
    let trial = json_of(workplace.run("show 0 --format json"));
    assert_eq!(trial["intermediate_values"], json!({ "0": 0.25, "10": "nan", "20": "inf" }));
    assert_eq!(trial["user_attributes"]["odd"], json!(["NaN"]));
    assert_eq!(trial["distributions"]["n_layers"]["attributes"]["high"], 8);
    assert!(workplace.run("show 4").ends_with(0).stdout.contains("fixed_params = { kind = null }"));
}

#[test]
fn what_is_not_there_is_answered_with_what_is() {
    let workplace = workplace();
    let answer = |args: &str| refused(&workplace, args, 2);
    assert_snapshot!(answer("trials --study mlpp"), @"error: there is no study `mlpp` in results/studies.db: did you mean `mlp`? Allowed: mlp, cost, gain");
    assert_snapshot!(answer("show 9 --study mlp"), @"error: there is no trial 9 in `mlp`: it has 0 to 4, which `burn-tune trials` lists");
    assert_snapshot!(answer("studies --storage nowhere.db"), @"error: there is no database nowhere.db: `burn-tune search` makes one, or name another with --storage");
    assert!(answer("trials --study mlp --sort vlaue").contains("did you mean `value`?"));
    assert!(answer("trials --study mlp --where lr").contains("KEY OPERATOR VALUE"));
    assert!(answer("best --params").contains("has 2 objectives"));
    let secret = answer("studies --storage mysql://me:secret@host/db");
    assert!(!secret.contains("secret"), "{secret}");
    assert!(!workplace.path("nowhere.db").exists());
}

#[test]
fn a_study_without_a_complete_trial_has_no_best() {
    let workplace = workplace();
    let (study, mut trials) = fixtures::ours();
    trials.retain(|trial| trial.state != burn_tune_storage::RecordState::Complete);
    for (number, trial) in trials.iter_mut().enumerate() {
        trial.number = number;
    }
    write_export(&study, &trials, &mut File::create(workplace.path("poor.jsonl")).unwrap())
        .unwrap();
    workplace.run("import poor.jsonl --study poor").ends_with(0);
    let answer = refused(&workplace, "best --study poor", 1);
    assert_snapshot!(answer, @"error: none of the 2 trials of `poor` is complete");
}

#[test]
fn a_study_is_exported_and_imported_whole() {
    let workplace = workplace();
    let run = workplace.run("export --study mlp --to new.jsonl").ends_with(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", "study `mlp` is in new.jsonl\n"));
    assert_eq!(workplace.read("new.jsonl"), workplace.read("ours.jsonl"));
    assert_eq!(workplace.run("export --study mlp").stdout, workplace.read("ours.jsonl"));

    let said = |args: &str| workplace.run(args).ends_with(0).stderr;
    assert_snapshot!(said("import new.jsonl"), @"study `mlp` has all of it already: nothing is changed in results/studies.db");
    assert_snapshot!(said("import new.jsonl --study two"), @"new study `two` with 5 trials in results/studies.db");
    let mut import = workplace.command("import - --storage other/new.db");
    import.stdin(File::open(workplace.path("new.jsonl")).unwrap());
    let run = Run::new(import.output().unwrap(), Path::new("/nowhere")).ends_with(0);
    assert_snapshot!(run.stderr, @"new study `mlp` with 5 trials in other/new.db");
}

#[test]
fn a_file_that_is_no_study_is_refused_with_its_line() {
    let workplace = workplace();
    let text = workplace.read("ours.jsonl");
    let cut = text.lines().take(3).collect::<Vec<_>>().join("\n");
    File::create(workplace.path("cut.jsonl")).unwrap().write_all(cut.as_bytes()).unwrap();
    let answer = refused(&workplace, "import cut.jsonl --study cut", 2);
    assert!(answer.starts_with("error: cut.jsonl: line "), "{answer}");
    let answer = refused(&workplace, "import nothing.jsonl", 2);
    assert!(answer.contains("there is no file nothing.jsonl"), "{answer}");
    assert!(!workplace.run("studies").stdout.contains("cut"));
}

#[test]
fn nothing_is_deleted_without_a_yes() {
    let workplace = workplace();
    let answer = refused(&workplace, "delete --study mlp", 2);
    assert_snapshot!(answer, @"error: nobody can be asked here, and nothing is deleted: add --yes to delete it");
    let run = workplace.run("delete --study mlp --yes").ends_with(0);
    assert_snapshot!(run.stderr, @"deleted study `mlp` with 5 trials (3 complete, 1 failed, 1 running)");
    assert!(refused(&workplace, "delete --study mlp --yes", 2).contains("there is no study `mlp`"));
    assert!(refused(&workplace, "delete --yes", 2).contains("--study"));
}

#[test]
fn a_study_that_somebody_works_on_is_deleted_by_force_alone() {
    let workplace = workplace();
    let url = StorageUrl::Sqlite(workplace.path("results/studies.db"));
    let retry_policy = RetryPolicy { limit: Duration::from_secs(10), stop: Stop::default() };
    let mut storage = Storage::open(&url, OpenMode::MustExist, retry_policy).unwrap();
    let study = storage.create_study("busy", &["MAXIMIZE"], &[]).unwrap();
    let part = WorkerOptions {
        folds: 1,
        distributions: Default::default(),
        report_unit: ReportUnit::Folds,
        jobs: 1,
        lease: Duration::from_secs(60),
        retries: 0,
    };
    let mut store = StudyStore::join(storage, study, part).unwrap();
    let candidate = Candidate { name: None, params: [].into_iter().collect() };
    assert_eq!(
        store.claim(&mut |_, _| Some(Suggestion::Candidate(candidate.clone()))),
        Ok(Claimed::Begun(0))
    );

    let answer = refused(&workplace, "delete --study busy --yes", 2);
    assert_snapshot!(answer, @"error: a process works on `busy`: stop it first, or delete the study all the same with --force");
    workplace.run("delete --study busy --yes --force").ends_with(0);
    assert!(!workplace.run("studies").stdout.contains("busy"));
}

#[test]
fn a_pipe_that_is_closed_ends_the_output_in_silence() {
    let workplace = workplace();
    for args in ["trials --study mlp", "export --study mlp", "completions bash"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output =
            workplace.command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{args}");
    }
}

#[test]
fn every_shell_has_completions() {
    let workplace = Workplace::with_space("");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = workplace.run(&format!("completions {shell}")).ends_with(0).stdout;
        assert!(script.contains("trials") && script.contains("storage"), "{shell}");
    }
}

#[test]
fn the_commands_understand_what_a_search_writes() {
    let space = "[study]\ntop = 1\nrefit_seeds = 2\nfolds = 2\n\n[space]\nlr = [0.01, 0.02]\ndepth = 0\nepochs = 1\n";
    let workplace = Workplace::with_space(space);
    workplace.run("search --space space.toml --trials 2 --limit 500 --curves -q").ends_with(0);
    let leaderboard = workplace.leaderboard("results");
    let best = json_of(workplace.run("best --format json"));
    let (first, refitted) = (&leaderboard["trials"][0], &leaderboard["top"][0]);
    assert_eq!(refitted["trial"], first["trial"]);
    assert_eq!(best["number"], first["trial"]);
    for key in ["params", "std_test_score", "split_test_scores"] {
        assert_eq!(best[key], first[key], "{key}");
    }
    for key in ["test_scores", "mean", "std"] {
        assert_eq!(best["refit"][key], refitted["refit"][key], "{key}");
    }

    let number = &best["number"];
    let trial = json_of(workplace.run(&format!("show {number} --format json")));
    let curves: Vec<&String> = trial["curves"].as_object().unwrap().keys().collect();
    assert_eq!(curves, ["fold0", "fold1", "refit0", "refit1"]);
    assert_eq!(trial["user_attributes"], Value::Null, "all attributes are understood: {trial}");
    assert_eq!(json_of(workplace.run("studies --format json"))[0]["finished"], true);

    let explicit = workplace.run("best --format toml").ends_with(0).stdout;
    let path = workplace.path("search-spaces/space.toml");
    std::fs::write(path, format!("{space}\n{explicit}")).unwrap();
    let check = workplace.run("space check space.toml").ends_with(0).stdout;
    assert!(check.contains("1 explicit trial"), "{check}");
}
