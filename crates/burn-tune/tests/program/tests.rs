//! What the program does.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::{ABORT, FAIL, PROGRAM, SLOW, UNSEEDED};

type Test = fn();

const TESTS: [(&str, Test); 10] = [
    ("the leaderboard does not depend on jobs or on who does the work", any_workers),
    ("a search that was killed goes on to the same bytes, and leaves no process", killed),
    ("a training that takes its process along fails alone", aborted),
    ("a training that takes too long is ended", timed_out),
    ("a file narrows the space, with lines for what is wrong", narrowed),
    ("the models of the best stay, and of the others nothing", models),
    ("pruners decide in processes as in threads", pruned),
    ("commands know the study and speak of the program by its name", commands),
    ("a check tells whether a training can be repeated", checked),
    ("trials are asked for and told without the function", asked),
];

/// Runs all of them, or those whose names have the words of the arguments.
pub fn run() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    for (name, test) in TESTS.into_iter().filter(|(name, _)| {
        wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()))
    }) {
        println!("test {name}");
        test();
    }
    ExitCode::SUCCESS
}

fn program(folder: &Path, args: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(args.split_whitespace()).current_dir(folder).env(PROGRAM, "1");
    command.env_remove("BURN_TUNE_STORAGE").stdin(Stdio::null());
    command
}

#[track_caller]
fn done(folder: &Path, args: &str) -> String {
    let output = program(folder, args).output().unwrap();
    assert!(output.status.success(), "{args}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{:?}\n{}{}", output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn leaderboard(folder: &Path) -> String {
    fs::read_to_string(folder.join("results/leaderboard.json")).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The leaderboard of a search with these arguments, in a folder of its own.
#[track_caller]
fn searched(args: &str) -> String {
    let folder = folder();
    done(folder.path(), &format!("search {args}"));
    leaderboard(folder.path())
}

fn any_workers() {
    let expected = searched("--trials 12 --jobs 1");
    assert_eq!(searched("--trials 12 --jobs 4"), expected);
    assert_eq!(searched("--trials 12 --jobs 4 --workers threads"), expected);
    assert!(expected.contains("\"slow_start\"") && expected.contains("\"metric\": \"accuracy\""));
}

fn killed() {
    let whole = folder();
    done(whole.path(), "search --trials 12 --jobs 2");
    let folder = folder();
    let mut search = program(folder.path(), "search --trials 12 --jobs 2 --lease 5s");
    let mut search =
        search.env(SLOW, "150").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(Duration::from_millis(800));
    search.kill().unwrap();
    search.wait().unwrap();
    assert!(!folder.path().join("results/leaderboard.json").exists(), "it was in the middle");
    done(folder.path(), "search --resume --lease 5s");
    assert_eq!(leaderboard(folder.path()), leaderboard(whole.path()));
    let models = |folder: &Path| files(&folder.join("results/net/models"));
    assert_eq!(models(folder.path()), models(whole.path()));
    #[cfg(target_os = "linux")]
    assert!(nobody_is_left(folder.path()));
}

/// Whether no process works in the folder any more, at the latest after some seconds.
#[cfg(target_os = "linux")]
fn nobody_is_left(folder: &Path) -> bool {
    let folder = fs::canonicalize(folder).unwrap();
    let works_here = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes.filter_map(|p| fs::read_link(p.path().join("cwd")).ok()).any(|cwd| cwd == folder)
    };
    (0..200).any(|_| {
        thread::sleep(Duration::from_millis(50));
        !works_here()
    })
}

fn aborted() {
    let folder = folder();
    let output =
        program(folder.path(), "search --trials 6 --jobs 2").env(ABORT, "3").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let leaderboard = leaderboard(folder.path());
    assert!(leaderboard.contains("SIGABRT"), "{leaderboard}");
    assert!(leaderboard.contains("the driver is gone"), "{leaderboard}");
    assert!(leaderboard.contains("\"complete\": 5") && leaderboard.contains("\"failed\": 1"));
}

fn timed_out() {
    let folder = folder();
    let args = "search --trials 1 --jobs 1 --trial-timeout 300ms";
    let output = program(folder.path(), args).env(SLOW, "600000").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(leaderboard(folder.path()).contains("timed out"));
}

fn narrowed() {
    let folder = folder();
    let file = folder.path().join("narrow.toml");
    fs::write(&file, "[space]\nhidden = [16, 32]\nactivation = [\"relu\"]\n").unwrap();
    done(folder.path(), "search --trials 5 --space narrow.toml --workers threads");
    let narrow = leaderboard(folder.path());
    assert!(!narrow.contains("gelu") && !narrow.contains("\"hidden\": 64"), "{narrow}");
    for (text, line, problem) in [
        ("[space]\nwidth = 4\n", ":2:1", "there is no parameter `width` to be changed"),
        ("[space]\nlr = 0.1\nhidden = [16, \"wide\"]\n", ":3", "hidden"),
        ("[space]\nhidden = { low = 0.5, high = 1.5 }\n", ":2", "hidden"),
        ("[space]\nactivation = [\"tanh\"]\n", ":2", "activation"),
    ] {
        fs::write(&file, text).unwrap();
        let output =
            program(folder.path(), "search --space narrow.toml --trials 1").output().unwrap();
        let said = self::text(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("narrow.toml{line}")) && said.contains(problem), "{said}");
    }
}

/// The files below the folder of models, in order.
fn files(models: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(models).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => {
                let below = files(&entry.path());
                assert!(!below.is_empty(), "{name} is empty");
                found.extend(below.into_iter().map(|file| format!("{name}/{file}")));
            }
            false => found.push(name),
        }
    }
    found.sort();
    found
}

