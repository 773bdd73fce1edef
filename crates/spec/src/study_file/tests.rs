//! What a file may say, and what is answered to one that says something else.

use std::path::Path;

use insta::assert_snapshot;

use super::*;
use burn_tune_ranking::claim::{Expectation, Fall};
use burn_tune_search::settings::StopRule;
use burn_tune_search::{Domain, ParamValue};

fn parse(text: &str) -> Result<StudyFile, SpaceError> {
    StudyFile::parse(Path::new("spaces/my.toml"), text)
}

fn refusal(text: &str) -> String {
    let error = parse(text).expect_err("the file is wrong");
    format!("{error}\nhelp: {}", error.help)
}

#[test]
fn ranges_in_which_numbers_cannot_be_computed_are_refused() {
    let fault = |range: &str| {
        let text = format!("[space]\na = {range}");
        StudyFile::parse(Path::new("s.toml"), &text).unwrap_err().to_string()
    };
    assert_snapshot!(fault("{ low = 0, high = 9007199254740993 }"), @"s.toml:2:23: `a`: 9007199254740993 is too large: whole numbers are stored as floats, which are exact up to 2^53 = 9007199254740992");
    assert_snapshot!(fault("{ low = -9223372036854775808, high = 0 }"), @"s.toml:2:13: `a`: -9223372036854775808 is too large: whole numbers are stored as floats, which are exact up to 2^53 = 9007199254740992");
    assert_snapshot!(fault("{ low = -1.7e308, high = 1.7e308 }"), @"s.toml:2:5: the range of `a` is too wide: -1.7e308 to 1.7e308");
    assert_snapshot!(fault("{ low = 0.0, high = 1e308, step = 1e-300 }"), @"s.toml:2:5: the step of `a` gives more points than 64 bits can count");
    let trial = StudyFile::parse(
        Path::new("s.toml"),
        "[space]\na = { low = 0, high = 9 }\n[[trial]]\na = 9223372036854775807",
    );
    assert_snapshot!(trial.unwrap_err().to_string(), @"s.toml:4:5: `a`: 9223372036854775807 is too large: whole numbers are stored as floats, which are exact up to 2^53 = 9007199254740992");
    // In a list they are choices, which are stored by their place.
    let list = "[space]\na = [9223372036854775807, 0]";
    assert!(StudyFile::parse(Path::new("s.toml"), list).is_ok());
}

#[test]
fn a_step_that_misses_the_high_end_is_noted() {
    let notes = |text: &str| {
        let text = format!("[space]\n{text}");
        StudyFile::parse(Path::new("s.toml"), &text).unwrap().spec.notes().join("\n")
    };
    assert_snapshot!(notes("b = { low = 0.0, high = 1.0, step = 0.3 }"), @"`b`: the steps end at 0.9, so the high end, 1.0, is never tried");
    assert_snapshot!(notes("n = { low = 1, high = 10, step = 20 }"), @"`n`: the step is wider than the range, so 1 is the only value, and 10 is never tried");
    assert_eq!(
        notes("b = { low = 0.1, high = 0.9, step = 0.1 }\nn = { low = 1, high = 9, step = 4 }"),
        ""
    );
    assert_eq!(notes("b = { low = 0.1, high = 0.9 }\nn = { low = 1, high = 9, log = true }"), "");
}

