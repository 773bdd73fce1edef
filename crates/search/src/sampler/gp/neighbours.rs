//! The values of a parameter one after the other, and the points of a finite space that no trial has taken.

use crate::sampler::history::SamplerHistory;
use crate::sampler::unit_space::{Dimension, Kind, UnitSpace};

/// The coordinate of the next larger value; `None` at the last and where values have no next.
pub fn above(dimension: &Dimension, coordinate: f64) -> Option<f64> {
    let next = match dimension.kind {
        Kind::Categories(_) => dimension.snap(coordinate + 1.0),
        // A quarter of this cell's width lies in the next cell, though cells of a logarithmic range become
        // narrower: from 1 to 2 by half.
        _ => dimension
            .cell(coordinate)
            .map(|(low, high)| dimension.snap(high + 0.25 * (high - low)))?,
    };
    (next > coordinate).then_some(next)
}

/// The coordinate of the next smaller value; `None` at the first and where values have no next.
pub fn below(dimension: &Dimension, coordinate: f64) -> Option<f64> {
    let next = match dimension.kind {
        Kind::Categories(_) => dimension.snap(coordinate - 1.0),
        _ => dimension
            .cell(coordinate)
            .map(|(low, high)| dimension.snap(low - 0.25 * (high - low)))?,
    };
    (next < coordinate).then_some(next)
}

/// All values' coordinates, ascending; `None` where they are more than `most`.
pub fn values(dimension: &Dimension, most: usize) -> Option<Vec<f64>> {
    if dimension.kind == Kind::Continuous {
        return None;
    }
    let first = dimension.snap(0.0);
    let values: Vec<f64> = std::iter::successors(Some(first), |value| above(dimension, *value))
        .take(most + 1)
        .collect();
    (values.len() <= most).then_some(values)
}

/// The first point of a finite space that no trial has begun at, in an order that starts at `from` in each
/// dimension. It looks at one point more than have been taken, at most.
pub fn untaken(space: &UnitSpace, past: &SamplerHistory, from: &[f64]) -> Option<Vec<f64>> {
    let mut point = vec![f64::NAN; space.len()];
    descend(space, past, from, 0, &mut point).then_some(point)
}

fn descend(
    space: &UnitSpace,
    past: &SamplerHistory,
    from: &[f64],
    position: usize,
    point: &mut Vec<f64>,
) -> bool {
    let Some(dimension) = space.dimensions().get(position) else {
        return !past.is_taken(point);
    };
    if !space.exists(point, position) {
        point[position] = f64::NAN;
        return descend(space, past, from, position + 1, point);
    }
    let first = dimension.snap(0.0);
    let start = if from[position].is_nan() { first } else { dimension.snap(from[position]) };
    let upwards = std::iter::successors(Some(start), |value| above(dimension, *value));
    let wrapped = std::iter::successors(Some(first), |value| above(dimension, *value))
        .take_while(|value| *value < start);
    for value in upwards.chain(wrapped) {
        point[position] = value;
        if descend(space, past, from, position + 1, point) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_each_other_both_ways() {
        let kinds = [
            Kind::Levels(1),
            Kind::Levels(7),
            Kind::LogLevels { low: 1, high: 300 },
            Kind::LogLevels { low: 3, high: 4 },
            Kind::Categories(5),
        ];
        for (kind, count) in kinds.into_iter().zip([1, 7, 300, 2, 5]) {
            let dimension = Dimension { kind, conditions: Vec::new() };
            let up = values(&dimension, 1000).unwrap();
            assert_eq!(up.len(), count, "{dimension:?}");
            let down = std::iter::successors(up.last().copied(), |value| below(&dimension, *value));
            assert!(down.eq(up.iter().rev().copied()), "{dimension:?}");
            assert_eq!(values(&dimension, count - 1), None);
        }
        let continuous = Dimension { kind: Kind::Continuous, conditions: Vec::new() };
        assert_eq!((above(&continuous, 0.5), values(&continuous, 9)), (None, None));
    }
}
