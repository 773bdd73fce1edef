//! How wide kernels are.

use super::kernel::Width;
use crate::sampler::history::SamplerHistory;
use crate::sampler::unit_space::UnitSpace;

/// The good trials' kernels, as a part of the trials' standard deviation, before the division by the
/// `d + 4`th root of their number, which is Scott's (1992).
const OF_DEVIATION: f64 = 0.7;
/// All trials' kernels, as a part of the range, before the same division.
const OF_RANGE: f64 = 0.15;
/// The variance of a uniform distribution: what one trial more is taken to have, so that a single trial has
/// a deviation, too.
const UNIFORM_VARIANCE: f64 = 1.0 / 12.0;
/// No kernel of a number is narrower, as a part of the range.
const LEAST: f64 = 0.01;
/// The part of a category's mass that is spread over all, for good trials and for all.
const GOOD_CATEGORY: f64 = 0.4;
const ANY_CATEGORY: f64 = 0.2;

/// For the good trials, parameter by parameter: as wide as they are scattered.
pub(super) fn of_good(space: &UnitSpace, past: &SamplerHistory, good: &[usize]) -> Vec<Width> {
    let width = |position: usize| {
        let coordinates = good
            .iter()
            .map(|trial| past.point(*trial)[position])
            .filter(|coordinate| !coordinate.is_nan());
        let count = coordinates.clone().count().max(1) as f64;
        let mean = coordinates.clone().sum::<f64>() / count;
        let squares: f64 = coordinates.map(|x| (x - mean) * (x - mean)).sum();
        let deviation = ((squares + UNIFORM_VARIANCE) / count).sqrt();
        let number = OF_DEVIATION * deviation * scott(space, count);
        Width { number: clip(space, position, number), category: GOOD_CATEGORY }
    };
    (0..space.len()).map(width).collect()
}

/// For all of `count` trials: the same for every parameter, and the same until there are a fifth more, so
/// that kernels which were made once can be kept.
pub(super) fn of_all(space: &UnitSpace, count: usize) -> Vec<Width> {
    let mut rounded = 1.0;
    while rounded * 1.2 <= count as f64 {
        rounded *= 1.2;
    }
    let number = OF_RANGE * scott(space, rounded);
    let positions = 0..space.len();
    positions
        .map(|position| Width { number: clip(space, position, number), category: ANY_CATEGORY })
        .collect()
}

fn scott(space: &UnitSpace, count: f64) -> f64 {
    let free = space.dimensions().iter().filter(|dimension| !dimension.is_fixed()).count();
    libm::pow(count, -1.0 / (free as f64 + 4.0))
}

/// A kernel that is narrower than the values lie apart would know nothing of a value's neighbours.
fn clip(space: &UnitSpace, position: usize, number: f64) -> f64 {
    let apart = space.dimensions()[position].values().map_or(0.0, |values| 1.0 / values as f64);
    number.max(LEAST).max(apart).min(1.0)
}