#[test]
fn a_study_has_a_name_that_databases_and_terminals_take() {
    let fault = |name: &str| {
        let name = name.replace('\u{7f}', "\\u007f");
        let text = format!("[study]\nname = \"{name}\"\n[space]\na = 1");
        StudyFile::parse(Path::new("s.toml"), &text).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(fault(&"n".repeat(512)), Ok(()));
    assert!(fault(&"n".repeat(513)).unwrap_err().contains("at most 512 characters"));
    assert!(fault("").is_err());
    assert!(fault("a\u{7f}").unwrap_err().contains("control"));
}

#[test]
fn a_file_without_settings_gets_the_documented_defaults() {
    let file = parse("[space]\nlr = [0.1]").unwrap();
    let expected = StudySettings {
        name: "my".into(),
        direction: Direction::Maximize,
        seed: 0,
        sampler: SamplerKind::Random,
        pruner: None,
        folds: 3,
        top: 3,
        refit_seeds: 3,
        window: None,
        stop_rule: StopRule::default(),
        objectives: Vec::new(),
    };
    assert_eq!(file.spec.settings, expected);
    assert_eq!(file.dataset, None);
}

#[test]
fn lists_ranges_and_fixed_values_keep_the_order_of_the_file() {
    let file = parse(
        "[space]\nz = [1, 2]\nlr = { low = 1e-4, high = 1e-1, log = true }\n\
         hidden = { low = 64, high = 1024, step = 64 }\nepochs = 5\nact = ['relu', 'tanh']",
    )
    .unwrap();
    let names: Vec<_> = file.spec.space.domains.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["z", "lr", "hidden", "epochs", "act"]);
    assert_eq!(
        file.spec.space.get("hidden"),
        Some(&Domain::IntRange { low: 64, high: 1024, step: 64, log: false })
    );
    assert_eq!(file.spec.space.get("hidden").and_then(Domain::points), Some(16));
    assert_eq!(file.spec.space.get("epochs"), Some(&Domain::Choices(vec![ParamValue::Int(5)])));
}

