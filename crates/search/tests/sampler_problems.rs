//! Holds the problems of the benchmark of samplers against those of `bench/samplers/problems.py`. It stands
//! here because a benchmark without a harness runs no tests.

#[path = "../benches/sampler_bench/problems.rs"]
mod problems;

use burn_tune_search::Params;

use self::problems::problems;

#[derive(serde::Deserialize)]
struct Row {
    problem: String,
    point: Params,
    loss: f64,
}

#[test]
fn the_problems_are_those_of_the_python_script() {
    let text = include_str!("../../../bench/samplers/problems.json");
    let rows: Vec<Row> = serde_json::from_str(text).unwrap();
    let problems = problems();
    assert_eq!(rows.len(), 10 * problems.len());
    for row in rows {
        let problem = problems.iter().find(|problem| problem.name == row.problem).unwrap();
        for (name, _) in row.point.iter() {
            assert!(problem.space.get(name).is_some(), "{} has no {name}", row.problem);
        }
        let loss = (problem.loss)(&row.point);
        assert!((loss - row.loss).abs() < 1e-9 * (1.0 + loss.abs()), "{} {loss}", row.problem);
    }
}
