//! Searches that end early: in order, with what is there.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::harness::Workplace;

const ENDLESS: &str = "[space]\nlr = { low = 1e-4, high = 1e-2 }\nepochs = 1\nhidden_size = 32\n";
const ARGS: &str = "search --space spaces/space.toml --trials 100000 --limit 3000 --jobs 2";

/// Sends a signal, such as `-INT`.
pub fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

/// Starts a search, sends each signal at one more line that has `trigger` in it, and gives the exit
/// code and all that was said.
pub fn interrupted(
    workplace: &Workplace,
    args: &str,
    trigger: &str,
    signals: &[&str],
) -> (Option<i32>, String) {
    let mut child =
        workplace.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut signals = signals.iter();
    let (mut said, mut awaited) = (String::new(), trigger);
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains(awaited)
            && let Some(name) = signals.next()
        {
            signal(&child, name);
            // The system makes one of two equal signals of which it has not delivered the first.
            awaited = "are finished first";
        }
        said.push_str(&line);
        said.push('\n');
    }
    let mut table = String::new();
    child.stdout.take().unwrap().read_to_string(&mut table).unwrap();
    (child.wait().unwrap().code(), said + &table)
}

#[test]
fn an_interrupted_search_leaves_a_leaderboard_of_what_is_there() {
    for name in ["-INT", "-TERM"] {
        let workplace = Workplace::with_space(ENDLESS);
        let (code, said) = interrupted(&workplace, ARGS, "/100000 trial ", &[name]);
        assert_eq!(code, Some(130), "{said}");
        assert!(said.contains("the running trials are finished first"), "{said}");
        let leaderboard = workplace.leaderboard("results");
        assert!(leaderboard["counts"]["complete"].as_u64().unwrap() >= 1);
        assert!(leaderboard["top"][0]["refit"].is_null());
    }
}

#[test]
fn a_second_signal_abandons_what_runs() {
    let workplace = Workplace::with_space(ENDLESS);
    let (code, said) = interrupted(&workplace, ARGS, "/100000 trial ", &["-INT", "-INT"]);
    assert_eq!(code, Some(130), "{said}");
    assert!(workplace.leaderboard("results")["counts"]["complete"].as_u64().unwrap() >= 1);
}

#[test]
fn interrupted_refits_leave_a_ranking_without_them() {
    let workplace = Workplace::with_space(&format!("[study]\nrefit_seeds = 100000\n{ENDLESS}"));
    let args = "search --space spaces/space.toml --trials 2 --limit 3000 --top 1";
    let (code, said) = interrupted(&workplace, args, "refit 2/100000", &["-INT"]);
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("the running refits are finished first"), "{said}");
    let leaderboard = workplace.leaderboard("results");
    assert_eq!(leaderboard["counts"]["complete"], 2);
    assert!(leaderboard["top"][0]["refit"].is_null());
}

#[test]
fn a_timeout_ends_in_order_with_refits() {
    let workplace = Workplace::with_space(ENDLESS);
    workplace.run(&format!("{ARGS} --timeout 1s --top 1")).ends_with(0);
    let leaderboard = workplace.leaderboard("results");
    assert!(leaderboard["counts"]["complete"].as_u64().unwrap() >= 1);
    assert!(leaderboard["top"][0]["refit"]["mean"].is_number());
}
