//! What has moved between two searches, and scores that have to be reached.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::harness::{Run, Workplace};
use crate::interruption::interrupted;

const SPACE: &str = "[study]\nfolds = 2\ntop = 1\nrefit_seeds = 2\n\n[space]\nlr = [0.01, 0.02]\ndepth = 0\nepochs = 1\n";

/// A folder with the results of a search in `old`, and copies of the leaderboard in `worse` and `better`,
/// where all scores are shifted.
fn workplace() -> Workplace {
    let workplace = Workplace::with_space(SPACE);
    workplace.run("search --space spaces/space.toml --limit 500 --out old -q").ends_with(0);
    for (folder, shift) in [("worse", -0.4), ("better", 0.4)] {
        let mut leaderboard = workplace.leaderboard("old");
        for trial in leaderboard["trials"].as_array_mut().unwrap() {
            trial["mean_test_score"] = (trial["mean_test_score"].as_f64().unwrap() + shift).into();
        }
        fs::create_dir(workplace.path(folder)).unwrap();
        let path = workplace.path(&format!("{folder}/leaderboard.json"));
        fs::write(path, leaderboard.to_string()).unwrap();
    }
    workplace
}

fn with_stdin(workplace: &Workplace, args: &str, file: &str) -> Run {
    let mut command = workplace.command(args);
    command.stdin(File::open(workplace.path(file)).unwrap());
    Run::new(command.output().unwrap(), Path::new("/nowhere"))
}

#[test]
fn the_exit_code_says_whether_the_best_got_worse() {
    let workplace = workplace();
    let said = workplace.run("compare old old/leaderboard.json").ends_with(0).stdout;
    assert!(said.starts_with("The best is as good as before.\n"), "{said}");
    let said = workplace.run("compare old worse --tolerance 0.01").ends_with(1);
    assert!(said.stdout.starts_with("The best got worse.\n"), "{}", said.stdout);
    assert_eq!(said.stderr, "");
    let said =
        workplace.run("compare worse old --format markdown --tolerance 0.01").ends_with(0).stdout;
    assert!(said.starts_with("### burn-tune: the best got better\n"), "{said}");
    workplace.run("compare old worse --tolerance 0.5").ends_with(0);
    workplace.run("compare old worse --format json --tolerance 0").ends_with(1);
}

#[test]
fn a_leaderboard_comes_from_stdin_too_and_json_has_all_of_it() {
    let workplace = workplace();
    let run = with_stdin(
        &workplace,
        "compare - worse --tolerance 0.01 --format json",
        "old/leaderboard.json",
    );
    let comparison: Value = serde_json::from_str(&run.ends_with(1).stdout).unwrap();
    assert_eq!((&comparison["format"], &comparison["verdict"]), (&json!(1), &json!("worse")));
    assert_eq!(comparison["counts"], json!({ "old": 2, "new": 2, "both": 2, "moved": 2 }));
    assert_eq!(comparison["best"]["rank_of_old"], 1);
    assert_eq!(comparison["scores"].as_array().unwrap().len(), 2);
    let by = comparison["scores"][0]["difference"].as_f64().unwrap();
    assert!((by + 0.4).abs() < 1e-9, "{by}");
    // The other way round, too.
    with_stdin(&workplace, "compare old - --tolerance 0.01", "worse/leaderboard.json").ends_with(1);
}

#[test]
fn a_leaderboard_of_format_1_is_compared_with_one_of_today() {
    let workplace = workplace();
    let mut old = workplace.leaderboard("old");
    old["format"] = 1.into();
    let first = old["trials"][0].clone();
    for key in ["rank", "params", "mean_test_score", "std_test_score", "split_test_scores"] {
        old["top"][0][key] = first[key].clone();
    }
    fs::create_dir(workplace.path("first")).unwrap();
    fs::write(workplace.path("first/leaderboard.json"), old.to_string()).unwrap();
    let said = workplace.run("compare first old").ends_with(0).stdout;
    assert!(said.contains("2 on both sides, with the same scores to the last digit"), "{said}");
    let page = workplace.run("report --out first").ends_with(0).stdout;
    assert!(workplace.read(page.trim()).contains("<table"), "{page}");
}

