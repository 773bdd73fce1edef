//! The series, and what the network sees of it.

use std::sync::LazyLock;

use burn_tune::prelude::*;

/// Spots of each year from 1700 to 2008. Where they come from says `README.md`.
pub static SPOTS: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let lines = include_str!("../data/sunspots.csv").lines().skip(1);
    let spots = lines.map(|line| line.split(',').nth(1).and_then(|spots| spots.parse().ok()));
    spots.map(|spots| spots.expect("the table has a number for each year")).collect()
});

/// What the network counts in.
#[derive(Space, Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// Spots themselves.
    Spots,
    /// Of spots: years with many of them vary more.
    SquareRoots,
}

impl Unit {
    /// So many spots in this unit.
    pub fn of(self, spots: f32) -> f32 {
        match self {
            Unit::Spots => spots,
            Unit::SquareRoots => spots.sqrt(),
        }
    }

    /// What is so much in spots; there are never fewer than none.
    pub fn spots(self, value: f32) -> f32 {
        let value = value.max(0.0);
        match self {
            Unit::Spots => value,
            Unit::SquareRoots => value * value,
        }
    }
}

/// What makes a series one of mean 0 and deviation 1.
#[derive(Clone, Copy)]
pub struct Scale {
    mean: f32,
    deviation: f32,
}

impl Scale {
    /// That of these years, which are those to learn from.
    pub fn of(past: &[f32]) -> Self {
        let mean = past.iter().sum::<f32>() / past.len() as f32;
        let squares = past.iter().map(|value| (value - mean).powi(2)).sum::<f32>();
        Scale { mean, deviation: (squares / past.len() as f32).sqrt() }
    }

    pub fn scaled(self, value: f32) -> f32 {
        (value - self.mean) / self.deviation
    }

    pub fn unscaled(self, value: f32) -> f32 {
        value * self.deviation + self.mean
    }
}
