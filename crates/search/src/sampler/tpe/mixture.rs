//! A mixture of kernels, one for each trial, and the uniform distribution as one more.

use rand_chacha::ChaCha8Rng;

use super::exponential::weighted_sum;
use super::kernel::{self, Width};
use crate::sampler::unit_space::{Dimension, Kind, UnitSpace};

/// Trials as kernels, column by column. Weights are not in it: they differ from question to question,
/// while columns only grow.
#[derive(Debug, Clone)]
pub(super) struct Mixture {
    columns: Vec<Column>,
    /// For each trial, the sum of the logarithms of its kernels' heights.
    heights: Vec<f64>,
    /// The largest of them, and 0.
    highest: f64,
    /// The most that categories and tables can add to a height.
    most_added: f64,
}

/// The kernels of one parameter.
#[derive(Debug, Clone)]
struct Column {
    /// The trials' coordinates; NaN where they lack the parameter.
    middles: Vec<f64>,
    width: Width,
    shape: Shape,
}

#[derive(Debug, Clone)]
enum Shape {
    /// There is nothing to choose.
    Fixed,
    /// `scaled` are the middles in units of √2 deviations, 0 for a trial that lacks the parameter, and
    /// `inverse` what makes them so, likewise 0; `heights` the logarithms.
    Normal { scaled: Vec<f64>, inverse: Vec<f64>, heights: Vec<f64> },
    /// The logarithms of [`kernel::category`].
    Category { same: f64, other: f64 },
    /// `indices` of the trials' values, and the [`kernel::table`] that they point into.
    Table { indices: Vec<u32>, table: Vec<f64>, values: usize },
}

impl Mixture {
    /// Without trials, with kernels of these widths.
    pub fn new(space: &UnitSpace, widths: &[Width]) -> Self {
        let columns: Vec<Column> = space
            .dimensions()
            .iter()
            .zip(widths)
            .map(|(dimension, width)| Column {
                middles: Vec::new(),
                width: *width,
                shape: Shape::of(dimension, *width),
            })
            .collect();
        let most = |column: &Column| match &column.shape {
            Shape::Category { same, .. } => same.max(0.0),
            Shape::Table { table, .. } => table.iter().copied().fold(0.0, f64::max),
            _ => 0.0,
        };
        let most_added = columns.iter().map(most).sum();
        Mixture { columns, heights: Vec::new(), highest: 0.0, most_added }
    }

    /// How wide the kernels are.
    pub fn widths(&self) -> impl Iterator<Item = Width> + '_ {
        self.columns.iter().map(|column| column.width)
    }

    /// How many trials are in it.
    pub fn len(&self) -> usize {
        self.heights.len()
    }

    /// Whether the trial with this number is at `point`, to the bit.
    pub fn is_at(&self, trial: usize, point: &[f64]) -> bool {
        let coordinates = self.columns.iter().map(|column| column.middles[trial]);
        coordinates.zip(point).all(|(known, coordinate)| known.to_bits() == coordinate.to_bits())
    }

    /// Adds a trial.
    pub fn push(&mut self, space: &UnitSpace, point: &[f64]) {
        let columns = self.columns.iter_mut().zip(space.dimensions()).zip(point);
        let height = columns
            .map(|((column, dimension), coordinate)| column.push(dimension, *coordinate))
            .sum();
        self.heights.push(height);
        self.highest = self.highest.max(height);
    }

    /// The logarithm of the density at a settled point against the uniform one, where trials have these
    /// weights and the uniform distribution has `prior`; all of them add up to 1.
    pub fn log_density(
        &self,
        space: &UnitSpace,
        point: &[f64],
        weights: &[f64],
        prior: f64,
        scratch: &mut Vec<f64>,
    ) -> f64 {
        // A parameter that the point lacks, or the trial, counts as if the trial were spread evenly.
        scratch.clear();
        scratch.extend_from_slice(&self.heights);
        let columns = self.columns.iter().zip(space.dimensions());
        for ((column, dimension), coordinate) in columns.zip(point) {
            column.add(dimension, *coordinate, scratch);
        }
        // With so large a shift nothing overflows, however many parameters there are; what then underflows
        // is far from everywhere, and equally good.
        let highest = self.highest + self.most_added;
        let shift = if highest > 600.0 { highest } else { 0.0 };
        scratch.iter_mut().for_each(|exponent| *exponent -= shift);
        let sum = prior * libm::exp(-shift) + weighted_sum(weights, scratch);
        shift + libm::log(sum.max(f64::MIN_POSITIVE))
    }

    /// A draw: settled.
    pub fn draw(&self, space: &UnitSpace, weights: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut left = kernel::unit(rng);
        let trial = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        let mut point = vec![f64::NAN; space.len()];
        for (position, (dimension, column)) in
            space.dimensions().iter().zip(&self.columns).enumerate()
        {
            if !space.exists(&point, position) {
                continue;
            }
            let middle = trial.map_or(f64::NAN, |trial| column.middles[trial]);
            let coordinate = if middle.is_nan() {
                dimension.uniform(kernel::unit(rng))
            } else {
                kernel::draw(dimension, middle, column.width, rng)
            };
            point[position] = dimension.snap(coordinate);
        }
        point
    }
}

