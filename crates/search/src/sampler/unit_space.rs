//! The space as samplers that learn see it: a cube. A number has a coordinate from 0 to 1, in which equal
//! distances matter equally; a category has its index.

use crate::constraint::Constraint;
use crate::params::{ParamValue, Params};
use crate::space::{Domain, Space};

/// A space's parameters as coordinates. A point is one coordinate for each parameter, in the order of
/// the space; NaN where the parameter does not exist.
#[derive(Debug, Clone)]
pub struct UnitSpace {
    space: Space,
    dimensions: Vec<Dimension>,
    constraint: Option<Constraint>,
}

/// One parameter as a coordinate.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    /// What its coordinate means.
    pub kind: Kind,
    /// The dimensions that it depends on, each with the values, by index, for which it exists.
    pub conditions: Vec<(usize, Vec<bool>)>,
}

/// What a coordinate means.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Any number from 0 to 1.
    Continuous,
    /// A number from 0 to 1, of which each of `levels` cells of equal width stands for one value. Lists of
    /// ascending numbers are such, and fixed values, with a single level.
    Levels(u64),
    /// A number from 0 to 1, in cells of equal ratio: the whole numbers of a logarithmic range.
    LogLevels {
        /// The smallest.
        low: i64,
        /// The largest.
        high: i64,
    },
    /// The index of one of so many values without an order.
    Categories(usize),
}

impl Dimension {
    /// Whether there is nothing to choose.
    pub fn is_fixed(&self) -> bool {
        matches!(self.kind, Kind::Levels(1) | Kind::Categories(1))
    }

    /// The cell in which the coordinate lies: its lower and its upper end. `None` for what has no cells.
    pub fn cell(&self, coordinate: f64) -> Option<(f64, f64)> {
        match self.kind {
            Kind::Continuous | Kind::Categories(_) => None,
            Kind::Levels(levels) => {
                let index = level(coordinate, levels) as f64;
                Some((index / levels as f64, (index + 1.0) / levels as f64))
            }
            Kind::LogLevels { low, high } => {
                let value = log_value(coordinate, low, high) as f64;
                Some((
                    log_coordinate(value - 0.5, low, high),
                    log_coordinate(value + 0.5, low, high),
                ))
            }
        }
    }

    /// How many values there are to list; `None` where there are more than can be.
    pub fn values(&self) -> Option<u64> {
        match self.kind {
            Kind::Continuous => None,
            Kind::Levels(levels) => Some(levels),
            Kind::LogLevels { low, high } => u64::try_from(high - low).ok().map(|steps| steps + 1),
            Kind::Categories(choices) => Some(choices as u64),
        }
    }

    /// The settled coordinate of the value with this index.
    pub fn coordinate(&self, index: u64) -> f64 {
        match self.kind {
            Kind::Continuous | Kind::Categories(_) => index as f64,
            Kind::Levels(levels) => (index as f64 + 0.5) / levels as f64,
            Kind::LogLevels { low, high } => log_coordinate((low + index as i64) as f64, low, high),
        }
    }

    /// The index, among the values that can be listed, of a coordinate; 0 where none can.
    pub fn index(&self, coordinate: f64) -> usize {
        match self.kind {
            Kind::Continuous => 0,
            Kind::Levels(levels) => level(coordinate, levels) as usize,
            Kind::LogLevels { low, high } => (log_value(coordinate, low, high) - low) as usize,
            Kind::Categories(_) => coordinate as usize,
        }
    }

    /// The coordinate that stands for the value which `coordinate` gives: the middle of its cell, or a
    /// category's index.
    pub fn snap(&self, coordinate: f64) -> f64 {
        match self.kind {
            Kind::Continuous => coordinate.clamp(0.0, 1.0),
            Kind::Levels(levels) => (level(coordinate, levels) as f64 + 0.5) / levels as f64,
            Kind::LogLevels { low, high } => {
                log_coordinate(log_value(coordinate, low, high) as f64, low, high)
            }
            Kind::Categories(choices) => {
                coordinate.round().clamp(0.0, choices.saturating_sub(1) as f64)
            }
        }
    }

    /// The coordinate at `u` in `[0, 1)` of a uniform draw.
    pub fn uniform(&self, u: f64) -> f64 {
        match self.kind {
            Kind::Categories(choices) => level(u, choices as u64) as f64,
            _ => u,
        }
    }
}

fn level(coordinate: f64, levels: u64) -> u64 {
    ((coordinate * levels as f64).max(0.0) as u64).min(levels - 1)
}

/// The logarithm of `low - 1/2 … high + 1/2` is what is uniform, as in [`Domain::quantile`].
fn log_ends(low: i64, high: i64) -> (f64, f64) {
    ((low as f64 - 0.5).ln(), (high as f64 + 0.5).ln())
}

fn log_value(coordinate: f64, low: i64, high: i64) -> i64 {
    let (bottom, top) = log_ends(low, high);
    let value = (bottom + coordinate.clamp(0.0, 1.0) * (top - bottom)).exp().round() as i64;
    value.clamp(low, high)
}

