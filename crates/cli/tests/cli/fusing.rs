//! Trainings that are computed together, by `--fuse`: the same bytes, whatever happens meanwhile.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use insta::assert_snapshot;

use crate::harness::Workplace;
use crate::interruption::interrupted;

const SPACE: &str = r#"
[study]
name = "s"
seed = 5
top = 2
refit_seeds = 2
window = 5

[space]
batch_size  = [50, 100]
lr          = { low = 1e-3, high = 1e-1, log = true }
epochs      = [2, 3]
activation  = ["relu", "tanh", "gelu"]
depth       = [0, 1, 2]
hidden_size = [8, 16]
softmax     = [false, true]

[[trial]]
name = "dead"
lr = 1e30
activation = "relu"
depth = 1
"#;
const SEARCH: &str = "search --space spaces/space.toml --limit 600 --trials 9";

fn same(workplace: &Workplace, one: &str, other: &str, files: &[&str]) {
    for file in files {
        let bytes = |folder: &str| std::fs::read(workplace.path(&format!("{folder}/{file}")));
        assert!(bytes(one).unwrap() == bytes(other).unwrap(), "{file} of {one} and {other}");
    }
}

#[test]
fn a_search_that_fuses_its_trainings_writes_the_same_bytes() {
    let workplace = Workplace::with_space(SPACE);
    for (number, how) in [
        "--curves",
        "--pruner median --curves",
        "--sampler tpe --folds 1",
        "--folds 5 --pruner hyperband",
    ]
    .into_iter()
    .enumerate()
    {
        let (solo, fused) = (format!("solo-{number}"), format!("fused-{number}"));
        workplace.run(&format!("{SEARCH} {how} --out {solo}")).ends_with(0);
        let run = workplace.run(&format!("{SEARCH} {how} --out {fused} --fuse 8")).ends_with(0);
        assert!(run.stderr.contains("8 jobs on flex"), "{}", run.stderr);
        same(&workplace, &solo, &fused, &["leaderboard.json"]);
        if how.contains("--curves") {
            same(&workplace, &solo, &fused, &["curves.npz"]);
        }
    }
}

#[test]
fn a_training_of_seeds_that_fuses_writes_the_same_bytes() {
    let workplace = Workplace::with_space(SPACE);
    let train = "train --space spaces/space.toml --limit 300 --seeds 3";
    for (more, out) in [("", "solo"), ("--fuse 3 ", "fused")] {
        // Its one trial fails.
        workplace.run(&format!("{train} {more}--out {out}")).ends_with(1);
    }
    same(&workplace, "solo", "fused", &["report.json"]);
}

#[test]
fn a_fused_search_that_is_killed_goes_on_to_the_same_bytes() {
    let workplace = Workplace::with_space(SPACE);
    let search = format!("{SEARCH} --curves");
    workplace.run(&format!("{search} --out undisturbed")).ends_with(0);
    let resume = "search --space spaces/space.toml --resume --study broken --retries 1000";
    let mut args = format!("{search} --study broken --fuse 6");
    for kills in 0.. {
        let mut child =
            workplace.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(250 + 60 * kills));
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            assert!(kills > 0, "it ended before it was killed");
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if workplace.run("studies --format csv").stdout.contains("broken,") {
            let fuse = ["--fuse 1", "--jobs 2", "--fuse 16"][kills as usize % 3];
            args = format!("{resume} {fuse}");
        }
    }
    same(&workplace, "undisturbed", "results", &["leaderboard.json", "curves.npz"]);
}

/// A training that never ends, beside many that do; all of one shape.
const ENDLESS: &str = r#"
[study]
name = "s"

[space]
lr = { low = 1e-4, high = 1e-2, log = true }
epochs = 1
hidden_size = 16

[[trial]]
lr = 0.01
epochs = 1000000
"#;

#[test]
fn an_interrupted_search_abandons_its_fused_trainings() {
    let workplace = Workplace::with_space(ENDLESS);
    let args = "search --space spaces/space.toml --trials 100000 --fuse 3 --folds 1 --limit 600";
    let (code, said) = interrupted(&workplace, args, "/100000 trial ", &["-INT", "-INT"]);
    assert_eq!(code, Some(130), "{said}");
    assert!(workplace.leaderboard("results")["counts"]["complete"].as_u64() >= Some(1));
}

#[test]
fn a_training_that_takes_too_long_fails_beside_others_that_go_on() {
    let workplace = Workplace::with_space(ENDLESS);
    let args = "search --space spaces/space.toml --trials 4 --fuse 6 --limit 600 --top 0 --trial-timeout 4s";
    workplace.run(args).ends_with(0);
    let leaderboard = workplace.leaderboard("results");
    assert_eq!(leaderboard["counts"]["failed"], 1, "{leaderboard}");
    assert_eq!(leaderboard["counts"]["complete"], 3, "{leaderboard}");
}

#[test]
fn what_fuse_cannot_mean_is_answered_with_what_is_allowed() {
    let workplace = Workplace::with_space(SPACE);
    let refused = |args: &str| workplace.run(&format!("{SEARCH} {args}")).ends_with(2).stderr;
    assert_snapshot!(refused("--fuse 0"), @"
    error: invalid value '0' for '--fuse <N>': write `off`, or a whole number, at least 1 and at most 1024

    For more information, try '--help'.
    ");
    assert!(refused("--fuse all").contains("write `off`, or a whole number"));
    assert_snapshot!(refused("--fuse 4 --jobs 2"), @"error: --fuse 4 says how many trainings run at once on a device: leave out --jobs, or take it with `--fuse off`");
    assert!(!workplace.path("results").exists());
    let command = Workplace::with_space(
        "[objective]\ncommand = [\"true\"]\n[space]\nlr = { low = 0.1, high = 1.0 }\n",
    );
    let run = command.run("search --space spaces/space.toml --fuse 4").ends_with(2);
    assert_snapshot!(run.stderr, @"error: --fuse is for models that can be trained together, such as burn-tune's own: --jobs says how many trials run at once");
    assert!(!command.path("results").exists());
}