impl Shape {
    fn of(dimension: &Dimension, width: Width) -> Self {
        if dimension.is_fixed() {
            Shape::Fixed
        } else if let Kind::Categories(choices) = dimension.kind {
            let (same, other) = kernel::category(choices, width);
            Shape::Category { same, other }
        } else if kernel::has_table(dimension) {
            Shape::Table {
                indices: Vec::new(),
                table: kernel::table(dimension, width),
                values: dimension.values().unwrap_or(0) as usize,
            }
        } else {
            Shape::Normal { scaled: Vec::new(), inverse: Vec::new(), heights: Vec::new() }
        }
    }
}

impl Column {
    /// Adds a trial, and returns the logarithm of its kernel's height, where that has one.
    fn push(&mut self, dimension: &Dimension, coordinate: f64) -> f64 {
        self.middles.push(coordinate);
        match &mut self.shape {
            Shape::Fixed | Shape::Category { .. } => 0.0,
            Shape::Normal { scaled, inverse, heights } => {
                let (factor, middle, height) = if coordinate.is_nan() {
                    (0.0, 0.0, 0.0)
                } else {
                    let deviation = self.width.number;
                    let factor = std::f64::consts::FRAC_1_SQRT_2 / deviation;
                    (factor, coordinate * factor, kernel::log_height(coordinate, deviation))
                };
                scaled.push(middle);
                inverse.push(factor);
                heights.push(height);
                height
            }
            Shape::Table { indices, values, .. } => {
                let missing = coordinate.is_nan();
                indices.push(if missing { *values } else { dimension.index(coordinate) } as u32);
                0.0
            }
        }
    }

    /// Adds, trial for trial, the logarithm of the density at a coordinate; heights are already in.
    fn add(&self, dimension: &Dimension, coordinate: f64, exponents: &mut [f64]) {
        match &self.shape {
            Shape::Fixed => {}
            Shape::Normal { heights, .. } if coordinate.is_nan() => {
                exponents.iter_mut().zip(heights).for_each(|(sum, height)| *sum -= height);
            }
            Shape::Normal { scaled, inverse, .. } => {
                for (sum, (middle, factor)) in exponents.iter_mut().zip(scaled.iter().zip(inverse))
                {
                    let distance = coordinate * factor - middle;
                    *sum -= distance * distance;
                }
            }
            Shape::Category { .. } | Shape::Table { .. } if coordinate.is_nan() => {}
            Shape::Category { same, other } => {
                for (sum, middle) in exponents.iter_mut().zip(&self.middles) {
                    *sum += match middle {
                        middle if *middle == coordinate => *same,
                        middle if middle.is_nan() => 0.0,
                        _ => *other,
                    };
                }
            }
            Shape::Table { indices, table, values } => {
                let row = &table[dimension.index(coordinate) * (values + 1)..][..=*values];
                for (sum, index) in exponents.iter_mut().zip(indices) {
                    *sum += row[*index as usize];
                }
            }
        }
    }
}
