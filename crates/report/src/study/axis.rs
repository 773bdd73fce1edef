//! A parameter as an axis: where each trial lies on it, whether it is linear, logarithmic or one of
//! categories, and how it is labelled.

use burn_tune_ranking::format::axis_text;
use burn_tune_search::{Domain, ParamValue, Space};
use plotly::common::ExponentFormat;
use plotly::layout::{Axis, AxisType};

use super::completed::Completed;
use super::layout;
use crate::numbers::{param_text, short};

/// How far an axis goes on beyond its outermost trials: Optuna's `PADDING_RATIO`.
const PADDING: f64 = 0.05;
/// How far it goes on beyond the first and the last category, whose neighbours are 1 apart.
const CATEGORY_PADDING: f64 = 0.4;
/// How many values of a parameter all have a tick.
const MOST_TICKS: usize = 12;
/// How many positions a grid over an axis has at most.
const MOST_POSITIONS: usize = 30;

/// A parameter of which the trials have at least two values.
pub struct ParamAxis {
    /// The parameter's name.
    pub name: String,
    /// What the positions mean.
    pub scale: Scale,
    /// For each complete trial, by number: its position. The value itself, or the place of its category;
    /// NaN for a trial that has no such parameter.
    pub positions: Vec<f64>,
    /// All positions that occur, ascending; at least two.
    distinct: Vec<f64>,
}

/// What the positions on an axis mean.
#[derive(Debug, PartialEq)]
pub enum Scale {
    /// Numbers whose differences count.
    Linear,
    /// Numbers above 0 whose factors count.
    Log,
    /// The names of categories, side by side.
    Categories {
        /// What they are called, by position.
        names: Vec<String>,
        /// Whether they are numbers, so that near ones are alike.
        ordered: bool,
    },
}

/// The parameters that vary among the complete trials that have them, in the order of the space. What is
/// the same in all of them explains nothing.
pub fn varying(space: &Space, completed: &Completed) -> Vec<ParamAxis> {
    let axis = |(name, domain): &(String, Domain)| {
        let values = completed.trials.iter().map(|trial| trial.entry.params.get(name));
        ParamAxis::new(name, domain, &values.collect::<Vec<_>>())
    };
    space.domains.iter().filter_map(axis).collect()
}

impl ParamAxis {
    /// The axis for the values of all trials; `None` where there are not two.
    ///
    /// An explicit trial may have a value that its domain has no place for: 0 on a logarithmic range, a
    /// text in a range. The axis is then one that has a place for it.
    fn new(name: &str, domain: &Domain, all: &[Option<&ParamValue>]) -> Option<Self> {
        let values: Vec<&ParamValue> = all.iter().copied().flatten().collect();
        let numbers: Option<Vec<f64>> = values.iter().map(|value| number(value)).collect();
        let (scale, positions) = match (domain, numbers) {
            (Domain::Choices(choices), _) => categories(choices, &values),
            (_, None) => categories(&[], &values),
            (_, Some(numbers)) => {
                let log = is_log(domain) && numbers.iter().all(|&number| number > 0.0);
                (if log { Scale::Log } else { Scale::Linear }, numbers)
            }
        };
        let mut found = positions.into_iter().map(short);
        let positions: Vec<f64> =
            all.iter().map(|value| value.and_then(|_| found.next()).unwrap_or(f64::NAN)).collect();
        let mut distinct: Vec<f64> =
            positions.iter().copied().filter(|position| !position.is_nan()).collect();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        let varies = distinct.len() > 1;
        varies.then(|| ParamAxis { name: name.to_owned(), scale, positions, distinct })
    }

    /// Whether the trial at this place has the parameter.
    pub fn has(&self, place: usize) -> bool {
        !self.positions[place].is_nan()
    }

    /// Whether every trial has it.
    pub fn is_of_all(&self) -> bool {
        (0..self.positions.len()).all(|place| self.has(place))
    }

    /// `position` as drawn, from 0 at the first trial to 1 at the last.
    pub fn scaled(&self, position: f64) -> f64 {
        let [low, high] = self.ends(0.0);
        (self.drawn(position) - low) / (high - low)
    }

    /// How far apart two positions are: 1 from end to end, and from any category to any other where they
    /// have no order.
    pub fn distance(&self, a: f64, b: f64) -> f64 {
        match self.scale {
            Scale::Categories { ordered: false, .. } => f64::from(a.round() != b.round()),
            _ => (self.scaled(a) - self.scaled(b)).abs(),
        }
    }

    /// The positions of a grid over the whole axis, ascending: those of the trials with both ends, as in
    /// Optuna, or evenly spread where that would be too many.
    pub fn grid(&self) -> Vec<f64> {
        let [low, high] = self.padded_ends();
        let positions: Vec<f64> = if self.distinct.len() + 2 <= MOST_POSITIONS {
            let inner = self.distinct.iter().copied();
            [self.undrawn(low)].into_iter().chain(inner).chain([self.undrawn(high)]).collect()
        } else {
            let step = (high - low) / (MOST_POSITIONS - 1) as f64;
            (0..MOST_POSITIONS).map(|place| self.undrawn(low + place as f64 * step)).collect()
        };
        positions.into_iter().map(short).collect()
    }

