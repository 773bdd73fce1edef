//! CMA-ES: a normal distribution, which moves and turns towards the better trials, proposes points.

mod distribution;
mod eigen;
mod search;

use rand_chacha::ChaCha8Rng;

use self::search::Search;
use super::adaptive::AdaptiveSampler;
use super::history::SamplerHistory;
use super::unit_space::{Dimension, Kind, UnitSpace};

/// The covariance matrix adaptation evolution strategy, for one objective (the first) and parameters that
/// have an order and exist always.
///
/// Ended trials, in the order of their numbers, are generations; whatever has proposed them counts. Each
/// question replays what the past has of them, so the answer follows from the past. Trials that others are
/// running meanwhile make a generation come from a distribution that is some trials old; the mean is then
/// still that of the best of its points.
///
/// A draw outside of the cube, or of a point that is not allowed, is drawn again; in the end, what is outside is
/// cut to the cube. A coordinate of cells keeps a standard deviation of a fifth of a cell, so that its
/// neighbours are tried now and then. Where a run has converged, the next one begins, with generations twice
/// as large.
///
/// Sources: Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv 1604.00772. For points that are not
/// drawn from the distribution: Hansen, "Injecting External Solutions Into CMA-ES", arXiv 1110.4181. For
/// restarts: Auger and Hansen 2005, "A Restart CMA Evolution Strategy With Increasing Population Size". The
/// smallest deviation does what Hamano et al. 2022, "CMA-ES with Margin" (arXiv 2205.13482), do for whole
/// numbers, without their second representation of each point, which a past does not keep.
pub struct CmaEsSampler {
    space: UnitSpace,
    /// The positions of the parameters that have more than one value.
    free: Vec<usize>,
    /// What the last question has replayed.
    search: Option<Search>,
}

/// So many draws are made for a point that lies in the cube and is not taken; as many again from farther
/// and farther out.
const DRAWS: u32 = 100;
/// The same where some points are not allowed. A draw costs a microsecond or two, and the distribution soon lies
/// where most are allowed: this is for the first generations.
const CONSTRAINED_DRAWS: u32 = 1_000;
/// The last draws have so many times the deviation of the first more.
const FARTHEST: u32 = 5;

impl CmaEsSampler {
    /// A learner for `space`.
    ///
    /// # Errors
    ///
    /// Where a parameter has values without an order, or does not always exist: its name, and what to
    /// change.
    pub fn new(space: UnitSpace) -> Result<Self, String> {
        for (position, dimension) in space.dimensions().iter().enumerate() {
            let name = space.name(position);
            if !dimension.conditions.is_empty() {
                return Err(format!(
                    "CMA-ES needs parameters that exist in every trial, and `{name}` depends on another \
                     one: take its condition out, fix the parameter that it depends on, or use the sampler \
                     tpe"
                ));
            }
            if matches!(dimension.kind, Kind::Categories(_)) && !dimension.is_fixed() {
                return Err(format!(
                    "CMA-ES needs an order among the values of each parameter, and those of `{name}` have \
                     none (a list has one if it is of ascending numbers): fix `{name}` to one value, or use \
                     the sampler tpe"
                ));
            }
        }
        let free =
            (0..space.len()).filter(|position| !space.dimensions()[*position].is_fixed()).collect();
        Ok(CmaEsSampler { space, free, search: None })
    }

    fn free_dimensions(&self) -> impl Iterator<Item = &Dimension> {
        self.free.iter().map(|position| &self.space.dimensions()[*position])
    }

    /// A settled point of the coordinates that are free.
    fn settled(&self, coordinates: &[f64]) -> Vec<f64> {
        let mut point = vec![f64::NAN; self.space.len()];
        for (position, coordinate) in self.free.iter().zip(coordinates) {
            point[*position] = coordinate.clamp(0.0, 1.0);
        }
        self.space.snap(&mut point);
        point
    }

    /// Whether a draw means a point. What lies beyond the outermost cells belongs to them.
    fn is_inside(&self, coordinates: &[f64]) -> bool {
        self.free_dimensions().zip(coordinates).all(|(dimension, coordinate)| {
            dimension.kind != Kind::Continuous || (0.0..=1.0).contains(coordinate)
        })
    }

    fn draw(&self, search: &Search, past: &SamplerHistory, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut coordinates = Vec::new();
        let draws = if self.space.is_constrained() { CONSTRAINED_DRAWS } else { DRAWS };
        for draw in 0..2 * draws {
            let scale = 1.0 + f64::from(draw.saturating_sub(draws)) / f64::from(draws / FARTHEST);
            coordinates = search.distribution().draw(scale, rng);
            if self.is_inside(&coordinates) {
                let point = self.settled(&coordinates);
                if !past.is_taken(&point) && self.space.allows(&point) {
                    return point;
                }
            }
        }
        self.settled(&coordinates)
    }
}

impl AdaptiveSampler for CmaEsSampler {
    fn suggest(&mut self, past: &SamplerHistory, rng: &mut ChaCha8Rng) -> Vec<f64> {
        if self.free.is_empty() {
            return self.settled(&[]);
        }
        let known = self.search.take().filter(|search| search.belongs_to(past, &self.free));
        let mut search = known.unwrap_or_else(|| Search::new(past, self.free.len()));
        search.catch_up(past, &self.free, |mean| {
            let cells = self.free_dimensions().zip(mean);
            let width = |(low, high)| high - low;
            cells.map(|(dimension, x)| dimension.cell(*x).map_or(0.0, width)).collect()
        });
        let point = self.draw(&search, past, rng);
        self.search = Some(search);
        point
    }

    /// One, as Optuna has: an even spread over the whole cube is a worse first generation than draws from
    /// the first distribution.
    fn startup(&self) -> usize {
        1
    }
}

#[cfg(test)]
mod tests;