fn models() {
    let kept = |args: &str, fail: &str| {
        let folder = folder();
        let output = program(folder.path(), args).env(FAIL, fail).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let leaderboard: serde_json::Value =
            serde_json::from_str(&leaderboard(folder.path())).unwrap();
        let best = leaderboard["trials"].as_array().unwrap()[..2].iter();
        let best: Vec<u64> = best.map(|trial| trial["trial"].as_u64().unwrap()).collect();
        (files(&folder.path().join("results/net/models")), best)
    };
    let (files, best) = kept("search --trials 10 --jobs 3", "none");
    let expected = |number: &u64| {
        let tasks = ["fold-0", "fold-1", "refit-0", "refit-1"];
        tasks.map(|task| format!("trial-{number}/{task}/model.txt"))
    };
    let mut all: Vec<String> = best.iter().flat_map(expected).collect();
    all.sort();
    assert_eq!(files, all);
    let (threads, _) = kept("search --trials 10 --jobs 3 --workers threads", "none");
    assert_eq!(threads, all);
    // Of the best one, which now fails, nothing is left.
    let (failed, _) = kept("search --trials 10 --jobs 3", &best[0].to_string());
    assert!(failed.iter().all(|file| !file.starts_with(&format!("trial-{}/", best[0]))));
    let (pruned, best) = kept("search --trials 20 --pruner median --jobs 2 --top 0", "none");
    let mut folds: Vec<String> = Vec::new();
    for number in best {
        folds.extend((0..2).map(|fold| format!("trial-{number}/fold-{fold}/model.txt")));
    }
    folds.sort();
    assert_eq!(pruned, folds);
}

fn pruned() {
    let args = "--trials 20 --pruner median --jobs 2";
    let expected = searched(&format!("{args} --workers threads"));
    assert_eq!(searched(args), expected);
    assert!(!expected.contains("\"pruned\": 0"), "{expected}");
}

fn commands() {
    let folder = folder();
    done(folder.path(), "search --trials 6 -q");
    let name = std::env::current_exe().unwrap();
    let name = name.file_stem().unwrap().to_str().unwrap();
    assert!(done(folder.path(), "best").contains("value"));
    assert!(done(folder.path(), "trials --sort -value --limit 2").contains("2 of 6 trials"));
    assert!(done(folder.path(), "show 0").contains("lr"));
    assert!(done(folder.path(), "rank").contains("accuracy"));
    assert!(done(folder.path(), "search --help").contains(&format!("  {name} search --resume\n")));
    let output = program(folder.path(), "search --resume").output().unwrap();
    let said = text(&output);
    assert!(said.contains("nothing is left to do"), "{said}");
    let output = program(folder.path(), "search --study net --seed 5").output().unwrap();
    let said = text(&output);
    assert!(output.status.code() == Some(2) && said.contains("--seed\n    was 0"), "{said}");
    let other = folder.path().join("none");
    fs::create_dir(&other).unwrap();
    let said = text(&program(&other, "best").output().unwrap());
    assert!(said.contains(&format!("`{name} search` makes one")), "{said}");
}

fn checked() {
    let folder = folder();
    let said = done(folder.path(), "search --check --jobs 3");
    assert!(said.starts_with("trial 0 comes to the same alone and beside 2 others: "), "{said}");
    let output = program(folder.path(), "search --check").env(UNSEEDED, "1").output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(": the score is") && said.contains("usual reasons"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is stored");
}

fn asked() {
    let folder = folder();
    let given = done(folder.path(), "ask --storage s.db");
    assert!(given.starts_with("{\"trial\":0,\"params\":{\"lr\":"), "{given}");
    done(folder.path(), "tell --storage s.db --trial 0 --value 0.625");
    assert!(done(folder.path(), "best --storage s.db").contains("value     0.6250"));
}
