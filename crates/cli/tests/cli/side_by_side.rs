//! Studies beside each other: no files of one are replaced by another's, and what was lost is taken up again.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::harness::Workplace;

const SPACE: &str = "[study]\ntop = 0\nfolds = 2\n[space]\nlr = { low = 1e-3, high = 1e-1, log = true }\nepochs = 1\nhidden_size = 16\n";
const SEARCH: &str = "search --space spaces/space.toml --limit 300 -q";

#[test]
fn the_files_of_every_study_stay() {
    let workplace = Workplace::with_space(SPACE);
    workplace.run(&format!("{SEARCH} --trials 2")).ends_with(0);
    let first = workplace.read("results/leaderboard.json");
    let page = workplace.read("results/space.html");
    let run = workplace.run(&format!("{SEARCH} --trials 3")).ends_with(0);
    assert!(run.stdout.contains("kept in results/space-2/"), "{}", run.stdout);
    let second = workplace.read("results/leaderboard.json");
    assert_ne!(first, second);
    assert_eq!(workplace.read("results/space/leaderboard.json"), first);
    assert_eq!(workplace.read("results/space-2/leaderboard.json"), second);
    assert_eq!(workplace.read("results/space.html"), page);
    for file in ["cv_results.csv", "timeline.csv"] {
        assert_eq!(
            workplace.read(&format!("results/{file}")),
            workplace.read(&format!("results/space-2/{file}"))
        );
    }
    // The page is that of the study whose files these are.
    let report = workplace.run("report").ends_with(0);
    assert_eq!(report.stdout, "results/space-2.html\n");
    assert_eq!(workplace.read("results/space.html"), page);
    // A study of the same name in another database.
    let elsewhere = format!("{SEARCH} --trials 4 --study space --storage other.db");
    workplace.run(&elsewhere).ends_with(0);
    assert_eq!(workplace.read("results/space/leaderboard.json"), first);
    assert_eq!(workplace.read("results/space.html"), page);
}

#[test]
fn a_leaderboard_that_no_study_here_has_written_is_kept() {
    let workplace = Workplace::with_space(SPACE);
    fs::create_dir(workplace.path("results")).unwrap();
    fs::write(workplace.path("results/leaderboard.json"), "theirs").unwrap();
    let search = SEARCH.replace(" -q", "");
    let run = workplace.run(&format!("{search} --trials 1")).ends_with(0);
    assert!(run.stderr.contains("results/leaderboard.before.json"), "{}", run.stderr);
    assert_eq!(workplace.read("results/leaderboard.before.json"), "theirs");
    let run = workplace.run(&format!("{search} --trials 2")).ends_with(0);
    assert!(!run.stderr.contains("before"), "{}", run.stderr);
}

#[test]
fn a_space_file_may_be_renamed_and_moved() {
    let workplace = Workplace::with_space(SPACE);
    workplace.run(&format!("{SEARCH} --trials 2")).ends_with(0);
    fs::rename(workplace.path("search-spaces/space.toml"), workplace.path("moved.toml")).unwrap();
    workplace.run("search --space moved.toml --resume --study space --trials 4 -q").ends_with(0);
    let resumed = workplace.read("results/leaderboard.json");
    fs::rename(workplace.path("moved.toml"), workplace.path("search-spaces/space.toml")).unwrap();
    workplace.run(&format!("{SEARCH} --trials 4 --out once")).ends_with(0);
    assert_eq!(workplace.read("once/leaderboard.json"), resumed);
}

#[cfg(unix)]
#[test]
fn trials_that_lost_their_workers_too_often_are_taken_up_by_the_next_resume() {
    let workplace = Workplace::with_space(
        "[objective]\ncommand = \"sh -c 'sleep 0.3; echo {a}'\"\n[space]\na = { low = 0.0, high = 1.0 }",
    );
    let search = "search --space spaces/space.toml --trials 4 --jobs 2";
    workplace.run(&format!("{search} --out undisturbed")).ends_with(0);
    let expected = workplace.read("undisturbed/leaderboard.json");
    // With no retry, a trial is lost with the first process that dies in it.
    let kill = |args: &str, ms: u64| {
        let mut child = workplace.command(args).spawn().unwrap();
        thread::sleep(Duration::from_millis(ms));
        let _ = child.kill();
        let _ = child.wait();
    };
    let join = format!("{search} --study s --retries 0 -q");
    let mut was_lost = false;
    for kills in 0..60 {
        kill(&join, 100 + 37 * kills % 200);
        let list = workplace.run("trials --study s --state lost --format csv");
        was_lost |= list.code == Some(0) && list.stdout.lines().count() > 1;
        if was_lost {
            break;
        }
    }
    assert!(was_lost, "no process was killed in the middle of a trial");
    let run = workplace.run(&join).ends_with(1);
    assert!(run.stderr.contains("trial") && run.stderr.contains("--resume"), "{}", run.stderr);
    let resume = "search --space spaces/space.toml --resume --study s -q";
    workplace.run(resume).ends_with(0);
    assert_eq!(workplace.read("results/leaderboard.json"), expected);
    let studies = workplace.run("studies --format json").ends_with(0);
    assert!(!studies.stdout.contains("\"lost\""), "{}", studies.stdout);
}
