//! Searches whose objective is a program: small ones of the shell.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use insta::assert_snapshot;

use crate::harness::Workplace;
use crate::interruption::signal;

/// The score is the param, and what is above 0.5 fails.
const SCRIPT: &str = r#"
echo "trial $BURN_TUNE_TRIAL with $1" >&2
echo training
echo "$1 $BURN_TUNE_SEED"  > /dev/null
echo "{\"value\": $BURN_TUNE_PARAM_x}"
"#;
const SEARCH: &str = "search --space spaces/space.toml";

fn space(command: &str, more: &str) -> Workplace {
    let workplace = Workplace::with_space(&format!(
        "[study]\nname = 's'\n{more}\n[objective]\ncommand = {command}\nmetric = 'points'\n[space]\nx = {{ low = 0, high = 99 }}"
    ));
    std::fs::write(workplace.path("run.sh"), SCRIPT).unwrap();
    workplace
}

fn script(script: &str, more: &str) -> Workplace {
    let workplace = space("'sh run.sh {x}'", more);
    std::fs::write(workplace.path("run.sh"), script).unwrap();
    workplace
}

#[test]
fn a_program_is_searched_as_a_model_is() {
    let workplace = space("'sh run.sh {x}'", "");
    let run = workplace.run(&format!("{SEARCH} --trials 4 --jobs 1")).ends_with(0);
    assert_snapshot!(run.stdout, @r#"
 rank  trial  points   x
  1    1          86  86
  2    3          55  55
  3    0          26  26
  4    2           2   2

All trials: results/leaderboard.json, results/cv_results.csv; kept in results/s/
Figures, in a browser: results/s.html
"#);
    let leaderboard = workplace.leaderboard("results");
    assert_eq!(leaderboard["evaluation"]["command"], "sh run.sh '{x}'");
    assert_eq!(leaderboard["evaluation"]["metric"], "points");
    assert_eq!(leaderboard["counts"]["complete"], 4);
    assert_eq!(leaderboard["top"].as_array().unwrap().len(), 0);
    for trial in leaderboard["trials"].as_array().unwrap() {
        assert_eq!(trial["mean_test_score"].as_f64(), trial["params"]["x"].as_f64());
    }
    let shown = workplace.run("show 2 --format json").ends_with(0);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["stderr"], format!("trial 2 with {}\n", shown["params"]["x"]));
    workplace.run("rank --out again").ends_with(0);
    let bytes = workplace.read("again/leaderboard.json");
    assert_eq!(bytes, workplace.read("results/leaderboard.json"));
}

#[test]
fn the_leaderboard_does_not_depend_on_the_number_of_jobs() {
    // Later trials are faster, so they end in another order than they began in.
    let slow = "score=$((($1 * 37 + BURN_TUNE_TRIAL * 53) % 100))\nsleep 0.$(((BURN_TUNE_TRIAL * 7) % 3))\nfor step in 1 2 3; do echo '{\"step\": '$step', \"value\": '$score'}'; done\necho $score";
    let more = "sampler = 'cmaes'\npruner = 'median'\nwindow = 4";
    let bytes = ["1", "3"].map(|jobs| {
        let workplace = script(slow, more);
        workplace.run(&format!("{SEARCH} --trials 16 --jobs {jobs}")).ends_with(0);
        workplace.read("results/leaderboard.json")
    });
    assert_eq!(bytes[0], bytes[1]);
    let leaderboard: serde_json::Value = serde_json::from_str(&bytes[0]).unwrap();
    assert!(leaderboard["counts"]["pruned"].as_u64() > Some(0), "{leaderboard}");
}

#[test]
fn a_pruner_ends_a_hopeless_run_long_before_its_end() {
    let script_text = "echo '{\"step\": 1, \"value\": '$1'}'\nif [ $BURN_TUNE_TRIAL = 6 ]; then sleep 1000 & echo '{\"step\": 2, \"value\": -5}'; wait; fi\necho '{\"step\": 2, \"value\": '$1'}'";
    let workplace = script(script_text, "pruner = 'median'\nwindow = 1");
    let since = Stopwatch::start();
    let run = workplace.run(&format!("{SEARCH} --trials 7 --jobs 1")).ends_with(0);
    assert!(since.elapsed() < Duration::from_secs(60));
    assert!(run.stderr.contains("trial 6: pruned after step 1 at "), "{}", run.stderr);
    let trials = workplace.run("trials --format json").ends_with(0);
    let trials: serde_json::Value = serde_json::from_str(&trials.stdout).unwrap();
    assert_eq!(trials[6]["state"], "pruned");
    assert_eq!(trials[5]["state"], "complete", "the last line is its score, too");
}