#[test]
fn a_wrong_key_is_answered_with_the_right_one() {
    assert_snapshot!(refusal("[study]\nsede = 1\n[space]\nlr = [0.1]"), @"
    spaces/my.toml:2:1: [study] has no key `sede`
    help: did you mean `seed`? Allowed: name, direction, seed, sampler, pruner, window, folds, top, refit_seeds, target, no_improvement
    ");
    assert_snapshot!(refusal("[spcae]\nlr = [0.1]"), @"
    spaces/my.toml:1:2: the file has no key `spcae`
    help: did you mean `space`? Allowed: study, objective, data, space, trial, claim
    ");
    assert_snapshot!(refusal("[space]\nlr = { low = 0.1, hi = 1.0 }"), @"
    spaces/my.toml:2:19: the range of `lr` has no key `hi`
    help: did you mean `high`? Allowed: low, high, step, log, values, when
    ");
    assert_snapshot!(refusal("[study]\nsampler = 'rnadom'\n[space]\nlr = [0.1]"), @"
    spaces/my.toml:2:11: there is no sampler `rnadom`
    help: did you mean `random`? Allowed: random, grid, sobol, tpe, gp, cmaes
    ");
}

#[test]
fn a_wrong_value_is_shown_with_what_is_allowed() {
    assert_snapshot!(refusal("[study]\nfolds = 0\n[space]\nlr = [0.1]"), @"
    spaces/my.toml:2:9: `folds` must be a whole number, at least 1
    help: write a whole number, at least 1
    ");
    assert_snapshot!(refusal("[study]\nseed = -1\n[space]\nlr = [0.1]"), @"
    spaces/my.toml:2:8: `seed` must be a whole number, at least 0
    help: write a whole number, at least 0
    ");
    assert_snapshot!(refusal("[space]\nlr = []"), @"
    spaces/my.toml:2:6: the list of `lr` is empty
    help: write at least one value
    ");
    assert_snapshot!(refusal("[space]\nlr = [0.1, 1]"), @"
    spaces/my.toml:2:12: the values of `lr` are of mixed types: float and integer
    help: write 1.0
    ");
    assert_snapshot!(refusal("[space]\nlr = [0.1, 0.10]"), @"
    spaces/my.toml:2:12: `lr` lists 0.1 twice
    help: no point is ever tried twice: take it out
    ");
    assert_snapshot!(refusal("[space]\nlr = [nan]"), @"
    spaces/my.toml:2:7: `lr`: this is not a finite number
    help: write a finite number
    ");
    assert_snapshot!(refusal("[space]\nlr = [[1]]"), @"
    spaces/my.toml:2:7: `lr`: a parameter cannot take a value of type array
    help: allowed: integer, float, string, boolean
    ");
}

#[test]
fn an_impossible_range_is_refused() {
    assert_snapshot!(refusal("[space]\nlr = { low = 1.0, high = 0.1 }"), @"
    spaces/my.toml:2:6: the range of `lr` is empty: low = 1.0, high = 0.1
    help: swap them
    ");
    assert_snapshot!(refusal("[space]\nlr = { low = 0.0, high = 0.1, log = true }"), @"
    spaces/my.toml:2:14: the range of `lr` is logarithmic, and begins at or below 0
    help: write a low above 0, or take `log = true` out
    ");
    assert_snapshot!(refusal("[space]\nn = { low = 1, high = 9, step = 0 }"), @"
    spaces/my.toml:2:33: the step of `n` is not positive
    help: write a step above 0
    ");
    assert_snapshot!(refusal("[space]\nn = { low = 1, high = 9.5 }"), @"
    spaces/my.toml:2:23: the range of `n` has mixed types: integer and float
    help: write all of them as integers, or all with a decimal point
    ");
    assert_snapshot!(refusal("[space]\nn = { low = 1, high = 8, step = 2, log = true }"), @"
    spaces/my.toml:2:33: the range of `n` has both `log` and `step`
    help: take one of them out, or list the values
    ");
    assert_snapshot!(refusal("[space]\nn = { low = 1 }"), @"
    spaces/my.toml:2:5: the range of `n` needs both `low` and `high`
    help: such as { low = 1e-4, high = 1e-1, log = true }
    ");
}

#[test]
fn a_file_that_is_no_toml_or_has_no_space_says_so() {
    assert!(refusal("[space\nlr = [0.1]").starts_with("spaces/my.toml:1:7: "));
    assert!(
        refusal("[space]\nlr = [0.1]\nlr = [0.2]").starts_with("spaces/my.toml:3:1: duplicate key")
    );
    assert_snapshot!(refusal("[study]\nseed = 1\n").lines().next().unwrap(), @"spaces/my.toml:3:1: there is no parameter to search");
    assert_snapshot!(refusal("space = 3").lines().next().unwrap(), @"spaces/my.toml:1:9: `space` must be a table");
}

#[test]
fn an_explicit_trial_names_parameters_of_the_space_with_their_type() {
    let file = parse("[space]\nlr = [0.1]\nbatch = 5\n[[trial]]\nname = 'a'\nlr = 0.7").unwrap();
    assert_eq!(file.spec.trials[0].name.as_deref(), Some("a"));
    assert_eq!(file.spec.trials[0].values, [("lr".to_owned(), ParamValue::Float(0.7))]);

    assert_snapshot!(refusal("[space]\nlr = [0.1]\n[[trial]]\nlrr = 0.7"), @"
    spaces/my.toml:4:1: `lrr` is no parameter of [space]
    help: did you mean `lr`? Allowed: lr; a parameter that only trials set needs a fixed value in [space]
    ");
    assert!(refusal("[space]\nname = ['a']").contains("2:1: `name` cannot be"));
    assert_snapshot!(refusal("[space]\nlr = [0.1]\n[[trial]]\nlr = 'x'"), @"
    spaces/my.toml:4:6: `lr` is a string here, and a float in [space]
    help: write a float
    ");
    assert_snapshot!(refusal("[space]\nlr = [0.1]\n[[trial]]\nname = 'a'\n[[trial]]\nname = 'a'"), @"
    spaces/my.toml:6:8: two trials are called `a`
    help: give each [[trial]] a name of its own
    ");
}

#[test]
fn the_place_in_the_file_is_shown_with_its_line() {
    let error = parse("[space]\nbatch_size = [100]\nlr = []\n").expect_err("an empty list");
    let mut shown = String::new();
    miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
        .render_report(&mut shown, &error)
        .unwrap();
    assert_snapshot!(shown);
}

const MODELS: &str =
    "[space]\nlr = [0.1]\n[[trial]]\nname = 'one'\nreported = [0.9, 1]\n[[trial]]\nname = 'two'\n";

#[test]
fn what_is_reported_and_claimed_of_a_trial_stands_beside_it() {
    let text = "[[claim]]\nmodel = 'one'\ntext = 'falls fast'\nfall = 'sharp'\n\
                flat_step = [10, 20]\n[[claim]]\nmodel = 'two'\ntext = '…'\nslower_than = 'one'";
    let file = parse(&format!("{MODELS}{text}")).unwrap();
    assert_eq!(file.spec.trials[0].reported, [0.9, 1.0]);
    assert_eq!(file.spec.trials[0].values, []);
    let expectations: Vec<_> = file.claims.iter().map(|claim| &claim.expectations[..]).collect();
    assert_eq!(
        expectations,
        [
            &[Expectation::FlatStep(10.0, 20.0), Expectation::Fall(Fall::Sharp)][..],
            &[Expectation::SlowerThan(vec!["one".into()])],
        ]
    );
}

#[test]
fn a_claim_that_cannot_be_checked_is_shown_where_it_stands() {
    let claim = |lines: &str| refusal(&format!("{MODELS}[[claim]]\n{lines}"));
    assert_snapshot!(claim("model = 'oen'\ntext = 't'\nfall = 'sharp'"), @"
    spaces/my.toml:9:9: no [[trial]] is called `oen`
    help: allowed: one, two
    ");
    assert_snapshot!(claim("model = 'one'\ntext = 't'"), @"
    spaces/my.toml:9:1: a [[claim]] says nothing that can be checked
    help: add at least one of flat_step, flat_share, fall, faster_than, slower_than, like
    ");
    assert_snapshot!(claim("text = 't'\nfall = 'sharp'"), @r#"
    spaces/my.toml:9:1: a [[claim]] has no `model`
    help: add `model = "…"`
    "#);
    assert_snapshot!(claim("model = 'one'\ntext = 't'\nlike = ['tow']"), @"
    spaces/my.toml:11:8: no [[trial]] is called `tow`
    help: allowed: one, two
    ");
    assert_snapshot!(claim("model = 'one'\ntext = 't'\nflat_step = [20, 10]"), @"
    spaces/my.toml:11:13: `flat_step` is no range
    help: write the lowest and the highest value, such as [1500, 2500]
    ");
    assert_snapshot!(claim("model = 'one'\ntext = 't'\nfall = 'shrap'"), @"
    spaces/my.toml:11:8: there is no fall `shrap`
    help: did you mean `sharp`? Allowed: sharp, slow
    ");
    assert_snapshot!(refusal("[space]\nlr = [0.1]\n[[trial]]\nreported = 'high'"), @"
    spaces/my.toml:4:12: `reported` must be a number, or a list of numbers
    help: such as 0.95
    ");
    assert!(refusal("[space]\nreported = ['a']").contains("2:1: `reported` cannot be"));
}

#[test]
fn a_parameter_may_exist_only_for_some_values_of_those_above_it() {
    let text = "[space]\nopt = ['sgd', 'adam']\nm = { low = 0.0, high = 0.9, when = { opt = 'sgd' } }\n\
                depth = { low = 0, high = 3 }\nw2 = { values = [16, 32], when = { depth = { low = 2 } } }\n\
                b = { values = [1], when = { opt = 'adam', depth = [0, 1] } }\n\
                [[trial]]\nopt = 'adam'\n[[trial]]\nopt = 'sgd'\nm = 0.5";
    let file = parse(text).unwrap();
    let conditions: Vec<String> = file
        .spec
        .space
        .conditions
        .iter()
        .map(|c| format!("{}: {} in {:?}", c.param, c.parent, c.values))
        .collect();
    assert_eq!(
        conditions,
        [
            "m: opt in [Str(\"sgd\")]",
            "w2: depth in [Int(2), Int(3)]",
            "b: opt in [Str(\"adam\")]",
            "b: depth in [Int(0), Int(1)]",
        ]
    );
}

#[test]
fn a_condition_that_cannot_hold_is_shown_where_it_stands() {
    let space = |line: &str| {
        refusal(&format!(
            "[space]\nopt = ['sgd', 'adam']\nlr = {{ low = 0.1, high = 1.0 }}\n{line}"
        ))
    };
    assert_snapshot!(space("m = { low = 0.0, high = 0.9, when = { opt = 'sdg' } }"), @"
    spaces/my.toml:4:45: `opt` is never sdg
    help: allowed: sgd, adam
    ");
    assert_snapshot!(space("m = { low = 0.0, high = 0.9, when = { op = 'sgd' } }"), @"
    spaces/my.toml:4:39: `m` cannot depend on `op`
    help: a parameter may depend on those that stand above it: did you mean `opt`? Allowed: opt, lr
    ");
    assert_snapshot!(space("m = { low = 0.0, high = 0.9, when = { lr = 0.1 } }"), @"
    spaces/my.toml:4:39: `m` cannot depend on `lr`
    help: a parameter may depend on a list, or a range of at most 10000 values
    ");
    assert_snapshot!(space("m = { low = 0.0, high = 0.9, when = 'sgd' }"), @r#"
    spaces/my.toml:4:37: `when` of `m` must be a table
    help: such as when = { optimizer = "sgd" }
    "#);
    assert_snapshot!(space("m = { low = 0.0, high = 0.9, when = { opt = { low = 3 } } }"), @"
    spaces/my.toml:4:45: no value of `opt` is accepted
    help: its values are sgd, adam
    ");
    assert_snapshot!(space("m = { low = 0.0, high = 0.9, when = {} }"), @r#"
    spaces/my.toml:4:37: `when` of `m` says nothing
    help: such as when = { optimizer = "sgd" }
    "#);
    assert_snapshot!(space("m = { values = [1], low = 2 }"), @"
    spaces/my.toml:4:21: the range of `m` has no key `low`
    help: allowed: values, when
    ");
    let m = "m = { low = 0.0, high = 0.9, when = { opt = 'sgd' } }";
    assert_snapshot!(space(&format!("{m}\n[[trial]]\nm = 0.5")), @"
    spaces/my.toml:6:5: whether `m` exists depends on `opt`
    help: `m` exists where `opt` is sgd: set that in this trial, or take `m` out
    ");
    assert_snapshot!(space(&format!("{m}\n[[trial]]\nm = 0.5\nopt = 'adam'")), @"
    spaces/my.toml:6:5: `m` does not exist where `opt` is adam
    help: `m` exists where `opt` is sgd: set that in this trial, or take `m` out
    ");
}

#[test]
fn objectives_are_read_in_their_order_and_settings_without_them_are_as_before() {
    let text = "[[objective]]\nname = 'accuracy'\n[[objective]]\nname = 'size'\ndirection = 'minimize'\n\
                [space]\nlr = [0.1]";
    let file = parse(text).unwrap();
    let json = serde_json::to_value(&file.spec.settings).unwrap();
    assert_eq!(
        json["objectives"],
        serde_json::json!([{ "name": "accuracy" }, { "name": "size", "direction": "minimize" }])
    );
    let json = serde_json::to_value(parse("[space]\nlr = [0.1]").unwrap().spec.settings).unwrap();
    assert_eq!(json.get("objectives"), None);
    let read: StudySettings = serde_json::from_value(json).unwrap();
    assert_eq!(read, parse("[space]\nlr = [0.1]").unwrap().spec.settings);
}

#[test]
fn objectives_that_cannot_be_are_shown_in_their_place() {
    let refusal = |objectives: &str| refusal(&format!("{objectives}\n[space]\nlr = [0.1]"));
    assert_snapshot!(refusal("[[objective]]\nname = 'a'\n[[objective]]\nname = 'a'"), @"
    spaces/my.toml:4:8: two objectives are called `a`
    help: leave one of them out
    ");
    assert_snapshot!(refusal("[[objective]]\ndirection = 'maximize'"), @r#"
    spaces/my.toml:2:1: an [[objective]] has no `name`
    help: add one, such as `name = "accuracy"`
    "#);
    assert_snapshot!(refusal("[[objective]]\nname = 'a'\ndirection = 'up'"), @"
    spaces/my.toml:3:13: there is no direction `up`
    help: allowed: maximize, minimize
    ");
    assert_snapshot!(refusal("[[objective]]\nname = 'a'\nweight = 2"), @"
    spaces/my.toml:3:1: [[objective]] has no key `weight`
    help: allowed: name, direction
    ");
    assert_snapshot!(refusal("[study]\ndirection = 'minimize'\n[[objective]]\nname = 'a'"), @"
    spaces/my.toml:2:13: `direction` in [study] says nothing where there are [[objective]]s
    help: leave it out, and write `direction` below each [[objective]] whose usual one is not meant
    ");
}
