//! What a parameter was drawn from, in Optuna's words: reading, writing, and what a domain of ours is.

use burn_tune_search::{Domain, ParamValue};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{StorageError, python_json};

mod grid;

/// How far off a point of a grid a value may lie, in steps, as in Optuna.
const ON_GRID: f64 = 1e-8;

/// What a parameter was drawn from: one of Optuna's three distributions.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "name", content = "attributes")]
pub enum Distribution {
    /// A number from `low` to `high`.
    #[serde(rename = "FloatDistribution")]
    Float {
        /// The distance between neighbours, where only a grid of values is wanted.
        step: Option<f64>,
        /// The smallest value.
        low: f64,
        /// The largest value.
        high: f64,
        /// Whether each factor is as likely as any other, as against each difference.
        log: bool,
    },
    /// A whole number from `low` to `high`, both included.
    #[serde(rename = "IntDistribution")]
    Int {
        /// Whether each factor is as likely as any other, as against each difference.
        log: bool,
        /// The distance between neighbours; 1 where `log` is set.
        step: i64,
        /// The smallest value.
        low: i64,
        /// The largest value.
        high: i64,
    },
    /// One of these. A number that is not finite is a text here: `"NaN"`, `"Infinity"`, `"-Infinity"`.
    #[serde(rename = "CategoricalDistribution")]
    Categorical {
        /// In their order, which must not change during a study: a value is stored as its index.
        choices: Vec<Value>,
    },
}

/// What Optuna has written since its first version. Before version 3 each distribution with a logarithm
/// or a step had a name of its own.
#[derive(Deserialize)]
#[serde(tag = "name", content = "attributes")]
enum Written {
    #[serde(
        rename = "FloatDistribution",
        alias = "UniformDistribution",
        alias = "DiscreteUniformDistribution"
    )]
    Float(FloatAttributes),
    #[serde(rename = "LogUniformDistribution")]
    LogFloat(FloatAttributes),
    #[serde(rename = "IntDistribution", alias = "IntUniformDistribution")]
    Int(IntAttributes),
    #[serde(rename = "IntLogUniformDistribution")]
    LogInt(IntAttributes),
    #[serde(rename = "CategoricalDistribution")]
    Categorical { choices: Vec<Value> },
}

#[derive(Deserialize)]
struct FloatAttributes {
    #[serde(deserialize_with = "number")]
    low: f64,
    #[serde(deserialize_with = "number")]
    high: f64,
    #[serde(default)]
    log: bool,
    #[serde(default, alias = "q")]
    step: Option<f64>,
}

#[derive(Deserialize)]
struct IntAttributes {
    #[serde(deserialize_with = "whole_number")]
    low: i64,
    #[serde(deserialize_with = "whole_number")]
    high: i64,
    #[serde(default)]
    log: bool,
    #[serde(default = "one", deserialize_with = "whole_number")]
    step: i64,
}

impl Distribution {
    /// Reads what Optuna writes, of old versions too.
    ///
    /// # Errors
    ///
    /// Where the text is no distribution that Optuna 5 knows.
    pub fn parse(json: &str) -> Result<Self, StorageError> {
        let written = python_json::parse(json).and_then(serde_json::from_value::<Written>);
        written.map(Self::from).map_err(|error| {
            let problem = format!("`{json}` is no distribution of Optuna's: {error}");
            StorageError::Permanent(problem)
        })
    }

