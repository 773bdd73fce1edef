//! Minimising a smooth function in a box.
//!
//! L-BFGS (Nocedal and Wright, *Numerical Optimization*, 2006, algorithm 7.4) on the variables that are not
//! held at an end of their range, with a projected line search (Bertsekas 1982, "Projected Newton Methods for
//! Optimization Problems with Simple Constraints"). The ranges of L-BFGS-B's Cauchy points are not needed
//! for a dozen variables.

use std::collections::VecDeque;

use super::cholesky::dot;

/// When it is good enough.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// No step along the gradient could move a variable by more than this.
    pub gradient: f64,
    /// A step made the value smaller by no more than this.
    pub decrease: f64,
    /// So many steps were made.
    pub steps: usize,
}

/// So many steps back are remembered, as scipy does by default.
const MEMORY: usize = 10;
/// The share of the decrease that the gradient promises (Armijo's condition).
const SUFFICIENT: f64 = 1e-4;
const HALVINGS: usize = 20;

/// The difference between two points, and between the gradients there.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
}

/// Moves `x`, which lies in the box of `ranges`, to a minimum of `function` near it, and gives the value
/// there. `function` writes its gradient at the first argument into the second; where it is not defined, it
/// gives infinity.
pub fn minimise(
    x: &mut [f64],
    ranges: &[(f64, f64)],
    tolerance: Tolerance,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> f64 {
    let mut gradient = vec![0.0; x.len()];
    let mut value = function(x, &mut gradient);
    let mut pairs: VecDeque<Pair> = VecDeque::new();
    let mut next = x.to_vec();
    let mut next_gradient = gradient.clone();
    for _ in 0..tolerance.steps {
        let longest = x
            .iter()
            .zip(&gradient)
            .zip(ranges)
            .map(|((x, slope), (low, high))| ((x - slope).clamp(*low, *high) - x).abs());
        if !value.is_finite() || longest.fold(0.0, f64::max) <= tolerance.gradient {
            break;
        }
        let free = free(x, &gradient, ranges);
        let mut direction = quasi_newton(&gradient, &free, &pairs);
        if dot(&direction, &gradient) >= 0.0 {
            pairs.clear();
            direction = quasi_newton(&gradient, &free, &pairs);
        }
        // Without memory nothing is known of the scale: a first step of length one at most.
        let norm = dot(&direction, &direction).sqrt();
        let mut length = if pairs.is_empty() { 1.0 / norm.max(1.0) } else { 1.0 };
        let mut decreased = None;
        for _ in 0..HALVINGS {
            for (position, next) in next.iter_mut().enumerate() {
                let (low, high) = ranges[position];
                *next = (x[position] + length * direction[position]).clamp(low, high);
            }
            let next_value = function(&next, &mut next_gradient);
            let promised: f64 = next
                .iter()
                .zip(&*x)
                .zip(&gradient)
                .map(|((next, x), slope)| (next - x) * slope)
                .sum();
            if next_value <= value + SUFFICIENT * promised {
                decreased = Some(value - next_value);
                value = next_value;
                break;
            }
            length *= if next_value.is_finite() { 0.5 } else { 0.1 };
        }
        let Some(decrease) = decreased else { break };
        let difference = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect();
        pairs.push_back(Pair {
            step: difference(&next, x),
            change: difference(&next_gradient, &gradient),
        });
        if pairs.len() > MEMORY {
            pairs.pop_front();
        }
        x.copy_from_slice(&next);
        gradient.copy_from_slice(&next_gradient);
        if decrease <= tolerance.decrease {
            break;
        }
    }
    value
}

/// Which variables may move: not those that stand at an end and would leave the range.
fn free(x: &[f64], gradient: &[f64], ranges: &[(f64, f64)]) -> Vec<bool> {
    let variables = x.iter().zip(gradient).zip(ranges);
    variables
        .map(|((x, slope), (low, high))| {
            !(*x <= *low && *slope > 0.0 || *x >= *high && *slope < 0.0)
        })
        .collect()
}

/// The two-loop recursion, in the space of the free variables.
fn quasi_newton(gradient: &[f64], free: &[bool], pairs: &VecDeque<Pair>) -> Vec<f64> {
    let masked = |vector: &[f64]| -> Vec<f64> {
        vector.iter().zip(free).map(|(entry, free)| if *free { *entry } else { 0.0 }).collect()
    };
    // Curvature that is not positive is none that a minimum has.
    let usable: Vec<(Vec<f64>, Vec<f64>, f64)> = pairs
        .iter()
        .map(|pair| (masked(&pair.step), masked(&pair.change)))
        .map(|(step, change)| (dot(&step, &change), step, change))
        .filter(|(curvature, _, change)| *curvature > 1e-10 * dot(change, change))
        .map(|(curvature, step, change)| (step, change, curvature))
        .collect();
    let mut direction: Vec<f64> = masked(gradient).iter().map(|slope| -slope).collect();
    let add = |direction: &mut [f64], factor: f64, vector: &[f64]| {
        direction.iter_mut().zip(vector).for_each(|(entry, other)| *entry += factor * other);
    };
    let mut factors = vec![0.0; usable.len()];
    for (factor, (step, change, curvature)) in factors.iter_mut().zip(&usable).rev() {
        *factor = dot(step, &direction) / curvature;
        add(&mut direction, -*factor, change);
    }
    if let Some((_, change, curvature)) = usable.last() {
        let scale = curvature / dot(change, change);
        direction.iter_mut().for_each(|entry| *entry *= scale);
    }
    for (factor, (step, change, curvature)) in factors.iter().zip(&usable) {
        let correction = factor - dot(change, &direction) / curvature;
        add(&mut direction, correction, step);
    }
    direction
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: Tolerance = Tolerance { gradient: 1e-8, decrease: 0.0, steps: 200 };

    fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        gradient.copy_from_slice(&[-2.0 * a - 400.0 * x[0] * b, 200.0 * b]);
        a * a + 100.0 * b * b
    }

    #[test]
    fn the_minimum_of_rosenbrocks_valley_is_found() {
        let mut x = [-1.2, 1.0];
        let value = minimise(&mut x, &[(-5.0, 5.0); 2], EXACT, rosenbrock);
        assert!(value < 1e-12 && (x[0] - 1.0).abs() < 1e-6 && (x[1] - 1.0).abs() < 1e-6, "{x:?}");
    }

    #[test]
    fn a_minimum_outside_of_the_box_is_sought_on_its_side() {
        let mut x = [-1.2, 1.0];
        minimise(&mut x, &[(-2.0, 0.5), (-2.0, 2.0)], EXACT, rosenbrock);
        assert!(x[0] == 0.5 && (x[1] - 0.25).abs() < 1e-6, "{x:?}");
    }

    #[test]
    fn where_the_function_is_not_defined_it_goes_less_far() {
        let mut x = [3.0];
        let value = minimise(&mut x, &[(-9.0, 9.0)], EXACT, |x, gradient| {
            gradient[0] = 1.0 - 1.0 / x[0];
            if x[0] > 0.0 { x[0] - x[0].ln() } else { f64::INFINITY }
        });
        assert!((value - 1.0).abs() < 1e-12, "{value}");
    }
}