    /// The axis for plotly.
    pub fn layout(&self) -> Axis {
        let axis = layout::axis(&self.name);
        let range = self.padded_ends().map(short).to_vec();
        match &self.scale {
            Scale::Linear => axis.range(range),
            Scale::Log => {
                let axis = axis.type_(AxisType::Log).range(range);
                let axis = axis.exponent_format(ExponentFormat::SmallE);
                // Plotly would label 2 and 5 too, which overlap in a narrow panel.
                if self.high() >= 100.0 * self.low() { axis.dtick(1.0) } else { axis }
            }
            Scale::Categories { names, .. } => {
                let places = (0..names.len()).map(|place| place as f64).collect();
                axis.range(range).tick_values(places).tick_text(names.clone())
            }
        }
    }

    /// The positions as drawn, for a trace that knows no logarithmic axis.
    pub fn drawn_positions(&self) -> Vec<f64> {
        self.positions.iter().map(|&position| short(self.drawn(position))).collect()
    }

    /// Ticks for such a trace: their positions as drawn, and their labels. As in Optuna's
    /// `plot_parallel_coordinate`, powers of ten and both ends of a logarithmic axis, but no two whose
    /// labels would touch; of a linear one all values where they are few.
    pub fn ticks(&self) -> (Vec<f64>, Vec<String>) {
        let spread = [0.0, 0.25, 0.5, 0.75, 1.0];
        let ticks = match &self.scale {
            Scale::Linear if self.distinct.len() > MOST_TICKS => {
                spread.map(|place| self.unscaled(place)).to_vec()
            }
            Scale::Linear | Scale::Categories { .. } => self.distinct.clone(),
            Scale::Log => {
                let [low, high] = self.ends(0.0);
                let apart = |&power: &f64| (power - low).min(high - power) > 0.06 * (high - low);
                let every = 1 + (high - low) as usize / MOST_TICKS;
                let powers = (low.ceil() as i32..=high.floor() as i32).step_by(every);
                let powers = powers.map(f64::from).filter(apart).map(|power| self.undrawn(power));
                [self.low()].into_iter().chain(powers).chain([self.high()]).collect()
            }
        };
        let labels = ticks.iter().map(|&tick| self.text(tick)).collect();
        (ticks.into_iter().map(|tick| short(self.drawn(tick))).collect(), labels)
    }

    /// The value at `position` in a text.
    pub fn text(&self, position: f64) -> String {
        match &self.scale {
            Scale::Categories { names, .. } => names[position as usize].clone(),
            _ => axis_text(position),
        }
    }

    fn low(&self) -> f64 {
        self.distinct[0]
    }

    fn high(&self) -> f64 {
        self.distinct[self.distinct.len() - 1]
    }

    /// The ends of the axis as drawn, with some room beyond the outermost positions.
    fn padded_ends(&self) -> [f64; 2] {
        let [low, high] = self.ends(0.0);
        self.ends(match self.scale {
            Scale::Categories { .. } => CATEGORY_PADDING,
            _ => PADDING * (high - low),
        })
    }

    /// The outermost positions as drawn, moved outwards by `padding`.
    fn ends(&self, padding: f64) -> [f64; 2] {
        [self.drawn(self.low()) - padding, self.drawn(self.high()) + padding]
    }

    /// A position as plotly draws it: the logarithm of that on a logarithmic axis.
    fn drawn(&self, position: f64) -> f64 {
        if self.scale == Scale::Log { position.log10() } else { position }
    }

    fn undrawn(&self, drawn: f64) -> f64 {
        if self.scale == Scale::Log { 10_f64.powf(drawn) } else { drawn }
    }

    /// The position that [`ParamAxis::scaled`] takes to `place`.
    fn unscaled(&self, place: f64) -> f64 {
        let [low, high] = self.ends(0.0);
        self.undrawn(low + place * (high - low))
    }
}

fn number(value: &ParamValue) -> Option<f64> {
    match value {
        ParamValue::Int(value) => Some(*value as f64),
        ParamValue::Float(value) => Some(*value),
        ParamValue::Bool(_) | ParamValue::Str(_) => None,
    }
}

fn is_log(domain: &Domain) -> bool {
    match domain {
        Domain::Choices(_) => false,
        Domain::IntRange { log, .. } | Domain::FloatRange { log, .. } => *log,
    }
}

/// The values that occur, in the order of `choices`, numbers by size; and where each value is among them.
fn categories(choices: &[ParamValue], values: &[&ParamValue]) -> (Scale, Vec<f64>) {
    let mut found: Vec<&ParamValue> =
        choices.iter().filter(|choice| values.contains(choice)).collect();
    for value in values {
        if !found.contains(value) {
            found.push(value);
        }
    }
    let ordered = found.iter().all(|value| number(value).is_some());
    if ordered {
        found
            .sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(std::cmp::Ordering::Equal));
    }
    let place = |value| found.iter().position(|other| *other == value).unwrap_or_default() as f64;
    let positions = values.iter().map(|value| place(*value)).collect();
    (
        Scale::Categories { names: found.iter().map(|value| param_text(value)).collect(), ordered },
        positions,
    )
}

#[cfg(test)]
mod tests;