#[test]
fn wilcoxon_compares_the_steps_of_a_program_one_by_one() {
    // Of each of eight instances of a problem it says how well it did. The scores of two trials differ by the same
    // on each, though they differ more between instances.
    let instances = "for i in 1 2 3 4 5 6 7 8; do echo '{\"step\": '$i', \"value\": '$((i * 100 - $1))'}'; done\necho $((450 - $1))";
    let bytes = ["1", "3"].map(|jobs| {
        let workplace = script(instances, "pruner = 'wilcoxon'\nwindow = 1");
        workplace.run(&format!("{SEARCH} --trials 4 --jobs {jobs}")).ends_with(0);
        workplace.read("results/leaderboard.json")
    });
    assert_eq!(bytes[0], bytes[1]);
    let leaderboard: serde_json::Value = serde_json::from_str(&bytes[0]).unwrap();
    let ended = leaderboard["trials"].as_array().unwrap().iter();
    let ended: Vec<String> =
        ended.map(|trial| format!("{} {}", trial["params"]["x"], trial["pruned_at"])).collect();
    // Four steps, all of them worse: the p-value is 1/16, the first below 0.1.
    assert_snapshot!(ended.join("\n"), @r#"
    2 null
    26 null
    55 {"score":345.0,"step":4}
    86 {"score":314.0,"step":4}
    "#);
}

#[test]
fn a_pruner_that_hears_nothing_says_so_once() {
    let workplace = space("'sh run.sh {x}'", "pruner = 'median'");
    let run = workplace.run(&format!("{SEARCH} --trials 5")).ends_with(0);
    let warning = "has reported no intermediate value, so the pruner median";
    assert_eq!(run.stderr.matches(warning).count(), 1, "{}", run.stderr);
}

#[test]
fn what_is_wrong_with_a_trial_is_shown() {
    let failing = "case $BURN_TUNE_TRIAL in 0) echo nan;; 1) echo done;; 2) echo 0.5; echo 'no memory' >&2; exit 7;; 3) ;; *) echo 1;; esac";
    let workplace = script(failing, "");
    workplace.run(&format!("{SEARCH} --trials 5")).ends_with(0);
    let errors = workplace.run("trials --format json").ends_with(0);
    let trials: serde_json::Value = serde_json::from_str(&errors.stdout).unwrap();
    let errors: Vec<&str> =
        trials.as_array().unwrap().iter().filter_map(|trial| trial["error"].as_str()).collect();
    assert_snapshot!(errors.join("\n"), @"
    the last line of its output is no finite number: `nan`
    the last line of its output is neither a number nor JSON with a `value`: `done`
    it ended with status 7: no memory
    it printed nothing, where the last line has to be the score
    ");
    let workplace = script("exit 3", "");
    workplace.run(&format!("{SEARCH} --trials 2")).ends_with(1);
}

#[test]
fn a_time_out_leaves_no_grandchild() {
    let workplace = script("sleep 1000 &\necho $! > pid\necho waiting >&2\nwait", "");
    let search = format!("{SEARCH} --trials 1 --trial-timeout 3s");
    let run = workplace.run(&search).ends_with(1);
    assert!(run.stderr.contains("all 1 trials failed"), "{}", run.stderr);
    let shown = workplace.run("show 0").ends_with(0).stdout;
    assert!(shown.contains("timed out") && shown.contains("waiting"), "{shown}");
    assert_gone(&workplace, "pid");
}

#[test]
fn each_program_is_told_the_device_of_its_job() {
    // Both jobs get something to do, since no program ends at once.
    let workplace = script("sleep 0.2\necho ${BURN_TUNE_DEVICE:-none}", "");
    let scores = |search: &str| {
        workplace.run(search).ends_with(0);
        let leaderboard = workplace.leaderboard("results");
        let trials = leaderboard["trials"].as_array().unwrap().iter();
        let scores: BTreeSet<String> = trials.map(|t| t["mean_test_score"].to_string()).collect();
        scores.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(scores(&format!("{SEARCH} --trials 4 --device 7,9")), ["7.0", "9.0"]);
    assert_eq!(scores(&format!("{SEARCH} --trials 4 --device 7,9 --jobs 1")), ["7.0"]);
    workplace.run(&format!("{SEARCH} --trials 1")).ends_with(1);
}

#[test]
fn an_interrupted_search_leaves_no_grandchild_and_goes_on() {
    let once = "if [ ! -e begun ]; then sleep 1000 & echo $! > pid; touch begun; wait; fi; echo $1";
    let workplace = script(once, "");
    let quiet = |args: &str| {
        let mut command = workplace.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut child = quiet(&format!("{SEARCH} --trials 3 --jobs 1"));
    await_file(&workplace, "begun");
    for _ in 0..2 {
        signal(&child, "-INT");
        thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_gone(&workplace, "pid");
    workplace.run(&format!("{SEARCH} --resume")).ends_with(0);
    assert_eq!(workplace.leaderboard("results")["counts"]["complete"], 3);
}

#[test]
fn a_search_that_was_killed_ends_with_the_same_bytes() {
    let undisturbed = space("'sh run.sh {x}'", "");
    undisturbed.run(&format!("{SEARCH} --trials 6")).ends_with(0);
    let slow = format!("touch begun\n[ -e go ] || sleep 2\n{SCRIPT}");
    let workplace = script(&slow, "");
    let mut command = workplace.command(&format!("{SEARCH} --trials 6 --jobs 2"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    await_file(&workplace, "begun");
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::write(workplace.path("go"), "").unwrap();
    workplace.run(&format!("{SEARCH} --resume")).ends_with(0);
    let name = "results/leaderboard.json";
    assert_eq!(workplace.read(name), undisturbed.read(name));
}

#[test]
fn another_command_does_not_go_on_with_a_study() {
    let workplace = space("'sh run.sh {x}'", "");
    workplace.run(&format!("{SEARCH} --trials 2 --study one")).ends_with(0);
    let text = workplace.read("search-spaces/space.toml").replace("run.sh", "other.sh");
    std::fs::write(workplace.path("search-spaces/space.toml"), text).unwrap();
    let refused = workplace.run(&format!("{SEARCH} --resume --study one --trials 4")).ends_with(2);
    assert_snapshot!(refused.stderr, @r#"
    error: the study `one` cannot go on, because this is not as it was when it began:
      [objective] command
        was ["sh", "run.sh", "{x}"]
        is  ["sh", "other.sh", "{x}"]
    undo the change, or begin a new study: leave --resume and --study out, or give --study another name
    "#);
}

#[test]
fn what_means_nothing_to_a_command_is_refused() {
    let workplace = space("'sh run.sh {x}'", "");
    let refusal = |args: &str| workplace.run(args).ends_with(2).stderr;
    assert_snapshot!(refusal(&format!("{SEARCH} --limit 100")), @"error: --limit is nothing to a command: a program of yours has its own data, is scored once for each trial, is not refitted, and keeps its models itself");
    assert!(refusal(&format!("{SEARCH} --folds 3")).starts_with("error: --folds is nothing"));
    assert_snapshot!(refusal("train --space spaces/space.toml"), @"error: search-spaces/space.toml has a command as its objective, and `train` trains models of ours alone: use `burn-tune search`");
    let unknown = space("'no-such-program {x}'", "");
    assert_snapshot!(unknown.run("space check spaces/space.toml").ends_with(2).stderr, @"
     × search-spaces/space.toml:5:11: there is no program `no-such-program`
      ╭─[search-spaces/space.toml:5:11]
    4 │ [objective]
    5 │ command = 'no-such-program {x}'
      ·           ──────────┬──────────
      ·                     ╰── this command
    6 │ metric = 'points'
      ╰────
     help: write its path, or the name of one that is in PATH
    ");
}

#[test]
fn a_dry_run_prints_the_commands() {
    let workplace = space("'sh run.sh {x}'", "");
    let run = workplace.run(&format!("{SEARCH} --trials 3 --jobs 2 --dry-run")).ends_with(0);
    assert_snapshot!(run.stdout, @r#"
0: sh run.sh 26
1: sh run.sh 86
2: sh run.sh 2
time: what 3 runs of the command take, 2 at once
"#);
    assert!(workplace.run("space check spaces/space.toml").ends_with(0).stdout.contains("is fine"));
}

fn await_file(workplace: &Workplace, name: &str) {
    let since = Stopwatch::start();
    while !workplace.path(name).exists() {
        assert!(since.elapsed() < Duration::from_secs(60), "{name} does not come");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The process whose number stands in a file is gone soon, or a zombie that its new parent has yet to bury.
fn assert_gone(workplace: &Workplace, pid_file: &str) {
    let pid = workplace.read(pid_file);
    let stat = Path::new("/proc").join(pid.trim()).join("stat");
    let since = Stopwatch::start();
    while since.elapsed() < Duration::from_secs(10) {
        match std::fs::read_to_string(&stat) {
            Ok(text) if !text.contains(") Z ") => thread::sleep(Duration::from_millis(20)),
            _ => return,
        }
    }
    panic!("process {pid} survives");
}
