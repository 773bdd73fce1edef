//! Searches with several objectives.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use crate::harness::Workplace;

const SPACE: &str = r#"
[space]
batch_size  = 50
lr          = { low = 1e-3, high = 1e-1, log = true }
epochs      = [1, 2]
depth       = [0, 1]
hidden_size = [4, 16, 64]
softmax     = false

[[trial]]
name = "dead"
lr = 1e30
depth = 1
"#;

/// The space with these objectives, and `settings` of the study.
fn space(settings: &str, objectives: &[&str]) -> String {
    let objectives = objectives.iter().map(|name| format!("[[objective]]\nname = \"{name}\"\n"));
    let objectives: String = objectives.collect();
    format!("[study]\nseed = 3\ntop = 2\nrefit_seeds = 1\n{settings}\n{objectives}{SPACE}")
}

const SEARCH: &str = "search --space spaces/space.toml --trials 9 --limit 1500";

fn column(csv: &str, name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let place = reader.headers().unwrap().iter().position(|header| header == name).unwrap();
    reader.records().map(|row| row.unwrap()[place].to_owned()).collect()
}

/// Numbers of the trials of the front.
fn front(leaderboard: &Value) -> Vec<u64> {
    let trials = leaderboard["trials"].as_array().unwrap().iter();
    let front = trials.filter(|trial| trial["front"] == true);
    let mut front: Vec<u64> = front.map(|trial| trial["trial"].as_u64().unwrap()).collect();
    front.sort_unstable();
    front
}

#[test]
fn the_front_is_the_same_to_the_byte_for_any_number_of_jobs_and_with_a_clock_beside() {
    let workplace = Workplace::with_space(&space("", &["accuracy", "parameters"]));
    workplace.run(&format!("{SEARCH} --jobs 1 --out one -q")).ends_with(0);
    workplace.run(&format!("{SEARCH} --jobs 3 --out three -q")).ends_with(0);
    assert_eq!(workplace.read("one/leaderboard.json"), workplace.read("three/leaderboard.json"));

    let timed = space("", &["accuracy", "parameters", "seconds_per_epoch"]);
    fs::write(workplace.path("search-spaces/space.toml"), timed).unwrap();
    let run = workplace.run(&format!("{SEARCH} --jobs 2 --out timed")).ends_with(0);
    assert_eq!(workplace.read("one/leaderboard.json"), workplace.read("timed/leaderboard.json"));
    assert!(run.stderr.contains("note: seconds_per_epoch is wall-clock time"), "{}", run.stderr);
    assert!(run.stdout.contains("◆ The Pareto front of accuracy ↑ and parameters ↓"));
    assert!(run.stdout.contains("seconds_per_epoch is wall-clock time"), "{}", run.stdout);

    let csv = workplace.read("timed/cv_results.csv");
    assert_eq!(
        column(&csv, "mean_test_parameters"),
        column(&workplace.read("one/cv_results.csv"), "mean_test_parameters")
    );
    let seconds = column(&csv, "mean_test_seconds_per_epoch");
    assert!(seconds.iter().filter(|cell| cell.parse::<f64>().is_ok_and(|s| s > 0.0)).count() == 8);

    // The page is the same, made of the files or of the database.
    let page = workplace.read("timed/space.html");
    assert!(page.contains("seconds_per_epoch, lower is better") && page.contains("pareto_front"));
    workplace.run("report --out timed").ends_with(0);
    assert_eq!(page, workplace.read("timed/space.html"));
}

#[test]
fn one_objective_by_name_is_a_study_without_and_times_beside_it_rank_nothing() {
    let workplace = Workplace::with_space(&space("", &[]));
    workplace.run(&format!("{SEARCH} --out plain -q")).ends_with(0);
    for (out, objectives) in
        [("named", &["accuracy"][..]), ("timed", &["accuracy", "seconds_per_epoch"])]
    {
        fs::write(workplace.path("search-spaces/space.toml"), space("", objectives)).unwrap();
        workplace.run(&format!("{SEARCH} --out {out} -q")).ends_with(0);
        let file = |out: &str| workplace.read(&format!("{out}/leaderboard.json"));
        assert_eq!(file("plain"), file(out));
    }
    assert!(workplace.read("timed/cv_results.csv").contains(",rank_test_seconds_per_epoch\n"));
    assert!(workplace.read("named/cv_results.csv").contains(",rank_test_score\n"));

    let minimal = space("", &["parameters"]);
    fs::write(workplace.path("search-spaces/space.toml"), minimal).unwrap();
    workplace.run(&format!("{SEARCH} --out small -q")).ends_with(0);
    let leaderboard = workplace.leaderboard("small");
    assert_eq!(leaderboard["direction"], "minimize");
    assert_eq!(leaderboard["evaluation"]["metric"], "parameters");
    let sizes = leaderboard["trials"].as_array().unwrap().iter().take(8);
    assert!(sizes.is_sorted_by_key(|trial| trial["mean_test_score"].as_f64().unwrap() as u64));
}

