//! Places that cannot be written to, numbers that are none, and calls that are refused: what a search does then.
#![cfg(unix)]

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileTypeExt;
use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::harness::Workplace;

const SEARCH: &str = "search --space spaces/space.toml --jobs 1";

/// A search whose score is its param.
fn workplace(settings: &str, space: &str) -> Workplace {
    command("sh -c 'echo {a}'", settings, space)
}

fn command(command: &str, settings: &str, space: &str) -> Workplace {
    Workplace::with_space(&format!(
        "[study]\nname = \"s\"\n{settings}\n[objective]\ncommand = \"{command}\"\n[space]\n{space}"
    ))
}

fn unit() -> Workplace {
    workplace("", "a = { low = 0.0, high = 1.0 }")
}

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nobody reads.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn progress_that_cannot_be_written_ends_no_search() {
    let workplace = unit();
    for (out, stderr) in [("full", full()), ("closed", closed_pipe())] {
        let mut command = workplace.command(&format!("{SEARCH} --trials 5 --out {out}"));
        let status = command.stderr(stderr).stdout(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(0), "{out}");
        assert_eq!(workplace.leaderboard(out)["counts"]["complete"], 5);
    }
}

#[test]
fn a_result_that_cannot_be_printed_is_an_error_and_a_reader_who_left_is_none() {
    let workplace = unit();
    workplace.run(&format!("{SEARCH} --trials 3 -q")).ends_with(0);
    let commands = [
        &format!("{SEARCH} --trials 3 --out a -q"),
        &format!("{SEARCH} --trials 3 --out b -q --json"),
        &format!("{SEARCH} --trials 3 --dry-run"),
        "space check spaces/space.toml",
        "report",
        "report --study s",
        "rank",
        "rank --json",
        "trials",
        "studies",
        "best",
        "show 0",
        "export",
        "completions bash",
    ];
    for args in commands {
        let run = |stdout: Stdio| {
            let output = workplace.command(args).stdout(stdout).stderr(Stdio::piped()).output();
            let output = output.unwrap();
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let (code, stderr) = run(full());
        assert_eq!(code, Some(1), "{args}: {stderr}");
        assert!(stderr.contains("cannot write to stdout: No space left"), "{args}: {stderr}");
        let (code, stderr) = run(closed_pipe());
        assert_eq!(code, Some(0), "{args}: {stderr}");
    }
    // What could not be printed is in the files, and the study has come to its end.
    assert_eq!(workplace.leaderboard("a")["counts"]["complete"], 3);
    let studies = workplace.run("studies --storage a/studies.db").ends_with(0);
    assert!(studies.stdout.contains("finished") && !studies.stdout.contains("unfinished"));
}

#[test]
fn an_export_goes_through_pipes_and_links() {
    let workplace = unit();
    workplace.run(&format!("{SEARCH} --trials 2 -q")).ends_with(0);
    let fifo = workplace.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let reader = Command::new("cat").arg(&fifo).stdout(Stdio::piped()).spawn().unwrap();
    workplace.run("export --to fifo").ends_with(0);
    let got = reader.wait_with_output().unwrap().stdout;
    assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
    fs::write(workplace.path("target"), "old").unwrap();
    std::os::unix::fs::symlink("target", workplace.path("link")).unwrap();
    workplace.run("export --to link").ends_with(0);
    assert!(workplace.path("link").is_symlink());
    assert_eq!(fs::read(workplace.path("target")).unwrap(), got);
    assert_eq!(got, workplace.run("export").ends_with(0).stdout.into_bytes());
    assert_snapshot!(workplace.run("export --to /dev/full").ends_with(1).stderr, @"error: cannot write /dev/full: No space left on device (os error 28)");
    assert!(fs::metadata("/dev/full").unwrap().file_type().is_char_device());
}

#[test]
fn a_trial_that_could_not_be_printed_goes_to_the_next_who_asks() {
    let workplace = Workplace::with_space("[space]\na = { low = 0.0, high = 1.0 }");
    let ask = "ask --space spaces/space.toml --trials 1";
    for stdout in [full(), closed_pipe()] {
        let output = workplace.command(ask).stdout(stdout).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
    }
    let given = workplace.run(ask).ends_with(0).stdout;
    assert!(given.starts_with("{\"trial\":0,\"params\""), "{given}");
    // Once only.
    workplace.run(ask).ends_with(1);
    workplace.run("tell --trial 0 --value 0.5").ends_with(0);
}

#[test]
fn what_a_program_reports_may_be_no_number() {
    let pruner = "pruner = { name = \"threshold\", lower = 0.1, upper = 0.95 }";
    let workplace = command("sh run.sh", pruner, "a = [1, 2]");
    let script = r#"
if [ "$BURN_TUNE_PARAM_a" = 1 ]; then echo '{"step": 1, "value": NaN}'; else echo '{"step": 1, "value": 1e999}'; fi
sleep 30
echo 0.5
"#;
    fs::write(workplace.path("run.sh"), script).unwrap();
    let run = workplace.run(&format!("{SEARCH} --trials 2")).ends_with(0);
    assert_snapshot!(run.stdout, @r#"
The pruner stopped 2 trials. No trial is complete, so there is no best one: try a milder pruner.
All trials: results/leaderboard.json, results/cv_results.csv; kept in results/s/
Figures, in a browser: results/s.html
"#);
    assert_eq!(workplace.leaderboard("results")["counts"]["pruned"], 2);
}

#[test]
fn steps_are_the_numbers_that_a_reader_counts() {
    let stepped = "a = { low = 0.1, high = 0.9, step = 0.1 }";
    let workplace = workplace("sampler = \"grid\"", stepped);
    workplace.run(&format!("{SEARCH} --trials 10 -q")).ends_with(0);
    let found = workplace.run("trials --where a=0.3 --format csv").ends_with(0);
    assert_eq!(found.stdout.lines().count(), 2, "{}", found.stdout);
    assert!(!workplace.read("results/leaderboard.json").contains("00000"));
}

#[test]
fn an_explicit_trial_on_a_step_is_one_of_the_points() {
    for sampler in ["random", "grid", "sobol", "tpe", "gp", "cmaes"] {
        let stepped = "a = { low = 0.1, high = 0.4, step = 0.1 }\n[[trial]]\na = 0.3";
        let workplace = workplace(&format!("sampler = \"{sampler}\""), stepped);
        workplace.run(&format!("{SEARCH} --trials 50 -q")).ends_with(0);
        assert_eq!(workplace.leaderboard("results")["counts"]["complete"], 4, "{sampler}");
    }
}

#[test]
fn a_search_that_is_refused_leaves_nothing_behind() {
    let refused = |settings: &str, space: &str, more: &str| {
        let workplace = workplace(settings, space);
        let run = workplace.run(&format!("{SEARCH}{more}")).ends_with(2);
        assert!(!workplace.path("results").exists(), "{}", run.stderr);
        if more.is_empty() {
            workplace.run("space check spaces/space.toml").ends_with(2);
        }
        // Nor a study, where there is a database already.
        fs::write(workplace.path("fine.toml"), "[objective]\ncommand = 'echo 1'\n[space]\na = [1]")
            .unwrap();
        workplace.run("search --space fine.toml --trials 1 -q").ends_with(0);
        workplace.run(&format!("{SEARCH}{more}")).ends_with(2);
        let studies = workplace.run("studies --format csv").ends_with(0).stdout;
        assert_eq!(studies.lines().count(), 2, "{studies}");
    };
    let unit = "a = { low = 0.0, high = 1.0 }";
    refused("", "a = { low = 0, high = 9223372036854775806 }", "");
    refused("", "a = { low = -1.7e308, high = 1.7e308 }", "");
    refused("sampler = \"grid\"", unit, "");
    refused("sampler = \"cmaes\"", "a = ['x', 'y']", "");
    refused("pruner = \"hyperband\"", unit, "");
    refused("pruner = { name = \"wilcoxon\", p_threshold = 0 }", unit, "");
    refused("seed = 5000000000", unit, "");
    refused("", unit, " --folds 5");
    refused("", unit, " --data nowhere");
    refused("", unit, " --seed 5000000000");
}

#[test]
fn a_command_that_a_message_names_can_be_pasted_into_a_shell() {
    let workplace = unit();
    workplace.run(&format!("{SEARCH} --trials 2 -q")).ends_with(0);
    let exported = workplace.run("export").ends_with(0).stdout;
    let (study, trials) = exported.split_once('\n').unwrap();
    let mut study: serde_json::Value = serde_json::from_str(study).unwrap();
    study["study"]["name"] = "my study; echo OOPS".into();
    study["study"]["user_attributes"] = serde_json::json!({});
    fs::write(workplace.path("other.jsonl"), format!("{study}\n{trials}")).unwrap();
    workplace.run("import other.jsonl --storage other.db").ends_with(0);
    assert_snapshot!(workplace.run("rank --storage other.db").ends_with(2).stderr, @"error: the study `my study; echo OOPS` has no folds to rank by: it is another program's; `burn-tune trials --study 'my study; echo OOPS' --sort value` sorts it by its values, and `burn-tune search --study 'my study; echo OOPS'` goes on with it");
}

#[test]
fn a_long_list_is_read_in_proportion_to_its_length() {
    let values: Vec<String> = (0..200_000).map(|value| value.to_string()).collect();
    let workplace = workplace("", &format!("a = [{}]", values.join(",")));
    // With the square of the length this takes a minute, which the limit of the test's runner is below.
    let run = workplace.run("space check spaces/space.toml").ends_with(0);
    assert!(run.stdout.contains("200000 points"), "{}", run.stdout);
}

#[test]
fn files_that_could_not_be_written_are_named_where_they_are() {
    let workplace = unit();
    let out = workplace.path("out");
    fs::create_dir_all(out.join("leaderboard.json")).unwrap();
    fs::create_dir_all(out.join("timeline.csv")).unwrap();
    let run = workplace.run(&format!("{SEARCH} --trials 2 --out out -q")).ends_with(1);
    assert!(!run.stdout.contains("leaderboard.json"), "{}", run.stdout);
    assert!(run.stdout.contains("All trials: out/cv_results.csv"), "{}", run.stdout);
    for name in ["leaderboard.json", "timeline.csv"] {
        let rescue = run.stderr.lines().find(|line| line.contains(&format!("write out/{name}")));
        let rescue = rescue.and_then(|line| line.split(" is in ").nth(1)).unwrap_or_default();
        let rescue = rescue.split(": ").next().unwrap_or_default();
        assert!(File::open(rescue).is_ok(), "{}", run.stderr);
        fs::remove_file(rescue).unwrap();
    }
}

#[test]
fn nothing_that_a_program_or_a_file_says_commands_the_terminal() {
    let text = "a = [\"x\\u001b[31m\", \"y\\u009b2J\"]";
    let workplace = command("sh run.sh {a}", "", text);
    fs::write(workplace.path("run.sh"), "printf '\\033[31mred\\007' >&2\nexit 3\n").unwrap();
    let search = workplace.run(&format!("{SEARCH} --trials 2")).ends_with(1);
    let shown = ["trials", "show 0", "rank", "best", "studies"].map(|args| workplace.run(args));
    for run in shown.iter().chain([&search]) {
        let is_control = |c: char| c.is_control() && c != '\n' && c != '\t';
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains(is_control), "{text:?}");
        }
    }
    assert!(search.stdout.contains("\\u{1b}[31mred"), "{}", search.stdout);
}
