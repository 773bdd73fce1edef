//! Where the expected improvement is largest: many points at random, then a local search from some.

use rand_chacha::ChaCha8Rng;

use super::descent::{Tolerance, minimise};
use super::improvement::log_expected_improvement;
use super::kernel::Columns;
use super::neighbours::{above, below, values};
use super::posterior::Posterior;
use super::{drawn, unit};
use crate::constraint::ATTEMPTS;
use crate::sampler::unit_space::{Kind, UnitSpace};

/// A point and the logarithm of the improvement that is expected there.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The point, settled.
    pub point: Vec<f64>,
    /// Larger is better.
    pub value: f64,
}

/// The expected improvement over a space.
pub struct Acquisition<'a> {
    /// The space.
    pub space: &'a UnitSpace,
    /// What the model sees of it.
    pub columns: &'a Columns,
    /// What the model says.
    pub posterior: &'a Posterior,
    /// What is to be improved.
    pub best: f64,
    /// How far the model looks in each column.
    pub lengths: &'a [f64],
}

/// Points drawn from all of the space; less where [`ATTEMPTS`] draws have not so many that are allowed.
const DRAWS: usize = 1024;
/// How often the way to a point that is not allowed is halved.
const HALVINGS: i32 = 8;
/// Local searches, of which the first begin at given points and at the best draw. Optuna's number.
const SEARCHES: usize = 10;
/// Parameters of no more values than this are tried out, value by value; others are first taken as
/// continuous.
const FEW_VALUES: usize = 32;
/// Rounds of a local search over all parameters, each at least once.
const ROUNDS: usize = 8;
/// Steps from value to value of a parameter with many, in one round.
const CLIMB: usize = 8;
/// Optuna's.
const TOLERANCE: Tolerance = Tolerance { gradient: 1e-2, decrease: 1e-6, steps: 100 };

impl Acquisition<'_> {
    /// The best points that are found, the best first: those of local searches, then draws. A local search
    /// begins at each of `starts`, which are settled and allowed. So are all that it finds; there may be none.
    pub fn proposals(&self, starts: &[Vec<f64>], rng: &mut ChaCha8Rng) -> Vec<Proposal> {
        let points = std::iter::repeat_with(|| drawn(self.space, rng)).take(ATTEMPTS);
        let points = points.filter(|point| self.space.allows(point)).take(DRAWS).collect();
        let mut draws = self.evaluated(points);
        draws.sort_by(|a, b| b.value.total_cmp(&a.value));
        let left = SEARCHES.saturating_sub(starts.len()).max(1);
        let mut begins = self.evaluated(starts.to_vec());
        begins.extend(spun(&draws, left, rng));
        let axes = Axes::new(self);
        let mut proposals: Vec<Proposal> =
            begins.into_iter().map(|begin| self.search(begin, &axes)).collect();
        proposals.sort_by(|a, b| b.value.total_cmp(&a.value));
        proposals.extend(draws);
        proposals
    }

    fn evaluated(&self, points: Vec<Vec<f64>>) -> Vec<Proposal> {
        let rows: Vec<Vec<f64>> = points.iter().map(|point| self.columns.row(point)).collect();
        let normals = self.posterior.at(&rows);
        let values = normals
            .iter()
            .map(|(mean, variance)| log_expected_improvement(*mean, variance.sqrt(), self.best).0);
        points.into_iter().zip(values).map(|(point, value)| Proposal { point, value }).collect()
    }

    /// Climbs from a point, by turns in all coordinates that are smooth and in each that is not, until
    /// nothing gets better.
    fn search(&self, mut here: Proposal, axes: &Axes) -> Proposal {
        for _ in 0..ROUNDS {
            let before = here.value;
            self.ascend(&mut here, axes);
            let smooth = here.value;
            for (position, values) in &axes.listed {
                self.sweep(&mut here, *position, values);
            }
            for position in &axes.long {
                self.climb(&mut here, *position);
            }
            // What was done last in the coordinates that did not change is still their best.
            if here.value <= smooth || here.value <= before {
                break;
            }
        }
        here
    }

    /// Follows the gradient.
    fn ascend(&self, here: &mut Proposal, axes: &Axes) {
        let exists = |column: &&usize| !here.point[self.columns.positions[**column]].is_nan();
        let by: Vec<usize> = axes.smooth.iter().filter(exists).copied().collect();
        if by.is_empty() {
            return;
        }
        // In units of the lengths the function changes equally fast in all directions.
        let ranges: Vec<(f64, f64)> =
            by.iter().map(|column| (0.0, 1.0 / self.lengths[*column])).collect();
        let mut row = self.columns.row(&here.point);
        let mut x: Vec<f64> =
            by.iter().map(|column| row[*column] / self.lengths[*column]).collect();
        minimise(&mut x, &ranges, TOLERANCE, |x, gradient| {
            by.iter().zip(x).for_each(|(column, x)| row[*column] = x * self.lengths[*column]);
            let ((mean, variance), slopes) = self.posterior.with_slopes(&row, &by);
            let deviation = variance.sqrt();
            let (value, by_mean, by_deviation) =
                log_expected_improvement(mean, deviation, self.best);
            for ((slope, (mean, variance)), column) in gradient.iter_mut().zip(slopes).zip(&by) {
                let uphill = by_mean * mean + by_deviation * variance / (2.0 * deviation);
                *slope = -uphill * self.lengths[*column];
            }
            -value
        });
        let mut point = here.point.clone();
        for (column, x) in by.iter().zip(&x) {
            point[self.columns.positions[*column]] = x * self.lengths[*column];
        }
        // The best that is allowed is often at the border of what is.
        let nearer = if self.space.is_constrained() { HALVINGS } else { 0 };
        let part_way = |halvings| {
            let part = 0.5_f64.powi(halvings);
            let steps = here.point.iter().zip(&point);
            steps.map(|(from, to)| from + part * (to - from)).collect()
        };
        let nearer: Vec<Vec<f64>> = (1..=nearer).map(part_way).collect();
        self.take_better(here, std::iter::once(point).chain(nearer).collect());
    }

    /// Tries all values of a parameter.
    fn sweep(&self, here: &mut Proposal, position: usize, values: &[f64]) {
        let known = here.point[position];
        if !known.is_nan() {
            let others = values.iter().filter(|value| **value != known);
            self.take_better(
                here,
                others.map(|value| replaced(&here.point, position, *value)).collect(),
            );
        }
    }

    /// Goes from value to value of a parameter that has many.
    fn climb(&self, here: &mut Proposal, position: usize) {
        let dimension = &self.space.dimensions()[position];
        for _ in 0..CLIMB {
            let before = here.value;
            let known = here.point[position];
            let beside = [below(dimension, known), above(dimension, known)];
            let points = beside.into_iter().flatten();
            self.take_better(
                here,
                points.map(|value| replaced(&here.point, position, value)).collect(),
            );
            if here.value <= before {
                break;
            }
        }
    }

    /// Makes `here` the best of itself and of proposals, which are settled first, as far as they are allowed.
    fn take_better(&self, here: &mut Proposal, mut points: Vec<Vec<f64>>) {
        points.iter_mut().for_each(|point| self.space.snap(point));
        points.retain(|point| self.space.allows(point));
        for proposal in self.evaluated(points) {
            if proposal.value > here.value {
                *here = proposal;
            }
        }
    }
}

