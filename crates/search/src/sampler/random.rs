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

/// Indices of points, none twice.
type Indices = Box<dyn Iterator<Item = u64>>;

enum Draws {
    /// Indices of grid points, all different.
    Listed(Indices),
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
        RandomSampler::listing(space, trials, seed, all_points)
    }

    /// The same candidates, and behind them what numpy's generator draws next, until the space has no further
    /// point: for whoever leaves some of them out, and needs others that are as random. (Those that
    /// [`RandomSampler::new`] has behind them stand in the order of the grid.)
    ///
    /// # Errors
    ///
    /// As of [`RandomSampler::new`].
    pub fn going_on(space: &Space, trials: usize, seed: u64) -> Result<Self, String> {
        RandomSampler::listing(space, trials, seed, going_on)
    }

    /// `list` puts so many indices of a list of points in order, given how many are wanted.
    fn listing(
        space: &Space,
        trials: usize,
        seed: u64,
        list: fn(RandomState, u64, u64) -> Indices,
    ) -> Result<Self, String> {
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
            Some(points) => Draws::Listed(list(rng, points as u64, trials as u64)),
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
fn all_points(rng: RandomState, population: u64, samples: u64) -> Indices {
    let chosen = without_replacement(rng, population, samples.min(population));
    let seen: HashSet<u64> = chosen.iter().copied().collect();
    Box::new(chosen.into_iter().chain((0..population).filter(move |index| !seen.contains(index))))
}

/// The points that scikit-learn draws, then those that it would draw if it were asked for more by the same
/// method.
fn going_on(mut rng: RandomState, population: u64, samples: u64) -> Indices {
    match Method::of(population, samples) {
        Method::OneByOne => Box::new(OneByOne::new(rng, population)),
        Method::Permutation => Box::new(rng.permutation(population).into_iter()),
        Method::Reservoir => all_points(rng, population, samples),
    }
}

/// Draws, of which none comes twice, and at last a permutation of what is left.
struct OneByOne {
    rng: RandomState,
    population: u64,
    seen: HashSet<u64>,
    rest: Option<std::vec::IntoIter<u64>>,
}

impl OneByOne {
    fn new(rng: RandomState, population: u64) -> Self {
        OneByOne { rng, population, seen: HashSet::new(), rest: None }
    }

    fn fresh(&mut self) -> u64 {
        loop {
            let index = self.rng.below(self.population);
            if self.seen.insert(index) {
                return index;
            }
        }
    }

    /// All that was never drawn, in any order.
    fn permuted_rest(&mut self) -> std::vec::IntoIter<u64> {
        let left: Vec<u64> = (0..self.population).filter(|i| !self.seen.contains(i)).collect();
        let order = self.rng.permutation(left.len() as u64).into_iter();
        order.map(|place| left[place as usize]).collect::<Vec<u64>>().into_iter()
    }
}

impl Iterator for OneByOne {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        // Behind half of them, most draws would soon be ones that were seen.
        if self.rest.is_none() && self.seen.len() as u64 >= self.population.div_ceil(2) {
            self.rest = Some(self.permuted_rest());
        }
        match &mut self.rest {
            Some(rest) => rest.next(),
            None => Some(self.fresh()),
        }
    }
}

/// How scikit-learn draws a subset.
enum Method {
    OneByOne,
    Permutation,
    Reservoir,
}

impl Method {
    fn of(population: u64, samples: u64) -> Self {
        let ratio = samples as f64 / population as f64;
        if ratio > FEW && ratio < NEARLY_ALL {
            Method::Permutation
        } else if ratio <= FEW {
            Method::OneByOne
        } else {
            Method::Reservoir
        }
    }
}

/// `sample_without_replacement(population, samples)`.
fn without_replacement(mut rng: RandomState, population: u64, samples: u64) -> Vec<u64> {
    match Method::of(population, samples) {
        Method::Permutation => {
            let mut permutation = rng.permutation(population);
            permutation.truncate(samples as usize);
            permutation
        }
        Method::OneByOne => {
            let mut draws = OneByOne::new(rng, population);
            (0..samples).map(|_| draws.fresh()).collect()
        }
        Method::Reservoir => {
            let mut reservoir: Vec<u64> = (0..samples).collect();
            for index in samples..population {
                let place = rng.below(index + 1);
                if place < samples {
                    reservoir[place as usize] = index;
                }
            }
            reservoir
        }
    }
}

#[cfg(test)]
mod tests;
