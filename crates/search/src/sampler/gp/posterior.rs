//! What the model says of a point, given the losses.

use super::cholesky::{Cholesky, dot};
use super::fit::Evidence;
use super::kernel::{Columns, Hyperparameters, matern};

/// A normal distribution for the function at each point.
///
/// A trial that is running is taken to come to the mean there (the "kriging believer" of Ginsbourger, Le
/// Riche and Carraro 2010, "Kriging is well-suited to parallelize optimization"). That leaves the mean as it
/// is everywhere, whatever it was believed in what order, and makes the variance smaller.
pub struct Posterior {
    columns: Columns,
    weights: Vec<f64>,
    scale: f64,
    rows: Vec<Vec<f64>>,
    factor: Cholesky,
    /// One for each row that has a loss.
    alpha: Vec<f64>,
}

impl Posterior {
    /// That of `evidence`, with `running` believed. `None` where rounding makes the matrix singular.
    pub fn new(
        evidence: &Evidence,
        running: &[Vec<f64>],
        parameters: &Hyperparameters,
    ) -> Option<Self> {
        let columns = evidence.columns.clone();
        let rows: Vec<Vec<f64>> = evidence.rows.iter().chain(running).cloned().collect();
        let weights = parameters.weights();
        let size = rows.len();
        let mut covariance = vec![0.0; size * size];
        for (index, row) in rows.iter().enumerate() {
            for (other, entry) in rows[..index].iter().zip(&mut covariance[index * size..]) {
                *entry = parameters.scale * matern(square(&columns, &weights, row, other)).0;
            }
            covariance[index * size + index] = parameters.scale + parameters.noise;
        }
        let factor = Cholesky::new(size, covariance)?;
        let mut alpha = evidence.losses.to_vec();
        factor.solve_lower(&mut alpha);
        factor.solve_upper(&mut alpha);
        Some(Posterior { columns, weights, scale: parameters.scale, rows, factor, alpha })
    }

    /// Means and variances at rows.
    pub fn at(&self, rows: &[Vec<f64>]) -> Vec<(f64, f64)> {
        let size = self.factor.size();
        let mut covariances = Vec::with_capacity(rows.len() * size);
        for row in rows {
            covariances.extend(self.rows.iter().map(|known| {
                self.scale * matern(square(&self.columns, &self.weights, row, known)).0
            }));
        }
        let means: Vec<f64> = covariances
            .chunks_exact(size)
            .map(|covariances| dot(&covariances[..self.alpha.len()], &self.alpha))
            .collect();
        self.factor.solve_lower_many(&mut covariances);
        let variances = covariances.chunks_exact(size).map(|solved| self.variance(solved));
        means.into_iter().zip(variances).collect()
    }

    /// Mean and variance at a row, with their derivatives by the coordinates of some columns.
    pub fn with_slopes(&self, row: &[f64], by: &[usize]) -> ((f64, f64), Vec<(f64, f64)>) {
        let kernels: Vec<(f64, f64)> = self
            .rows
            .iter()
            .map(|known| matern(square(&self.columns, &self.weights, row, known)))
            .collect();
        let mut solved: Vec<f64> = kernels.iter().map(|(value, _)| self.scale * value).collect();
        let mean = dot(&solved[..self.alpha.len()], &self.alpha);
        self.factor.solve_lower(&mut solved);
        let variance = self.variance(&solved);
        self.factor.solve_upper(&mut solved);
        let slopes = by.iter().map(|column| {
            let (mut by_mean, mut by_variance) = (0.0, 0.0);
            for (index, (known, (_, slope))) in self.rows.iter().zip(&kernels).enumerate() {
                let slope = slope * (row[*column] - known[*column]);
                by_mean += self.alpha.get(index).map_or(0.0, |alpha| alpha * slope);
                by_variance -= 2.0 * solved[index] * slope;
            }
            let factor = 2.0 * self.scale * self.weights[*column];
            (factor * by_mean, factor * by_variance)
        });
        ((mean, variance), slopes.collect())
    }

    /// The lowest mean at a trial: what there is to improve. Unlike the lowest loss it has no luck in it
    /// (the "plug-in" of Picheny, Wagner and Ginsbourger 2013, "A benchmark of kriging-based infill
    /// criteria for noisy optimization").
    pub fn lowest(&self) -> f64 {
        self.at(&self.rows).iter().map(|(mean, _)| *mean).fold(f64::INFINITY, f64::min)
    }

    fn variance(&self, solved: &[f64]) -> f64 {
        (self.scale - dot(solved, solved)).max(LEAST_VARIANCE)
    }
}

