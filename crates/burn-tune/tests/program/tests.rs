//! What the program does.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{ABORT, CHANGED, EPOCHS, FAIL, HANG, MEMORY, PROGRAM, SLOW, SLOW_EPOCH, UNSEEDED};

type Test = fn();

const TESTS: &[(&str, Test)] = &[
    ("the leaderboard does not depend on jobs or on who does the work", any_workers),
    ("a search that was killed goes on to the same bytes, and leaves no process", killed),
    ("a fold that was broken off goes on at its epoch, to the same bytes", gone_on),
    ("a worker that is killed fails its trial, and leaves no checkpoint", worker_killed),
    ("a study that is begun anew finds no checkpoint of the one before", begun_anew),
    ("a training that takes its process along fails alone", aborted),
    ("a training that takes too long is ended", timed_out),
    ("a training that takes too much memory fails alone", too_large),
    ("a thread that goes on after its time is told of, and given up", deaf_threads),
    ("a process that does not hear is killed at the second Ctrl-C", deaf_processes),
    ("no score depends on the devices, and each job has one", devices),
    ("a study keeps the backend that was chosen, and one that is not there is told", backends),
    ("a file narrows the space, with lines for what is wrong", narrowed),
    ("a file chooses among what a training measures, for any worker", chosen),
    ("the models of the best stay, and of the others nothing", models),
    ("the model of the best trial is found, from anywhere, and goes with its study", best_model),
    ("an option keeps more or fewer models, and no score depends on it", fewer_models),
    ("what a killed search has left of a trial that has ended goes", nothing_left),
    ("pruners decide in processes as in threads", pruned),
    ("commands know the study and speak of the program by its name", commands),
    ("a check tells whether a training can be repeated", checked),
    ("a study of another space is told field by field, and what is there stays", changed),
    ("the space is listed with what its comments say", described),
    ("trials are asked for and told without the function", asked),
    ("a worker ends a study by what the database has of it", worked_elsewhere),
    ("a worker of another program or space is refused", worker_refused),
];

