//! Samplers that learn, pruners, conditions, and studies that end early.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::Value;

use crate::harness::Workplace;

const SPACE: &str = r#"
[study]
name = "s"
seed = 3
top = 1
refit_seeds = 1
window = 3

[space]
batch_size  = [50, 100]
lr          = { low = 1e-4, high = 1.0, log = true }
epochs      = [2, 4]
activation  = ["relu", "tanh"]
depth       = [0, 1, 2]
hidden_size = { low = 8, high = 32, when = { depth = { low = 1 } } }
hidden_size_2 = { values = [4, 8], when = { depth = 2 } }

[[trial]]
name = "linear"
depth = 0
lr = 0.01
"#;
const SEARCH: &str = "search --space spaces/space.toml --limit 1500 --trials 14";

fn states(leaderboard: &Value) -> Vec<&str> {
    leaderboard["trials"].as_array().unwrap().iter().filter_map(|t| t["state"].as_str()).collect()
}

#[test]
fn what_learns_and_what_prunes_does_not_depend_on_the_number_of_jobs() {
    for how in ["--sampler tpe --pruner asha", "--sampler gp --pruner median"] {
        let workplace = Workplace::with_space(SPACE);
        for jobs in [1, 3] {
            workplace.run(&format!("{SEARCH} {how} --jobs {jobs} --out out{jobs}")).ends_with(0);
        }
        let (one, three) =
            (workplace.read("out1/leaderboard.json"), workplace.read("out3/leaderboard.json"));
        assert!(one == three, "{how}");
        let leaderboard = workplace.leaderboard("out1");
        let states = states(&leaderboard);
        assert_eq!(states.len(), 14);
        // Pruned trials come behind all that are complete.
        let complete = states.iter().take_while(|state| **state == "complete").count();
        assert!(states[complete..].iter().all(|state| *state != "complete"), "{states:?}");
    }
}

#[test]
fn a_pruned_trial_keeps_what_it_reported_and_shows_what_was_saved() {
    let workplace = Workplace::with_space(SPACE);
    let run = workplace.run(&format!("{SEARCH} --pruner asha --curves")).ends_with(0);
    let leaderboard = workplace.leaderboard("results");
    let pruned = leaderboard["counts"]["pruned"].as_u64().unwrap();
    assert!(pruned >= 3, "{leaderboard}");
    let pruning = &leaderboard["pruning"];
    assert!(pruning["steps"].as_u64() < pruning["steps_without"].as_u64());
    let trials = leaderboard["trials"].as_array().unwrap();
    let trial = trials.iter().find(|trial| trial["state"] == "pruned").unwrap();
    assert_eq!(trial["reports"].as_array().unwrap().last(), Some(&trial["pruned_at"]));
    assert_eq!(trial["mean_test_score"], Value::Null);
    assert!(run.stdout.contains("asha stopped"), "{}", run.stdout);
    assert!(run.stderr.contains(": pruned after epoch 1 at 0."), "{}", run.stderr);
    let number = trial["trial"].to_string();
    let listed = workplace.run("trials --state pruned --format csv").ends_with(0).stdout;
    assert_eq!(listed.lines().count() as u64, 1 + pruned, "{listed}");
    let shown = workplace.run(&format!("show {number}")).ends_with(0).stdout;
    assert!(shown.contains("pruned"), "{shown}");
    let again = workplace.run("rank --json").ends_with(0).stdout;
    assert_eq!(again, workplace.read("results/leaderboard.json"));
    assert!(workplace.read("results/s.html").contains("\"pruning\""));
}

#[test]
fn a_study_that_learns_and_prunes_goes_on_where_it_was_killed() {
    let search = format!("{SEARCH} --sampler tpe --pruner hyperband");
    let workplace = Workplace::with_space(SPACE);
    workplace.run(&format!("{search} --out undisturbed")).ends_with(0);
    let resume = "search --space spaces/space.toml --resume --study broken --retries 1000";
    let mut args = format!("{search} --study broken --jobs 2");
    for kills in 0.. {
        let mut child =
            workplace.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(250 + 60 * kills));
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if workplace.run("studies --format csv").stdout.contains("broken,") {
            args = format!("{resume} --jobs {}", 1 + kills % 3);
        }
    }
    let whole = workplace.read("undisturbed/leaderboard.json");
    assert!(workplace.read("results/leaderboard.json") == whole);
}

#[test]
fn a_study_ends_early_where_that_is_wanted_and_says_why() {
    let workplace = Workplace::with_space(SPACE);
    let ended = |args: &str| {
        let run = workplace.run(&format!("{SEARCH} --top 0 {args}")).ends_with(0);
        let line = run.stderr.lines().find(|line| line.starts_with("note: the study ends"));
        let count = states(&workplace.leaderboard("results")).len();
        format!("{} ({count} trials)", line.unwrap_or("it does not end early"))
    };
    // What trials score may change with the model's arithmetic, but the first one scores more than 0.3.
    for (rule, reason, trials) in [
        ("--no-improvement 4", "no improvement in 4 trials since trial ", " trials)"),
        ("--target 0.3", "trial 0 has come to the target 0.3, with 0.", "(3 trials)"),
    ] {
        let [one, three] = [1, 3].map(|jobs| ended(&format!("{rule} --jobs {jobs}")));
        assert_eq!(one, three);
        assert!(one.contains(reason) && one.contains(trials), "{one}");
    }
    assert_eq!(ended("--target 0.99"), "it does not end early (14 trials)");
}

#[test]
fn what_a_sampler_or_a_pruner_cannot_take_is_refused_with_what_to_change() {
    let workplace = Workplace::with_space(SPACE);
    let refused = |args: &str| workplace.run(&format!("{SEARCH} {args}")).ends_with(2).stderr;
    assert_snapshot!(refused("--sampler grid"), @"error: the grid sampler needs a list of values for `lr`: give its range a step, list its values, or take the random sampler");
    assert_snapshot!(refused("--sampler cmaes"), @"error: CMA-ES needs an order among the values of each parameter, and those of `activation` have none (a list has one if it is of ascending numbers): fix `activation` to one value, or use the sampler tpe");
    assert_snapshot!(refused("--pruner wilcoxon"), @"error: the pruner wilcoxon needs at least 5 folds for p_threshold = 0.1 and n_startup_steps = 2, and there are 3: with k folds no p-value is below 1/2^k, and after the last fold there is none to spare; ask for more folds, or a p_threshold above 0.25, or take a pruner that looks at epochs");
    assert_snapshot!(refused("--pruner threshold"), @r#"error: the pruner threshold: a threshold needs `lower` or `upper`: write it in the file, as in `[study] pruner = { name = "threshold", lower = 0.5 }`"#);
    assert_snapshot!(refused("--pruner mdian"), @"
    error: invalid value 'mdian' for '--pruner <P>': did you mean `median`? Allowed: median, percentile, asha, hyperband, patient, threshold, wilcoxon, none

    For more information, try '--help'.
    ");
    assert!(!workplace.run("studies").stdout.contains("s "), "no study was begun");
    assert_snapshot!(refused("--sampler tpee"), @"
    error: invalid value 'tpee' for '--sampler <S>': did you mean `tpe`? Allowed: random, grid, sobol, tpe, gp, cmaes

    For more information, try '--help'.
    ");
}
