//! Searches that end as they should.

use std::fs;

use insta::assert_snapshot;

use crate::harness::Workplace;

const SMALL: &str = r#"
[study]
seed = 3
top = 2
refit_seeds = 2

[space]
batch_size  = [50, 100]
lr          = { low = 1e-3, high = 1e-1, log = true }
epochs      = 1
activation  = ["relu", "tanh"]
depth       = [0, 1]
hidden_size = 16
softmax     = [false, true]

[[trial]]
name = "dead"
lr = 1e30
activation = "relu"
depth = 1
softmax = false
"#;

#[test]
fn the_leaderboard_is_the_same_to_the_byte_for_any_number_of_jobs() {
    let workplace = Workplace::with_space(SMALL);
    let args = "search --space spaces/space.toml --trials 7 --limit 2000";
    workplace.run(&format!("{args} --jobs 1 --out one")).ends_with(0);
    workplace.run(&format!("{args} --jobs 5 --out five")).ends_with(0);
    assert_eq!(workplace.read("one/leaderboard.json"), workplace.read("five/leaderboard.json"));

    workplace.run(&format!("{args} --seed 4 --out other")).ends_with(0);
    assert_ne!(workplace.read("one/leaderboard.json"), workplace.read("other/leaderboard.json"));
}

#[test]
fn a_leaderboard_ranks_refits_and_flags() {
    let workplace = Workplace::with_space(SMALL);
    let run =
        workplace.run("search --space spaces/space.toml --trials 5 --limit 3000").ends_with(0);
    assert!(run.stderr.contains("5 trials, 3 folds on 3000 examples of mnist, seed 3"));
    assert!(run.stderr.contains("space: search-spaces/space.toml\n"), "which file was taken");

    let leaderboard = workplace.leaderboard("results");
    assert_eq!(leaderboard["counts"]["complete"], 4);
    assert_eq!(leaderboard["counts"]["failed"], 1);
    let best = &leaderboard["top"][0];
    let first = &leaderboard["trials"][0];
    assert_eq!(best["trial"], first["trial"]);
    assert!(first["mean_test_score"].as_f64().unwrap() > 0.5, "{first}");
    assert!(best["refit"]["mean"].as_f64().unwrap() > 0.5, "{best}");
    assert_eq!(best["refit"]["test_scores"].as_array().unwrap().len(), 2);
    assert_eq!(best["refit"]["per_class_recall"].as_array().unwrap().len(), 10);

    let last = leaderboard["trials"].as_array().unwrap().last().unwrap();
    assert_eq!(last["name"], "dead");
    assert_eq!(last["state"], "failed");
    assert_eq!(last["flags"][0], "diverged");
    assert!(last["error"].as_str().unwrap().starts_with("fold 0: the loss is "), "{last}");

    let csv = workplace.read("results/cv_results.csv");
    assert!(csv.starts_with(
        "mean_fit_time,std_fit_time,mean_score_time,std_score_time,param_activation,"
    ));
    assert_eq!(csv.lines().count(), 6);
}

#[test]
fn json_goes_to_stdout_and_quiet_says_nothing() {
    let workplace = Workplace::with_space(SMALL);
    let run = workplace
        .run("search --space search-spaces/space.toml --trials 2 --limit 500 --json -q")
        .ends_with(0);
    assert_eq!(run.stdout, workplace.read("results/leaderboard.json"));
    assert_eq!(run.stderr, "");
}

#[test]
fn a_grid_smaller_than_the_trials_is_tried_whole_with_a_notice() {
    let workplace = Workplace::with_space(
        "[study]\ntop = 0\n[space]\nlr = [0.001, 0.01]\ndepth = 0\nepochs = 1\n",
    );
    let run =
        workplace.run("search --space spaces/space.toml --limit 500 --sampler grid").ends_with(0);
    assert!(run.stderr.contains("the space has only 2 different points"), "{}", run.stderr);
    let leaderboard = workplace.leaderboard("results");
    assert_eq!(leaderboard["trials"].as_array().unwrap().len(), 2);
    assert_eq!(leaderboard["top"].as_array().unwrap().len(), 0);
}

#[test]
fn a_dry_run_shows_candidates_sizes_and_work_and_runs_nothing() {
    let workplace = Workplace::with_space(SMALL);
    let run = workplace
        .run("search --space spaces/space.toml --trials 3 --limit 600 --dry-run")
        .ends_with(0);
    assert!(!workplace.path("results").exists());
    // The time is that of this machine.
    let (text, time) = run.stdout.rsplit_once("time: about ").unwrap();
    assert!(time.contains("GFLOP/s of one core"), "{time}");
    assert_snapshot!(text);
    let learns = "search --space spaces/space.toml --trials 30 --sampler tpe --limit 600 --dry-run";
    let text = workplace.run(learns).ends_with(0).stdout;
    assert!(text.contains("29 trials more cannot be listed yet: tpe proposes them"), "{text}");
}

/// A folder of IDX files: `train` and `test` images of 2 × 2 pixels, in which the class is bright.
pub fn write_idx(workplace: &Workplace, folder: &str, train: usize, test: usize) {
    let folder = workplace.path(folder);
    fs::create_dir_all(&folder).unwrap();
    for (name, len) in [("train", train), ("t10k", test)] {
        let count = (len as u32).to_be_bytes();
        let mut images = [&[0, 0, 8, 3][..], &count, &[0, 0, 0, 2, 0, 0, 0, 2]].concat();
        let mut labels = [&[0, 0, 8, 1][..], &count].concat();
        for example in 0..len {
            let class = example % 4;
            images
                .extend((0..4).map(|pixel| if pixel == class { 250 } else { example as u8 % 50 }));
            labels.push(class as u8);
        }
        fs::write(folder.join(format!("{name}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{name}-labels-idx1-ubyte")), labels).unwrap();
    }
}

#[test]
fn any_folder_of_idx_files_is_a_data_set() {
    let workplace = Workplace::with_space(
        "[space]\nlr = [0.01, 0.03]\ndepth = 0\nbatch_size = 4\nepochs = 3\n",
    );
    write_idx(&workplace, "squares", 120, 40);
    workplace.run("search --space spaces/space.toml --data squares --folds 1 --top 1").ends_with(0);
    let leaderboard = workplace.leaderboard("results");
    assert_eq!(leaderboard["evaluation"]["dataset"], "squares");
    assert_eq!(leaderboard["evaluation"]["train_examples"], 120);
    assert_eq!(leaderboard["top"][0]["refit"]["mean"], 1.0);
}

#[test]
fn a_search_whose_trials_all_fail_has_failed() {
    let workplace = Workplace::with_space("[space]\nlr = [1e30, 1e35]\ndepth = 2\nepochs = 2\n");
    let run = workplace.run("search --space spaces/space.toml --limit 300").ends_with(1);
    assert!(run.stderr.contains("all 2 trials failed"), "{}", run.stderr);
    assert_eq!(workplace.leaderboard("results")["counts"]["failed"], 2);
}
