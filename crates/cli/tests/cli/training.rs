//! `train` and `report`: the named trials of a file from several seeds, and the pages of what is there.

use std::fs;

use insta::assert_snapshot;

use crate::harness::Workplace;

const MODELS: &str = r#"
[space]
batch_size  = 50
lr          = [0.01, 1e30]
epochs      = 2
depth       = [0, 1]
hidden_size = 16
softmax     = [false, true]

[[trial]]
name = "plain"
reported = 0.85
lr = 0.01
depth = 1
softmax = false

[[trial]]
name = "softmax"
reported = [0.7, 0.8]
lr = 0.01
depth = 1
softmax = true

[[claim]]
model = "softmax"
text = "the loss falls slowly"
fall = "slow"
"#;

const TRAIN: &str = "train --space spaces/space.toml --seeds 2 --limit 2000";

fn report(workplace: &Workplace, folder: &str) -> serde_json::Value {
    serde_json::from_str(&workplace.read(&format!("{folder}/report.json"))).unwrap()
}

#[test]
fn models_are_trained_from_several_seeds_the_same_for_any_number_of_jobs() {
    let workplace = Workplace::with_space(MODELS);
    let run = workplace.run(&format!("{TRAIN} --jobs 1 --out one")).ends_with(0);
    workplace.run(&format!("{TRAIN} --jobs 4 --out four -q")).ends_with(0);
    for file in ["report.json", "report_curves.npz"] {
        let bytes = |folder: &str| fs::read(workplace.path(&format!("{folder}/{file}"))).unwrap();
        assert!(bytes("one") == bytes("four"), "{file}");
    }
    let report = report(&workplace, "one");
    let plain = &report["models"][0];
    assert_eq!(plain["name"], "plain");
    assert_eq!(plain["test_scores"].as_array().unwrap().len(), 2);
    assert!(plain["mean"].as_f64().unwrap() > 0.6, "{plain}");
    assert_eq!(plain["steps"], 80);
    assert_eq!(
        report["models"][1]["flags"].as_array().unwrap().last().unwrap(),
        "softmax_before_cross_entropy"
    );
    for words in ["plain", "0.8500", "0.7000, 0.8000", "falls slowly", "softmax = false"] {
        assert!(run.stdout.contains(words), "{words}:\n{}", run.stdout);
    }
}

#[test]
fn the_page_is_written_and_written_again_from_the_files() {
    let workplace = Workplace::with_space(MODELS);
    workplace.run(TRAIN).ends_with(0);
    workplace.run("search --space spaces/space.toml --trials 3 --limit 500 --curves").ends_with(0);
    let pages = ["results/space-train.html", "results/space.html"];
    let before = pages.map(|page| workplace.read(page));
    for (page, text) in pages.iter().zip(&before) {
        assert!(text.contains("plain") && text.ends_with("</html>\n"), "{page}");
        fs::remove_file(workplace.path(page)).unwrap();
    }
    let run = workplace.run("report").ends_with(0);
    assert_eq!(run.stdout, "results/space.html\nresults/space-train.html\n");
    assert!(before == pages.map(|page| workplace.read(page)), "the same pages");
}

#[test]
fn without_curves_the_page_says_how_to_record_them_and_no_older_ones_are_left() {
    let workplace = Workplace::with_space(MODELS);
    workplace.run(TRAIN).ends_with(0);
    assert!(workplace.path("results/report_curves.npz").exists());
    workplace.run(&format!("{TRAIN} --no-curves")).ends_with(0);
    assert!(!workplace.path("results/report_curves.npz").exists());
    assert!(report(&workplace, "results")["models"][0]["convergence_step"].is_null());
    assert!(workplace.read("results/space-train.html").contains("--no-curves"));
    workplace.run("search --space spaces/space.toml --trials 2 --limit 500").ends_with(0);
    assert!(workplace.read("results/space.html").contains("--curves"));
}

