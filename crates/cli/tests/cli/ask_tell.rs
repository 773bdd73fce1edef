//! `ask` and `tell`: the search for programs that burn-tune does not run.

use std::collections::BTreeSet;
use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::Value;

use crate::harness::{Run, Workplace};

const SPACE: &str = r#"
[study]
name = "s"
direction = "minimize"
sampler = "cmaes"
pruner = "median"

[space]
x = { low = 0.0, high = 1.0 }
size = { low = 1, high = 64, log = true }

[[trial]]
name = "first"
x = 0.5
"#;
const ASK: &str = "ask --space spaces/space.toml";

fn ask(workplace: &Workplace, more: &str) -> Value {
    let run = workplace.run(&format!("{ASK}{more}")).ends_with(0);
    assert_eq!(run.stdout.matches('\n').count(), 1, "one line: {}", run.stdout);
    serde_json::from_str(&run.stdout).unwrap()
}

fn tell(workplace: &Workplace, args: &str) -> Run {
    workplace.run(&format!("tell {args}"))
}

/// Asks and tells, and gives all that was asked.
fn search(trials: usize) -> Vec<Value> {
    let workplace = Workplace::with_space(SPACE);
    let mut asked = Vec::new();
    for number in 0..trials {
        let line = ask(&workplace, "");
        assert_eq!(line["trial"], number);
        let (x, size) = (line["params"]["x"].as_f64(), line["params"]["size"].as_f64());
        let score = (x.unwrap() - 0.3).powi(2) + size.unwrap().log2();
        let told = tell(&workplace, &format!("--trial {number} --value {score}")).ends_with(0);
        assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("", ""));
        asked.push(line);
    }
    asked
}

#[test]
fn a_loop_of_ask_and_tell_is_the_same_search_each_time() {
    let asked = search(14);
    assert_eq!(asked[0]["name"], "first");
    assert_eq!(asked[0]["params"]["x"], 0.5);
    assert_eq!(asked, search(14));
}

