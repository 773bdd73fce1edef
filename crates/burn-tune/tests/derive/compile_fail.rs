//! What does not compile, with the message and the text that it marks.
//!
//! Each case is given to `rustc` with the library that this test is linked with, which takes a moment. `trybuild`
//! would compile all dependencies once more, and ask for other features of crates below Burn, which cargo would
//! then build twice.

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use serde_json::Value;

/// The errors of a program with these items, each as `marked text: message`.
fn errors(items: &str) -> String {
    let deps = env::current_exe().unwrap().parent().unwrap().to_owned();
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["-", "--edition=2024", "--emit=metadata", "--error-format=json", "-Awarnings"]);
    rustc.arg("--out-dir").arg(env!("CARGO_TARGET_TMPDIR"));
    rustc.arg("--extern").arg(format!("burn_tune={}", library(&deps).display()));
    rustc.arg("-L").arg(format!("dependency={}", deps.display()));
    let mut rustc = rustc.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let program = format!("use burn_tune::Space;\n{items}\nfn main() {{}}\n");
    rustc.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
    let output = rustc.wait_with_output().unwrap();
    if output.status.success() {
        return "compiles".to_owned();
    }
    let messages = String::from_utf8(output.stderr).unwrap();
    let errors = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let errors = errors.filter(|message| message["level"] == "error");
    let shown: Vec<String> = errors.filter_map(|error| shown(&error)).collect();
    assert!(!shown.is_empty(), "rustc did not come so far: {messages}");
    shown.join("\n")
}

/// The newest build of the library: whatever older ones lie there, this test is linked with no other source.
fn library(deps: &Path) -> PathBuf {
    let files = fs::read_dir(deps).unwrap().map(|entry| entry.unwrap().path());
    let libraries = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("libburn_tune-") && name.ends_with(".rlib")
    });
    libraries.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap()).unwrap()
}

/// An error as a line, with the first text that it marks; `None` for the summary at the end, which marks none.
fn shown(error: &Value) -> Option<String> {
    let message = error["message"].as_str()?;
    let spans = error["spans"].as_array()?;
    let span = spans.iter().find(|span| span["is_primary"] == true)?;
    let line = &span["text"][0];
    let (start, end) = (line["highlight_start"].as_u64()?, line["highlight_end"].as_u64()?);
    let text: Vec<char> = line["text"].as_str()?.chars().collect();
    let marked: String = text[start as usize - 1..end as usize - 1].iter().collect();
    Some(format!("{marked}: {message}"))
}

/// The errors of a struct with these fields.
fn fields(fields: &str) -> String {
    errors(&format!(
        "#[derive(Space)] enum Act {{ Relu, Gelu }}\n#[derive(Space)] struct Net {{ {fields} }}"
    ))
}

#[test]
fn a_right_one_compiles() {
    assert_eq!(fields("#[space(1..=8)] depth: usize"), "compiles");
}

