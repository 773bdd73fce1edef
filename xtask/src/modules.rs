//! House rules on what may know what: no circles among the modules of a crate, who depends on whom among
//! the crates, and words that the code of `search` is to do without.

mod code;

use std::collections::{BTreeMap, BTreeSet};

use self::code::{Code, Place, ROOT};
use crate::tidy::{assert_none, manifests};

/// Which crate depends on which others of the workspace. An arrow that is no longer there is taken off.
const DEPENDS_ON: &[(&str, &[&str])] = &[
    ("search", &[]),
    ("data", &[]),
    ("derive", &[]),
    ("folds", &[]),
    ("process", &[]),
    ("command", &["process", "search"]),
    ("worker", &["process", "search"]),
    ("ranking", &["search"]),
    ("report", &["ranking", "search"]),
    ("storage", &["ranking", "search"]),
    ("spec", &["command", "ranking", "search"]),
    ("study", &["ranking", "search", "storage"]),
    ("app", &["ranking", "report", "search", "spec", "storage", "study"]),
    (
        "burn-tune",
        &["app", "derive", "folds", "ranking", "search", "spec", "storage", "study", "worker"],
    ),
    ("model", &["burn-tune", "data"]),
    (
        "cli",
        &[
            "app",
            "burn-tune",
            "command",
            "data",
            "folds",
            "model",
            "ranking",
            "search",
            "spec",
            "study",
        ],
    ),
];

/// `search` is to know no file format, and not what is trained.
const WORDS: [&str; 5] = ["toml", "mnist", "softmax", "digit", "epoch"];
/// How often each file of `search` still has one of [`WORDS`]. Whoever takes some out lowers the number.
const STILL_THERE: &[(&str, usize)] = &[
    // What messages call the steps of a pruner: users would see another word.
    ("crates/search/src/pruner/settings.rs", 1),
];

#[test]
fn modules_do_not_depend_on_each_other_in_circles() {
    let packages = manifests().filter(|(package, _)| package.starts_with("crates/"));
    let circles = packages.flat_map(|(package, _)| {
        let graph = Graph::of(&Code::of(&package));
        let faults = graph
            .circles()
            .into_iter()
            .map(|circle| format!("{package}: {circle:?}\n{}", graph.arrows_among(&circle)));
        faults.collect::<Vec<String>>()
    });
    assert_none(circles, "move what both need into a module of its own");
}

#[test]
fn crates_depend_on_each_other_as_is_listed() {
    let found = manifests().filter(|(package, _)| package.starts_with("crates/")).map(
        |(package, manifest)| {
            // Not those of tests: there, a crate may use one that stands above it.
            let sections = ["dependencies", "build-dependencies"];
            let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
            let names = tables.flat_map(toml::Table::keys);
            let ours = names.filter(|name| name.starts_with("burn-tune"));
            let ours: BTreeSet<&str> =
                ours.map(|name| name.strip_prefix("burn-tune-").unwrap_or(name)).collect();
            let package = package.trim_start_matches("crates/");
            (package.to_owned(), ours.into_iter().map(str::to_owned).collect::<Vec<_>>())
        },
    );
    let found: BTreeMap<String, Vec<String>> = found.collect();
    let listed: BTreeMap<&str, &[&str]> = DEPENDS_ON.iter().copied().collect();
    let faults = found.iter().filter(|(package, others)| {
        listed.get(package.as_str()).is_none_or(|listed| listed != others)
    });
    let faults = faults.map(|(package, others)| {
        format!("{package} depends on {others:?}; listed is {:?}", listed.get(package.as_str()))
    });
    assert_none(
        faults,
        "an arrow more is a decision: see ARCHITECTURE.md; one less is taken off `DEPENDS_ON`",
    );
}

#[test]
fn search_knows_no_file_format_and_not_what_is_trained() {
    let code = Code::of("crates/search");
    let mut found: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, word) in &code.words {
        for _ in 0..count(word) {
            found.entry(&place.file).or_default().push(place.line);
        }
    }
    let listed: BTreeMap<&str, usize> = STILL_THERE.iter().copied().collect();
    let all: BTreeSet<&str> = found.keys().chain(listed.keys()).copied().collect();
    let faults = all.into_iter().filter_map(|file| {
        let lines = found.get(file).map_or(&[][..], Vec::as_slice);
        let listed = listed.get(file).copied().unwrap_or(0);
        let fault =
            || format!("(\"{file}\", {}), and listed is {listed}: lines {lines:?}", lines.len());
        (lines.len() != listed).then(fault)
    });
    let rule = format!("do without the words {WORDS:?}; `STILL_THERE` is only to become shorter");
    assert_none(faults, &rule);
}