/// Rounding may make a variance zero; its logarithm has to be a number. Optuna's.
const LEAST_VARIANCE: f64 = 1e-12;

fn square(columns: &Columns, weights: &[f64], a: &[f64], b: &[f64]) -> f64 {
    let squares =
        a.iter().zip(b).enumerate().map(|(column, (a, b))| columns.square(column, *a, *b));
    squares.zip(weights).map(|(square, weight)| square * weight).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sampler::gp::recorded::recorded;

    #[test]
    fn means_and_variances_are_those_of_scikit_learn() {
        for case in recorded().cases {
            let columns = case.columns();
            let evidence = Evidence { columns: &columns, rows: &case.rows, losses: &case.losses };
            let posterior = Posterior::new(&evidence, &[], &case.hyperparameters()).unwrap();
            let known = case.mean.iter().zip(&case.variance);
            for ((mean, variance), (known_mean, known_variance)) in
                posterior.at(&case.queries).into_iter().zip(known)
            {
                assert!((mean - known_mean).abs() < 1e-9, "{mean} {known_mean}");
                assert!((variance - known_variance).abs() < 1e-9, "{variance} {known_variance}");
            }
        }
    }

    #[test]
    fn slopes_are_differences() {
        for case in recorded().cases {
            let columns = case.columns();
            let evidence = Evidence { columns: &columns, rows: &case.rows, losses: &case.losses };
            let posterior = Posterior::new(&evidence, &[], &case.hyperparameters()).unwrap();
            let smooth: Vec<usize> =
                (0..columns.len()).filter(|column| !columns.categories[*column]).collect();
            for query in &case.queries {
                let (normal, slopes) = posterior.with_slopes(query, &smooth);
                let [same] = posterior.at(std::slice::from_ref(query))[..] else { unreachable!() };
                assert!((normal.0 - same.0).abs() < 1e-12 && (normal.1 - same.1).abs() < 1e-12);
                for (column, (by_mean, by_variance)) in smooth.iter().zip(slopes) {
                    let h = 1e-6;
                    let mut moved = [query.clone(), query.clone()];
                    moved[0][*column] -= h;
                    moved[1][*column] += h;
                    let [low, high] = posterior.at(&moved)[..] else { unreachable!() };
                    assert!(((high.0 - low.0) / (2.0 * h) - by_mean).abs() < 1e-5);
                    assert!(((high.1 - low.1) / (2.0 * h) - by_variance).abs() < 1e-5);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn it_goes_through_losses_without_noise_and_belief_moves_no_mean(
            points in prop::collection::vec((0.0..1.0f64, 0.0..1.0f64, -2.0..2.0f64), 1..12),
            running in prop::collection::vec((0.0..1.0f64, 0.0..1.0f64), 1..4),
            query in (0.0..1.0f64, 0.0..1.0f64),
        ) {
            let columns = Columns { positions: vec![0, 1], categories: vec![false; 2] };
            let rows: Vec<Vec<f64>> = points.iter().map(|(x, y, _)| vec![*x, *y]).collect();
            let near = |a: &Vec<f64>, b: &Vec<f64>| (a[0] - b[0]).abs() + (a[1] - b[1]).abs() < 0.05;
            prop_assume!(rows.iter().enumerate().all(|(i, a)| rows[..i].iter().all(|b| !near(a, b))));
            let losses: Vec<f64> = points.iter().map(|(_, _, loss)| *loss).collect();
            let evidence = Evidence { columns: &columns, rows: &rows, losses: &losses };
            let parameters = Hyperparameters { lengths: vec![0.2, 0.3], scale: 1.0, noise: 1e-9 };
            let posterior = Posterior::new(&evidence, &[], &parameters).unwrap();
            for ((mean, variance), loss) in posterior.at(&rows).into_iter().zip(&losses) {
                prop_assert!((mean - loss).abs() < 1e-4 && variance < 1e-6);
            }
            let running: Vec<Vec<f64>> = running.iter().map(|(x, y)| vec![*x, *y]).collect();
            let believed = Posterior::new(&evidence, &running, &parameters).unwrap();
            let query = [vec![query.0, query.1]];
            prop_assert!((believed.at(&query)[0].0 - posterior.at(&query)[0].0).abs() < 1e-9);
            prop_assert!(believed.at(&query)[0].1 <= posterior.at(&query)[0].1 + 1e-9);
            prop_assert!(believed.at(&running).iter().all(|(_, variance)| *variance < 1e-6));
        }
    }
}
