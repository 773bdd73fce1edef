//! Studies that go on: after any crash, with more trials, with several processes at once.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use insta::assert_snapshot;

use crate::harness::Workplace;
use crate::interruption::interrupted;

const SPACE: &str = r#"
[study]
name = "s"
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

[[trial]]
name = "dead"
lr = 1e30
activation = "relu"
depth = 1
"#;
const SEARCH: &str = "search --space spaces/space.toml --limit 2000 --trials 9";
const RESUME: &str = "search --space spaces/space.toml --resume";

/// At most `most_ms` milliseconds.
fn some_time(most_ms: u64) -> Duration {
    Duration::from_millis(RandomState::new().build_hasher().finish() % most_ms)
}

fn start(workplace: &Workplace, args: &str) -> Child {
    let quiet = |stream: fn() -> Stdio| stream();
    let mut command = workplace.command(args);
    command.stdout(quiet(Stdio::null)).stderr(quiet(Stdio::null)).spawn().unwrap()
}

/// The leaderboard of a run that nothing happened to.
fn undisturbed(args: &str) -> String {
    let workplace = Workplace::with_space(SPACE);
    workplace.run(args).ends_with(0);
    workplace.read("results/leaderboard.json")
}

fn bytes(workplace: &Workplace, name: &str) -> Vec<u8> {
    std::fs::read(workplace.path(name)).unwrap()
}

#[test]
fn each_run_is_a_study_of_its_own() {
    let workplace = Workplace::with_space(SPACE);
    let search = "search --space spaces/space.toml --limit 300 --trials 2 --top 0";
    for name in ["s", "s-2", "s-3"] {
        let run = workplace.run(search).ends_with(0);
        assert!(run.stderr.contains(&format!("study: {name} in results/studies.db\n")));
    }
    workplace.run(&format!("{search} --study mine --storage other.db")).ends_with(0);
    assert!(workplace.path("other.db").exists());
}

#[test]
fn a_search_that_is_killed_again_and_again_ends_with_the_same_bytes() {
    let search = format!("{SEARCH} --curves");
    let workplace = Workplace::with_space(SPACE);
    workplace.run(&format!("{search} --out undisturbed")).ends_with(0);

    let mut child = start(&workplace, &search);
    let mut kills = 0;
    loop {
        // Long before its end at first, and longer and longer, so that a slow machine gets on, too.
        thread::sleep(some_time(150 + 40 * kills));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success() && kills > 0, "{status} after {kills} kills");
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        // Killed before it had made the study, there is nothing to go on with; and at its very end, neither.
        let studies = workplace.run("studies --format csv").stdout;
        let study = studies.lines().find(|line| line.starts_with("s,"));
        if study.is_some_and(|study| study.contains(",true,")) {
            break;
        }
        let begun = study.is_some();
        let args = if begun { format!("{RESUME} --retries 1000") } else { search.clone() };
        child = start(&workplace, &format!("{args} --jobs {}", 1 + kills % 3));
    }
    for file in ["leaderboard.json", "curves.npz"] {
        let (whole, broken) = (format!("undisturbed/{file}"), format!("results/{file}"));
        assert!(bytes(&workplace, &whole) == bytes(&workplace, &broken), "{file}, {kills} kills");
    }
    let run = workplace.run(RESUME).ends_with(2);
    assert_snapshot!(run.stderr, @"error: nothing is left to do: the newest study of the space `s`, `s`, has all of its 9 trials; `--resume --trials N` makes more, and without --resume a new study begins");
}

#[test]
fn an_interrupted_search_says_how_to_go_on_and_does() {
    let workplace = Workplace::with_space(SPACE);
    let (code, said) =
        interrupted(&workplace, &format!("{SEARCH} --jobs 1"), "/9 trial 2", &["-INT"]);
    assert_eq!(code, Some(130), "{said}");
    let hint = said
        .lines()
        .find_map(|line| line.strip_prefix("The study is not finished. To go on: burn-tune "));
    let run = workplace.run(hint.unwrap()).ends_with(0);
    assert!(run.stderr.contains("study: s in results/studies.db, which goes on"), "{}", run.stderr);
    assert_eq!(workplace.read("results/leaderboard.json"), undisturbed(SEARCH));
}

