//! The hyperparameters that fit the losses best, by what is thought of them beforehand.

use super::cholesky::{Cholesky, dot};
use super::descent::{Tolerance, minimise};
use super::kernel::{Columns, Hyperparameters, matern};

/// A variance below which noise does not go: the matrix would not be positive definite. Optuna has 1e-6, which is
/// too much where one loss is a thousandth of another: with it, a sphere's bottom in five
/// dimensions was missed by five times as much.
pub const LEAST_NOISE: f64 = 1e-8;

/// The gradient's is Optuna's.
const TOLERANCE: Tolerance = Tolerance { gradient: 1e-2, decrease: 1e-5, steps: 60 };

/// The logarithms of lengths, scale and what is above the least noise stay in this range: that of the noise may
/// well go to its end.
const RANGE: (f64, f64) = (-22.0, 12.0);

/// Losses of trials, by columns.
pub struct Evidence<'a> {
    /// What the columns mean.
    pub columns: &'a Columns,
    /// The rows of the trials.
    pub rows: &'a [Vec<f64>],
    /// Their losses, standardised.
    pub losses: &'a [f64],
}

/// Where the search for hyperparameters begins: smooth and nearly without noise; and rough.
fn starts(columns: usize) -> [Hyperparameters; 2] {
    let width = (columns as f64).sqrt();
    [
        Hyperparameters { lengths: vec![0.5 * width; columns], scale: 1.0, noise: 1e-3 },
        Hyperparameters { lengths: vec![0.2 * width; columns], scale: 1.0, noise: 0.1 },
    ]
}

/// The maximum of the posterior: the better of those that are found from two starts.
pub fn fit(evidence: &Evidence) -> Hyperparameters {
    let squares = squares(evidence);
    let mut best: Option<(f64, Vec<f64>)> = None;
    for start in starts(evidence.columns.len()) {
        let mut theta = theta(&start);
        let ranges = vec![RANGE; theta.len()];
        let value = minimise(&mut theta, &ranges, TOLERANCE, |theta, gradient| {
            negative_log_posterior(evidence, &squares, theta, gradient)
        });
        if best.as_ref().is_none_or(|(least, _)| value < *least) {
            best = Some((value, theta));
        }
    }
    best.map_or_else(
        || starts(evidence.columns.len())[0].clone(),
        |(_, theta)| hyperparameters(&theta),
    )
}

/// What is optimised: logarithms, as all of them are positive.
fn theta(hyperparameters: &Hyperparameters) -> Vec<f64> {
    let Hyperparameters { lengths, scale, noise } = hyperparameters;
    lengths.iter().copied().chain([*scale, noise - LEAST_NOISE]).map(f64::ln).collect()
}

fn hyperparameters(theta: &[f64]) -> Hyperparameters {
    let (lengths, rest) = theta.split_at(theta.len() - 2);
    Hyperparameters {
        lengths: lengths.iter().map(|log| log.exp()).collect(),
        scale: rest[0].exp(),
        noise: rest[1].exp() + LEAST_NOISE,
    }
}

/// For each pair of rows, the later one first, the squared distances in all columns.
fn squares(evidence: &Evidence) -> Vec<f64> {
    let Evidence { columns, rows, .. } = evidence;
    let mut squares = Vec::with_capacity(rows.len() * rows.len() / 2 * columns.len());
    for (index, a) in rows.iter().enumerate() {
        for b in &rows[..index] {
            squares.extend(
                (0..columns.len()).map(|column| columns.square(column, a[column], b[column])),
            );
        }
    }
    squares
}

/// The logarithm of the priors' densities, but for constants, and its derivatives by `theta`. They are Optuna's
/// (`optuna/_gp/prior.py`): lengths near one, a scale of Gamma(2, 1), a noise of Gamma(1.1, 30). The prior of
/// Hvarfner et al. 2024, "Vanilla Bayesian Optimization Performs Great in High Dimensions", in the place of the
/// first was no better in two to six dimensions.
fn log_prior(theta: &[f64], gradient: &mut [f64]) -> f64 {
    let hyperparameters = hyperparameters(theta);
    let columns = hyperparameters.lengths.len();
    let mut sum = 0.0;
    for (weight, slope) in hyperparameters.weights().iter().zip(&mut *gradient) {
        sum -= 0.1 / weight + 0.1 * weight;
        *slope = -0.2 / weight + 0.2 * weight;
    }
    let (scale, noise) = (hyperparameters.scale, hyperparameters.noise);
    sum += scale.ln() - scale;
    gradient[columns] = 1.0 - scale;
    sum += 0.1 * noise.ln() - 30.0 * noise;
    gradient[columns + 1] = (0.1 / noise - 30.0) * (noise - LEAST_NOISE);
    sum
}

/// Minus the logarithm of the posterior density, but for a constant. Source of the marginal likelihood and
/// its gradient: Rasmussen and Williams 2006, *Gaussian Processes for Machine Learning*, equations 2.30 and
/// 5.9.
fn negative_log_posterior(
    evidence: &Evidence,
    squares: &[f64],
    theta: &[f64],
    gradient: &mut [f64],
) -> f64 {
    let mut prior_gradient = vec![0.0; theta.len()];
    let prior = log_prior(theta, &mut prior_gradient);
    let Some(likelihood) = log_likelihood(evidence, squares, theta, gradient) else {
        return f64::INFINITY;
    };
    gradient.iter_mut().zip(&prior_gradient).for_each(|(slope, prior)| *slope = -*slope - prior);
    -likelihood - prior
}

