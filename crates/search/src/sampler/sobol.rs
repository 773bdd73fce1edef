//! Scrambled Sobol points: spread over the cube more evenly than random ones.

use std::collections::HashSet;

use super::Sampler;
use super::grid_points::GridPoints;
use super::unit_space::UnitSpace;
use crate::params::Params;

/// Sobol's sequence with Owen's scrambling, as a sampler and as points by index.
///
/// The first 2^k points have one in each of the 2^k intervals of equal width, in every coordinate. Fixed
/// parameters take no coordinate of the sequence: its first ones are its best.
///
/// Sources: Joe and Kuo 2008 (direction numbers), Burley 2020, "Practical Hash-based Owen Scrambling", both
/// by way of the crate `sobol_burley`.
#[derive(Debug, Clone)]
pub struct SobolSampler {
    space: UnitSpace,
    seed: u64,
    next: u64,
    given: HashSet<Vec<u64>>,
    rest: Option<GridPoints>,
}

/// `sobol_burley` has so many points for a seed. Each run of so many gets another one.
const RUN: u64 = 1 << 16;

/// After so many points in a row that are not new, those that are left of a finite space are listed. A
/// hundredth of the space, if left, is missed so often with a probability of 4e-5.
const PATIENCE: u32 = 1000;

impl SobolSampler {
    /// The sequence over `space` that belongs to `seed`.
    ///
    /// # Errors
    ///
    /// Where there are more parameters than the sequence has coordinates: what to do.
    pub fn new(space: &UnitSpace, seed: u64) -> Result<Self, String> {
        let free = space.dimensions().iter().filter(|dimension| !dimension.is_fixed()).count();
        if free > sobol_burley::NUM_DIMENSIONS as usize {
            return Err(format!(
                "Sobol's sequence covers {} parameters with more than one value, and there are {free}: fix \
                 some of them to a single value, or use the random sampler",
                sobol_burley::NUM_DIMENSIONS
            ));
        }
        Ok(SobolSampler { space: space.clone(), seed, next: 0, given: HashSet::new(), rest: None })
    }

    /// The settled point with this index. It does not depend on what was asked for before.
    pub fn point(&self, index: u64) -> Vec<f64> {
        // One seed for all coordinates: with one for each, the points would be even in each coordinate but
        // not in several at once.
        let seed = mix(self.seed, index / RUN);
        let sample = (index % RUN) as u32;
        let mut coordinate = 0;
        let mut point: Vec<f64> = Vec::with_capacity(self.space.len());
        for dimension in self.space.dimensions() {
            if dimension.is_fixed() {
                point.push(f64::NAN);
            } else {
                point
                    .push(dimension.uniform(sobol_burley::sample(sample, coordinate, seed).into()));
                coordinate += 1;
            }
        }
        self.space.snap(&mut point);
        point
    }

    fn is_new(&mut self, point: &[f64]) -> bool {
        self.given.insert(point.iter().map(|coordinate| coordinate.to_bits()).collect())
    }

    fn next_point(&mut self) -> Option<Vec<f64>> {
        let mut tries = 0;
        while self.rest.is_none() {
            let point = self.point(self.next);
            self.next += 1;
            if self.is_new(&point) {
                return Some(point);
            }
            tries += 1;
            if tries == PATIENCE {
                self.rest = self.space.is_finite().then(|| GridPoints::new(&self.space));
                self.rest.as_ref()?;
            }
        }
        loop {
            let point = self.rest.as_mut()?.next(&self.space)?;
            if self.is_new(&point) {
                return Some(point);
            }
        }
    }
}

impl Sampler for SobolSampler {
    fn suggest(&mut self) -> Option<Params> {
        self.next_point().map(|point| self.space.params(&point))
    }
}

/// 64 bits of a study's seed and the number of a run, as 32 bits: two rounds of splitmix64, whose every
/// output bit depends on every input bit (Steele, Lea and Flood 2014).
fn mix(seed: u64, run: u64) -> u32 {
    let round = |state: u64| {
        let mut word = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    };
    (round(round(seed) ^ run) >> 32) as u32
}

#[cfg(test)]
mod tests {

    use proptest::prelude::*;
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::fixtures::spec;
    use crate::params::ParamValue;
    use crate::space::Condition;
    use crate::{Domain, Space};

    fn space(lines: &str) -> Space {
        spec(&format!("[space]\n{lines}")).space
    }

    fn cube(dimensions: usize) -> UnitSpace {
        let domain = Domain::FloatRange { low: 0.0, high: 1.0, step: None, log: false };
        UnitSpace::new(&Space::of((0..dimensions).map(|d| (format!("x{d}"), domain.clone()))))
    }