#[test]
fn refits_that_were_done_are_not_done_again() {
    let many = SPACE.replace("refit_seeds = 2", "refit_seeds = 30");
    let workplace = Workplace::with_space(&many);
    let args = format!("{SEARCH} --jobs 1");
    let (code, said) = interrupted(&workplace, &args, "refit 2/60", &["-INT"]);
    assert_eq!(code, Some(130), "{said}");
    let run = workplace.run(RESUME).ends_with(0);
    let refitted = |number| run.stderr.contains(&format!("refit {number}/60"));
    assert!(!refitted(1) && refitted(60), "{}", run.stderr);
    let broken_off = workplace.read("results/leaderboard.json");
    workplace.run(&format!("{SEARCH} --out undisturbed")).ends_with(0);
    assert_eq!(broken_off, workplace.read("undisturbed/leaderboard.json"));
}

#[test]
fn more_trials_are_those_of_a_search_that_was_asked_for_them_at_once() {
    let workplace = Workplace::with_space(SPACE);
    workplace.run("search --space spaces/space.toml --limit 2000 --trials 4").ends_with(0);
    let refused =
        workplace.run("search --space spaces/space.toml --study s --trials 9").ends_with(2);
    assert!(refused.stderr.contains("add --resume to make it 9"), "{}", refused.stderr);
    workplace.run(&format!("{RESUME} --trials 9")).ends_with(0);
    assert_eq!(workplace.read("results/leaderboard.json"), undisturbed(SEARCH));
    let refused = workplace.run(&format!("{RESUME} --study s --trials 8")).ends_with(2);
    assert!(refused.stderr.contains("was asked for 9 trials"), "{}", refused.stderr);
}

#[test]
fn what_has_changed_since_is_shown_and_refused() {
    let workplace = Workplace::with_space(SPACE);
    workplace.run(&format!("{SEARCH} --timeout 0s")).ends_with(0);
    let changed = SPACE
        .replace("seed = 3", "seed = 4")
        .replace("[50, 100]", "[50, 100, 200]")
        .replace("depth       = [0, 1]\n", "")
        .replace("lr = 1e30\n", "")
        .replace("depth = 1\n", "");
    std::fs::write(workplace.path("search-spaces/space.toml"), &changed).unwrap();
    let run = workplace.run(&format!("{RESUME} --folds 4 --limit 2000 --curves")).ends_with(2);
    assert_snapshot!(run.stderr, @r#"
    error: the study `s` cannot go on, because this is not as it was when it began:
      [space] batch_size
        was [50, 100]
        is  [50, 100, 200]
      [space] depth
        was [0, 1]
        is  nothing
      [[trial]] 1
        was { name = "dead", params = { activation = "relu", depth = 1, lr = 1e30 } }
        is  { name = "dead", params = { activation = "relu" } }
      [study] seed
        was 3
        is  4
      --folds
        was 3
        is  4
      --curves
        was false
        is  true
    undo the change, or begin a new study: leave --resume and --study out, or give --study another name
    "#);
    std::fs::write(workplace.path("search-spaces/space.toml"), SPACE).unwrap();
    workplace.run(RESUME).ends_with(0);
    assert_eq!(workplace.read("results/leaderboard.json"), undisturbed(SEARCH));
}

#[test]
fn several_processes_share_a_study_and_one_of_them_is_killed() {
    let workplace = Workplace::with_space(SPACE);
    let part =
        |out: usize| format!("{SEARCH} --jobs 1 --study s --storage shared.db --out out{out}");
    let mut all: Vec<Child> = (0..3).map(|out| start(&workplace, &part(out))).collect();
    thread::sleep(Duration::from_millis(600));
    all[1].kill().unwrap();
    all.push(start(&workplace, &part(3)));
    let whole = undisturbed(SEARCH);
    for (out, mut child) in all.into_iter().enumerate() {
        let status = child.wait().unwrap();
        if out != 1 {
            assert!(status.success(), "{out}: {status}");
            assert_eq!(workplace.read(&format!("out{out}/leaderboard.json")), whole);
        }
    }
    let trials = workplace.run("trials --storage shared.db --format csv").ends_with(0).stdout;
    assert_eq!(trials.lines().count(), 1 + 9, "{trials}");
}

/// Whether nobody else can write to a database.
#[cfg(unix)]
fn is_locked(file: &std::path::Path) -> bool {
    use burn_tune_search::Stop;
    use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageUrl};

    let retry_policy = RetryPolicy { limit: Duration::from_secs(1), stop: Stop::default() };
    let url = StorageUrl::Sqlite(file.to_owned());
    let written = Storage::open(&url, OpenMode::MustExist, retry_policy).and_then(|mut storage| {
        let study = storage.study("s")?.expect("the search has made it");
        storage.set_study_attribute(study.id, "written_by_a_test", "true")
    });
    written.is_err()
}