#[test]
fn whoever_asks_at_the_same_time_gets_another_trial() {
    let workplace = Workplace::with_space(SPACE);
    let asking: Vec<_> = (0..6)
        .map(|_| {
            let mut command = workplace.command(ASK);
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for child in asking {
        let output = child.wait_with_output().unwrap();
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(numbers.insert(line["trial"].as_u64().unwrap()), "{line}");
    }
    assert_eq!(numbers, (0..6).collect());
}

#[test]
fn trials_end_as_they_are_told() {
    let workplace = Workplace::with_space(SPACE);
    (0..5).for_each(|_| drop(ask(&workplace, "")));
    tell(&workplace, "--trial 0 --value -0.5").ends_with(0);
    let step = |args: &str| tell(&workplace, args).ends_with(0).stdout;
    assert_eq!(step("--trial 1 --step 1 --value 0.75"), "{\"prune\": false}\n");
    assert_eq!(step("--trial 1 --step 2 --value 0.5"), "{\"prune\": false}\n");
    tell(&workplace, "--trial 1 --state pruned").ends_with(0);
    tell(&workplace, "--trial 2 --state fail").ends_with(0);
    let nan = tell(&workplace, "--trial 3 --value nan").ends_with(0);
    assert_snapshot!(nan.stderr, @"trial 3 has failed: the score is NaN, which is not a finite number");
    let text = tell(&workplace, "--trial 4 --value Traceback").ends_with(0);
    assert_snapshot!(text.stderr, @"trial 4 has failed: the score is `Traceback`, which is no number");
    let trials = workplace.run("trials --format json").ends_with(0).stdout;
    let trials: Value = serde_json::from_str(&trials).unwrap();
    let ends: Vec<(&str, &Value)> = trials
        .as_array()
        .unwrap()
        .iter()
        .map(|trial| (trial["state"].as_str().unwrap(), &trial["value"]))
        .collect();
    let states: Vec<&str> = ends.iter().map(|(state, _)| *state).collect();
    assert_eq!(states, ["complete", "pruned", "failed", "failed", "failed"]);
    assert_eq!((ends[0].1.as_f64(), ends[1].1.as_f64()), (Some(-0.5), Some(0.5)));
    let ranked = workplace.run("rank --json").ends_with(0).stdout;
    let ranked: Value = serde_json::from_str(&ranked).unwrap();
    assert_eq!(ranked["counts"]["complete"], 1);
    assert_eq!(ranked["evaluation"].get("dataset"), None);
}

#[test]
fn a_pruner_says_which_trial_is_hopeless() {
    let workplace = Workplace::with_space(SPACE);
    for number in 0..6 {
        ask(&workplace, " --window 1");
        let value = 10 - number;
        let told = format!("--trial {number} --step 1 --value {value}");
        assert_eq!(tell(&workplace, &told).ends_with(0).stdout, "{\"prune\": false}\n");
        if number < 5 {
            tell(&workplace, &format!("--trial {number} --value {number}")).ends_with(0);
        }
    }
    let hopeless = tell(&workplace, "--trial 5 --step 2 --value 99").ends_with(0);
    assert_eq!(hopeless.stdout, "{\"prune\": false}\n", "nobody else has come so far");
    tell(&workplace, "--trial 5 --state pruned").ends_with(0);
    ask(&workplace, " --window 1");
    let hopeless = tell(&workplace, "--trial 6 --step 1 --value 99").ends_with(0);
    assert_eq!(hopeless.stdout, "{\"prune\": true}\n");
}

#[test]
fn what_cannot_be_told_is_refused_and_the_same_again_is_not() {
    let workplace = Workplace::with_space(SPACE);
    (0..2).for_each(|_| drop(ask(&workplace, "")));
    let refusal = |args: &str| tell(&workplace, args).ends_with(2).stderr;
    tell(&workplace, "--trial 0 --value 0.5").ends_with(0);
    tell(&workplace, "--trial 0 --value 0.5").ends_with(0);
    assert_snapshot!(refusal("--trial 0 --value 0.25"), @"error: trial 0 has ended: it is complete with 0.5");
    assert_snapshot!(refusal("--trial 0 --state fail"), @"error: trial 0 has ended: it is complete with 0.5");
    assert_snapshot!(refusal("--trial 7 --value 1"), @"error: there is no trial 7 in `s`: `burn-tune trials` lists those that were given out");
    assert_snapshot!(refusal("--trial 1 --state pruned"), @"error: trial 1 has no intermediate value to end with: tell one first with --step and --value, or --state fail");
    assert_snapshot!(refusal("--trial 1 --step 1 --value x"), @"error: --value is no number: `x`");
    tell(&workplace, "--trial 1 --step 3 --value 1").ends_with(0);
    tell(&workplace, "--trial 1 --step 3 --value 1").ends_with(0);
    assert_snapshot!(refusal("--trial 1 --step 3 --value 2"), @"error: trial 1 has come to 1 after step 3, and not to 2: that was told before");
    assert_snapshot!(refusal("--trial 1 --step 2 --value 1"), @"error: step 2 of trial 1 comes late: steps ascend, and 3 was told before");
    assert_snapshot!(refusal("--trial 1 --value 1 --study t"), @"error: there is no study `t` in results/studies.db: allowed: s");
    assert!(refusal("--trial 1").contains("--value <V>"));
}

#[test]
fn where_trials_have_to_be_told_first_that_is_said() {
    let workplace = Workplace::with_space(SPACE);
    let more = " --window 2 --trials 3";
    (0..2).for_each(|_| drop(ask(&workplace, more)));
    let waits = workplace.run(&format!("{ASK}{more}")).ends_with(1);
    assert_snapshot!(waits.stderr, @"error: there is no trial for now: 2 trials of `s` are under way (0, 1), and the next depends on what the first of them comes to; tell that, or wait for it with --wait");
    let mut command = workplace.command(&format!("{ASK} --wait"));
    let waiting = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    tell(&workplace, "--trial 0 --value 1").ends_with(0);
    let line = waiting.wait_with_output().unwrap().stdout;
    let line: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(line["trial"], 2);
    assert_snapshot!(workplace.run(ASK).ends_with(1).stderr, @"error: there is no next trial: the study `s` was asked for 3, or has come to its end before; --trials N makes more");
    assert_eq!(ask(&workplace, " --trials 4 --wait --study other")["trial"], 0);
}

#[test]
fn a_search_and_those_who_ask_keep_apart() {
    let workplace = Workplace::with_space(
        "[study]\nname = 's'\n[objective]\ncommand = 'echo 1'\n[space]\nx = [1, 2, 3]",
    );
    workplace.run("search --space spaces/space.toml --trials 2").ends_with(0);
    assert_snapshot!(tell(&workplace, "--trial 0 --value 1").ends_with(2).stderr, @"error: the study `s` is a search's, and its trials are its own: --study names one that `burn-tune ask` has made");
    let file = workplace.path("search-spaces/space.toml");
    assert!(workplace.run(ASK).ends_with(2).stderr.contains("take [objective] out"));
    std::fs::write(&file, "[study]\nname = 's'\n[space]\nx = [1, 2, 3]").unwrap();
    assert_snapshot!(workplace.run(ASK).ends_with(2).stderr, @"error: the study `s` is a search's, and its trials are its own: give --study another name");
    ask(&workplace, " --study mine");
    let command = "[study]\nname = 's'\n[objective]\ncommand = 'echo 1'\n[space]\nx = [1, 2, 3]";
    std::fs::write(&file, command).unwrap();
    let search = "search --space spaces/space.toml --study mine";
    assert_snapshot!(workplace.run(search).ends_with(2).stderr, @"error: the trials of the study `mine` are given out by `burn-tune ask`, and `search` cannot score them: give --study another name");
}
