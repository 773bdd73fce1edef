//! What scikit-learn and mpmath give, for the tests: `tests/fixtures/gaussian_process.py`.

use serde::Deserialize;

use super::kernel::{Columns, Hyperparameters};

#[derive(Deserialize)]
pub struct Recorded {
    pub cases: Vec<Case>,
    pub improvement: Vec<Improvement>,
}

#[derive(Deserialize)]
pub struct Case {
    pub rows: Vec<Vec<f64>>,
    pub losses: Vec<f64>,
    category: Vec<bool>,
    lengths: Vec<f64>,
    scale: f64,
    noise: f64,
    pub queries: Vec<Vec<f64>>,
    pub mean: Vec<f64>,
    pub variance: Vec<f64>,
    pub log_likelihood: f64,
    pub gradient: Vec<f64>,
}

#[derive(Deserialize)]
pub struct Improvement {
    pub z: f64,
    pub log: f64,
    pub slope: f64,
}

impl Case {
    pub fn columns(&self) -> Columns {
        Columns { positions: (0..self.category.len()).collect(), categories: self.category.clone() }
    }

    pub fn hyperparameters(&self) -> Hyperparameters {
        Hyperparameters { lengths: self.lengths.clone(), scale: self.scale, noise: self.noise }
    }
}

pub fn recorded() -> Recorded {
    let text = include_str!("../../../tests/fixtures/gaussian_process.json");
    serde_json::from_str(text).expect("the file is what the script writes")
}
