//! All points of a finite space, one after the other.

use super::unit_space::UnitSpace;

/// Goes through the points of a finite space in the order of its parameters, the last one fastest. Each
/// comes once.
#[derive(Debug, Clone)]
pub struct GridPoints {
    indices: Vec<u64>,
    done: bool,
}

impl GridPoints {
    /// Before the first point.
    pub fn new(space: &UnitSpace) -> Self {
        GridPoints { indices: vec![0; space.len()], done: false }
    }

    /// The next point of `space`, for which this was made.
    pub fn next(&mut self, space: &UnitSpace) -> Option<Vec<f64>> {
        if self.done {
            return None;
        }
        let dimensions = space.dimensions();
        let indices = self.indices.iter().zip(dimensions);
        let mut point: Vec<f64> =
            indices.map(|(index, dimension)| dimension.coordinate(*index)).collect();
        space.snap(&mut point);
        // A parameter that does not exist here has no further value to visit; whether one exists follows
        // from those before it, which stay as they are.
        let last = (0..dimensions.len()).rev().find(|position| {
            let values = dimensions[*position].values().unwrap_or(1);
            !point[*position].is_nan() && self.indices[*position] + 1 < values
        });
        match last {
            Some(position) => {
                self.indices[position] += 1;
                self.indices[position + 1..].fill(0);
            }
            None => self.done = true,
        }
        Some(point)
    }
}