#[test]
fn curves_change_nothing_about_a_leaderboard() {
    let workplace = Workplace::with_space(MODELS);
    let args = "search --space spaces/space.toml --trials 4 --limit 1000";
    workplace.run(&format!("{args} --out plain")).ends_with(0);
    workplace.run(&format!("{args} --curves --out curves")).ends_with(0);
    assert_eq!(workplace.read("plain/leaderboard.json"), workplace.read("curves/leaderboard.json"));
    assert!(workplace.path("curves/curves.npz").exists());
}

#[test]
fn a_model_that_fails_leaves_the_others_and_a_training_of_failures_alone_has_failed() {
    let workplace = Workplace::with_space(&MODELS.replacen("lr = 0.01", "lr = 1e30", 1));
    let run = workplace.run(TRAIN).ends_with(0);
    assert!(run.stdout.contains("0 of 2 done"), "{}", run.stdout);
    let report = report(&workplace, "results");
    assert!(report["models"][0]["errors"][0].as_str().unwrap().contains("the loss is"));
    assert!(report["models"][1]["mean"].is_number());

    let workplace = Workplace::with_space(&MODELS.replace("lr = 0.01", "lr = 1e30"));
    let run = workplace.run(TRAIN).ends_with(1);
    assert!(run.stderr.contains("all trainings failed"), "{}", run.stderr);
}

#[test]
fn wrong_input_is_answered_with_what_to_do() {
    let answer = |space: &str, args: &str| {
        let run = Workplace::with_space(space).run(args).ends_with(2);
        assert_eq!(run.stdout, "");
        run.stderr
    };
    assert_snapshot!(answer("[space]\nlr = [0.1]\n", TRAIN), @r#"
    error: search-spaces/space.toml has no [[trial]], and `train` trains those alone: add one, such as

      [[trial]]
      name = "baseline"

    or use `burn-tune search` to sample from [space]
    "#);
    let twice = MODELS.replace("name = \"softmax\"", "name = \"plain\"");
    let twice = twice.replace("model = \"softmax\"", "model = \"plain\"");
    let twice = answer(&twice, TRAIN);
    assert!(twice.contains("two trials are called `plain`"), "{twice}");
    assert!(twice.contains("space.toml:18:8"), "{twice}");
    assert_snapshot!(answer(MODELS, "report"), @"error: there is no folder results: name one with --out");
    assert_snapshot!(answer(MODELS, "report --out search-spaces"), @"error: there is neither leaderboard.json nor report.json in search-spaces: run `burn-tune search` or `burn-tune train` first, or name the folder with --out");
}

#[test]
fn result_files_of_another_version_or_damaged_ones_are_named() {
    let workplace = Workplace::with_space(MODELS);
    workplace.run(TRAIN).ends_with(0);
    let path = workplace.path("results/report.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("  \"format\": 1,\n", "", 1)).unwrap();
    let older = workplace.run("report").ends_with(2).stderr;
    assert!(older.contains("results/report.json: it has no `format`"), "{older}");
    assert!(older.contains("write it anew with `burn-tune train`"), "{older}");
    fs::write(&path, text).unwrap();
    fs::write(workplace.path("results/report_curves.npz"), "no archive").unwrap();
    let damaged = workplace.run("report").ends_with(2).stderr;
    assert!(damaged.contains("results/report_curves.npz"), "{damaged}");
}

#[test]
fn an_interrupted_training_leaves_a_report_of_what_is_there() {
    let workplace = Workplace::with_space(MODELS);
    let args = "train --space spaces/space.toml --seeds 100000 --limit 1000 --jobs 2";
    let (code, said) = crate::interruption::interrupted(&workplace, args, "training 2/", &["-INT"]);
    assert_eq!(code, Some(130), "{said}");
    let report = report(&workplace, "results");
    assert!(report["models"][0]["test_scores"][0].is_number());
    assert!(report["models"][0]["mean"].is_null());
}
