//! What a newcomer does first: a file to begin with, the examples, and what other tools are used with.

use std::fs;

use insta::assert_snapshot;

use crate::harness::{Run, Workplace};

fn empty() -> Workplace {
    let workplace = Workplace::with_space("");
    fs::remove_dir_all(workplace.path("search-spaces")).unwrap();
    workplace
}

#[test]
fn a_file_to_begin_with_is_searched_as_it_stands() {
    let workplace = empty();
    assert_snapshot!(workplace.run("init").ends_with(0).stderr, @r#"
written: space.toml
next: burn-tune search --space space.toml --trials 8 --limit 3000
"#);
    workplace.run("space check space.toml").ends_with(0);
    workplace.run("search --space space.toml --trials 2 --limit 300 --top 0 -q").ends_with(0);
    let mine = "# mine";
    fs::write(workplace.path("space.toml"), mine).unwrap();
    assert_snapshot!(workplace.run("init").ends_with(2).stderr, @"error: space.toml is there already, and is not replaced: name another file, or add --force");
    assert_eq!(workplace.read("space.toml"), mine);
    workplace.run("init --force").ends_with(0);
    assert_ne!(workplace.read("space.toml"), mine);
}

#[cfg(unix)]
#[test]
fn a_program_to_begin_with_is_searched_as_it_stands() {
    let workplace = empty();
    assert_snapshot!(workplace.run("init new/mine.toml --command").ends_with(0).stderr, @r#"
written: new/mine.toml
written: new/train.py
next: cd new && burn-tune search --space mine.toml --trials 8
"#);
    let search = "search --space mine.toml --trials 12 --jobs 2 -q";
    let run = workplace.command(search).current_dir(workplace.path("new")).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(workplace.leaderboard("new/results")["counts"]["failed"], 0);
}

/// CI builds what is written, and searches with it.
#[test]
fn a_crate_to_begin_with_is_written_and_never_replaced() {
    let workplace = empty();
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut init = workplace.command("init tuned --crate --path");
    let run = Run::new(init.arg(&repository).output().unwrap(), &workplace.path(""));
    assert_snapshot!(run.ends_with(0).stderr, @r#"
written: tuned/Cargo.toml
written: tuned/src/main.rs
next: cd tuned && cargo run --release -- search --trials 20
"#);
    let manifest = workplace.read("tuned/Cargo.toml");
    assert!(manifest.starts_with("[package]\nname = \"tuned\"\n"), "{manifest}");
    let folder =
        manifest.split("burn-tune = { path = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(std::path::Path::new(folder).join("src/lib.rs").exists(), "{folder}");

    let mine = "// mine";
    fs::write(workplace.path("tuned/src/main.rs"), mine).unwrap();
    fs::remove_file(workplace.path("tuned/Cargo.toml")).unwrap();
    let refused = |args: &str| workplace.run(args).ends_with(2).stderr;
    assert_snapshot!(refused("init tuned --crate"), @"error: tuned/src/main.rs is there already, and is not replaced: name another folder");
    assert_eq!(workplace.read("tuned/src/main.rs"), mine);
    assert!(!workplace.path("tuned/Cargo.toml").exists());

    assert_snapshot!(refused("init tuned/match --crate"), @"error: a crate cannot be called `match`, as its folder is: that is a keyword of Rust; name another folder");
    assert!(!workplace.path("tuned/match").exists());
    assert_snapshot!(refused("init new --crate --path tuned"), @"error: tuned is neither the crate burn-tune nor its repository: give --path a folder whose Cargo.toml has `name = \"burn-tune\"`");
    workplace.run("init tuned --crate --force").ends_with(2);

    fs::create_dir(workplace.path("here")).unwrap();
    let mut init = workplace.command("init --crate");
    let run =
        Run::new(init.current_dir(workplace.path("here")).output().unwrap(), &workplace.path(""));
    assert_snapshot!(run.ends_with(0).stderr, @r#"
written: ./Cargo.toml
written: ./src/main.rs
next: cargo run --release -- search --trials 20
"#);
    assert!(workplace.read("here/Cargo.toml").contains("burn-tune = { version = "));
}

#[test]
fn the_examples_are_there_in_any_folder() {
    let workplace = empty();
    workplace.run("space check spaces/mlp.toml").ends_with(0);
    workplace
        .run("search --space spaces/smoke.toml --trials 2 --limit 300 --top 0 -q")
        .ends_with(0);
    assert_snapshot!(workplace.run("space list").ends_with(0).stdout, @r#"
spaces/mlp.toml       The main job
spaces/smoke.toml     A search that ends within a minute
spaces/pareto.toml    How small can a model be? Two objectives, and a third that a clock decides
spaces/report.toml    The eight models of the report that this project began from, and what it says of them
"#);
    let shown = workplace.run("space show smoke").ends_with(0).stdout;
    assert!(shown.contains("[space]"));
    assert_snapshot!(workplace.run("space show nothing").ends_with(2).stderr, @"error: there is no example nothing: there are mlp.toml, smoke.toml, pareto.toml, report.toml");
}

#[test]
fn what_other_tools_take_is_understood_or_answered() {
    let workplace = Workplace::with_space("[space]\nlr = [0.1, 0.01]\n");
    fs::write(workplace.path("data.csv"), "a,b").unwrap();
    let args =
        "search --space spaces/space.toml --n-trials 2 --cv 2 --n_jobs 1 --limit 300 --top 0 -q";
    workplace.run(args).ends_with(0);
    let search = "search --space spaces/space.toml -q";
    let refused = |args: &str| workplace.run(args).ends_with(2).stderr;
    assert_snapshot!(refused(&format!("{search} --data data.csv")), @"error: data.csv is a file, and --data takes a folder of IDX files, as MNIST has: train-images-idx3-ubyte, train-labels-idx1-ubyte, and t10k-… for the test. An IDX file of bytes is its header (0, 0, 8, the number of dimensions, each dimension as four bytes) and then the bytes, which numpy's `tofile` writes; other data are searched by a program of your own: `burn-tune init --command`");
    assert_snapshot!(refused(&format!("{search} --backend cuda")), @r#"
error: invalid value 'cuda' for '--backend <B>': allowed: flex, ndarray, wgpu; wgpu computes on graphics cards, by Vulkan, Metal or DirectX

For more information, try '--help'.
"#);
    assert_snapshot!(refused("search --space space.yaml"), @"error: space.yaml is no TOML file, as search spaces are: `burn-tune init space.toml` writes one to begin with");
    assert_snapshot!(refused("search --space nothing.toml"), @"error: there is no file nothing.toml; there are the examples mlp.toml, pareto.toml, report.toml, smoke.toml, space.toml, and `burn-tune init` writes a space of your own");
}

#[test]
fn devices_lists_the_processor_and_says_how_to_get_cards() {
    if cfg!(not(any(feature = "wgpu", feature = "ndarray"))) {
        let workplace = Workplace::with_space("");
        let listed = workplace.run("devices").ends_with(0);
        assert!(listed.stdout.contains("\nflex          0  processor   "), "{}", listed.stdout);
        assert!(listed.stderr.contains("wgpu: this program was built without it: `cargo xtask"));
        let json = workplace.run("devices --json").ends_with(0).stdout;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["devices"][0]["backend"], "flex");
        assert_eq!(json["missing"][1]["is_built_in"], false);
    }
}
