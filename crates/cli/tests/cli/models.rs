//! Models that searches keep: found, used, and gone with their trials.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::Workplace;

const SMALL: &str = r#"
[study]
seed = 3
top = 2
refit_seeds = 2

[space]
batch_size  = 50
lr          = { low = 1e-3, high = 1e-1, log = true }
epochs      = 1
activation  = ["relu", "tanh"]
hidden_size = [16, 24]

[[trial]]
name = "dead"
lr = 1e30
activation = "relu"
hidden_size = 16
"#;

const SEARCH: &str = "search --space spaces/space.toml --trials 6 --limit 2000 -q";

/// The folders of models, such as `trial-3/fold-0`.
fn models(workplace: &Workplace, study: &str) -> Vec<String> {
    let names = |path: &Path| {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let all = workplace.path(&format!("results/{study}/models"));
    let tasks = |trial: &String| {
        let trial = trial.clone();
        names(&all.join(&trial)).into_iter().map(move |task| format!("{trial}/{task}"))
    };
    let mut models: Vec<String> = names(&all).iter().flat_map(tasks).collect();
    models.sort();
    models
}

#[test]
fn the_model_of_the_best_is_kept_and_predicts_what_the_leaderboard_says() {
    let workplace = Workplace::with_space(SMALL);
    let run = workplace.run(&SEARCH.replace(" -q", "")).ends_with(0);
    assert!(run.stdout.contains("Models of the best: results/space/models/\n"), "{}", run.stdout);
    let leaderboard = workplace.leaderboard("results");
    let best = &leaderboard["top"][0];
    let trial = &best["trial"];
    let tasks = ["fold-0", "fold-1", "fold-2", "refit-0", "refit-1"];
    assert_eq!(models(&workplace, "space"), tasks.map(|task| format!("trial-{trial}/{task}")));
    let folder = format!("results/space/models/trial-{trial}/refit-0");
    assert_eq!(workplace.run("best --model").ends_with(0).stdout, format!("{folder}\n"));
    for file in ["model.bpk", "model.safetensors", "model.json", "params.json"] {
        assert!(workplace.path(&folder).join(file).is_file(), "{file}");
    }
    let predicted = |args: &str| -> Value {
        let run = workplace.run(&format!("predict {args}--format json")).ends_with(0);
        serde_json::from_str(&run.stdout).unwrap()
    };
    let json = predicted("");
    assert_eq!(json["accuracy"], best["refit"]["test_scores"][0]);
    assert_eq!(json["predictions"].as_array().unwrap().len(), 2000);
    let other = folder.replace("refit-0", "refit-1/model.bpk");
    let all = predicted(&format!("--model {other} --data mnist "));
    assert_eq!(all["predictions"].as_array().unwrap().len(), 10_000);
    let csv = workplace.run("predict --format csv").ends_with(0);
    assert!(csv.stderr.starts_with(&format!("accuracy {}", json["accuracy"])), "{}", csv.stderr);
    let first = &json["predictions"][0];
    let second_line = csv.stdout.lines().nth(1).unwrap();
    let expected = ["index", "label", "predicted", "probability"].map(|key| first[key].to_string());
    assert_eq!(second_line, expected.join(","));
    let table = workplace.run("predict").ends_with(0).stdout;
    assert!(table.contains("… and 1980 more"), "{table}");

    workplace.run("delete --study space --yes").ends_with(0);
    assert!(!workplace.path("results/space/models").exists());
}

#[test]
fn an_option_says_how_many_and_no_score_depends_on_it() {
    let workplace = Workplace::with_space(SMALL);
    workplace.run(&format!("{SEARCH} --study none --keep-models 0")).ends_with(0);
    workplace.run(&format!("{SEARCH} --study all --keep-models 9 --jobs 3")).ends_with(0);
    let [none, all] =
        ["none", "all"].map(|study| workplace.read(&format!("results/{study}/leaderboard.json")));
    assert_eq!(none, all);
    assert_eq!(models(&workplace, "none"), [""; 0]);
    // Three folds of five trials that did not fail, and two refits of each of the best two.
    assert_eq!(models(&workplace, "all").len(), 3 * 5 + 2 * 2);
    assert!(models(&workplace, "all").iter().all(|model| !model.starts_with("trial-0/")));
    let refused = workplace.run("best --study none --model").ends_with(1).stderr;
    assert!(refused.contains("is kept here: `burn-tune search --keep-models 1`"), "{refused}");
}

#[test]
fn wrong_models_and_data_are_refused() {
    let workplace = Workplace::with_space(SMALL);
    workplace.run(&format!("{SEARCH} --folds 1 --top 0")).ends_with(0);
    let model = workplace.run("best --model").ends_with(0).stdout;
    assert!(model.ends_with("/fold-0\n"), "without refits it is the first fold: {model}");
    let refused = |args: &str| workplace.run(args).ends_with(2).stderr;
    assert!(
        refused("predict --model results").contains("there is no model of burn-tune in results")
    );
    let model = model.trim_end();
    let without_data = refused(&format!("predict --model {model}"));
    assert!(without_data.contains("name with --data a folder of IDX files"), "{without_data}");
    let mut small = vec![0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2];
    small.extend([0; 4]);
    fs::write(workplace.path("small"), small).unwrap();
    let other_size = refused(&format!("predict --model {model} --data small"));
    assert!(
        other_size.contains("an example has 4 numbers here, and the model takes 784"),
        "{other_size}"
    );
}

#[test]
fn each_of_several_best_has_a_model() {
    let objectives = "[[objective]]\nname = \"accuracy\"\n[[objective]]\nname = \"parameters\"\n";
    let workplace = Workplace::with_space(&format!("{SMALL}{objectives}"));
    workplace.run(&format!("{SEARCH} --folds 1 --keep-models 9")).ends_with(0);
    let front = workplace.run("best --format json").ends_with(0).stdout;
    let front: Value = serde_json::from_str(&front).unwrap();
    let expected = front.as_array().unwrap().iter().map(|best| best["model"].as_str().unwrap());
    let folders = workplace.run("best --model").ends_with(0).stdout;
    assert!(folders.lines().eq(expected), "{folders}");
    if folders.lines().count() > 1 {
        let said = workplace.run("predict").ends_with(2).stderr;
        assert!(said.contains("name one of these models with --model:\n"), "{said}");
    }
    let first = folders.lines().next().unwrap();
    workplace.run(&format!("predict --model {first} --data mnist")).ends_with(0);
}

/// Whoever cannot write models still has the scores.
#[cfg(unix)]
#[test]
fn a_model_that_cannot_be_written_costs_no_score() {
    let workplace = Workplace::with_space(SMALL);
    let begun = SEARCH.replace("--trials 6", "--trials 2");
    let resumed = "search --space spaces/space.toml --resume --trials 6";
    workplace.run(&format!("{begun} --study first --keep-models 0")).ends_with(0);
    workplace.run(&format!("{resumed} --study first --keep-models 0")).ends_with(0);
    workplace.run(&format!("{begun} --study kept")).ends_with(0);
    fs::remove_dir_all(workplace.path("results/kept/models")).unwrap();
    fs::write(workplace.path("results/kept/models"), "no folder").unwrap();
    let run = workplace.run(&format!("{resumed} --study kept")).ends_with(0);
    assert!(run.stderr.contains("is not kept, but its score is"), "{}", run.stderr);
    let [first, kept] = ["first", "kept"]
        .map(|study| workplace.leaderboard(&format!("results/{study}"))["trials"].clone());
    assert_eq!(first, kept);
    let trials = workplace.run("trials --study kept --format json").ends_with(0).stdout;
    assert!(trials.contains("\"model_not_saved\""), "{trials}");
}
