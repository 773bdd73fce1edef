//! A derived space as the configuration of an objective: what a file says otherwise is shown where it stands.

use std::path::Path;

use burn_tune::__private::Bound;
use burn_tune::Space;
use burn_tune_search::bind::{bind, check_spec};
use burn_tune_search::{FoldScore, Objective, ObjectiveError, ParamValue, Rejection, TaskHandle};
use burn_tune_spec::StudyFile;
use insta::assert_snapshot;

use crate::spaces::{NET_TOML, Net};

struct Stub;

impl Objective for Stub {
    type Config = Bound<Net>;

    fn check(&self, Bound(net): &Bound<Net>) -> Result<(), Rejection> {
        Rejection::unless(net.lr < 1.0, "lr", net.lr, "a number below 1")
    }

    fn evaluate(
        &self,
        Bound(net): &Bound<Net>,
        _fold: usize,
        _handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        Ok(FoldScore { score: net.lr, ..FoldScore::default() })
    }
}

/// What is wrong with the file of the space, once `from` has become `to`.
fn check(from: &str, to: &str) -> String {
    assert!(NET_TOML.contains(from));
    let text = NET_TOML.trim_start().replace(from, to);
    let file = StudyFile::parse(Path::new("s.toml"), &text).expect("a file that parses");
    match check_spec(&Stub, &file.spec).map_err(|error| file.error(&error)) {
        Ok(()) => "fits".into(),
        Err(error) => format!("{error}\nhelp: {}", error.help),
    }
}

#[test]
fn a_file_of_the_same_space_fits_and_may_narrow_it_or_widen_it() {
    assert_eq!(check("", ""), "fits");
    assert_eq!(check("high = 1024", "high = 2048"), "fits");
    assert_eq!(check("[32, 64, 128]", "48"), "fits");
}

#[test]
fn what_does_not_fit_the_fields_is_shown_where_it_stands() {
    assert_snapshot!(check("hidden", "hiden"), @r#"
s.toml:3:1: the model has no parameter `hiden`
help: did you mean `hidden`? Allowed: lr, hidden, batch, activation, dropout, epochs
"#);
    assert_snapshot!(check("[32, 64, 128]", "[32.0, 64.5]"), @r#"
s.toml:4:10: `batch`: this is floating point `32.0`
help: allowed: a whole number, at least 0
"#);
    assert_snapshot!(check("[32, 64, 128]", "[32, -64]"), @r#"
s.toml:4:14: `batch`: this is integer `-64`
help: allowed: a whole number, at least 0
"#);
    assert_snapshot!(check("high = 1e-1", "high = 2.0"), @r#"
s.toml:2:27: `lr` is 2
help: allowed: a number below 1
"#);
    assert_snapshot!(check("leaky_relu", "leaky"), @r#"
s.toml:5:31: `activation`: there is no `leaky`
help: did you mean `leaky_relu`? Allowed: relu, gelu, leaky_relu
"#);
    assert_snapshot!(check("epochs = 10", ""), @r#"
s.toml:8:1: the model's parameter `epochs` is not in [space]
help: add `epochs` to [space], with a list, a range or a fixed value
"#);
    assert_snapshot!(check(", when = { activation = \"relu\" }", ""), @r#"
s.toml:6:19: `dropout`: it exists only where `activation` is relu
help: see the model's parameters
"#);
}

#[test]
fn an_error_of_binding_names_its_parameter() {
    let fault = |name: &str, value| {
        let net = Net::space();
        let params = net.existing(net.named(net.domains.iter().map(|(_, domain)| domain.first())));
        let params = params.into_iter().filter(|(known, _)| known != name);
        let params = params.chain([(name.to_owned(), value)]).collect();
        let error = bind(&Stub, &params).expect_err("it does not fit");
        (error.param.unwrap_or_default(), error.name_is_wrong)
    };
    assert_eq!(fault("hidden", ParamValue::Int(-1)), ("hidden".to_owned(), false));
    assert_eq!(fault("hiden", ParamValue::Int(1)), ("hiden".to_owned(), true));
}

#[test]
fn the_order_of_names_does_not_matter() {
    let json = |activation: &str| {
        let text = format!(
            r#"{{ "dropout": 0.25, "epochs": 3, "activation": "{activation}", "batch": 32, "hidden": 64, "lr": 1 }}"#
        );
        serde_json::from_str::<Bound<Net>>(&text)
    };
    assert_eq!(json("relu").unwrap().0.dropout, Some(0.25));
    let error = json("gelu").unwrap_err().to_string();
    let expected = "`dropout` does not exist here: it exists only where `activation` is relu";
    assert!(error.starts_with(expected), "{error}");
}
