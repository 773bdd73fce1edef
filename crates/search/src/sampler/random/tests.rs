//! Against the candidates that scikit-learn yielded, recorded by
//! `tests/fixtures/parameter_sampler.py`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::params::ParamValue;
use crate::space::Domain;

#[derive(Deserialize)]
struct Fixtures {
    mt19937: Vec<Generator>,
    without_replacement: Vec<Subset>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Generator {
    seed: u32,
    random_sample: Vec<f64>,
    permutation_20: Vec<u64>,
    randint: Vec<Integers>,
}

#[derive(Deserialize)]
struct Integers {
    k: u64,
    values: Vec<u64>,
}

#[derive(Deserialize)]
#[expect(non_snake_case, reason = "scikit-learn's name")]
struct Subset {
    N: u64,
    n: u64,
    seed: u32,
    indices: Vec<u64>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    seed: u64,
    n: usize,
    order: Vec<String>,
    space: BTreeMap<String, BTreeMap<String, Vec<Value>>>,
    candidates: Vec<BTreeMap<String, Value>>,
}

fn fixtures() -> Fixtures {
    serde_json::from_str(include_str!("../../../tests/fixtures/parameter_sampler.json")).unwrap()
}

fn param_value(value: &Value) -> ParamValue {
    match value {
        Value::Bool(flag) => ParamValue::Bool(*flag),
        Value::String(text) => ParamValue::Str(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(int) => ParamValue::Int(int),
            None => ParamValue::Float(number.as_f64().unwrap()),
        },
        other => panic!("{other} is no parameter"),
    }
}

impl Case {
    fn space(&self) -> Space {
        let domain = |name: &String| {
            let (kind, values) = self.space[name].first_key_value().unwrap();
            let range = |log| Domain::FloatRange {
                low: values[0].as_f64().unwrap(),
                high: values[1].as_f64().unwrap(),
                step: None,
                log,
            };
            match kind.as_str() {
                "list" => Domain::Choices(values.iter().map(param_value).collect()),
                "loguniform" => range(true),
                "uniform" => range(false),
                other => panic!("unknown distribution {other}"),
            }
        };
        Space::of(self.order.iter().map(|name| (name.clone(), domain(name))))
    }
}

#[test]
fn the_generator_is_that_of_numpy() {
    for recorded in fixtures().mt19937 {
        let seed = recorded.seed;
        let mut rng = RandomState::new(seed);
        let units: Vec<f64> = recorded.random_sample.iter().map(|_| rng.unit()).collect();
        assert_eq!(units, recorded.random_sample, "seed {seed}");
        assert_eq!(RandomState::new(seed).permutation(20), recorded.permutation_20, "seed {seed}");
        for integers in recorded.randint {
            let mut rng = RandomState::new(seed);
            let values: Vec<u64> = integers.values.iter().map(|_| rng.below(integers.k)).collect();
            assert_eq!(values, integers.values, "seed {seed}, below {}", integers.k);
        }
    }
}

#[test]
fn subsets_are_those_of_scikit_learn() {
    for Subset { N, n, seed, indices } in fixtures().without_replacement {
        assert_eq!(
            without_replacement(RandomState::new(seed), N, n),
            indices,
            "{n} of {N}, seed {seed}"
        );
    }
}

#[test]
fn candidates_are_those_of_scikit_learn_in_its_order() {
    for case in fixtures().cases {
        let mut sampler = RandomSampler::new(&case.space(), case.n, case.seed).unwrap();
        for (i, expected) in case.candidates.iter().enumerate() {
            let params = sampler.suggest().unwrap();
            let params: BTreeMap<_, _> =
                params.iter().map(|(n, v)| (n.to_owned(), v.clone())).collect();
            let expected: BTreeMap<_, _> =
                expected.iter().map(|(name, value)| (name.clone(), param_value(value))).collect();
            assert_eq!(params, expected, "{}, candidate {i}", case.name);
        }
    }
}

#[test]
fn a_seed_beyond_numpy_is_refused() {
    let error = RandomSampler::new(&Space::default(), 1, 1 << 32).err().unwrap();
    assert!(error.contains("4294967295"), "{error}");
}

fn small_space() -> impl Strategy<Value = Space> {
    prop::collection::vec(1usize..5, 1..4).prop_map(|lens| {
        let choices = |len: usize| Domain::Choices((0..len as i64).map(ParamValue::Int).collect());
        let domains = lens.iter().enumerate();
        Space::of(domains.map(|(i, &len)| (format!("p{i}"), choices(len))))
    })
}

proptest! {
    #[test]
    fn a_space_of_lists_yields_every_point_once_and_then_nothing(
        space in small_space(), trials in 0usize..200, seed in any::<u32>(),
    ) {
        let points = space.points().unwrap() as usize;
        let mut sampler = RandomSampler::new(&space, trials, seed.into()).unwrap();
        let mut seen: Vec<String> = Vec::new();
        while let Some(params) = sampler.suggest() {
            seen.push(params.to_string());
        }
        seen.sort();
        seen.dedup();
        prop_assert_eq!(seen.len(), points);
    }

    #[test]
    fn whoever_goes_on_begins_alike_and_meets_every_point_once(
        space in small_space(), trials in 0usize..200, seed in any::<u32>(),
    ) {
        let mut sampler = RandomSampler::going_on(&space, trials, seed.into()).unwrap();
        let all: Vec<Params> = std::iter::from_fn(|| sampler.suggest()).collect();
        let points = space.points().unwrap() as usize;
        prop_assert_eq!(all.len(), points);
        let mut sampler = RandomSampler::new(&space, trials, seed.into()).unwrap();
        let first = (0..trials.min(points)).map(|_| sampler.suggest().unwrap());
        prop_assert_eq!(&all[..trials.min(points)], &first.collect::<Vec<Params>>());
        let mut seen: Vec<String> = all.iter().map(Params::to_string).collect();
        seen.sort();
        seen.dedup();
        prop_assert_eq!(seen.len(), points);
    }

    #[test]
    fn what_is_drawn_from_a_range_lies_in_it(
        low in 1i64..50, width in 0i64..100, unit in 0.0f64..1.0, step in 1i64..7,
    ) {
        let high = low + width;
        let ParamValue::Int(drawn) = (Domain::IntRange { low, high, step: 1, log: true }).quantile(unit) else {
            panic!("an integer range draws integers")
        };
        prop_assert!((low..=high).contains(&drawn));

        let stepped = Domain::IntRange { low, high, step, log: false };
        let last = stepped.value(stepped.points().unwrap() as u64 - 1);
        let ParamValue::Int(last) = last else { panic!("an integer range lists integers") };
        prop_assert!(last <= high && last + step > high);

        let (low, high) = (low as f64, high as f64 + 0.5);
        let ParamValue::Float(drawn) = (Domain::FloatRange { low, high, step: None, log: true }).quantile(unit) else {
            panic!("a float range draws floats")
        };
        prop_assert!(drawn >= low * (1.0 - 1e-12) && drawn <= high * (1.0 + 1e-12));
    }
}