    /// What Optuna writes: `{"name": …, "attributes": {…}}`. Bounds must be finite.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts are JSON")
    }

    /// The value of which the database holds the number `value`: a choice, a whole number or a number.
    /// Null too where there is no such choice, or a number is not finite.
    pub fn external(&self, value: f64) -> Value {
        match self {
            Distribution::Float { .. } => Value::from(value),
            Distribution::Int { .. } => Value::from(value as i64),
            Distribution::Categorical { choices } => {
                choices.get(value as usize).cloned().unwrap_or_default()
            }
        }
    }

    /// The number that the database holds for `value`: the index of a choice, or the number itself.
    /// `None` where it is not one of the choices, or not of the kind that is drawn.
    pub fn internal(&self, value: &ParamValue) -> Option<f64> {
        match (self, value) {
            (Distribution::Float { .. }, ParamValue::Float(float)) => Some(*float),
            (Distribution::Float { .. } | Distribution::Int { .. }, ParamValue::Int(int)) => {
                Some(*int as f64)
            }
            (Distribution::Categorical { choices }, value) => {
                let value = choice(value);
                choices.iter().position(|choice| *choice == value).map(|index| index as f64)
            }
            _ => None,
        }
    }

    /// Whether one study may have both for one parameter: as Optuna's `check_distribution_compatibility`,
    /// ranges may change, and choices may not.
    pub fn is_compatible(&self, other: &Distribution) -> bool {
        match (self, other) {
            (Distribution::Float { log, .. }, Distribution::Float { log: other, .. })
            | (Distribution::Int { log, .. }, Distribution::Int { log: other, .. }) => log == other,
            (ours @ Distribution::Categorical { .. }, theirs) => ours == theirs,
            _ => false,
        }
    }

    /// What the parameter with this domain is drawn from, given the values that explicit trials have for
    /// it, which may lie outside of it: they become further choices, or widen the range. Where they do
    /// not lie on its grid, or have no logarithm, it has none.
    pub fn of(domain: &Domain, extra: &[&ParamValue]) -> Self {
        match domain {
            Domain::Choices(values) => {
                let mut choices: Vec<Value> = Vec::with_capacity(values.len());
                for value in values.iter().chain(extra.iter().copied()).map(choice) {
                    if !choices.contains(&value) {
                        choices.push(value);
                    }
                }
                Distribution::Categorical { choices }
            }
            Domain::IntRange { low, high, step, log } => {
                let ints = extra.iter().filter_map(|value| match value {
                    ParamValue::Int(int) => Some(*int),
                    _ => None,
                });
                int_distribution((*low, *high), *step, *log, &ints.collect::<Vec<_>>())
            }
            Domain::FloatRange { low, high, step, log } => {
                let floats = extra.iter().filter_map(|value| match value {
                    ParamValue::Float(float) => Some(*float),
                    _ => None,
                });
                float_distribution((*low, *high), *step, *log, &floats.collect::<Vec<_>>())
            }
        }
    }
}

impl From<Written> for Distribution {
    fn from(written: Written) -> Self {
        let float =
            |FloatAttributes { low, high, log, step }| Distribution::Float { step, low, high, log };
        let int =
            |IntAttributes { low, high, log, step }| Distribution::Int { log, step, low, high };
        match written {
            Written::Float(attributes) => float(attributes),
            Written::LogFloat(attributes) => float(FloatAttributes { log: true, ..attributes }),
            Written::Int(attributes) => int(attributes),
            Written::LogInt(attributes) => int(IntAttributes { log: true, ..attributes }),
            Written::Categorical { choices } => Distribution::Categorical { choices },
        }
    }
}

fn choice(value: &ParamValue) -> Value {
    serde_json::to_value(value).expect("a boolean, a number or a text is JSON")
}

fn int_distribution((low, high): (i64, i64), step: i64, log: bool, extra: &[i64]) -> Distribution {
    let log = log && extra.iter().all(|value| *value >= 1);
    let distance = |a: i64, b: i64| i128::from(a) - i128::from(b);
    let on_grid = extra.iter().all(|value| distance(*value, low) % i128::from(step) == 0);
    let step = if on_grid && !log { step } else { 1 };
    let low = extra.iter().copied().fold(low, i64::min);
    let high = extra.iter().copied().fold(high, i64::max);
    // What is taken off is less than the distance, so the difference is a number between low and high.
    let high = (i128::from(high) - distance(high, low) % i128::from(step)) as i64;
    Distribution::Int { log, step, low, high }
}

fn float_distribution(
    (low, high): (f64, f64),
    step: Option<f64>,
    log: bool,
    extra: &[f64],
) -> Distribution {
    let log = log && extra.iter().all(|value| *value > 0.0);
    let widest_low = extra.iter().copied().fold(low, f64::min);
    let widest_high = extra.iter().copied().fold(high, f64::max);
    let Some(step) = step else {
        return Distribution::Float { step, low: widest_low, high: widest_high, log };
    };
    let on_grid = |value: &f64| {
        let steps = (value - low) / step;
        (steps - steps.round()).abs() < ON_GRID
    };
    let last = grid::last_point(widest_low, widest_high, step)
        .filter(|last| extra.iter().all(|value| on_grid(value) && value <= last));
    match last {
        Some(high) => Distribution::Float { step: Some(step), low: widest_low, high, log },
        None => {
            // The last value that the search tries may lie above the written end by a hair.
            let last = low + ((high - low) / step + 1e-9).floor() * step;
            let high = if last.is_finite() { widest_high.max(last) } else { widest_high };
            Distribution::Float { step: None, low: widest_low, high, log }
        }
    }
}

/// A number, or the text that [`python_json`] makes of one that is not finite.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f64),
        Word(String),
    }
    match Number::deserialize(deserializer)? {
        Number::Finite(number) => Ok(number),
        Number::Word(word) => word.parse().map_err(serde::de::Error::custom),
    }
}

/// A whole number; old versions of Optuna wrote some of them as floats.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Whole {
        Int(i64),
        Float(f64),
    }
    Ok(match Whole::deserialize(deserializer)? {
        Whole::Int(int) => int,
        Whole::Float(float) => float as i64,
    })
}

fn one() -> i64 {
    1
}

#[cfg(test)]
mod tests;