/// The best draw, and others by a roulette in which the expected improvement is the share of the wheel: as
/// Optuna does.
fn spun(draws: &[Proposal], count: usize, rng: &mut ChaCha8Rng) -> Vec<Proposal> {
    let Some(best) = draws.first() else { return Vec::new() };
    let mut shares: Vec<f64> = draws.iter().map(|draw| (draw.value - best.value).exp()).collect();
    shares[0] = 0.0;
    let mut chosen = vec![best.clone()];
    while chosen.len() < count {
        let whole: f64 = shares.iter().sum();
        let mut place = unit(rng) * whole;
        let found = shares.iter().position(|share| {
            place -= share;
            *share > 0.0 && place < 0.0
        });
        let Some(index) = found else { break };
        chosen.push(draws[index].clone());
        shares[index] = 0.0;
    }
    chosen
}

fn replaced(point: &[f64], position: usize, value: f64) -> Vec<f64> {
    let mut point = point.to_vec();
    point[position] = value;
    point
}

/// How each parameter is searched.
struct Axes {
    /// Columns in which the gradient is followed.
    smooth: Vec<usize>,
    /// Positions of parameters with few values, and those.
    listed: Vec<(usize, Vec<f64>)>,
    /// Positions of those with many.
    long: Vec<usize>,
}

impl Axes {
    fn new(acquisition: &Acquisition) -> Self {
        let mut axes = Axes { smooth: Vec::new(), listed: Vec::new(), long: Vec::new() };
        for (column, position) in acquisition.columns.positions.iter().enumerate() {
            let dimension = &acquisition.space.dimensions()[*position];
            let most =
                if acquisition.columns.categories[column] { usize::MAX - 1 } else { FEW_VALUES };
            match values(dimension, most) {
                Some(values) => axes.listed.push((*position, values)),
                None => {
                    axes.smooth.push(column);
                    if dimension.kind != Kind::Continuous {
                        axes.long.push(*position);
                    }
                }
            }
        }
        axes
    }
}