#[test]
fn what_is_no_leaderboard_is_refused_with_its_name() {
    let workplace = workplace();
    let refused = |args: &str| workplace.run(args).ends_with(2).stderr;
    assert_snapshot!(refused("compare old nowhere"), @"error: cannot read nowhere: name a leaderboard.json, a folder that has one, or - for stdin: No such file or directory (os error 2)");
    assert_snapshot!(refused("compare search-spaces old"), @"error: cannot read search-spaces/leaderboard.json: name a leaderboard.json, a folder that has one, or - for stdin: No such file or directory (os error 2)");
    assert_snapshot!(refused("compare - -"), @"error: stdin holds one leaderboard: name a file or a folder for the other");
    fs::write(workplace.path("empty"), "").unwrap();
    assert_snapshot!(refused("compare empty old"), @"error: empty is empty, and no leaderboard");
    assert_snapshot!(refused("compare search-spaces/space.toml old"), @"error: search-spaces/space.toml: expected value at line 1 column 2; the file may be damaged: write it anew with `burn-tune search`");
    assert_snapshot!(refused("compare old old --tolerance nan"), @"
    error: invalid value 'nan' for '--tolerance <D>': write a number, at least 0, such as 0.002

    For more information, try '--help'.
    ");
    let mut other = workplace.leaderboard("old");
    other["direction"] = "minimize".into();
    fs::write(workplace.path("other"), other.to_string()).unwrap();
    assert_snapshot!(refused("compare old other"), @"error: the direction is `maximize` in the old leaderboard and `minimize` in the new one: no score of the one is better or worse than one of the other");
    let later = workplace.read("old/leaderboard.json").replacen("2", "9", 1);
    fs::write(workplace.path("later"), later).unwrap();
    assert_snapshot!(refused("compare later old"), @"error: later: it has format 9, and this program reads formats 1 to 2: it was written by another version of burn-tune; write it anew with `burn-tune search`");
}

#[test]
fn a_verdict_outlives_a_pipe_that_is_closed() {
    let workplace = workplace();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = workplace.command("compare old worse --tolerance 0.01");
    let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(1), 0));
}

#[test]
fn a_score_that_is_not_reached_ends_with_1_after_all_files_are_written() {
    let workplace = Workplace::with_space(SPACE);
    let search = "search --space spaces/space.toml --limit 500 -q";
    let run = workplace.run(&format!("{search} --json --min-score 0.999")).ends_with(1);
    assert_eq!(run.stdout, workplace.read("results/leaderboard.json"));
    assert!(run.stderr.starts_with("error: the best accuracy is 0."), "{}", run.stderr);
    assert!(
        run.stderr.ends_with(" is below the 0.999 that --min-score asks for\n"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stderr.lines().count(), 1);
    for file in ["cv_results.csv", "timeline.csv", "space.html"] {
        assert!(workplace.path(&format!("results/{file}")).exists(), "{file}");
    }

    // The study is whole all the same: nothing is trained again, and the next one may ask for less.
    let before = workplace.read("results/leaderboard.json");
    let resumed = format!("{search} --resume --study space --min-score");
    workplace.run(&format!("{resumed} 0.999")).ends_with(1);
    workplace.run(&format!("{resumed} 0.01")).ends_with(0);
    assert_eq!(workplace.read("results/leaderboard.json"), before);

    let run = workplace.run("rank --json --min-score 0.999").ends_with(1);
    assert_eq!(run.stdout, before);
    assert!(run.stderr.contains("is below the 0.999"), "{}", run.stderr);
    workplace.run("rank --min-score 0.01").ends_with(0);
    assert!(workplace.run("rank --min-score inf").ends_with(2).stderr.contains("such as 0.97"));
}

#[test]
fn without_a_complete_trial_no_score_is_reached() {
    let workplace = Workplace::with_space(SPACE);
    let args = "search --space spaces/space.toml --limit 500 -q --timeout 0s";
    workplace.run(&format!("{args} --out a")).ends_with(0);
    let run = workplace.run(&format!("{args} --out b --min-score 0.5")).ends_with(1);
    assert_snapshot!(run.stderr, @"error: no trial is complete, so none has the accuracy of 0.5 that --min-score asks for");
    assert_eq!(workplace.leaderboard("b")["trials"], json!([]));
}

#[test]
fn a_search_that_was_interrupted_says_so_and_not_that_its_score_is_too_low() {
    let space = "[space]\nlr = { low = 1e-4, high = 1e-2 }\nepochs = 1\nhidden_size = 32\n";
    let workplace = Workplace::with_space(space);
    let args = "search --space spaces/space.toml --trials 100000 --limit 3000 --min-score 0.999";
    let (code, said) = interrupted(&workplace, args, "/100000 trial ", &["-INT"]);
    assert_eq!(code, Some(130), "{said}");
    assert!(!said.contains("--min-score asks for"), "{said}");
    assert!(!workplace.leaderboard("results")["trials"].as_array().unwrap().is_empty());
}
