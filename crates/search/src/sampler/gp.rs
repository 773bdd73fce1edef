//! Bayesian optimisation with a Gaussian process, for studies of few and costly trials.
//!
//! The model and how it is fitted are those of Optuna's `GPSampler` (`optuna/_gp`, version 5), but for what
//! the modules say: a Matérn kernel with ν = 5/2 and a length for each parameter, hyperparameters that
//! maximise their posterior, and the logarithm of the expected improvement, maximised by local searches from
//! random points.
//!
//! It is written out here, as no crate has it: `egobox-gp` (128 dependencies) maximises the likelihood
//! without priors and without gradients; `friedrich` has one length for all parameters and no priors.
//! The matrices have at most 400 rows and what runs on them is one Cholesky factor, so
//! `gp/cholesky.rs` has it instead of nalgebra (18 crates) or faer (57). With six parameters a proposal
//! takes about 0.03 s after 100 trials and 0.2 s after 200, 500 or 2000 (medians, on a busy core).
//!
//! Scikit-learn's numbers are recorded in `tests/fixtures/gaussian_process.json`.

mod observations;

mod fit;
mod kernel;
mod posterior;

mod acquisition;
mod improvement;
mod neighbours;

mod cholesky;
mod descent;

#[cfg(test)]
mod recorded;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use self::acquisition::Acquisition;
use self::fit::{Evidence, fit};
use self::kernel::{Columns, Hyperparameters};
use self::neighbours::untaken;
use self::observations::Observations;
use self::posterior::Posterior;
use super::adaptive::AdaptiveSampler;
use super::history::SamplerHistory;
use super::unit_space::UnitSpace;

/// Proposes the point at which a Gaussian process expects the largest improvement.
///
/// It expects one objective. It keeps nothing from one question to the next.
#[derive(Debug, Clone)]
pub struct GpSampler {
    space: UnitSpace,
    columns: Columns,
}

/// Optuna's.
const STARTUP: usize = 10;

/// So many trials decide on the hyperparameters: each step of the fit takes the cube of it, and a dozen
/// numbers are known well enough from them.
const MOST_FITTED: usize = 200;

/// So many trials the model has, once its hyperparameters are known.
const MOST_KNOWN: usize = 400;

impl GpSampler {
    /// A sampler for `space`.
    pub fn new(space: UnitSpace) -> Self {
        let columns = Columns::new(&space);
        GpSampler { space, columns }
    }

    /// The points that promise most, the best first, all of them allowed; there may be none. There is a trial
    /// that has ended.
    fn proposals(&self, past: &SamplerHistory, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
        let columns = &self.columns;
        let Observations { rows, losses, .. } = Observations::new(past, columns, MOST_FITTED);
        let parameters = fit(&Evidence { columns, rows: &rows, losses: &losses });

        let Observations { rows, losses, running, best } =
            Observations::new(past, columns, MOST_KNOWN);
        let posterior =
            posterior(&Evidence { columns, rows: &rows, losses: &losses }, &running, &parameters);
        let acquisition = Acquisition {
            space: &self.space,
            columns,
            posterior: &posterior,
            best: posterior.lowest(),
            lengths: &parameters.lengths,
        };
        let mut starts = vec![past.point(best).to_vec()];
        starts.iter_mut().for_each(|start| self.space.snap(start));
        // A study that goes on may have been given another constraint.
        starts.retain(|start| self.space.allows(start));
        let proposals = acquisition.proposals(&starts, rng);
        proposals.into_iter().map(|proposal| proposal.point).collect()
    }
}

impl AdaptiveSampler for GpSampler {
    fn suggest(&mut self, past: &SamplerHistory, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let proposals = if self.columns.len() == 0 || past.ended() == 0 {
            vec![drawn(&self.space, rng)]
        } else {
            self.proposals(past, rng)
        };
        let is_free = |point: &&Vec<f64>| !past.is_taken(point) && self.space.allows(point);
        if let Some(fresh) = proposals.iter().find(is_free) {
            return fresh.clone();
        }
        let Some(best) = proposals.into_iter().next() else { return drawn(&self.space, rng) };
        // Where it may have to pass many that are not allowed, the caller looks.
        let is_listed = self.space.is_finite() && !self.space.is_constrained();
        is_listed.then(|| untaken(&self.space, past, &best)).flatten().unwrap_or(best)
    }

    fn startup(&self) -> usize {
        STARTUP
    }
}

/// The posterior with the least noise, from that of `parameters` on, with which its matrix is one that rounding
/// leaves positive definite.
fn posterior(evidence: &Evidence, running: &[Vec<f64>], parameters: &Hyperparameters) -> Posterior {
    let mut parameters = parameters.clone();
    loop {
        match Posterior::new(evidence, running, &parameters) {
            Some(posterior) => return posterior,
            None => parameters.noise *= 10.0,
        }
    }
}

/// A point at random.
fn drawn(space: &UnitSpace, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let dimensions = space.dimensions().iter();
    let mut point: Vec<f64> = dimensions.map(|dimension| dimension.uniform(unit(rng))).collect();
    space.snap(&mut point);
    point
}

/// A number from 0 to 1, 1 not included.
fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