/// Runs all of them, or those whose names have the words of the arguments.
pub fn run() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    for (name, test) in TESTS.iter().filter(|(name, _)| {
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
    command.env_remove("BURN_TUNE_STORAGE").env_remove("BURN_DEVICE").stdin(Stdio::null());
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
    let expected = searched("--trials 12 --seed 5 --jobs 1");
    assert_eq!(searched("--trials 12 --seed 5 --jobs 4"), expected);
    assert_eq!(searched("--trials 12 --seed 5 --jobs 4 --workers threads"), expected);
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

/// The epochs that were trained: the process, what identifies the training, and the epoch.
fn epochs(folder: &Path) -> Vec<(u32, String, u64)> {
    let text = fs::read_to_string(folder.join("epochs")).unwrap_or_default();
    let epoch = |line: &str| {
        let (process, rest) = line.split_once(' ')?;
        let (training, epoch) = rest.rsplit_once(' ')?;
        Some((process.parse().ok()?, training.to_owned(), epoch.parse().ok()?))
    };
    text.lines().filter_map(epoch).collect()
}

/// Waits until so many epochs have begun.
#[track_caller]
fn wait_for_epochs(folder: &Path, count: usize) {
    let is_there = (0..2_000).any(|_| {
        thread::sleep(Duration::from_millis(5));
        epochs(folder).len() >= count
    });
    assert!(is_there, "only {} of {count} epochs have begun", epochs(folder).len());
}

/// The search, every epoch of which is noted.
fn noted(folder: &Path, args: &str) -> Command {
    let mut command = program(folder, args);
    command.env(EPOCHS, folder.join("epochs")).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn gone_on() {
    for args in ["--trials 6", "--trials 10 --pruner median", "--trials 6 --workers threads"] {
        let whole = folder();
        assert!(
            noted(whole.path(), &format!("search --jobs 1 {args}")).status().unwrap().success()
        );
        let folder = folder();
        let mut search = format!("search --jobs 2 --lease 5s {args}");
        for kills in 1.. {
            let before = epochs(folder.path()).len();
            let mut running = noted(folder.path(), &search).env(SLOW_EPOCH, "40").spawn().unwrap();
            // The last time in a refit, which is the end of the search.
            let count = if kills == 4 { epochs(whole.path()).len() - 5 } else { before + 5 };
            wait_for_epochs(folder.path(), count);
            running.kill().unwrap();
            running.wait().unwrap();
            search = "search --resume --jobs 2 --lease 5s".to_owned();
            search += args.split_once(" --workers").map_or("", |_| " --workers threads");
            if kills == 4 {
                break;
            }
        }
        assert!(folder.path().join("results/net/checkpoints").is_dir());
        assert!(noted(folder.path(), &search).status().unwrap().success());
        same_bytes(folder.path(), whole.path());
        assert!(!folder.path().join("results/net/checkpoints").exists(), "nothing is left");
        went_on(&epochs(folder.path()), &epochs(whole.path()), 4);
    }
}

/// What was trained more often than without the kills is one epoch for each that was under way.
#[track_caller]
fn went_on(epochs: &[(u32, String, u64)], undisturbed: &[(u32, String, u64)], kills: usize) {
    let again = epochs.len() - undisturbed.len();
    assert!(again <= 2 * kills, "{again} epochs were trained again: {epochs:?}");
    let mut all: Vec<(&str, u64)> = epochs.iter().map(|(_, task, e)| (task.as_str(), *e)).collect();
    all.sort();
    all.dedup();
    let mut expected: Vec<(&str, u64)> =
        undisturbed.iter().map(|(_, task, e)| (task.as_str(), *e)).collect();
    expected.sort();
    assert_eq!(all, expected, "no epoch is left out");
    let in_the_middle = epochs.iter().enumerate().filter(|(place, (process, task, epoch))| {
        let is_first = |(p, t, _): &(u32, String, u64)| p == process && t == task;
        *epoch > 1 && !epochs[..*place].iter().any(is_first)
    });
    assert!(in_the_middle.count() >= 2, "folds began in the middle: {epochs:?}");
}

/// Leaderboard, curves, models, and what the database has of values on the way.
#[track_caller]
fn same_bytes(folder: &Path, other: &Path) {
    assert_eq!(leaderboard(folder), leaderboard(other));
    let bytes = |folder: &Path, name: &str| fs::read(folder.join("results").join(name)).unwrap();
    assert_eq!(bytes(folder, "curves.npz"), bytes(other, "curves.npz"));
    let models = |folder: &Path| files(&folder.join("results/net/models"));
    assert_eq!(models(folder), models(other));
    assert_eq!(stored(folder), stored(other));
}

/// The trials of the database without times and who did them: values, what was reported on the way, curves.
#[track_caller]
fn stored(folder: &Path) -> Vec<Value> {
    let exported = done(folder, "export --study net");
    let lines = exported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let trials: Vec<Value> = lines.filter_map(|line| line.get("trial").cloned()).collect();
    assert!(!trials.is_empty(), "nothing is exported");
    let without_times = |trial: &Value| {
        let tasks = trial["system_attributes"].as_object().unwrap().iter();
        let tasks =
            tasks.filter(|(key, _)| key.as_str() != "burn_tune:worker").map(|(key, json)| {
                let task: Value = serde_json::from_str(json.as_str().unwrap()).unwrap();
                (key.clone(), ["score", "flags", "reports"].map(|part| task[part].clone()).into())
            });
        let tasks: serde_json::Map<String, Value> = tasks.collect();
        let parts =
            ["number", "values", "params", "intermediate_values", "curves", "user_attributes"];
        let mut parts: Vec<Value> = parts.map(|part| trial[part].clone()).into();
        parts.push(tasks.into());
        parts.into()
    };
    trials.iter().map(without_times).collect()
}

/// A study that is begun anew under the name of one that was broken off trains every epoch.
fn begun_anew() {
    let folder = folder();
    let search = "search --study net --trials 2 --jobs 1 --top 0";
    for force in ["", " --force"] {
        let mut running = noted(folder.path(), search).env(SLOW_EPOCH, "60").spawn().unwrap();
        wait_for_epochs(folder.path(), 3);
        running.kill().unwrap();
        running.wait().unwrap();
        let checkpoints = folder.path().join("results/net/checkpoints");
        assert!(checkpoints.is_dir());
        let deleted = match force {
            // Somebody else has deleted it, and knows nothing of folders.
            "" => "delete --study net --yes --force --out elsewhere",
            _ => "delete --study net --yes --force",
        };
        done(folder.path(), deleted);
        assert_eq!(checkpoints.exists(), force.is_empty());
        fs::remove_file(folder.path().join("epochs")).unwrap();
        assert!(noted(folder.path(), search).status().unwrap().success());
        let trained: Vec<u64> = epochs(folder.path()).iter().map(|(_, _, e)| *e).collect();
        assert_eq!(trained, [1, 2, 3, 4].repeat(4));
        fs::remove_file(folder.path().join("epochs")).unwrap();
        done(folder.path(), "delete --study net --yes");
        fs::remove_dir_all(folder.path().join("results")).unwrap();
    }
}

#[cfg(target_os = "linux")]
fn worker_killed() {
    let folder = folder();
    let mut search = noted(folder.path(), "search --trials 3 --jobs 1 --top 0")
        .env(SLOW_EPOCH, "100")
        .spawn()
        .unwrap();
    wait_for_epochs(folder.path(), 3);
    let worker = epochs(folder.path())[0].0;
    assert_ne!(worker, search.id());
    let kill = Command::new("kill").arg("-9").arg(worker.to_string()).status().unwrap();
    assert!(kill.success() && search.wait().unwrap().success());
    let leaderboard = leaderboard(folder.path());
    assert!(leaderboard.contains("SIGKILL"), "{leaderboard}");
    assert!(leaderboard.contains("\"complete\": 2") && leaderboard.contains("\"failed\": 1"));
    assert!(!folder.path().join("results/net/checkpoints").exists(), "nothing is left");
}

#[cfg(not(target_os = "linux"))]
fn worker_killed() {}

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

fn too_large() {
    let limited = |args: &str| {
        let folder = folder();
        let args = format!("search --trials 5 --memory-limit 200MiB {args}");
        let output = program(folder.path(), &args).env(MEMORY, "3").output().unwrap();
        (folder, output)
    };
    let (one, output) = limited("--jobs 1");
    assert!(output.status.success(), "{}", text(&output));
    let expected = leaderboard(one.path());
    assert!(expected.contains("its process used more than 200.0 MiB of memory"), "{expected}");
    assert!(expected.contains("\"complete\": 4") && expected.contains("\"failed\": 1"));
    assert!(done(one.path(), "show 3").contains("[its process was killed when it had "));
    let (two, _) = limited("--jobs 2");
    assert_eq!(leaderboard(two.path()), expected);
    let (_, output) = limited("--workers threads");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("threads are all in one: take `--workers processes`, or leave out the limit"),
        "{said}"
    );
    for wrong in ["4", "many", "4 apples", "0.5KiB"] {
        let args = format!("search --memory-limit={}", wrong.replace(' ', "_"));
        let said = text(&program(one.path(), &args).output().unwrap());
        assert!(said.contains("write a size with its unit, such as 512MiB or 4GiB"), "{said}");
    }
}

/// What a search says whose second trial does not end, and which is asked to stop twice, some time after that has begun.
fn interrupted(folder: &Path, args: &str, after: Duration) -> String {
    let mut search = program(folder, args);
    search.env(HANG, "1").stdout(Stdio::piped()).stderr(Stdio::piped());
    let search = search.spawn().unwrap();
    let is_begun = || folder.join("hangs").exists();
    assert!((0..1000).any(|_| {
        thread::sleep(Duration::from_millis(20));
        is_begun()
    }));
    thread::sleep(after);
    for _ in 0..2 {
        let _ = Command::new("kill").args(["-INT", &search.id().to_string()]).status();
        thread::sleep(Duration::from_millis(500));
    }
    let output = search.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    text(&output)
}

fn deaf_threads() {
    let folder = folder();
    let args = "search --trials 3 --jobs 1 --workers threads --trial-timeout 300ms";
    let said = interrupted(folder.path(), args, Duration::from_secs(5));
    let told = "warning: fold 0 of trial 1 goes on after the 300ms that its trial may take";
    assert!(said.contains(told), "{said}");
    assert!(said.contains("is given up: all that has ended is stored. To go on: "), "{said}");
    assert!(leaderboard(folder.path()).contains("\"complete\": 1"), "the first trial is there");
    assert!(folder.path().join("results/net.html").exists());
    let whole = searched("--trials 3 --jobs 1");
    done(folder.path(), "search --resume --workers threads");
    assert_eq!(leaderboard(folder.path()), whole);
}

fn deaf_processes() {
    let folder = folder();
    let said = interrupted(folder.path(), "search --trials 3 --jobs 1", Duration::ZERO);
    assert!(said.contains("The study is not finished. To go on: "), "{said}");
    #[cfg(target_os = "linux")]
    assert!(nobody_is_left(folder.path()));
    done(folder.path(), "search --resume");
    assert_eq!(leaderboard(folder.path()), searched("--trials 3 --jobs 1"));
}

fn devices() {
    // With Burn, numbers are those of its devices, and on the processor there is one.
    let [first, second] = if cfg!(feature = "burn") { [0, 0] } else { [0, 3] };
    // A trial keeps what one of its trainings printed: so it has only one.
    let both = format!("--trials 8 --folds 1 --device {first},{second}");
    let folder = folder();
    done(folder.path(), &format!("search {both} --per-device 2 --workers processes"));
    assert_eq!(leaderboard(folder.path()), searched("--trials 8 --folds 1 --jobs 1"));
    let said: String = (0..8).map(|n| done(folder.path(), &format!("show {n}"))).collect();
    for device in [first, second] {
        assert!(said.contains(&format!("computes on device {device}\n")), "{said}");
    }
    assert_eq!(searched(&format!("{both} --workers threads")), leaderboard(folder.path()));
    done(folder.path(), "search --resume --trials 9 --device 0");
    assert!(done(folder.path(), "show 8").contains("computes on device 0\n"));
    assert!(!done(folder.path(), "search --resume --trials 10").is_empty());
    assert!(!done(folder.path(), "show 9").contains("computes on device"));

    let opening = program(folder.path(), &format!("search {both} --per-device 3")).output();
    let said = text(&opening.unwrap());
    assert!(said.contains("6 jobs"), "{said}");
    for (args, problem) in [
        ("--per-device 2", "--device <N>"),
        ("--device 0 --per-device 2 --jobs 3", "cannot be used with"),
        ("--device 0,0 --per-device 1000", "are too many jobs: at most 1024"),
        ("--fuse 4", "error: --fuse is for models that can be trained together"),
        ("--device gpu", "write whole numbers, such as 0 or 0,1"),
        ("--device=-1", "write whole numbers, such as 0 or 0,1"),
    ] {
        let said = refused(&format!("search {args}"));
        assert!(said.contains(problem), "{said}");
    }
    if cfg!(feature = "burn") {
        let said = refused("search --device 0,1");
        assert!(said.contains("error: there is no device 1: 0 is Flex(Cpu)\n"), "{said}");
    }
}

/// What is said to these arguments, which are wrong, and leave nothing behind.
#[track_caller]
fn refused(args: &str) -> String {
    let folder = folder();
    let output = program(folder.path(), args).output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{args}: {said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{args}: {said}");
    said
}

fn backends() {
    let help = done(folder().path(), "search --help");
    assert_eq!(help.contains("--backend"), cfg!(feature = "burn"), "{help}");
    if !cfg!(feature = "burn") {
        assert!(refused("search --backend flex").contains("unexpected argument '--backend'"));
        return;
    }
    let folder = folder();
    done(folder.path(), "search --study mine --trials 3 --backend FLEX");
    assert_eq!(leaderboard(folder.path()), searched("--trials 3 --study mine"));
    // It goes on with the same, and its workers have it from their beginning.
    done(folder.path(), "search --resume --trials 4 --workers threads");
    done(folder.path(), "search --resume --trials 5");
    for n in [0, 3, 4] {
        let said = done(folder.path(), &format!("show {n}"));
        // What threads print is not kept.
        assert_eq!(said.contains("computes on the backend flex\n"), n != 3, "{said}");
    }
    let said = |study: &str, variable: &str, args: &str| {
        let mut search = program(folder.path(), &format!("search --resume --study {study} {args}"));
        let output = search.env("BURN_DEVICE", variable).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        text(&output)
    };
    let other = "--backend\n    was \"flex\"\n    is  \"ndarray\"\n";
    assert!(said("mine", "flex", "--trials 6 --backend ndarray").contains(other));
    assert!(said("mine", "ndarray", "--trials 6").contains(other));
    done(folder.path(), "search --study plain --trials 2");
    assert!(said("plain", "flex", "--trials 3").contains("was nothing\n    is  \"flex\"\n"));

    let said = refused("search --backend nonsense");
    assert!(said.contains("error: Burn has no backend `nonsense`: this program has "), "{said}");
    let said = refused("search --backend rocm");
    let problem = "error: this program is built without the backend `rocm`: add the feature `rocm`";
    assert!(said.contains(problem) && said.contains("it has") && said.contains("flex"), "{said}");
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

fn chosen() {
    let folder = folder();
    let search = |objectives: &str, args: &str| {
        fs::write(folder.path().join("chosen.toml"), objectives).unwrap();
        done(folder.path(), &format!("search --space chosen.toml --trials 8 {args}"));
        leaderboard(folder.path())
    };
    let both = "[[objective]]\nname = \"hidden\"\n[[objective]]\nname = \"accuracy\"\n";
    let processes = search(both, "--study a");
    assert_eq!(search(both, "--study b --workers threads"), processes);
    let read: Value = serde_json::from_str(&processes).unwrap();
    for trial in read["trials"].as_array().unwrap() {
        let hidden = trial["params"]["hidden"].as_f64();
        assert_eq!(trial["values"]["hidden"].as_f64(), hidden, "{trial}");
        assert_ne!(trial["values"]["accuracy"].as_f64(), hidden, "{trial}");
    }
    // What ranks is what a pruner sees: of equal widths none is worse than another.
    let widths = "[[objective]]\nname = \"hidden\"\n[space]\nhidden = [32, 64]\n";
    let pruned = search(widths, "--study c --pruner median");
    let threads = search(widths, "--study d --pruner median --workers threads");
    assert_eq!(threads, pruned);
    let read: Value = serde_json::from_str(&pruned).unwrap();
    let trials = read["trials"].as_array().unwrap();
    let narrow = trials.iter().filter(|trial| trial["params"]["hidden"] == 32);
    assert!(narrow.clone().count() > 0);
    assert!(narrow.clone().all(|trial| trial["state"] == "complete"), "{pruned}");
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
        let leaderboard: Value = serde_json::from_str(&leaderboard(folder.path())).unwrap();
        let best = leaderboard["trials"].as_array().unwrap()[..2].iter();
        let best: Vec<u64> = best.map(|trial| trial["trial"].as_u64().unwrap()).collect();
        (files(&folder.path().join("results/net/models")), best)
    };
    let (files, best) = kept("search --trials 10 --jobs 3", "none");
    let expected = |number: &u64| {
        let tasks = ["fold-0", "fold-1", "refit-0", "refit-1"];
        tasks.map(|task| of_task(*number, task)).concat()
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
        folds.extend((0..2).flat_map(|fold| of_task(number, &format!("fold-{fold}"))));
    }
    folds.sort();
    assert_eq!(pruned, folds);
}

/// What is there of a fold or a refit whose model is kept.
fn of_task(trial: u64, task: &str) -> [String; 2] {
    ["model.txt", "params.json"].map(|file| format!("trial-{trial}/{task}/{file}"))
}

fn best_model() {
    let folder = folder();
    done(folder.path(), "search --trials 6 --jobs 2");
    let best: serde_json::Value =
        serde_json::from_str(&done(folder.path(), "best --format json")).unwrap();
    let number = best["number"].as_u64().unwrap();
    let model = format!("results/net/models/trial-{number}/refit-0");
    assert_eq!(done(folder.path(), "best --model"), format!("{model}\n"));
    assert_eq!(best["model"], model);
    assert!(done(folder.path(), "best").contains(&format!("model     {model}\n")));
    let params = fs::read_to_string(folder.path().join(&model).join("params.json")).unwrap();
    let params: serde_json::Value = serde_json::from_str(&params).unwrap();
    assert_eq!((&params["study"], &params["trial"]), (&"net".into(), &number.into()));
    assert_eq!((&params["refit"], &params["params"]), (&0.into(), &best["params"]));
    assert_eq!(params["metrics"]["accuracy"], best["refit"]["test_scores"][0]);
    // From elsewhere, by the database or by the folder.
    let other = self::folder();
    let results = folder.path().join("results");
    let storage = format!("best --model --storage {}", results.join("studies.db").display());
    let found = done(other.path(), &storage);
    assert_eq!(found.trim_end(), folder.path().join(&model).to_str().unwrap());
    let elsewhere = format!("{storage} --out {}", other.path().display());
    let said = text(&program(other.path(), &elsewhere).output().unwrap());
    assert!(
        said.contains("no model of trial") && said.contains("search --keep-models 1"),
        "{said}"
    );
    done(folder.path(), "delete --study net --yes");
    assert!(!folder.path().join("results/net/models").exists());
    assert!(folder.path().join("results/net/leaderboard.json").exists());
}

fn fewer_models() {
    let folder = folder();
    let of_best = |args: &str| {
        done(folder.path(), args);
        let best = done(folder.path(), "best --params");
        let names = fs::read_dir(folder.path().join("results/net/models"));
        (best, names.map(|names| names.count()).unwrap_or(0))
    };
    // Both of the best are refitted, and of one the models stay.
    let (best, kept) = of_best("search --trials 8 --jobs 3 --keep-models 1");
    assert_eq!(kept, 1);
    let model = done(folder.path(), "best --model");
    assert!(model.ends_with("/refit-0\n"), "{model}");
    let none = self::folder();
    done(none.path(), "search --trials 8 --keep-models 0");
    assert!(!none.path().join("results/net/models").exists());
    let output = program(none.path(), "best --model").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(done(none.path(), "best --params"), best, "it is the same study");
    assert_eq!(leaderboard(none.path()), leaderboard(folder.path()));
    // More trials: as better ones come, worse ones go.
    let (_, kept) = of_best("search --resume --trials 30 --jobs 3 --keep-models 1");
    assert_eq!(kept, 1);
    assert!(done(folder.path(), "best --model").ends_with("/refit-0\n"));
}

/// A failed trial whose other fold has a score, and what a killed search has left, go at the end.
fn nothing_left() {
    let folder = folder();
    done(folder.path(), "search --trials 4 --jobs 2");
    let models = folder.path().join("results/net/models");
    let worst = done(folder.path(), "trials --sort value --limit 1 --format json");
    let worst: serde_json::Value = serde_json::from_str(&worst).unwrap();
    let left = models.join(format!("trial-{}/fold-1", worst[0]["number"]));
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("model.txt"), "killed before it was removed").unwrap();
    done(folder.path(), "search --resume --trials 5");
    assert!(!left.exists());
    let kept = fs::read_dir(&models).unwrap().count();
    assert_eq!(kept, 2);
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

fn changed() {
    let folder = folder();
    done(folder.path(), "search --trials 3 --jobs 1");
    let before = leaderboard(folder.path());
    let changed = |args: &str| {
        let output = program(folder.path(), args).env(CHANGED, "1").output().unwrap();
        (output.status.code(), text(&output))
    };
    let differences = "because this is not as it was when it began:
  the parameter activation
    was [\"relu\", \"gelu\"]
    is  [\"relu\", \"tanh\"]
  the parameter depth
    was nothing
    is  2
  the parameter dropout
    was 0.0..=0.5, when(activation = \"relu\")
    is  0.0..=0.5, when(activation = [\"relu\", \"tanh\"])
  the parameter hidden
    was 16..=64, step = 16
    is  16..=32, step = 16
  the parameter lr
    was 0.0001..=0.1, log
    is  nothing
  the parameter rate
    was nothing
    is  0.0001..=0.1, log
undo the change, or begin a new study: leave --resume and --study out, or give --study another name
";
    for args in ["search --resume --trials 6", "search --study net --trials 6"] {
        let (code, said) = changed(args);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.ends_with(differences), "{said}");
    }
    let (code, said) = changed("ask --study net");
    assert!(code == Some(2) && said.contains("give --study another name"), "{said}");
    for args in ["best", "trials", "show 0", "rank", "report"] {
        let (code, said) = changed(args);
        assert!(code == Some(0), "{args}: {said}");
    }
    assert_eq!(leaderboard(folder.path()), before);
    let (code, said) = changed("search --trials 2");
    assert!(code == Some(0) && said.contains("study: net-2 in"), "{said}");
}

fn described() {
    let folder = folder();
    let comment = "0.0001..=0.1, log  // The learning rate of Adam.";
    let listed = done(folder.path(), "search --dry-run --trials 2");
    assert!(listed.contains(&format!("lr          {comment}\n")), "{listed}");
    let dropout = "dropout     0.0..=0.5, when(activation = \"relu\")\n";
    assert!(listed.contains(dropout), "{listed}");
    let help = done(folder.path(), "search --help");
    assert!(help.contains(&format!("Parameters:\n  lr          {comment}\n")), "{help}");
    assert!(help.contains("\nExamples:\n"), "{help}");
}

/// A study that is begun, without a trial.
fn begun(folder: &Path, args: &str) {
    done(folder, &format!("search --study s --timeout 0s {args}"));
}

const WORKER: &str = "worker --study s --storage results/studies.db";

fn worked_elsewhere() {
    let folder = folder();
    let file = "[study]\nsampler = \"tpe\"\n[space]\nhidden = [16, 32]\n";
    fs::write(folder.path().join("narrow.toml"), file).unwrap();
    let args = "--trials 14 --seed 5 --space narrow.toml --pruner median";
    done(folder.path(), &format!("search {args} --storage whole.db"));
    let expected = leaderboard(folder.path());
    begun(folder.path(), args);
    fs::remove_file(folder.path().join("narrow.toml")).unwrap();
    let mut other = program(folder.path(), &format!("{WORKER} --jobs 2"));
    let mut other = other.stderr(Stdio::null()).spawn().unwrap();
    let worker = program(folder.path(), &format!("{WORKER} --jobs 1")).output().unwrap();
    assert!(worker.status.success(), "{}", text(&worker));
    assert!(other.wait().unwrap().success());
    done(folder.path(), "rank --study s --out results");
    assert_eq!(leaderboard(folder.path()), expected);
    assert!(files(&folder.path().join("results/s")).iter().all(|file| !file.contains("model")));
    let complete = program(folder.path(), WORKER).output().unwrap();
    assert!(text(&complete).contains("the study is complete"), "{}", text(&complete));
}

fn worker_refused() {
    let folder = folder();
    begun(folder.path(), "--trials 4");
    let changed = program(folder.path(), WORKER).env(CHANGED, "1").output().unwrap();
    assert_eq!(changed.status.code(), Some(2), "{}", text(&changed));
    #[cfg(unix)]
    {
        let other = folder.path().join("other");
        std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &other).unwrap();
        let mut command = Command::new(other);
        command.args(WORKER.split(' ')).current_dir(folder.path()).env(PROGRAM, "1");
        let refused = text(&command.output().unwrap());
        assert!(refused.contains("and this is `other`: start `program-"), "{refused}");
    }
}