/// The logarithm of the losses' density, and its derivatives by `theta`.
fn log_likelihood(
    evidence: &Evidence,
    squares: &[f64],
    theta: &[f64],
    gradient: &mut [f64],
) -> Option<f64> {
    let (size, columns) = (evidence.rows.len(), evidence.columns.len());
    let parameters = hyperparameters(theta);
    let weights = parameters.weights();
    let pairs = || (0..size).flat_map(|row| (0..row).map(move |column| (row, column)));
    let mut covariance = vec![0.0; size * size];
    let mut slopes = Vec::with_capacity(size * size / 2);
    for ((row, column), squares) in pairs().zip(squares.chunks_exact(columns)) {
        let square = squares.iter().zip(&weights).map(|(square, weight)| square * weight).sum();
        let (value, slope) = matern(square);
        covariance[row * size + column] = parameters.scale * value;
        slopes.push(parameters.scale * slope);
    }
    for row in 0..size {
        covariance[row * size + row] = parameters.scale + parameters.noise;
    }
    let factor = Cholesky::new(size, covariance.clone())?;
    let mut alpha = evidence.losses.to_vec();
    factor.solve_lower(&mut alpha);
    let fit = dot(&alpha, &alpha);
    factor.solve_upper(&mut alpha);

    // Half the derivative by an entry of the covariance is `alpha alphaᵀ - K⁻¹`; each pair stands there twice.
    let inverse = factor.inverse();
    let mut by_weight = vec![0.0; columns];
    let (mut by_scale, mut trace) = (0.0, 0.0);
    for (((row, column), squares), slope) in pairs().zip(squares.chunks_exact(columns)).zip(&slopes)
    {
        let entry = row * size + column;
        let by_entry = alpha[row] * alpha[column] - inverse[entry];
        by_scale += by_entry * covariance[entry];
        let by_square = by_entry * slope;
        by_weight.iter_mut().zip(squares).for_each(|(sum, square)| *sum += by_square * square);
    }
    for row in 0..size {
        trace += 0.5 * (alpha[row] * alpha[row] - inverse[row * size + row]);
    }
    for (slope, (sum, weight)) in gradient.iter_mut().zip(by_weight.iter().zip(&weights)) {
        *slope = -2.0 * sum * weight;
    }
    gradient[columns] = by_scale + trace * parameters.scale;
    gradient[columns + 1] = trace * (parameters.noise - LEAST_NOISE);
    let constant = size as f64 * (2.0 * std::f64::consts::PI).ln();
    Some(-0.5 * (fit + factor.log_determinant() + constant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::gp::recorded::recorded;

    #[test]
    fn the_likelihood_and_its_gradient_are_those_of_scikit_learn() {
        for case in recorded().cases {
            let columns = case.columns();
            let evidence = Evidence { columns: &columns, rows: &case.rows, losses: &case.losses };
            let parameters = case.hyperparameters();
            let theta = theta(&parameters);
            let mut gradient = vec![0.0; theta.len()];
            let value =
                log_likelihood(&evidence, &squares(&evidence), &theta, &mut gradient).unwrap();
            assert!((value - case.log_likelihood).abs() < 1e-9, "{value} {}", case.log_likelihood);
            // By the logarithm of all of the noise there, of what is above the least here.
            *gradient.last_mut().unwrap() *= parameters.noise / (parameters.noise - LEAST_NOISE);
            for (slope, known) in gradient.iter().zip(&case.gradient) {
                assert!((slope - known).abs() < 1e-8 * (1.0 + known.abs()), "{slope} {known}");
            }
        }
    }

    #[test]
    fn the_gradient_of_the_prior_is_its_difference() {
        let start = [-1.0, 0.3, 1.2, 0.4, -3.0];
        let mut gradient = [0.0; 5];
        log_prior(&start, &mut gradient);
        for (index, slope) in gradient.iter().enumerate() {
            let moved = |by: f64| {
                let mut theta = start;
                theta[index] += by;
                log_prior(&theta, &mut [0.0; 5])
            };
            let difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((difference - slope).abs() < 1e-7, "{index}: {difference} {slope}");
        }
    }

    #[test]
    fn a_coordinate_without_influence_gets_a_long_length_and_noise_is_seen() {
        let columns = Columns { positions: vec![0, 1], categories: vec![false; 2] };
        let rows: Vec<Vec<f64>> = (0..60)
            .map(|index| {
                vec![(f64::from(index) * 0.618).fract(), (f64::from(index) * 0.755).fract()]
            })
            .collect();
        let fitted = |noise: f64| {
            let losses: Vec<f64> = rows
                .iter()
                .zip(0_u32..)
                .map(|(row, index)| (7.0 * row[0]).sin() + noise * (f64::from(index * index)).sin())
                .collect();
            fit(&Evidence { columns: &columns, rows: &rows, losses: &losses })
        };
        let exact = fitted(0.0);
        assert!(exact.lengths[1] > 3.0 * exact.lengths[0] && exact.noise < 1e-3, "{exact:?}");
        let noisy = fitted(0.3);
        assert!(noisy.noise > 0.01 && noisy.noise < 0.1, "{noisy:?}");
    }
}
