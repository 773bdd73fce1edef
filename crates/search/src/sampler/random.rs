//! Random sampling: candidate for candidate what scikit-learn's `ParameterSampler` yields.

use std::collections::HashSet;

use super::grid_points::GridPoints;
use super::unit_space::UnitSpace;
use super::{RandomState, Sampler};
use crate::params::Params;
use crate::space::Space;

/// The candidates of `ParameterSampler(space, n, random_state=seed)`, in its order.
///
/// A space whose points can all be listed is drawn from without replacement. Where a parameter is
/// drawn from a range instead, each candidate is drawn afresh: parameters in the order of their
/// names, one number each. So it is, too, where a parameter exists only sometimes, which scikit-learn
/// does not know. What scikit-learn would draw again, from a range of whole numbers, is left out.
///
/// Source: scikit-learn 1.9 `model_selection/_search.py`, `utils/random.py`, `utils/_random.pyx`.
pub struct RandomSampler {
    space: Space,
    draws: Draws,
}

enum Draws {
    /// Indices of grid points, all different.
    Listed(Box<dyn Iterator<Item = u64>>),
    Independent(Box<RandomState>),
    /// As `Independent`, with what does not exist left out, and without repeats.
    Distinct {
        rng: Box<RandomState>,
        unit: Box<UnitSpace>,
        given: HashSet<String>,
        rest: Option<GridPoints>,
    },
}

/// After so many draws in a row that gave nothing new, the points that are left of a space are listed.
const PATIENCE: usize = 1_000;

/// scikit-learn's limits: a share of the points below the first is drawn one by one, above the second
/// from a reservoir, between them by a permutation of all.
const FEW: f64 = 0.01;
const NEARLY_ALL: f64 = 0.99;

impl RandomSampler {
    /// A sampler of `trials` candidates. It yields more, if asked, while the space has any.
    ///
    /// # Errors
    ///
    /// Where `seed` does not fit in the 32 bits of numpy's generator.
    pub fn new(space: &Space, trials: usize, seed: u64) -> Result<Self, String> {
        let seed = u32::try_from(seed).map_err(|_| {
            format!("the random sampler takes seeds from 0 to {}, as numpy's generator does; this is {seed}", u32::MAX)
        })?;
        let rng = RandomState::new(seed);
        let unit = UnitSpace::new(space);
        // A logarithmic range of whole numbers is drawn from, and has an end all the same.
        if !space.conditions.is_empty() || (space.points().is_none() && unit.is_finite()) {
            let (rng, unit) = (Box::new(rng), Box::new(unit));
            let draws = Draws::Distinct { rng, unit, given: HashSet::new(), rest: None };
            return Ok(RandomSampler { space: space.clone(), draws });
        }
        let draws = match space.points().and_then(|len| i64::try_from(len).ok()) {
            Some(points) => Draws::Listed(Box::new(all_points(rng, points as u64, trials as u64))),
            None => Draws::Independent(Box::new(rng)),
        };
        Ok(RandomSampler { space: space.clone(), draws })
    }
}

impl Sampler for RandomSampler {
    fn suggest(&mut self) -> Option<Params> {
        match &mut self.draws {
            Draws::Listed(indices) => indices.next().map(|index| self.space.point(index.into())),
            Draws::Independent(rng) => Some(independent(&self.space, rng)),
            Draws::Distinct { rng, unit, given, rest } => {
                if rest.is_none() {
                    let draws = (0..PATIENCE).map(|_| independent(&self.space, rng));
                    let mut draws = draws.map(|params| self.space.existing(params));
                    let new = draws.find(|params| given.insert(params.to_string()));
                    if new.is_some() || !unit.is_finite() {
                        return new;
                    }
                }
                let rest = rest.get_or_insert_with(|| GridPoints::new(unit));
                let left = std::iter::from_fn(|| rest.next(unit));
                let mut left = left.map(|point| unit.params(&point));
                left.find(|params| given.insert(params.to_string()))
            }
        }
    }
}

fn independent(space: &Space, rng: &mut RandomState) -> Params {
    let mut values = vec![None; space.domains.len()];
    for position in space.sorted_positions() {
        let domain = &space.domains[position].1;
        values[position] = Some(match domain.points() {
            Some(len) => domain.value(rng.below(len as u64)),
            None => domain.quantile(rng.unit()),
        });
    }
    space.named(values.into_iter().flatten())
}

/// The points that scikit-learn draws, then the ones that it left out in ascending order: explicit
/// trials may have taken some of the former.
fn all_points(rng: RandomState, population: u64, samples: u64) -> impl Iterator<Item = u64> {
    let chosen = without_replacement(rng, population, samples.min(population));
    let seen: HashSet<u64> = chosen.iter().copied().collect();
    chosen.into_iter().chain((0..population).filter(move |index| !seen.contains(index)))
}

/// `sample_without_replacement(population, samples)`.
fn without_replacement(mut rng: RandomState, population: u64, samples: u64) -> Vec<u64> {
    let ratio = samples as f64 / population as f64;
    if ratio > FEW && ratio < NEARLY_ALL {
        let mut permutation = rng.permutation(population);
        permutation.truncate(samples as usize);
        return permutation;
    }
    if ratio <= FEW {
        let mut seen = HashSet::new();
        let mut fresh = || loop {
            let index = rng.below(population);
            if seen.insert(index) {
                return index;
            }
        };
        return (0..samples).map(|_| fresh()).collect();
    }
    let mut reservoir: Vec<u64> = (0..samples).collect();
    for index in samples..population {
        let place = rng.below(index + 1);
        if place < samples {
            reservoir[place as usize] = index;
        }
    }
    reservoir
}

#[cfg(test)]
mod tests;