fn log_coordinate(value: f64, low: i64, high: i64) -> f64 {
    let (bottom, top) = log_ends(low, high);
    ((value.ln() - bottom) / (top - bottom)).clamp(0.0, 1.0)
}

impl UnitSpace {
    /// The coordinates of `space`, of which all points are allowed.
    pub fn new(space: &Space) -> Self {
        UnitSpace::constrained(space, None)
    }

    /// The coordinates of `space`, of which those points are allowed whose params `constraint` allows.
    pub fn constrained(space: &Space, constraint: Option<&Constraint>) -> Self {
        let position = |name: &str| space.domains.iter().position(|(known, _)| known == name);
        let dimensions = space.domains.iter().map(|(name, domain)| Dimension {
            kind: kind(domain),
            conditions: space
                .conditions_of(name)
                .filter_map(|condition| {
                    let parent = position(&condition.parent)?;
                    let listed = space.domains[parent].1.values().unwrap_or_default();
                    let values = listed.iter().map(|value| condition.values.contains(value));
                    let values = values.collect();
                    Some((parent, values))
                })
                .collect(),
        });
        let dimensions = dimensions.collect();
        UnitSpace { space: space.clone(), dimensions, constraint: constraint.cloned() }
    }

    /// The parameters themselves.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Whether some points may not be allowed.
    pub fn is_constrained(&self) -> bool {
        self.constraint.is_some()
    }

    /// Why a settled point is not allowed, where it is not.
    pub fn refusal(&self, point: &[f64]) -> Option<String> {
        self.constraint.as_ref()?.check(&self.params(point)).err()
    }

    /// Whether a settled point is allowed.
    pub fn allows(&self, point: &[f64]) -> bool {
        self.refusal(point).is_none()
    }

    /// One for each parameter, in the order of the space.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The name of the parameter with this position.
    pub fn name(&self, position: usize) -> &str {
        &self.space.domains[position].0
    }

    /// How many coordinates a point has.
    pub fn len(&self) -> usize {
        self.dimensions.len()
    }

    /// Whether there is no parameter.
    pub fn is_empty(&self) -> bool {
        self.dimensions.is_empty()
    }

    /// Whether a parameter may be missing from a point.
    pub fn is_conditional(&self) -> bool {
        !self.space.conditions.is_empty()
    }

    /// Whether all points can be listed.
    pub fn is_finite(&self) -> bool {
        self.dimensions.iter().all(|dimension| dimension.kind != Kind::Continuous)
    }

    /// Whether it takes no more than so many steps to go through all points.
    pub fn has_at_most(&self, points: usize) -> bool {
        let mut values = self.dimensions.iter().map(Dimension::values);
        let product = values.try_fold(1u64, |product, values| product.checked_mul(values?));
        product.is_some_and(|product| product <= points as u64)
    }

    /// Whether the parameter with this position exists at a point, of which the coordinates before it are
    /// settled.
    pub fn exists(&self, point: &[f64], position: usize) -> bool {
        self.dimensions[position].conditions.iter().all(|(parent, values)| {
            let index = self.dimensions[*parent].index(point[*parent]);
            !point[*parent].is_nan() && values.get(index).copied().unwrap_or(false)
        })
    }

    /// Makes a proposal a point: each coordinate that of a value, NaN where the parameter does not exist. A
    /// NaN where it does exist becomes the middle of its range.
    pub fn snap(&self, point: &mut [f64]) {
        for (position, dimension) in self.dimensions.iter().enumerate() {
            point[position] = if !self.exists(point, position) {
                f64::NAN
            } else if point[position].is_nan() {
                dimension.snap(dimension.uniform(0.5))
            } else {
                dimension.snap(point[position])
            };
        }
    }

    /// The params of a settled point: those that exist.
    pub fn params(&self, point: &[f64]) -> Params {
        let named = self.space.domains.iter().zip(&self.dimensions).zip(point);
        named
            .filter(|(_, coordinate)| !coordinate.is_nan())
            .map(|(((name, domain), dimension), coordinate)| {
                let value = match domain {
                    Domain::FloatRange { low, high, step: None, .. } if low < high => {
                        at(domain, *coordinate)
                    }
                    Domain::IntRange { low, high, log: true, .. } => {
                        ParamValue::Int(log_value(*coordinate, *low, *high))
                    }
                    listed => listed.value(dimension.index(*coordinate) as u64),
                };
                (name.clone(), value)
            })
            .collect()
    }

    /// The coordinates of params. What lies outside of a range gets its end; what is missing, or in no list,
    /// is NaN.
    pub fn point(&self, params: &Params) -> Vec<f64> {
        let domains = self.space.domains.iter().zip(&self.dimensions);
        domains
            .map(|((name, domain), dimension)| {
                params.get(name).map_or(f64::NAN, |value| coordinate(domain, dimension, value))
            })
            .collect()
    }
}

