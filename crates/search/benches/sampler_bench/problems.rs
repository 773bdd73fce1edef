//! The problems of the comparison of samplers: the same as in `bench/samplers/problems.py`, which says more.

use std::f64::consts::{E, PI};

use burn_tune_search::space::Condition;
use burn_tune_search::{Domain, ParamValue, Params, Space};

/// A function to be minimised, with the space of its arguments.
pub struct Problem {
    pub name: &'static str,
    pub space: Space,
    pub loss: fn(&Params) -> f64,
}

const SHIFTS: [f64; 10] = [0.3, -0.62, 0.11, 0.74, -0.45, 0.58, -0.2, 0.9, -0.81, 0.05];
const CATEGORIES: [&str; 5] = ["a", "b", "c", "d", "e"];
const DISTANCES: [f64; 5] = [6.5, 0.0, 13.0, 26.0, 3.3];
const ALPHA: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
const A: [[f64; 6]; 4] = [
    [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
    [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
    [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
    [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
];
const P: [[f64; 6]; 4] = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
];

pub fn problems() -> Vec<Problem> {
    vec![
        Problem { name: "sphere-2", space: floats(2, -5.0, 5.0), loss: sphere },
        Problem { name: "sphere-5", space: floats(5, -5.0, 5.0), loss: sphere },
        Problem { name: "sphere-10", space: floats(10, -5.0, 5.0), loss: sphere },
        Problem { name: "rosenbrock-2", space: floats(2, -5.0, 10.0), loss: rosenbrock },
        Problem { name: "rosenbrock-5", space: floats(5, -5.0, 10.0), loss: rosenbrock },
        Problem { name: "rosenbrock-10", space: floats(10, -5.0, 10.0), loss: rosenbrock },
        Problem { name: "hartmann-6", space: floats(6, 0.0, 1.0), loss: hartmann },
        Problem { name: "ackley-mixed-3", space: mixed(1, 1, 1), loss: ackley },
        Problem { name: "ackley-mixed-5", space: mixed(2, 2, 1), loss: ackley },
        Problem { name: "ackley-mixed-10", space: mixed(4, 3, 3), loss: ackley },
        Problem { name: "network-10", space: network_space(), loss: network },
    ]
}

fn numbers(params: &Params) -> Vec<f64> {
    params.iter().map(|(_, value)| number(value)).collect()
}

fn number(value: &ParamValue) -> f64 {
    match value {
        ParamValue::Int(value) => *value as f64,
        ParamValue::Float(value) => *value,
        ParamValue::Bool(_) | ParamValue::Str(_) => f64::NAN,
    }
}

fn sphere(params: &Params) -> f64 {
    let shifted = numbers(params).into_iter().zip(SHIFTS).map(|(x, shift)| x - 4.0 * shift);
    shifted.map(|x| x * x).sum()
}

fn rosenbrock(params: &Params) -> f64 {
    let x = numbers(params);
    x.windows(2).map(|x| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)).sum()
}

fn hartmann(params: &Params) -> f64 {
    let x = numbers(params);
    let distance = |a: &[f64; 6], p: &[f64; 6]| -> f64 {
        a.iter().zip(p).zip(&x).map(|((a, p), x)| a * (x - p) * (x - p)).sum()
    };
    let wells = ALPHA.iter().zip(A.iter().zip(&P));
    -wells.map(|(alpha, (a, p))| alpha * (-distance(a, p)).exp()).sum::<f64>()
}

fn ackley(params: &Params) -> f64 {
    let z: Vec<f64> = params
        .iter()
        .enumerate()
        .map(|(i, (_, value))| match value {
            ParamValue::Str(category) => {
                let index = CATEGORIES.iter().position(|known| known == category).unwrap_or(0);
                DISTANCES[(index + i) % 5]
            }
            ParamValue::Int(value) => 3.2768 * (*value as f64 - (10.0 * SHIFTS[i]).floor()),
            value => number(value) - 24.0 * SHIFTS[i],
        })
        .collect();
    let mean = |terms: &dyn Fn(f64) -> f64| -> f64 {
        z.iter().map(|z| terms(*z)).sum::<f64>() / z.len() as f64
    };
    let (square, cosine) = (mean(&|z| z * z), mean(&|z| (2.0 * PI * z).cos()));
    -20.0 * (-0.2 * square.sqrt()).exp() - cosine.exp() + 20.0 + E
}

fn network(params: &Params) -> f64 {
    let get = |name: &str| params.get(name).map_or(f64::NAN, number);
    let layers = get("layers");
    let optimizer = match params.get("optimizer") {
        Some(ParamValue::Str(name)) if name == "sgd" => {
            0.2 + 0.3 * (get("lr_sgd").log10() + 1.5).powi(2) + (get("momentum") - 0.9).powi(2)
        }
        Some(ParamValue::Str(name)) if name == "adam" => {
            0.1 + 0.3 * (get("lr_adam").log10() + 3.0).powi(2) + 5.0 * (get("beta") - 0.9).powi(2)
        }
        _ => 0.3,
    };
    let widths = (0..layers as usize)
        .map(|i| 0.1 * (get(&format!("width_{}", i + 1)).log2() - (8.0 - i as f64)).powi(2));
    0.05 * (layers - 3.0).powi(2) + optimizer + widths.sum::<f64>()
}

fn float(low: f64, high: f64) -> Domain {
    Domain::FloatRange { low, high, step: None, log: false }
}

fn floats(count: usize, low: f64, high: f64) -> Space {
    Space::of((0..count).map(|i| (format!("x{i}"), float(low, high))))
}

fn choices(names: &[&str]) -> Domain {
    Domain::Choices(names.iter().map(|name| ParamValue::Str((*name).into())).collect())
}

fn mixed(n_floats: usize, n_ints: usize, n_choices: usize) -> Space {
    let domain = |i| match i {
        i if i < n_floats => float(-32.768, 32.768),
        i if i < n_floats + n_ints => Domain::IntRange { low: -10, high: 10, step: 1, log: false },
        _ => choices(&CATEGORIES),
    };
    Space::of((0..n_floats + n_ints + n_choices).map(|i| (format!("x{i}"), domain(i))))
}

fn network_space() -> Space {
    let log = |low, high| Domain::FloatRange { low, high, step: None, log: true };
    let width = Domain::IntRange { low: 16, high: 512, step: 1, log: true };
    let domains = [
        ("optimizer", choices(&["sgd", "adam", "lion"])),
        ("lr_sgd", log(1e-4, 1.0)),
        ("momentum", float(0.0, 1.0)),
        ("lr_adam", log(1e-5, 1e-1)),
        ("beta", float(0.8, 0.999)),
        ("layers", Domain::IntRange { low: 1, high: 4, step: 1, log: false }),
        ("width_1", width.clone()),
        ("width_2", width.clone()),
        ("width_3", width.clone()),
        ("width_4", width),
    ];
    let when = |param: &str, parent: &str, values: &[ParamValue]| Condition {
        param: param.into(),
        parent: parent.into(),
        values: values.to_vec(),
    };
    let (sgd, adam) = ([ParamValue::Str("sgd".into())], [ParamValue::Str("adam".into())]);
    let layers = [2, 3, 4].map(ParamValue::Int);
    let mut space = Space::of(domains.map(|(name, domain)| (name.to_string(), domain)));
    space.conditions = vec![
        when("lr_sgd", "optimizer", &sgd),
        when("momentum", "optimizer", &sgd),
        when("lr_adam", "optimizer", &adam),
        when("beta", "optimizer", &adam),
        when("width_2", "layers", &layers),
        when("width_3", "layers", &layers[1..]),
        when("width_4", "layers", &layers[2..]),
    ];
    space
}