#[test]
fn values_of_another_type_are_marked() {
    let all = fields(
        "#[space(1..=2.0)] a: f64,
         #[space(0.5..=2.0)] b: usize,
         #[space(16.0..=32.0, step = 16)] c: u8,
         #[space(0.0..=1.0, step = 1)] d: f32,
         #[space([1, 2.5, \"x\"])] e: i32,
         #[space(1)] f: bool,
         #[space([1, 2])] g: String,
         #[space('c')] h: &'static str,
         #[space(1..=2)] i: bool,
         #[space(\"a\"..=\"b\")] j: String,
         #[space] k: f64,
         #[space] l: usize,
         #[space()] m: String,
         #[space(9223372036854775808)] n: u64,
         #[space(0..=9007199254740993)] o: u64,",
    );
    assert_snapshot!(all, @r#"
1: `a` is of type `f64`: write `1.0`
0.5: `b` is of type `usize`: write a whole number
2.0: `b` is of type `usize`: write `2`
16.0: `c` is of type `u8`: write `16`
32.0: `c` is of type `u8`: write `32`
1: `d` is of type `f32`: write `1.0`
2.5: `e` is of type `i32`: write a whole number
"x": `e` is of type `i32`: write a whole number
1: `f` is of type `bool`: write `true` or `false`
1: `g` is of type `String`: write a string
2: `g` is of type `String`: write a string
'c': `h` is of type `&'static str`: write a string
1..=2: a range is one of numbers, and `i` is of type `bool`
"a"..="b": a range is one of numbers, and `j` is of type `String`
space: say what `k` may be, such as `#[space(0.0..=1.0)]` or `#[space([0.1, 0.5])]`
space: say what `l` may be, such as `#[space(1..=8)]` or `#[space([1, 2, 4])]`
space: say what `m` may be, such as `#[space(["sgd", "adam"])]`
9223372036854775808: `n`: 9223372036854775808 is too large for a parameter: 64 bits with a sign
9007199254740993: `o`: 9007199254740993 is too large: whole numbers are stored as floats, which are exact up to 2^53 = 9007199254740992
"#);
}

#[test]
fn what_only_the_compiler_knows_is_marked_too() {
    let all = fields(
        "#[space(u8::MIN..=2.0)] a: f64,
         #[space([Act::Relu, 2])] b: Act,
         #[space(-1..=3)] d: usize,
         #[space(1..=2)] e: Act,
         #[space(\"relu\")] f: Act,",
    );
    assert_snapshot!(all, @r#"
u8::MIN: mismatched types
2: mismatched types
-1: cannot apply unary operator `-` to type `usize`
Act: a range is one of numbers, and `Act` is none
1: mismatched types
2: mismatched types
Act: a string is no value of the type `Act`
"#);
}

#[test]
fn a_literal_that_its_type_cannot_hold_is_marked() {
    assert_snapshot!(fields("#[space([1, 300])] a: u8, #[space(0.0..=1e39)] b: f32"), @r#"
300: literal out of range for `u8`
1e39: literal out of range for `f32`
"#);
}

#[test]
fn types_that_no_parameter_has_are_marked() {
    let all = errors(
        "enum Plain { A }
         #[derive(Space)] struct Inner { #[space(1)] a: u8 }
         #[derive(Space)] struct Net {
            #[space([vec![1.0]])] a: Vec<f64>,
            #[space] b: Inner,
            #[space] c: Plain,
            #[space(Plain::A)] d: Plain,
         }",
    );
    assert_snapshot!(all, @r#"
Vec<f64>: `Vec<f64>` cannot be the type of a parameter
Inner: a bare `#[space]` does not say which values of `Inner` to try
Plain: a bare `#[space]` does not say which values of `Plain` to try
Plain: `Plain` cannot be the type of a parameter
Inner: `Inner` cannot be the type of a parameter
Plain: `Plain` cannot be the type of a parameter
"#);
}

#[test]
fn ranges_and_lists_without_values_are_marked() {
    let all = fields(
        "#[space(2..=1)] a: i32,
         #[space(-0.5..=-0.75)] b: f64,
         #[space(0.0..=1.0, log)] c: f64,
         #[space(-4..=4, log)] d: i32,
         #[space(1..=8, step = 0)] e: usize,
         #[space(0.0..=1.0, step = -0.5)] f: f64,
         #[space(1..=8, step = 2, log)] g: usize,
         #[space([])] h: usize,
         #[space([1, 2, 1])] i: usize,
         #[space(1..8)] j: usize,
         #[space(1..)] k: usize,
         #[space(..=8)] l: usize,",
    );
    assert_snapshot!(all, @r#"
2..=1: the range of `a` is empty: its low end is above its high one
-0.5..=-0.75: the range of `b` is empty: its low end is above its high one
0.0: the range of `c` is logarithmic, so it has to begin above 0
-4: the range of `d` is logarithmic, so it has to begin above 0
0: the step of `e` has to be above 0
-0.5: the step of `f` has to be above 0
step: `g` has both `log` and `step`: take one of them out, or list the values
[]: the list of `h` is empty: write at least one value
1: `i` lists this twice
..: both ends of a range are included: write `..=`
1..: a range needs both ends: `low..=high`
..=8: a range needs both ends: `low..=high`
"#);
}

#[test]
fn unknown_and_misplaced_keys_are_marked() {
    let all = fields(
        "#[space(1e-4..=1e-1, lgo)] a: f64,
         #[space(1..=8, steps = 2)] b: usize,
         #[space(32, 64)] c: usize,
         #[space([1, 2], log)] d: usize,
         #[space([1, 2], step = 1)] e: usize,
         #[space(1..=8, step = 1, step = 2)] f: usize,
         #[space = 3] g: usize,
         #[space(1)] #[space(2)] h: usize,
         #[space(low = 1, high = 2)] i: usize,
         j: usize,",
    );
    assert_snapshot!(all, @r#"
lgo: `lgo` is no key of `#[space]`: did you mean `log`? Allowed: log, step, when, rename
steps: `steps` is no key of `#[space]`: did you mean `step`? Allowed: log, step, when, rename
64: a list of values stands in brackets: `#[space([32, 64])]`; behind the values stand `log`, `step = …`, `when(…)` and `rename = "…"`
log: `log` belongs to a range: `#[space(low..=high, log)]`
step: `step` belongs to a range: `#[space(low..=high, step = …)]`
step: `step` stands here twice
space = 3: write what it may be in parentheses: `#[space(…)]`
#[space(2)]: write one `#[space(…)]`, with all of it
low: `low` is no key of `#[space]`: write a range as `low..=high`
j: `j` has no `#[space(…)]`: each field is a parameter; one that is always the same is `#[space(10)]`
"#);
    assert_snapshot!(fields("#[space(1)] name: usize, #[space(1, rename = \"reported\")] a: usize"), @r#"
name: `name` cannot be the name of a parameter, since explicit trials have a `name` of their own: add `rename = "…"`
"reported": `reported` cannot be the name of a parameter, since explicit trials have a `reported` of their own: add `rename = "…"`
"#);
    assert_snapshot!(fields("#[space(1)] a: usize, #[space(1, rename = \"a\")] b: usize"), @r#"
"a": two parameters are called `a`: rename one of them
"#);
    assert_snapshot!(errors("#[derive(Space)] #[space(krate = \"x\")] struct A { #[space(1)] a: u8 }"), @r#"
krate: `krate` is no key of `#[space]` here: did you mean `crate`? Allowed: crate
"#);
}

#[test]
fn conditions_that_cannot_be_are_marked() {
    let types = fields(
        "#[space([1, 2])] a: Option<usize>,
         #[space([1, 2], when(b = true))] c: usize,",
    );
    assert_snapshot!(types, @r#"
Option<usize>: `a` is an `Option`: say when it exists, as in `when(optimizer = Optimizer::Sgd)`
usize: `c` has a `when`, so it does not always exist: make it an `Option<usize>`
"#);
    let parents = fields(
        "#[space([1, 2])] depth: usize,
         #[space(0.0..=1.0)] rate: f64,
         #[space] act: Act,
         #[space(1, when(detph = 1))] a: Option<usize>,
         #[space(1, when(last = 1))] b: Option<usize>,
         #[space(1, when(c = 1))] c: Option<usize>,
         #[space(1, when(rate = 0.5))] d: Option<usize>,
         #[space(1, when(depth = 1.0))] e: Option<usize>,
         #[space(1, when(depth = [1, true]))] f: Option<usize>,
         #[space(1, when(depth = 1.0..))] g: Option<usize>,
         #[space(1, when(depth = []))] h: Option<usize>,
         #[space(1, when(depth = 1, depth = 2))] i: Option<usize>,
         #[space(1)] last: usize,",
    );
    assert_snapshot!(parents, @r#"
detph: `a` cannot depend on `detph`: there is no such field; did you mean `depth`? Allowed: depth, rate, act
last: `b` cannot depend on `last`: that stands below it; move it above
c: `c` cannot depend on `c`: that is the field itself
rate: `d` cannot depend on `rate`, which has no values to list: give `rate` a list or a `step`
1.0: `depth` is of type `usize`: write `1`
true: `depth` is of type `usize`: write a whole number
1.0: `depth` is of type `usize`: write `1`
[]: an empty list: the parameter would never exist
depth: `depth` stands here twice: write `depth = [a, b]`
"#);
    let form = fields(
        "#[space([1, 2])] depth: usize,
         #[space(1, when())] a: Option<usize>,
         #[space(1, when)] b: Option<usize>,
         #[space(1, when(depth == 2))] c: Option<usize>,",
    );
    assert_snapshot!(form, @r#"
when: write what has to hold: `when(field = value)`
when: write what has to hold: `when(field = value)`
=: write one `=`, as in `when(field = value)`
"#);
    let variant = fields("#[space] act: Act, #[space(1, when(act = 3))] a: Option<usize>,");
    assert_snapshot!(variant, @r#"
3: mismatched types
"#);
}

#[test]
fn shapes_that_are_no_space_are_marked() {
    let all = errors(
        "#[derive(Space)] struct Tuple(f64);
         #[derive(Space)] struct Unit;
         #[derive(Space)] struct Empty {}
         #[derive(Space)] struct Generic<T> { #[space(1)] a: T }
         #[derive(Space)] struct Lifetime<'a> { #[space(\"a\")] a: &'a str }
         #[derive(Space)] union Union { a: u8 }
         #[derive(Space)] enum None {}
         #[derive(Space)] enum Fields { A(u8), B { x: u8 }, C }
         #[derive(Space)] enum Twice { LeakyRelu, #[space(\"leaky_relu\")] Other }
         #[derive(Space)] enum Key { #[space(rename = \"a\")] A }",
    );
    assert_snapshot!(all, @r#"
Tuple: `Tuple` has fields without names: each named field of a search space is a parameter
Unit: `Unit` has no fields, so there is nothing to search: each named field of a search space is a parameter
Empty: `Empty` has no fields, so there is nothing to search: each named field of a search space is a parameter
<T>: a search space has no generics and no lifetimes: write the types out
<'a>: a search space has no generics and no lifetimes: write the types out
union: a union cannot be a search space: write a struct with named fields
None: `None` has no variants to choose from
(u8): `A` has fields, and a choice is a name alone
{ x: u8 }: `B` has fields, and a choice is a name alone
Other: two variants are called `leaky_relu`: add `#[space("…")]`
#[space(rename = "a")]: write what the variant is called: `#[space("name")]`
"#);
}

#[test]
fn a_struct_with_a_fault_is_not_called_no_space_besides() {
    let all = errors(
        "#[derive(Space)] struct Net { #[space(1..=0)] depth: u8 }
         fn search<S: Space>() {}
         fn run() { search::<Net>() }",
    );
    assert_snapshot!(all, @"1..=0: the range of `depth` is empty: its low end is above its high one");
}