/// How often one of [`WORDS`] is in `text`.
fn count(text: &str) -> usize {
    let text = text.to_lowercase();
    WORDS.iter().map(|word| text.matches(word).count()).sum()
}

/// Which module depends on which, with one place where it does.
#[derive(Default)]
struct Graph(BTreeMap<String, BTreeMap<String, Place>>);

impl Graph {
    fn of(code: &Code) -> Self {
        let mut graph = Self::default();
        for mention in &code.mentions {
            let from = mention.module.first().map_or(ROOT, String::as_str);
            if let Some(to) = code.target(mention).filter(|to| to != from) {
                let arrows = graph.0.entry(from.to_owned()).or_default();
                arrows.entry(to).or_insert_with(|| mention.place.clone());
            }
        }
        graph
    }

    fn reached_from(&self, module: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![module];
        while let Some(module) = open.pop() {
            for to in self.0.get(module).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(to.as_str()) {
                    open.push(to);
                }
            }
        }
        reached
    }

    /// The modules that reach each other, together; those that are in no circle are left out.
    fn circles(&self) -> BTreeSet<Vec<String>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.0.keys().map(|module| (module.as_str(), self.reached_from(module))).collect();
        let in_circle = reached.iter().filter(|(module, to)| to.contains(*module));
        let circles = in_circle.map(|(module, to)| {
            let back =
                to.iter().filter(|other| reached.get(*other).is_some_and(|to| to.contains(module)));
            back.map(|module| (*module).to_owned()).collect()
        });
        circles.collect()
    }

    fn arrows_among(&self, modules: &[String]) -> String {
        let arrows = modules.iter().flat_map(|from| self.0[from].iter().map(move |to| (from, to)));
        let inner = arrows.filter(|(_, (to, _))| modules.contains(to));
        let lines = inner
            .map(|(from, (to, Place { file, line }))| format!("    {from} → {to}: {file}:{line}"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arrows of a crate with these files.
    fn graph(files: &[(&str, &str)]) -> Graph {
        let texts = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        Graph::of(&Code::in_files("", &texts.collect()))
    }

    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let graph = graph(files);
        let arrows = graph.0.iter().flat_map(|(from, arrows)| {
            arrows
                .iter()
                .map(move |(to, Place { file, line })| format!("{from} {to} {file}:{line}"))
        });
        arrows.collect()
    }

    #[test]
    fn a_circle_is_found_with_the_place_of_each_arrow() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b::B;\nuse crate::d::D;"),
            ("b.rs", "use std::fmt;\nuse crate::c;"),
            ("c.rs", "fn f() -> crate::a::A {}"),
            ("d.rs", "use std::fmt;"),
        ];
        let graph = graph(&files);
        assert_eq!(graph.circles(), BTreeSet::from([["a", "b", "c"].map(str::to_owned).to_vec()]));
        assert_eq!(
            graph.arrows_among(&["a", "b", "c"].map(str::to_owned)),
            "    a → b: a.rs:1\n    b → c: b.rs:2\n    c → a: c.rs:1"
        );
    }

    #[test]
    fn two_circles_are_two_though_one_leads_to_the_other() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::a::A; use crate::c::C;"),
            ("c.rs", "use crate::d::D;"),
            ("d.rs", "use crate::c::C;"),
        ];
        let circles = [["a", "b"], ["c", "d"]].map(|circle| circle.map(str::to_owned).to_vec());
        assert_eq!(graph(&files).circles(), BTreeSet::from(circles));
    }

    #[test]
    fn a_use_is_an_arrow_for_each_of_its_paths() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d; mod e;"),
            (
                "a.rs",
                "use crate::{\n    b::{self, B},\n    c::{inner::{X, Y}, Z as W},\n    d,\n};",
            ),
            ("b.rs", "use super::c::*;"),
            ("c.rs", ""),
            ("d.rs", "use std::c::C; use ::c::C; use other::e; use serde::{c, e::E};"),
            ("e.rs", "fn f() { use crate::d as other; }"),
        ];
        let expected = ["a b a.rs:2", "a c a.rs:3", "a d a.rs:4", "b c b.rs:1", "e d e.rs:1"];
        assert_eq!(arrows(&files), expected);
    }

    #[test]
    fn nested_modules_count_as_the_one_below_the_root() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c { pub mod inner; }"),
            ("a.rs", "mod inner; use self::inner::X;"),
            ("a/inner.rs", "mod deep; use super::Y; use super::super::b::B;"),
            ("a/inner/deep.rs", "fn f() { super::inner(); super::super::super::c::inner::f() }"),
            ("b/mod.rs", "mod part;"),
            ("b/part.rs", "mod here { fn f() { super::f(); super::super::super::c::f() } }"),
            ("c/inner.rs", ""),
        ];
        assert_eq!(
            arrows(&files),
            ["a b a/inner.rs:1", "a c a/inner/deep.rs:1", "b c b/part.rs:1"]
        );
    }

    #[test]
    fn a_name_that_the_root_hands_on_leads_to_where_it_is_from() {
        let files = [
            (
                "lib.rs",
                "mod a; mod b; pub mod c; pub use b::{B, Old as New}; use crate::c::C; use ext::X;",
            ),
            ("a.rs", "use crate::B;"),
            ("b.rs", "use crate::X; use super::C;"),
            ("c.rs", "use crate::New;"),
        ];
        assert_eq!(
            arrows(&files),
            ["a b a.rs:1", "b c b.rs:1", "c b c.rs:1", "the root c lib.rs:1"]
        );
    }

    #[test]
    fn what_stands_in_the_root_itself_is_a_module_too() {
        let files = [
            ("main.rs", "mod a;\nstruct Failed;\nfn main() { a::run(); }"),
            ("a.rs", "pub fn run() -> Result<(), crate::Failed> {}"),
        ];
        assert_eq!(arrows(&files), ["a the root a.rs:1", "the root a main.rs:3"]);
        assert_eq!(graph(&files).circles().len(), 1);
    }

    #[test]
    fn paths_in_types_bodies_macros_and_attributes_count() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d; mod e; mod f; mod g;"),
            ("a.rs", "impl crate::b::B for Vec<crate::c::C> {}"),
            ("b.rs", "fn f() { println!(\"{}\", crate::c::f(1)); vec![super::d::D { x: 1 }] }"),
            ("c.rs", "#[derive(crate::d::Derive)] struct S;"),
            ("d.rs", "macro_rules! m { () => { $crate::e::f::<u8>() } }"),
            ("e.rs", "pub(crate) fn f() { g!(x: crate::f::F, y) }"),
            ("f.rs", "/// See [`crate::a::A`].\nfn f() {} // crate::a::A"),
            ("g.rs", "fn f() { \"crate::a::A\"; a::b(); x.a::<u8>() }"),
        ];
        let expected = [
            "a b a.rs:1",
            "a c a.rs:1",
            "b c b.rs:1",
            "b d b.rs:1",
            "c d c.rs:1",
            "d e d.rs:1",
            "e f e.rs:1",
        ];
        assert_eq!(arrows(&files), expected);
    }

    #[test]
    fn tests_do_not_count() {
        let files = [
            ("lib.rs", "mod a; mod b; #[cfg(test)] mod fixtures;"),
            (
                "a.rs",
                "#[cfg(test)] mod tests { use crate::b::B; } #[cfg(test)] use crate::b::C;\n\
                 impl A { #[cfg(test)] fn f() { crate::b::f() } }\n#[test] fn f() { crate::b::f() }",
            ),
            ("b.rs", "#[cfg(unix)] use crate::a::A;"),
        ];
        assert_eq!(arrows(&files), ["b a b.rs:1"]);
    }

    #[test]
    fn words_are_counted_in_names_and_texts() {
        let text = "//! epoch\n/// A digit.\nfn parse_toml(epochs: Toml) { /* mnist */ f(\"an Epoch\"); m!(toml \"digits\") }\n\
                    #[cfg(test)] mod tests { fn toml() {} }";
        let texts = BTreeMap::from([("lib.rs".to_owned(), text.to_owned())]);
        let words = Code::in_files("", &texts).words;
        assert_eq!(words.iter().map(|(_, word)| count(word)).sum::<usize>(), 6);
        assert!(words.iter().all(|(place, word)| count(word) == 0 || place.line == 3));
    }
}
