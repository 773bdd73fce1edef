//! From params to a value and back.

use burn_tune::search::{Domain, ParamValue, Params};
use burn_tune::{ParamError, Space};
use proptest::prelude::*;

use crate::spaces::{Act, All, Mlp, Net};

/// The point of the space that these numbers in `[0, 1)` choose, one for each parameter.
fn point<S: Space>(numbers: &[f64]) -> Params {
    let space = S::space();
    let value = |(domain, u): (&Domain, &f64)| match domain.points() {
        Some(points) => domain.value((points as f64 * u) as u64),
        None => domain.quantile(*u),
    };
    let domains = space.domains.iter().map(|(_, domain)| domain);
    space.existing(space.named(domains.zip(numbers.iter().cycle()).map(value)))
}

fn comes_back<S: Space + PartialEq + std::fmt::Debug>(numbers: &[f64]) {
    let params = point::<S>(numbers);
    let value = S::from_params(&params).expect("a point of the space");
    assert_eq!(value.to_params(), params);
    assert_eq!(S::from_params(&value.to_params()), Ok(value));
}

proptest! {
    #[test]
    fn every_point_of_a_space_comes_back(numbers in prop::collection::vec(0.0f64..1.0, 13)) {
        comes_back::<Net>(&numbers);
        comes_back::<Mlp>(&numbers);
        comes_back::<All>(&numbers);
    }
}

fn net_params() -> Vec<(String, ParamValue)> {
    let net = Net {
        lr: 0.01,
        hidden: 64,
        batch: 32,
        activation: Act::Relu,
        dropout: Some(0.25),
        epochs: 10,
    };
    net.to_params().into_iter().collect()
}

/// What is wrong with the params of a `Net` once they have been changed so.
fn fault(change: impl FnOnce(&mut Vec<(String, ParamValue)>)) -> String {
    let mut params = net_params();
    change(&mut params);
    let error = Net::from_params(&params.into_iter().collect()).expect_err("they are wrong");
    format!("{error} ({})", error.help())
}

#[test]
fn the_order_of_params_does_not_matter_and_a_whole_number_is_a_float() {
    let mut params = net_params();
    params.reverse();
    params[5].1 = ParamValue::Int(1);
    let net = Net::from_params(&params.into_iter().collect()).unwrap();
    assert_eq!((net.lr, net.dropout), (1.0, Some(0.25)));
}

#[test]
fn an_error_names_parameter_value_and_what_is_allowed() {
    let set = |name: &'static str, value: ParamValue| {
        fault(move |params| {
            params
                .iter_mut()
                .filter(|(known, _)| known == name)
                .for_each(|(_, old)| *old = value.clone());
        })
    };
    let all = [
        set("lr", ParamValue::Str("fast".into())),
        set("hidden", ParamValue::Float(64.5)),
        set("hidden", ParamValue::Int(-64)),
        set("activation", ParamValue::Str("gelo".into())),
        set("activation", ParamValue::Bool(true)),
        set("activation", ParamValue::Str("gelu".into())),
        fault(|params| params[0].0 = "lrr".into()),
        fault(|params| drop(params.remove(0))),
        fault(|params| drop(params.remove(4))),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
`lr`: "fast" is not a number (allowed: a number)
`hidden`: 64.5 is not a whole number, at least 0 (allowed: a whole number, at least 0)
`hidden`: -64 is not a whole number, at least 0 (allowed: a whole number, at least 0)
`activation`: there is no `gelo` (did you mean `gelu`? Allowed: relu, gelu, leaky_relu)
`activation`: true is not one of relu, gelu, leaky_relu (allowed: one of relu, gelu, leaky_relu)
`dropout` does not exist here (it exists only where `activation` is relu)
there is no parameter `lrr` (did you mean `lr`? Allowed: lr, hidden, batch, activation, dropout, epochs)
the parameter `lr` is missing (it exists always)
the parameter `dropout` is missing (it exists where `activation` is relu)
"#);
}

#[test]
fn a_parameter_exists_only_where_all_that_it_depends_on_does() {
    let at = |name: &str, momentum: f64| {
        let value = |domain: &Domain| domain.first();
        let space = All::space();
        let params =
            space.named(space.domains.iter().map(|(known, domain)| match known.as_str() {
                "optimizer" => ParamValue::Str(name.into()),
                "momentum" => ParamValue::Float(momentum),
                _ => value(domain),
            }));
        All::from_params(&space.existing(params)).unwrap()
    };
    assert_eq!(at("sgd", 0.5).nesterov, Some(false));
    assert_eq!((at("sgd", 0.0).momentum, at("sgd", 0.0).nesterov), (Some(0.0), None));
    assert_eq!((at("adam", 0.5).momentum, at("adam", 0.5).nesterov), (None, None));
}

#[test]
fn beside_a_value_that_only_a_file_has_a_parameter_may_be_or_not() {
    let at_depth = |depth: i64, with_width: bool| {
        let space = All::space();
        let params = space.named(space.domains.iter().map(|(name, domain)| match name.as_str() {
            "depth" => ParamValue::Int(depth),
            _ => domain.first(),
        }));
        let absent = ["nesterov", "width_3", if with_width { "" } else { "width_2" }];
        let params = params.into_iter().filter(|(name, _)| !absent.contains(&name.as_str()));
        All::from_params(&params.collect()).map(|all| all.width_2)
    };
    assert_eq!((at_depth(9, true), at_depth(9, false)), (Ok(Some(64)), Ok(None)));
    assert_eq!((at_depth(2, true), at_depth(1, false)), (Ok(Some(64)), Ok(None)));
    assert!(at_depth(1, true).is_err() && at_depth(2, false).is_err());
}

#[test]
fn the_doc_comment_of_a_field_describes_its_parameter() {
    assert_eq!(Net::description("lr"), Some("The learning rate\nof Adam."));
    assert_eq!(Net::description("hidden"), None);
}

#[test]
fn an_error_says_which_parameter_it_is_about() {
    let error = Net::from_params(&Params::default()).unwrap_err();
    assert_eq!(error, ParamError::Missing { param: "lr".into(), when: None });
    assert_eq!(error.param(), "lr");
}