#[test]
fn commands_know_the_front_and_a_study_goes_on_with_its_objectives() {
    let workplace = Workplace::with_space(&space("", &["accuracy", "parameters"]));
    workplace.run("search --space spaces/space.toml --trials 4 --limit 1500 -q").ends_with(0);
    workplace.run("search --space spaces/space.toml --resume --trials 9 -q").ends_with(0);
    let leaderboard = workplace.leaderboard("results");
    let best = workplace.run("best --format json").ends_with(0);
    let best: Value = serde_json::from_str(&best.stdout).unwrap();
    let numbers = best.as_array().unwrap().iter().map(|trial| trial["number"].as_u64().unwrap());
    assert_eq!(numbers.collect::<Vec<u64>>(), front(&leaderboard));
    assert_eq!(
        workplace.run("rank --json").ends_with(0).stdout,
        workplace.read("results/leaderboard.json")
    );

    let trials = workplace.run("trials").ends_with(0).stdout;
    assert!(trials.contains("value0") && trials.contains("parameters"), "{trials}");
    let shown = workplace.run("show 1").ends_with(0).stdout;
    assert!(shown.contains("value1 parameters "), "{shown}");
    let studies = workplace.run("studies").ends_with(0).stdout;
    assert!(studies.contains("maximize, minimize"), "{studies}");

    fs::write(workplace.path("search-spaces/space.toml"), space("", &["parameters", "accuracy"]))
        .unwrap();
    let run =
        workplace.run("search --space spaces/space.toml --resume --trials 12 -q").ends_with(2);
    assert!(run.stderr.contains("[study] objectives"), "{}", run.stderr);
}

#[test]
fn what_several_objectives_cannot_have_is_refused_with_what_to_change() {
    let refusal = |settings: &str, objectives: &[&str], more: &str| {
        let workplace = Workplace::with_space(&space(settings, objectives));
        workplace.run(&format!("{SEARCH}{more}")).ends_with(2).stderr
    };
    let two = &["accuracy", "parameters"];
    assert_snapshot!(refusal("", two, " --pruner median"), @"error: the median pruner needs one value to go by, and this study has 2 objectives: leave out `pruner` of [study], or `--pruner`, or all but one [[objective]]");
    assert_snapshot!(refusal("target = 0.9", two, ""), @"error: a target needs one value to go by, and this study has 2 objectives: leave out `target` of [study], or `--target`, or all but one [[objective]]");
    assert_snapshot!(refusal("no_improvement = 3", two, ""), @"error: an end without improvement needs one value to go by, and this study has 2 objectives: leave out `no_improvement` of [study], or `--no-improvement`, or all but one [[objective]]");
    assert_snapshot!(refusal("", two, " --sampler cmaes"), @"error: the cmaes sampler takes one objective, and this study has 2: take tpe, which takes several");
    assert_snapshot!(refusal("", &["accuracy", "parameter"], ""), @r#"
     × search-spaces/space.toml:9:8: the model gives no `parameter`
       ╭─[search-spaces/space.toml:9:8]
     8 │ [[objective]]
     9 │ name = "parameter"
       ·        ─────┬─────
       ·             ╰── here
    10 │ 
       ╰────
     help: did you mean `parameters`? Allowed: accuracy, parameters,
           seconds_per_epoch
    "#);
    assert_snapshot!(refusal("", &["seconds_per_epoch"], ""), @r#"
     × search-spaces/space.toml:7:8: `seconds_per_epoch` cannot be all that is
     │ searched for: a clock decides it, and equal studies must rank their trials
     │ alike
      ╭─[search-spaces/space.toml:7:8]
    6 │ [[objective]]
    7 │ name = "seconds_per_epoch"
      ·        ─────────┬─────────
      ·                 ╰── here
    8 │ 
      ╰────
     help: add an [[objective]] before it: `accuracy` or `parameters`
    "#);
    assert_snapshot!(refusal("", &["seconds_per_epoch", "accuracy"], ""), @r#"
     × search-spaces/space.toml:7:8: `seconds_per_epoch` cannot be the first
     │ objective: a clock decides it, and equal studies must rank their trials
     │ alike
      ╭─[search-spaces/space.toml:7:8]
    6 │ [[objective]]
    7 │ name = "seconds_per_epoch"
      ·        ─────────┬─────────
      ·                 ╰── here
    8 │ [[objective]]
      ╰────
     help: put `accuracy` before it: by that trials are ranked
    "#);
}
