//! Distributions against what Optuna makes of the same, recorded by `distributions.py`.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Recorded {
    domains: Vec<DomainCase>,
    values: Vec<ValueCase>,
    old: Vec<OldCase>,
}

#[derive(Deserialize)]
struct DomainCase {
    domain: Domain,
    extra: Vec<ParamValue>,
    json: String,
    stable: bool,
}

#[derive(Deserialize)]
struct ValueCase {
    json: String,
    pairs: Vec<(f64, Value)>,
}

#[derive(Deserialize)]
struct OldCase {
    json: String,
    new: String,
}

fn recorded() -> Recorded {
    serde_json::from_str(include_str!("../../tests/fixtures/distributions.json")).unwrap()
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn domains_become_the_distributions_that_optuna_has_for_them() {
    let (mut with_step, mut unstable) = (0, 0);
    for DomainCase { domain, extra, json, stable } in recorded().domains {
        let ours = Distribution::of(&domain, &extra.iter().collect::<Vec<_>>());
        if stable {
            assert_eq!(value(&ours.to_json()), value(&json), "{domain:?} with {extra:?}");
            with_step += usize::from(matches!(ours, Distribution::Float { step: Some(_), .. }));
        } else {
            let Domain::FloatRange { low, high, .. } = domain else { panic!("{domain:?}") };
            let Distribution::Float { step: None, low: ours_low, high: ours_high, .. } = ours
            else {
                panic!("{domain:?} became {ours:?}, which Optuna reads with a warning");
            };
            assert!(ours_low == low && (high..high + 1e-9).contains(&ours_high));
            unstable += 1;
        }
    }
    assert!(with_step > 40 && unstable > 3, "{with_step} grids, {unstable} of them unstable");
}

#[test]
fn values_are_inside_and_outside_of_the_database_what_they_are_for_optuna() {
    for ValueCase { json, pairs } in recorded().values {
        let distribution = Distribution::parse(&json).unwrap();
        assert_eq!(value(&distribution.to_json()), value(&json));
        for (internal, external) in pairs {
            assert_eq!(distribution.external(internal), external, "{json}");
            if !external.is_null() {
                let param: ParamValue = serde_json::from_value(external).unwrap();
                assert_eq!(distribution.internal(&param), Some(internal), "{json}: {param}");
            }
        }
    }
}

#[test]
fn distributions_of_old_versions_are_read_as_optuna_converts_them() {
    for OldCase { json, new } in recorded().old {
        let (read, expected) = (Distribution::parse(&json), Distribution::parse(&new));
        assert_eq!(read, expected, "{json}");
        assert!(read.is_ok(), "{json}");
    }
}

#[test]
fn choices_that_are_no_json_are_texts_and_broken_distributions_are_errors() {
    let json = r#"{"name": "CategoricalDistribution", "attributes": {"choices": [NaN, [1, 2]]}}"#;
    let choices = vec![Value::from("NaN"), Value::from(vec![1, 2])];
    assert_eq!(Distribution::parse(json).unwrap(), Distribution::Categorical { choices });
    let json = r#"{"name": "IntUniformDistribution", "attributes": {"low": 1.0, "high": 1e2}}"#;
    let ints = Distribution::Int { log: false, step: 1, low: 1, high: 100 };
    assert_eq!(Distribution::parse(json).unwrap(), ints);
    let json = r#"{"name": "FloatDistribution", "attributes": {"low": 0, "high": Infinity}}"#;
    let floats = Distribution::Float { step: None, low: 0.0, high: f64::INFINITY, log: false };
    assert_eq!(Distribution::parse(json).unwrap(), floats);
    for json in ["", "{}", r#"{"name": "NormalDistribution", "attributes": {}}"#] {
        let error = Distribution::parse(json).unwrap_err().to_string();
        assert!(error.contains("is no distribution of Optuna's"), "{error}");
    }
}

#[test]
fn a_value_that_is_none_of_a_distribution_has_no_number() {
    let domain = Domain::Choices(vec![ParamValue::Int(1), ParamValue::Int(2)]);
    let choices = Distribution::of(&domain, &[]);
    assert_eq!(choices.internal(&ParamValue::Int(3)), None);
    assert_eq!(choices.internal(&ParamValue::Float(1.0)), None);
    assert_eq!(choices.external(2.0), Value::Null);
    let ints = Distribution::Int { log: false, step: 1, low: 1, high: 9 };
    assert_eq!(ints.internal(&ParamValue::Float(1.0)), None);
    assert_eq!(ints.internal(&ParamValue::Str("1".into())), None);
}

proptest! {
    #[test]
    fn every_value_that_the_search_tries_and_every_extra_one_lies_within(
        low in -1e6..1e6f64,
        width in 0.0..1e6f64,
        digits in 0..12usize,
        step in 1e-6..1e6f64,
        extra in prop::collection::vec(-1e6..1e6f64, 0..3),
    ) {
        let round = |number: f64| format!("{number:.digits$}").parse::<f64>().unwrap();
        let (low, high, step) = (round(low), round(low) + width, round(step).max(1e-6));
        let domain = Domain::FloatRange { low, high, step: Some(step), log: false };
        let extra: Vec<_> = extra.into_iter().map(|float| ParamValue::Float(round(float))).collect();
        let ours = Distribution::of(&domain, &extra.iter().collect::<Vec<_>>());
        let Distribution::Float { step, low, high, .. } = ours else { panic!("{ours:?}") };
        let last = domain.points().map(|points| domain.value(points as u64 - 1));
        for value in extra.iter().chain(&last) {
            let float = ours.internal(value).unwrap();
            // Optuna clips what it computes for the last point of a grid.
            let hair = step.map_or(0.0, |step| step * 1e-8 + high.abs() * f64::EPSILON);
            prop_assert!(low <= float && float <= high + hair, "{float} is not in {ours:?}");
        }
        prop_assert_eq!(Distribution::parse(&ours.to_json()).unwrap(), ours);
    }
}