#[cfg(unix)]
#[test]
fn a_process_that_stops_and_comes_back_loses_its_trial_and_nothing_else() {
    let signal = |child: &Child, name: &str| {
        let pid = child.id().to_string();
        let kill = std::process::Command::new("kill").args([name, &pid]).status();
        assert!(kill.unwrap().success());
    };
    let workplace = Workplace::with_space(SPACE);
    let part = |out: &str| {
        format!("{SEARCH} --jobs 1 --study s --storage shared.db --out {out} --lease 5s")
    };
    let mut stopped = start(&workplace, &part("stopped"));
    while !workplace
        .run("trials --storage shared.db --state complete --format csv")
        .stdout
        .contains("\n1,")
    {
        thread::sleep(Duration::from_millis(20));
    }
    signal(&stopped, "-STOP");
    // In the middle of a transaction it keeps the file locked for as long as it is stopped, whatever its lease.
    while is_locked(&workplace.path("shared.db")) {
        signal(&stopped, "-CONT");
        thread::sleep(some_time(10));
        signal(&stopped, "-STOP");
    }
    workplace.run(&part("other")).ends_with(0);
    signal(&stopped, "-CONT");
    assert!(stopped.wait().unwrap().success());
    let whole = undisturbed(SEARCH);
    assert_eq!(workplace.read("other/leaderboard.json"), whole);
    assert_eq!(workplace.read("stopped/leaderboard.json"), whole);
}

/// A limit on the size of files stands for a disk that is full.
#[cfg(unix)]
#[test]
fn what_a_full_disk_does_not_take_is_rescued_and_imported() {
    let workplace = Workplace::with_space(SPACE);
    // Begun without a limit, so that there is a study on the disk.
    workplace.run(&format!("{SEARCH} --timeout 0s")).ends_with(0);
    let program = assert_cmd::cargo::cargo_bin("burn-tune");
    let limited = format!(
        "trap '' XFSZ; ulimit -f 180; exec {} {RESUME} --storage results/studies.db --out full",
        program.display()
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &limited])
        .current_dir(workplace.path("."))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("results/studies.db cannot be "), "{said}");
    let file = said.split("what was computed is in ").nth(1).unwrap().split(':').next().unwrap();
    let import = workplace.run(&format!("import {file}")).ends_with(0);
    assert!(import.stderr.contains("`s`"), "{}", import.stderr);
    workplace.run(RESUME).ends_with(0);
    assert_eq!(workplace.read("results/leaderboard.json"), undisturbed(SEARCH));
}

#[test]
fn a_trial_that_takes_too_long_fails_and_says_so() {
    let workplace =
        Workplace::with_space(&SPACE.replace("epochs      = 1", "epochs = [1, 100000]"));
    let args =
        "search --space spaces/space.toml --limit 2000 --trials 6 --trial-timeout 4s --top 0";
    workplace.run(args).ends_with(0);
    let leaderboard = workplace.leaderboard("results");
    let trials = leaderboard["trials"].as_array().unwrap();
    let (long, short): (Vec<_>, Vec<_>) = trials
        .iter()
        .filter(|trial| trial["name"].is_null())
        .partition(|trial| trial["params"]["epochs"] == 100_000);
    assert!(!long.is_empty() && !short.is_empty(), "{trials:?}");
    let late = "fold 0: timed out: the trial took longer than 4s";
    assert!(long.iter().all(|trial| trial["error"] == late), "{long:?}");
    assert!(short.iter().all(|trial| trial["state"] == "complete"), "{short:?}");
}

#[test]
fn a_database_that_cannot_be_is_refused_before_anything_runs() {
    let workplace = Workplace::with_space(SPACE);
    std::fs::write(workplace.path("text.db"), "no database at all, but a text of some length\n")
        .unwrap();
    let refused = |args: &str| {
        let run = workplace.run(&format!("{SEARCH} {args}")).ends_with(2);
        assert_eq!(run.stdout, "");
        run.stderr
    };
    assert_snapshot!(refused("--storage text.db"), @"error: text.db is no SQLite database: name another with --storage");
    assert_snapshot!(refused("--storage mysql://me:secret@host/x"), @"error: `mysql://` is no database that studies can be kept in: name a file (results/studies.db), sqlite:///FILE, postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or https://HOST:PORT of a `burn-tune serve`");
    assert_snapshot!(refused("--storage search-spaces/space.toml/x.db"), @"error: cannot make the folder search-spaces/space.toml: File exists (os error 17)");
    assert_snapshot!(refused("--resume"), @"error: there is no database results/studies.db with a study to go on with: leave --resume out to begin one, or name another with --storage");
    assert_snapshot!(refused("--resume --study t"), @"error: there is no database results/studies.db with a study to go on with: leave --resume out to begin one, or name another with --storage");
}
