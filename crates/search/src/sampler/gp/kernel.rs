//! What two points have to do with each other: the Matérn kernel with ν = 5/2 and a length for each
//! coordinate.

use crate::sampler::unit_space::{Kind, UnitSpace};

/// The coordinates that the model sees, in the order of the space: those with more than one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    /// Their positions in a point.
    pub positions: Vec<usize>,
    /// Which of them are categories: equal or not, with nothing between.
    pub categories: Vec<bool>,
}

/// What stands for a coordinate that does not exist: the middle of a range, and no category's index. The
/// parent's own coordinate tells such points from others already; a constant adds no distance.
const MISSING: f64 = 0.5;

impl Columns {
    /// Those of `space`.
    pub fn new(space: &UnitSpace) -> Self {
        let varying =
            space.dimensions().iter().enumerate().filter(|(_, dimension)| !dimension.is_fixed());
        let (positions, categories) = varying
            .map(|(position, dimension)| (position, matches!(dimension.kind, Kind::Categories(_))))
            .unzip();
        Columns { positions, categories }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// What the model sees of a point.
    pub fn row(&self, point: &[f64]) -> Vec<f64> {
        let coordinates = self.positions.iter().map(|position| point[*position]);
        coordinates
            .map(|coordinate| if coordinate.is_nan() { MISSING } else { coordinate })
            .collect()
    }

    /// The squared distance of two rows in one column.
    pub fn square(&self, column: usize, a: f64, b: f64) -> f64 {
        if self.categories[column] { f64::from(a != b) } else { (a - b) * (a - b) }
    }
}

/// What is not known of the function beforehand, and how far from it trials are.
#[derive(Debug, Clone, PartialEq)]
pub struct Hyperparameters {
    /// For each column the distance over which the function changes.
    pub lengths: Vec<f64>,
    /// The function's variance.
    pub scale: f64,
    /// The variance of a loss around the function.
    pub noise: f64,
}

impl Hyperparameters {
    /// What a squared distance in each column is multiplied with.
    pub fn weights(&self) -> Vec<f64> {
        self.lengths.iter().map(|length| 1.0 / (length * length)).collect()
    }
}

/// The kernel at a weighted squared distance, for a function of variance one, and its derivative by it.
pub fn matern(square: f64) -> (f64, f64) {
    let root = (5.0 * square).sqrt();
    let decay = (-root).exp();
    ((1.0 + root + 5.0 / 3.0 * square) * decay, -5.0 / 6.0 * (1.0 + root) * decay)
}
