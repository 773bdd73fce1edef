//! What is answered to input that is wrong: where it is, what is allowed, and exit code 2.

use std::fs;

use insta::assert_snapshot;

use crate::harness::Workplace;

fn answer(space: &str, args: &str) -> String {
    let workplace = Workplace::with_space(space);
    let run = workplace.run(args).ends_with(2);
    assert_eq!(run.stdout, "");
    run.stderr
}

const SEARCH: &str = "search --space spaces/space.toml --limit 500";

#[test]
fn a_fault_in_the_file_is_shown_with_its_line() {
    assert_snapshot!(answer("[space]\nlr = [0.1]\nactivation = [\"relu\", \"tanhh\"]\n", SEARCH));
}

#[test]
fn a_value_that_the_model_cannot_take_is_found_before_anything_runs() {
    let answer = answer("[space]\nlr = { low = -1.0, high = 1.0 }\n", SEARCH);
    assert!(answer.contains("space.toml:2:14: `lr` is -1"), "{answer}");
    assert!(answer.contains("allowed: a number above 0"), "{answer}");
}

#[test]
fn a_value_of_another_type_is_answered_with_what_is_allowed_in_words() {
    for (space, place, allowed) in [
        ("hidden_size = 1.5", ":2:15: `hidden_size`", "allowed: a whole number, at least 0"),
        ("softmax = [\"yes\"]", ":2:12: `softmax`", "allowed: true or false"),
        ("activation = 3", ":2:14: `activation`", "allowed: one of relu, leaky_relu, sigmoid"),
    ] {
        let answer = answer(&format!("[space]\n{space}\n"), SEARCH);
        assert!(answer.contains(place) && answer.contains(allowed), "{answer}");
    }
}

#[test]
fn a_file_that_is_not_there_is_answered_with_those_that_are() {
    let answer = answer("[space]\nlr = [0.1]\n", "search --space spaces/mpl.toml");
    assert_snapshot!(answer, @"error: there is no file spaces/mpl.toml; there are the examples mlp.toml, pareto.toml, report.toml, smoke.toml, space.toml, and `burn-tune init` writes a space of your own");
}

#[test]
fn wrong_arguments_are_answered_with_what_is_allowed() {
    let space = "[space]\nlr = [0.1]\n";
    for (args, expected) in [
        ("search --space s.toml --backend flx", "did you mean `flex`?"),
        (
            "search --space spaces/space.toml --device 0,1",
            "no device 1: flex has one, which is device 0",
        ),
        ("train --space spaces/report.toml --device 1", "no device 1: flex has one"),
        ("search --space s.toml --device one", "write whole numbers, such as 0 or 0,1"),
        ("search --space s.toml --per-device 2", "--device <N>"),
        ("search --space s.toml --sampler rnd", "Allowed: random, grid"),
        ("search --space s.toml --jobs 0", "at least 1"),
        ("search --space s.toml --jobs 1000000", "at most 1024"),
        ("search --space spaces/space.toml --limit 5 --folds 9", "folds"),
        ("search --space spaces/space.toml --seed 4294967296", "4294967295"),
        ("search --space spaces/space.toml --data nowhere", "nowhere"),
    ] {
        let answer = answer(space, args);
        assert!(answer.contains(expected), "{args}:\n{answer}");
    }
}

#[test]
fn a_backend_that_is_not_built_in_says_how_to_get_it() {
    if cfg!(not(feature = "wgpu")) {
        let answer = answer("[space]\nlr = [0.1]\n", "search --space s.toml --backend wgpu");
        assert!(answer.contains("cargo xtask search --backend wgpu"), "{answer}");
    }
}

#[test]
fn a_broken_data_file_is_named_with_the_byte() {
    let workplace = Workplace::with_space("[space]\nlr = [0.1]\n");
    let folder = workplace.path("data");
    fs::create_dir(&folder).unwrap();
    for name in ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"] {
        fs::write(folder.join(format!("{name}-ubyte")), [0, 0, 8]).unwrap();
    }
    let answer = workplace.run(&format!("{SEARCH} --data data")).ends_with(2).stderr;
    assert!(answer.contains("train-images-idx3-ubyte, byte "), "{answer}");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_work() {
    let workplace = Workplace::with_space("[space]\nlr = [0.1]\n");
    fs::write(workplace.path("taken"), "").unwrap();
    let answer = workplace.run(&format!("{SEARCH} --out taken")).ends_with(2).stderr;
    assert!(answer.contains("choose another with --out"), "{answer}");
}

#[test]
fn a_space_can_be_checked_alone() {
    let workplace =
        Workplace::with_space("[space]\nlr = [0.1, 0.2]\ndepth = { low = 0, high = 2 }\n");
    let run = workplace.run("space check spaces/space.toml").ends_with(0);
    assert_snapshot!(run.stdout, @"search-spaces/space.toml is fine: 2 parameters, 6 points, 0 explicit trials");
    workplace.run("space check nothing.toml").ends_with(2);
}