    fn all(sampler: SobolSampler) -> Vec<String> {
        let mut sampler = sampler;
        std::iter::from_fn(|| sampler.suggest()).map(|params| params.to_string()).collect()
    }

    proptest! {
        #[test]
        fn points_lie_in_the_cube(seed: u64, index: u64, dimensions in 1..=256usize) {
            let sampler = SobolSampler::new(&cube(dimensions), seed).unwrap();
            let point = sampler.point(index);
            prop_assert_eq!(point.len(), dimensions);
            prop_assert!(point.iter().all(|x| (0.0..1.0).contains(x)), "{:?}", point);
        }

        #[test]
        fn each_coordinate_of_the_first_points_has_one_in_each_interval(seed: u64, k in 0..10u32) {
            let sampler = SobolSampler::new(&cube(12), seed).unwrap();
            let points: Vec<Vec<f64>> = (0..1 << k).map(|index| sampler.point(index)).collect();
            for d in 0..12 {
                let mut cells: Vec<u32> =
                    points.iter().map(|point| (point[d] * f64::from(1u32 << k)) as u32).collect();
                cells.sort_unstable();
                prop_assert_eq!(cells, (0..1 << k).collect::<Vec<u32>>());
            }
        }
    }

    /// The root of the mean square, over 20 seeds, of what an integral is off by.
    fn integration_error(points: impl Fn(u64) -> Vec<Vec<f64>>) -> f64 {
        let seeds = 0..20;
        let errors = seeds.map(|seed| {
            let points = points(seed);
            let values = points.iter().map(|point| point.iter().map(|x| 0.5 + x).product::<f64>());
            values.sum::<f64>() / points.len() as f64 - 1.0
        });
        (errors.map(|error| error * error).sum::<f64>() / 20.0).sqrt()
    }

    #[test]
    fn an_integral_is_far_closer_than_with_random_points() {
        for dimensions in [2, 6, 20] {
            let sobol = integration_error(|seed| {
                let sampler = SobolSampler::new(&cube(dimensions), seed).unwrap();
                (0..256).map(|index| sampler.point(index)).collect()
            });
            let random = integration_error(|seed| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                (0..256).map(|_| (0..dimensions).map(|_| rng.random::<f64>()).collect()).collect()
            });
            let factor = if dimensions == 20 { 1.5 } else { 10.0 };
            assert!(sobol * factor < random, "{dimensions}: {sobol} against {random}");
        }
    }

    #[test]
    fn seeds_and_runs_give_other_points() {
        let mut seen = HashSet::new();
        for seed in [0, 1, 2, 1 << 32, u64::MAX] {
            let sampler = SobolSampler::new(&cube(3), seed).unwrap();
            for index in [0, 1, 65_535, 65_536, 65_537, 131_072] {
                assert!(seen.insert(format!("{:?}", sampler.point(index))), "{seed} {index}");
            }
        }
    }

    #[test]
    fn a_finite_space_is_exhausted_without_a_point_twice() {
        let space = space(
            "a = { low = 1, high = 13 }\nb = ['x', 'y', 'z']\nc = { low = 1, high = 9, log = true }\n\
             d = [true, false]\ne = 3",
        );
        let listed = all(SobolSampler::new(&UnitSpace::new(&space), 7).unwrap());
        assert_eq!(listed.len(), 13 * 3 * 9 * 2);
        assert_eq!(listed.iter().collect::<HashSet<_>>().len(), listed.len());
        let none = Space::of([]);
        assert_eq!(all(SobolSampler::new(&UnitSpace::new(&none), 0).unwrap()), [""]);
    }

    #[test]
    fn what_the_sequence_rarely_meets_is_listed_in_the_end() {
        let space = space("a = { low = 1, high = 3000, log = true }");
        assert_eq!(all(SobolSampler::new(&UnitSpace::new(&space), 1).unwrap()).len(), 3000);
    }

    #[test]
    fn a_parameter_that_does_not_exist_makes_no_second_point() {
        let mut space = space("n = [1, 2]\nwidth = [8, 16, 32]\ndrop = [0.1, 0.2]");
        let condition = |param: &str, parent: &str, value| Condition {
            param: param.into(),
            parent: parent.into(),
            values: vec![ParamValue::Int(value)],
        };
        space.conditions = vec![condition("width", "n", 2), condition("drop", "width", 32)];
        let listed = all(SobolSampler::new(&UnitSpace::new(&space), 0).unwrap());
        assert_eq!(listed.len(), 1 + 2 + 2, "{listed:?}");
    }

    #[test]
    fn a_space_with_too_many_parameters_is_refused() {
        let error = SobolSampler::new(&cube(257), 0).unwrap_err();
        assert!(
            error.contains("256") && error.contains("257") && error.contains("random"),
            "{error}"
        );
    }
}