fn kind(domain: &Domain) -> Kind {
    match domain {
        Domain::Choices(values) if values.len() > 1 && !is_ascending(values) => {
            Kind::Categories(values.len())
        }
        Domain::IntRange { low, high, log: true, .. } if low < high => {
            Kind::LogLevels { low: *low, high: *high }
        }
        Domain::IntRange { log: true, .. } => Kind::Levels(1),
        domain => match domain.points() {
            Some(points) => Kind::Levels(u64::try_from(points).unwrap_or(u64::MAX)),
            None => Kind::Continuous,
        },
    }
}

/// Whether a list is one of numbers, each larger than the one before: their order then means something.
fn is_ascending(values: &[ParamValue]) -> bool {
    values.windows(2).all(|pair| match (&pair[0], &pair[1]) {
        (ParamValue::Int(a), ParamValue::Int(b)) => a < b,
        (ParamValue::Float(a), ParamValue::Float(b)) => a < b,
        _ => false,
    })
}

/// The value at a coordinate of a range of floats without step.
fn at(domain: &Domain, coordinate: f64) -> ParamValue {
    match (domain, domain.quantile(coordinate)) {
        (Domain::FloatRange { low, high, .. }, ParamValue::Float(value)) => {
            ParamValue::Float(value.clamp(*low, *high))
        }
        (_, value) => value,
    }
}

fn coordinate(domain: &Domain, dimension: &Dimension, value: &ParamValue) -> f64 {
    let number = match value {
        ParamValue::Int(value) => *value as f64,
        ParamValue::Float(value) => *value,
        ParamValue::Bool(_) | ParamValue::Str(_) => f64::NAN,
    };
    match (domain, &dimension.kind) {
        (Domain::Choices(values), kind) => {
            let index = values.iter().position(|known| known == value);
            let Some(index) = index else { return f64::NAN };
            match kind {
                Kind::Categories(_) => index as f64,
                _ => (index as f64 + 0.5) / values.len() as f64,
            }
        }
        (Domain::IntRange { .. }, Kind::LogLevels { low, high }) => {
            log_coordinate(number.clamp(*low as f64, *high as f64), *low, *high)
        }
        (Domain::IntRange { low, step, .. }, Kind::Levels(levels)) => {
            let index = (number - *low as f64) / *step as f64;
            dimension.snap((index.round() + 0.5) / *levels as f64)
        }
        (Domain::FloatRange { low, step: Some(step), .. }, Kind::Levels(levels)) => {
            dimension.snap((((number - low) / step).round() + 0.5) / *levels as f64)
        }
        (Domain::FloatRange { low, high, log, .. }, Kind::Continuous) => {
            let number = number.clamp(*low, *high);
            let part = if *log {
                (number.ln() - low.ln()) / (high.ln() - low.ln())
            } else {
                (number - low) / (high - low)
            };
            part.clamp(0.0, 1.0)
        }
        _ => dimension.snap(0.5),
    }
}

#[cfg(test)]
mod tests {

    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::spec;

    fn unit_space() -> UnitSpace {
        let text = "[space]\nlr = { low = 1e-4, high = 1e-1, log = true }\nn = { low = 1, high = 100, log = true }\n\
                    width = { low = 64, high = 1024, step = 64 }\nact = ['relu', 'tanh', 'gelu']\n\
                    batch = [50, 100, 400]\ndown = [3, 2, 1]\nflag = [true, false]\nfixed = 5\n\
                    p = { low = 0.0, high = 1.0, step = 0.25 }\nx = { low = -2.0, high = 3.0 }";
        UnitSpace::new(&spec(text).space)
    }

    #[test]
    fn ascending_numbers_have_an_order_and_other_lists_have_none() {
        let space = unit_space();
        let kinds: Vec<&Kind> = space.dimensions.iter().map(|dimension| &dimension.kind).collect();
        assert_eq!(
            kinds[3..8],
            [
                &Kind::Categories(3),
                &Kind::Levels(3),
                &Kind::Categories(3),
                &Kind::Categories(2),
                &Kind::Levels(1)
            ]
        );
    }

    proptest! {
        #[test]
        fn a_point_is_its_params_and_they_are_the_point(
            draws in prop::collection::vec(0.0..1.0f64, 10)
        ) {
            let space = unit_space();
            let drawn = space.dimensions().iter().zip(draws);
            let mut point: Vec<f64> = drawn.map(|(dimension, u)| dimension.uniform(u)).collect();
            space.snap(&mut point);
            let params = space.params(&point);
            let back = space.point(&params);
            for (a, b) in point.iter().zip(&back) {
                prop_assert!((a - b).abs() < 1e-9, "{point:?} {back:?} {params}");
            }
            prop_assert_eq!(space.params(&back).iter().count(), 10);
            let mut again = back.clone();
            space.snap(&mut again);
            for (dimension, (a, b)) in space.dimensions().iter().zip(back.iter().zip(&again)) {
                prop_assert!((a - b).abs() < 1e-9);
                if let Some((low, high)) = dimension.cell(*a) {
                    prop_assert!(low <= *a && *a <= high && high - low <= 1.0);
                }
            }
        }
    }
}
