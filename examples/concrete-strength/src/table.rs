//! The table of concretes, and its columns in units of the training rows.

use crate::Age;

/// Seven ingredients and the age.
pub const INPUTS: usize = 8;
/// The last column of the inputs.
const AGE: usize = INPUTS - 1;

/// Where it comes from says `data/README.md`.
const TEXT: &str = include_str!("../data/concrete.csv");

/// A sample of concrete.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Kilograms in a cubic metre, and days.
    pub inputs: [f32; INPUTS],
    /// In megapascals.
    pub strength: f32,
}

/// All rows: those of one mixture stand together.
pub fn rows() -> Vec<Row> {
    TEXT.lines().skip(1).map(row).collect()
}

fn row(line: &str) -> Row {
    let numbers = line.split(',').map(|number| number.parse().expect("the table has numbers"));
    let numbers: Vec<f32> = numbers.collect();
    let (strength, inputs) = numbers.split_last().expect("no line is empty");
    Row { inputs: inputs.try_into().expect("eight inputs"), strength: *strength }
}

impl Row {
    /// The row with its age as the model is to see it.
    pub fn with(mut self, age: Age) -> Self {
        if age == Age::Logarithm {
            self.inputs[AGE] = self.inputs[AGE].ln();
        }
        self
    }
}

/// What makes each column one of mean 0 and deviation 1.
pub struct Scales {
    inputs: [Scale; INPUTS],
    strength: Scale,
}

#[derive(Clone, Copy)]
struct Scale {
    mean: f32,
    deviation: f32,
}

impl Scales {
    /// Those of the rows to train on: a scale that knew the others would tell the model of them.
    pub fn of(rows: &[Row]) -> Self {
        let input = |column: usize| Scale::of(rows.iter().map(|row| row.inputs[column]));
        Scales {
            inputs: std::array::from_fn(input),
            strength: Scale::of(rows.iter().map(|row| row.strength)),
        }
    }

    /// The row in these units.
    pub fn scaled(&self, row: &Row) -> Row {
        let input = |column: usize| self.inputs[column].scaled(row.inputs[column]);
        Row { inputs: std::array::from_fn(input), strength: self.strength.scaled(row.strength) }
    }

    /// A difference of strengths in megapascals.
    pub fn megapascals(&self, difference: f32) -> f32 {
        difference * self.strength.deviation
    }
}

impl Scale {
    fn of(values: impl ExactSizeIterator<Item = f32> + Clone) -> Self {
        let count = values.len() as f32;
        let mean = values.clone().sum::<f32>() / count;
        let variance = values.map(|value| (value - mean).powi(2)).sum::<f32>() / count;
        Scale { mean, deviation: variance.sqrt() }
    }

    fn scaled(self, value: f32) -> f32 {
        (value - self.mean) / self.deviation
    }
}
